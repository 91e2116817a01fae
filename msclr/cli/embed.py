"""msclr embed: pose files in, one file of vectors out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from msclr.cli.options import Command, printable, reading_options
from msclr.errors import MsclrError
from msclr.io.reading import Reading

if TYPE_CHECKING:
    from torch import Tensor

    from msclr.models.base import PoseEncoder
    from msclr.poses.sequence import PoseSequence

FILES_AT_ONCE = 64


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True)
@click.option("-o", "--output", required=True, metavar="FILE", help="Where to write the vectors (.npz).")
@click.option("--model", default="msclr-base", show_default=True, metavar="NAME", help="Model name or folder.")
@reading_options
def embed(reading: Reading, files: tuple[str, ...], output: str, model: str) -> int:
    """Turn pose files into vectors, one for each file.

    What is written is a NumPy archive with the arrays vectors [n, dim], names, skeletons, model
    and model_sha256. A file that cannot be embedded is reported, the others are embedded all the
    same, and the exit code is 1.
    """
    from msclr.cli.vectors import VectorFile
    from msclr.hub.load import load_pretrained
    from msclr.models.fingerprint import fingerprint

    encoder = load_pretrained(model)
    rows: list[Tensor] = []
    done: list[tuple[str, str]] = []
    for name, skeleton, vector in _embedded(encoder, files, reading):
        done.append((name, skeleton))
        rows.append(vector)
    if rows:
        import torch

        vectors = torch.stack(rows).numpy()
        names, skeletons = zip(*done, strict=True)
        VectorFile(vectors, names, skeletons, model, fingerprint(encoder)).write(Path(output))
        click.echo(f"{len(rows)} of {len(files)} files: {vectors.shape[1]} numbers each in {output}")
    if len(rows) == len(files):
        return 0
    raise click.ClickException(f"{len(files) - len(rows)} of {len(files)} files could not be embedded")


def _embedded(encoder: PoseEncoder, files: Sequence[str], reading: Reading) -> Iterator[tuple[str, str, Tensor]]:
    """Yield name, skeleton and vector of every file that can be embedded; report the others."""
    for start in range(0, len(files), FILES_AT_ONCE):
        clips: list[tuple[str, PoseSequence]] = []
        for name in files[start : start + FILES_AT_ONCE]:
            try:
                clips.append((name, reading.read(name)))
            except MsclrError as error:
                _report(name, error)
        for (name, clip), vector in zip(clips, _vectors(encoder, clips), strict=True):
            if vector is not None:
                yield name, clip.skeleton.id, vector


def _vectors(encoder: PoseEncoder, clips: Sequence[tuple[str, PoseSequence]]) -> list[Tensor | None]:
    """Embed all clips at once, or one by one if one of them cannot be."""
    try:
        return list(encoder.embed([clip for _, clip in clips]))
    except MsclrError:
        return [_vector(encoder, name, clip) for name, clip in clips]


def _vector(encoder: PoseEncoder, name: str, clip: PoseSequence) -> Tensor | None:
    try:
        return encoder.embed(clip)[0]
    except MsclrError as error:
        _report(name, error)
        return None


def _report(name: str, error: MsclrError) -> None:
    text = str(error)
    click.echo("msclr: " + printable(text if text.startswith(name) else f"{name}: {text}"), err=True)
