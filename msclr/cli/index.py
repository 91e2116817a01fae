"""msclr index: vectors that are searched many times, in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from msclr.cli.options import Command, printable
from msclr.errors import ModelError

if TYPE_CHECKING:
    from msclr.index import VectorIndex


@click.command(cls=Command)
@click.argument("vectors", nargs=-1, required=True)
@click.option("-o", "--output", required=True, metavar="FOLDER", help="The index to make.")
@click.option("--precision", type=click.Choice(["float16", "float32"]), default="float16", show_default=True)
@click.option("--cells", type=click.IntRange(min=1), metavar="N", help="Group the vectors into N cells for --probes.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the cells.")
@click.option("--overwrite", is_flag=True, help="Replace an index that is there.")
def index(
    vectors: tuple[str, ...],
    output: str,
    precision: Literal["float16", "float32"],
    cells: int | None,
    seed: int,
    overwrite: bool,
) -> None:
    """Put vectors of one model into one folder for msclr search.

    VECTORS are files of msclr embed, and folders of msclr index and msclr embed-corpus. Searching a million vectors
    exactly takes a fraction of a second; from some millions on, --cells and msclr search --probes are faster, and
    may miss some of the nearest.
    """
    import torch

    from msclr.cli.vectors import open_vectors
    from msclr.index import VectorIndex
    from msclr.index.texts import Texts

    each = [open_vectors(Path(path)) for path in vectors]
    _check_same_model(each, vectors)
    made = VectorIndex.of(
        each[0].vectors if len(each) == 1 else torch.cat([part.vectors.float() for part in each]),
        Texts.join([part.names for part in each]),
        skeletons=Texts.join([part.skeletons for part in each]),
        model=each[0].model,
        model_sha256=each[0].model_sha256,
        precision=precision,
    )
    made = made if cells is None else made.with_cells(cells, seed=seed)
    place = made.save(output, overwrite=overwrite)
    grouped = "" if cells is None else f" in {cells:,} cells"
    click.echo(f"{printable(str(place))}: {len(made):,} vectors of {made.vectors.shape[1]} numbers{grouped}")


def _check_same_model(each: list[VectorIndex], paths: tuple[str, ...]) -> None:
    for part, path in zip(each[1:], paths[1:], strict=True):
        if part.model_sha256 != each[0].model_sha256 or part.vectors.shape[1] != each[0].vectors.shape[1]:
            raise ModelError(
                f"vectors of other weights ({part.model!r}) than those of {paths[0]!r} ({each[0].model!r})",
                where=path,
                expected="vectors of one model",
                remedy="embed the files again with one model",
            )
