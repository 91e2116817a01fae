"""msclr prepare: many pose files as one clip store."""

from __future__ import annotations

import sys
from typing import Literal

import click

from msclr.cli.options import Command, Reading, printable, reading_options


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True)
@click.option("-o", "--output", required=True, metavar="FOLDER", help="The store to make.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that read.")
@click.option("--skip", is_flag=True, help="Go on without files that cannot be read, and name them.")
@click.option("--precision", type=click.Choice(["float32", "float16"]), default="float32", show_default=True)
@click.option(
    "--pairing",
    type=click.Choice(["meta", "name"]),
    default="meta",
    show_default=True,
    help="What is the same motion: equal facts `recording`, or equal file names.",
)
@click.option("--overwrite", is_flag=True, help="Replace a store of other files that is there.")
@reading_options
def prepare(
    reading: Reading,
    files: tuple[str, ...],
    output: str,
    workers: int,
    skip: bool,
    precision: Literal["float32", "float16"],
    pairing: Literal["meta", "name"],
    overwrite: bool,
) -> None:
    """Put pose files of any formats and conventions into one clip store.

    FILES are files, folders of files however deep, and prepared .npz data sets. Interrupted and started again, it goes
    on where it was. The store's inputs.jsonl says what has become of every file.
    """
    from tqdm import tqdm

    from msclr.store.build import prepare as make

    with tqdm(unit=" files", disable=None, file=sys.stderr, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

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
    finished = sum(entry.outcome == "done" for entry in done.inputs)
    click.echo(
        f"{printable(str(done.path))}: {done.recordings:,} recordings of {finished:,} files; "
        f"{len(done.failures):,} failed, {len(done.left_out):,} left out"
    )
    for kind, entries in (("failed", done.failures), ("left out", done.left_out)):
        for entry in entries:
            click.echo(f"{kind}: {printable(entry.path)}: {printable(entry.reason)}", err=True)
