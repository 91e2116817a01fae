"""msclr demo: four recordings in four joint conventions, compared."""

from __future__ import annotations

import click

from msclr.cli.options import Command


@click.command(cls=Command)
def demo() -> None:
    """Compare bundled recordings of four conventions."""
    from msclr.demo import lines

    for line in lines():
        click.echo(line)
