"""msclr search: which recordings are most like this one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from msclr.cli.options import Command, Reading, printable, reading_options
from msclr.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

    from msclr.cli.vectors import VectorFile


@click.command(cls=Command)
@click.argument("query")
@click.option("--in", "vectors", required=True, metavar="FILE", help="Vectors that msclr embed wrote.")
@click.option("-k", default=5, show_default=True, type=click.IntRange(min=1), help="How many to list.")
@click.option("--model", metavar="NAME", help="Model name or folder; by default the one that made the vectors.")
@reading_options
def search(reading: Reading, query: str, vectors: str, k: int, model: str | None) -> None:
    """List the recordings most like one of them.

    QUERY is a name in the file of vectors, or a pose file in any joint convention.
    """
    import torch

    from msclr.cli.vectors import read_vectors
    from msclr.neighbours import search as nearest

    known = read_vectors(Path(vectors))
    bank = torch.from_numpy(known.vectors)
    own = known.names.index(query) if query in known.names else None
    vector = bank[own] if own is not None else _embed(query, known, model or known.model, reading)
    found = nearest(vector[None], bank, k=min(k + 1, len(bank)))
    ranked = zip(found.indices[0].tolist(), found.scores[0].tolist(), strict=True)
    for index, score in [(index, score) for index, score in ranked if index != own][:k]:
        click.echo(f"{score:7.4f}  {printable(known.names[index])}  ({printable(known.skeletons[index])})")


def _embed(query: str, known: VectorFile, model: str, reading: Reading) -> Tensor:
    from msclr.cli.vectors import fingerprint
    from msclr.hub.load import load_pretrained

    clip = reading.read(query)
    encoder = load_pretrained(model)
    found = fingerprint(encoder)
    if found != known.model_sha256:
        raise ModelError(
            f"model {model!r} has weights {found[:12]}, the vectors were made with {known.model_sha256[:12]}",
            expected=f"the same weights, of {known.model!r}",
            remedy="embed the files again, or pass --model",
        )
    return encoder.embed(clip)[0]
