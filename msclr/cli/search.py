"""msclr search: which recordings are most like this one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from msclr.cli.options import Command, printable, reading_options
from msclr.errors import ModelError
from msclr.io.reading import Reading

if TYPE_CHECKING:
    from torch import Tensor

    from msclr.index import VectorIndex


@click.command(cls=Command)
@click.argument("query")
@click.option(
    "--in",
    "vectors",
    required=True,
    metavar="PATH",
    help="Vectors: a file of msclr embed, a folder of msclr index or msclr embed-corpus.",
)
@click.option("-k", default=5, show_default=True, type=click.IntRange(min=1), help="How many to list.")
@click.option("--model", metavar="NAME", help="Model name or folder; by default the one that made the vectors.")
@click.option("--probes", type=click.IntRange(min=1), help="Approximate: look into this many cells of an index only.")
@reading_options
def search(reading: Reading, query: str, vectors: str, k: int, model: str | None, probes: int | None) -> None:
    """List the recordings most like one of them.

    QUERY is a name among the vectors, or a pose file in any joint convention.
    """
    from msclr.cli.vectors import open_vectors

    known = open_vectors(Path(vectors))
    own = known.names.find(query)
    vector = known.vectors[own] if own is not None else _embed(query, known, model or known.model, reading)
    found = known.search(vector[None], k=min(k + 1, len(known)), probes=probes)
    ranked = zip(found.indices[0].tolist(), found.scores[0].tolist(), strict=True)
    for index, score in [(index, score) for index, score in ranked if index != own][:k]:
        kind = f"  ({printable(known.skeletons[index])})" if known.skeletons[index] else ""
        click.echo(f"{score:7.4f}  {printable(known.names[index])}{kind}")


def _embed(query: str, known: VectorIndex, model: str, reading: Reading) -> Tensor:
    from msclr.hub.load import load_pretrained
    from msclr.models.fingerprint import fingerprint

    clip = reading.read(query)
    if not model:
        raise ModelError("vectors that do not say which model made them", remedy="--model NAME")
    encoder = load_pretrained(model)
    found = fingerprint(encoder)
    if known.model_sha256 and found != known.model_sha256:
        raise ModelError(
            f"model {model!r} has weights {found[:12]}, the vectors were made with {known.model_sha256[:12]}",
            expected=f"the same weights, of {known.model!r}",
            remedy="embed the files again, or pass --model",
        )
    return encoder.embed(clip)[0]
