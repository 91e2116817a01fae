"""msclr explore: vectors as a map, one HTML page with the moving figure of each clip."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from msclr.cli.corpora import bar_of
from msclr.cli.options import Command, printable, reading_options
from msclr.io.reading import Reading

HIGHEST_MOST = 20_000


@click.command(cls=Command)
@click.argument("vectors")
@click.option("-o", "--output", required=True, metavar="FILE", help="The page to write (.html).")
@click.option("--poses", metavar="PATH", help="Where the recordings lie now: a folder, or a prepared .npz data set.")
@click.option("--no-poses", is_flag=True, help="A map of points only, without moving figures.")
@click.option("--labels", metavar="FILE", help="A table of labels, CSV with the columns file and label.")
@click.option("--label", "column", default="label", show_default=True, metavar="NAME", help="Which column, or fact.")
@click.option("--method", type=click.Choice(["pca", "tsne"]), default="pca", show_default=True, help="Of the layout.")
@click.option("--most", type=click.IntRange(1, HIGHEST_MOST), default=2000, show_default=True, help="Clips shown.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of t-SNE.")
@click.option("--title", default="Map of motions", show_default=True, help="Heading of the page.")
@reading_options
def explore(
    reading: Reading,
    vectors: str,
    output: str,
    poses: str | None,
    no_poses: bool,
    labels: str | None,
    column: str,
    method: Literal["pca", "tsne"],
    most: int,
    seed: int,
    title: str,
) -> None:
    """Write a map of vectors as one HTML page that needs no server and no network.

    VECTORS is a file of msclr embed, or a folder of msclr index or msclr embed-corpus. The moving figures come from the
    recordings that the vectors are named after. Labels come from --labels, or from the recordings if they have any.
    """
    from msclr.cli.vectors import open_vectors
    from msclr.explore import write_map
    from msclr.explore.finding import Recordings, read_labels, without_common_folder
    from msclr.store.loading import InputReading

    if no_poses and poses is not None:
        raise click.UsageError("--poses and --no-poses exclude each other.")
    index = open_vectors(Path(vectors))
    names = list(index.names)
    known = None if labels is None else read_labels(names, labels, column)
    recordings = None if no_poses else Recordings(names, poses, InputReading(reading.checked()))
    with bar_of("clips") as progress:
        made = write_map(
            output,
            index.vectors,
            recordings,
            names=without_common_folder(names),
            conventions=list(index.skeletons) if any(index.skeletons) else None,
            labels=known,
            column=column,
            method=method,
            most=most,
            seed=seed,
            title=title,
            model=Path(index.model).name,
            progress=progress,
        )
    shown = f"{made.shown:,} of {made.total:,} clips" if made.shown < made.total else f"{made.total:,} clips"
    click.echo(f"{printable(str(made.path))}: {shown}, {made.size / 1000:,.0f} kB")
