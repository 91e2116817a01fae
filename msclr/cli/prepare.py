"""msclr prepare: many pose files as one clip store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from msclr.cli.corpora import bar_of, corpus_options, say_what_became
from msclr.cli.options import Command, reading_options
from msclr.io.reading import Reading

if TYPE_CHECKING:
    from msclr.store.build import Prepared
    from msclr.store.rows import Columns


@click.command(cls=Command)
@click.option("-o", "--output", required=True, metavar="FOLDER", help="The store to make.")
@corpus_options
@click.option("--skip", is_flag=True, help="Go on without files that cannot be read, and name them.")
@click.option(
    "--pairing",
    type=click.Choice(["meta", "name"]),
    default="meta",
    show_default=True,
    help="What is the same motion: equal facts `recording`, or equal file names.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="ROLE=NAME",
    help="Column of a table: positions, name, fps, confidence, valid, or meta for a fact to keep; repeatable.",
)
@reading_options
def prepare(
    reading: Reading,
    files: tuple[str, ...],
    output: str,
    workers: int,
    skip: bool,
    precision: Literal["float32", "float16"],
    pairing: Literal["meta", "name"],
    columns: tuple[str, ...],
    overwrite: bool,
) -> None:
    """Put pose files of any formats and conventions into one clip store.

    FILES are files, folders of files however deep, and prepared .npz data sets. Interrupted and started again, it goes
    on where it was. The store's inputs.jsonl says what has become of every file.

    FILES may also be one table with a recording in each row: a Parquet file, a folder of them, or a folder that
    Dataset.save_to_disk of Hugging Face wrote. It needs --skeleton, and --column for each column that is not called
    as its role.
    """
    from msclr.store.build import prepare as make
    from msclr.store.dataset import is_dataset

    if any(is_dataset(file) for file in files):
        made = _table(reading, files, output, precision, columns, skip=skip)
        say_what_became(made, f"{made.recordings:,} recordings", "rows")
        return
    if columns:
        raise click.UsageError("--column is for a table.")
    with bar_of("files") as progress:
        done = make(
            files,
            output,
            workers=workers,
            on_error="skip" if skip else "raise",
            format=reading.format,
            skeleton=reading.skeleton,
            unit=reading.unit,
            up=reading.up,
            fps=reading.fps,
            person=reading.person,
            precision=precision,
            pairing=pairing,
            overwrite=overwrite,
            progress=progress,
        )
    say_what_became(done, f"{done.recordings:,} recordings", "files")


def _table(
    reading: Reading,
    files: tuple[str, ...],
    output: str,
    precision: Literal["float32", "float16"],
    columns: tuple[str, ...],
    *,
    skip: bool,
) -> Prepared:
    """Make a store of a table."""
    from msclr.store.dataset import from_dataset

    if len(files) > 1 or reading.skeleton is None:
        raise click.UsageError("A table is prepared alone, and needs --skeleton: the convention of its poses.")
    return from_dataset(
        files[0],
        output,
        skeleton=reading.skeleton,
        columns=_columns(columns),
        fps=reading.fps,
        unit=reading.unit,
        up=reading.up,
        precision=precision,
        on_error="skip" if skip else "raise",
    )


def _columns(given: tuple[str, ...]) -> Columns:
    """Take "positions=keypoints" and the like apart."""
    from msclr.store.rows import Columns

    single: dict[str, str] = {}
    meta: list[str] = []
    for entry in given:
        role, _, name = entry.partition("=")
        if role == "meta" and name:
            meta.append(name)
        elif role in ("positions", "name", "fps", "confidence", "valid") and name:
            single[role] = name
        else:
            raise click.BadParameter(
                f"{entry!r}; expected ROLE=NAME, such as positions=keypoints", param_hint="--column"
            )
    return Columns(**single, meta=tuple(meta))
