"""msclr read: what is in a pose file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from msclr.cli.options import Command, printable, reading_options
from msclr.io.reading import Reading

if TYPE_CHECKING:
    from msclr.poses.sequence import PoseSequence


@click.command(cls=Command)
@click.argument("file")
@click.option("-o", "--output", metavar="FILE", help="Write the poses to this file: .npz, .parquet, .csv or .npy.")
@reading_options
def read(reading: Reading, file: str, output: str | None) -> None:
    """Say what is in a pose file, or write it in another format.

    Its format, joint convention, persons, frames, unit, and which joints are missing how often.
    """
    from msclr.io.guard import to_path
    from msclr.io.limits import ReadLimits
    from msclr.io.registry import detect_format, format_named, write

    chosen = detect_format(to_path(file), ReadLimits()) if reading.format == "auto" else format_named(reading.format)
    clip = replace(reading, format=chosen.name).read(file)
    for label, text in (("format", f"{chosen.name} ({chosen.title})"), *facts(clip)):
        click.echo(f"{printable(label) + ':':<10} {printable(text)}")
    if output is not None:
        write(clip, output)
        click.echo(f"{'written:':<10} {printable(output)}")


def facts(clip: PoseSequence) -> Iterator[tuple[str, str]]:
    """Yield what can be said about a recording, as (label, text)."""
    spec = clip.skeleton
    yield "skeleton", f"{spec.id} ({spec.num_joints} joints, {clip.dims}D)" + (f": {spec.title}" if spec.title else "")
    yield "persons", f"{clip.num_persons}" + (f" ({', '.join(clip.person_ids[:8])})" if clip.num_persons else "")
    yield "frames", str(clip.num_frames)
    yield "fps", "unknown" if clip.fps is None else f"{clip.fps:g}"
    yield "duration", "unknown" if clip.duration is None else f"{clip.duration:.2f} s"
    yield "unit", clip.unit
    yield "up", clip.up
    yield "known", f"{100 * float(clip.valid.mean()):.1f} % of joints" if clip.valid.size else "nothing"
    if clip.valid.size:
        shares = 1 - clip.valid.mean(axis=(0, 1))
        missing = [f"{name} {100 * share:.0f} %" for name, share in zip(spec.joints, shares, strict=True) if share > 0]
        if missing:
            yield "missing", ", ".join(missing)
    yield from clip.meta.items()
