"""msclr show: a film of pose files."""

from __future__ import annotations

import click

from msclr.cli.options import Command, reading_options
from msclr.io.reading import Reading


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True)
@click.option("-o", "--output", required=True, metavar="FILE", help="Where to write the film (.gif or .mp4).")
@reading_options
def show(reading: Reading, files: tuple[str, ...], output: str) -> None:
    """Draw pose files, side by side, as a film."""
    from msclr.viz import animate

    clips = [reading.read(file) for file in files]
    path = animate(clips, output)
    click.echo(f"{max(clip.num_frames for clip in clips)} frames in {path}")
