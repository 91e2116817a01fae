"""msclr pretrain: train an encoder on unlabelled recordings."""

from __future__ import annotations

from pathlib import Path

import click

from msclr.cli.options import Command


@click.command(cls=Command)
@click.argument("recipe")
@click.option("--data", required=True, metavar="FOLDER", help="Folder that the recipe's files are relative to.")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where to write the model.")
@click.option("--steps", type=click.IntRange(min=1), help="Number of updates, instead of the recipe's.")
@click.option("--device", metavar="NAME", help="cpu, cuda, cuda:1, ...; by default CUDA where there is one.")
def pretrain(recipe: str, data: str, output: str, steps: int | None, device: str | None) -> None:
    """Pretrain an encoder and write it as a model folder.

    RECIPE is the name of a recipe that ships with msclr ("msclr-base") or a JSON file.
    """
    import sys

    from msclr.train.config import load_config
    from msclr.train.loop import pretrain as run

    config = load_config(recipe)
    if steps is not None:
        config = config.model_copy(update={"steps": steps})
    run(config, Path(data), Path(output), device=device, progress=sys.stderr.isatty())
    click.echo(f"{config.name}: {config.steps} steps, written to {output}")
