"""msclr doctor: what is suspicious about a pose file."""

from __future__ import annotations

import click

from msclr.cli.options import Command, printable, reading_options
from msclr.io.reading import Reading


@click.command(cls=Command)
@click.argument("file")
@reading_options
def doctor(reading: Reading, file: str) -> int:
    """Say what looks wrong in a pose file, and what to do.

    Unit, upward axis, exchanged sides, joints in wrong slots, zeros, gaps, jumps. The exit code is
    1 if there is an error among the findings.
    """
    from msclr.doctor import examine

    clip = reading.read(file)
    findings = examine(clip)
    for finding in findings:
        click.echo(f"{finding.severity}: {finding.code}: {printable(finding.text)}")
    if not findings:
        click.echo(f"nothing suspicious in {clip.num_frames} frames of {printable(clip.skeleton.id)}")
    return int(any(finding.severity == "error" for finding in findings))
