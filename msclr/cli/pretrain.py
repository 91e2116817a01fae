"""msclr pretrain: train an encoder on unlabelled recordings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from msclr.cli.options import Command, printable


@click.command(cls=Command)
@click.argument("run", metavar="[RECIPE|FILE]", required=False)
@click.option("--recipe", metavar="NAME", help="The same as RECIPE.")
@click.option("--data", required=True, metavar="FOLDER", help="Folder that the recipe's files are relative to.")
@click.option("-o", "--output", metavar="FOLDER", help="Where to write the model; by default the name of the run.")
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change one value of the run; repeatable.")
@click.option("--steps", type=click.IntRange(min=1), help="Number of updates, instead of the recipe's.")
@click.option("--checkpoint-every", type=click.IntRange(min=1), metavar="N", help="Updates between two checkpoints.")
@click.option("--fresh", is_flag=True, help="Start over, without the checkpoints of an earlier run.")
@click.option("--device", metavar="NAME", help="cpu, cuda, cuda:1, ...; by default CUDA where there is one.")
@click.option("--dry-run", is_flag=True, help="Say what the run would do and need; write nothing.")
def pretrain(
    run: str | None,
    recipe: str | None,
    data: str,
    output: str | None,
    changes: tuple[str, ...],
    steps: int | None,
    checkpoint_every: int | None,
    fresh: bool,
    device: str | None,
    dry_run: bool,
) -> None:
    """Pretrain an encoder and write it as a model folder.

    RECIPE is the name of a recipe that ships with msclr: msclr-base, or one of the published systems skeletonclr,
    aimclr, ms-aimclr, crosclr, skelemix, isc. FILE is a run of your own, JSON or YAML.

    A run that was stopped or killed goes on from its newest checkpoint when the same command is given again. Ctrl-C
    and SIGTERM leave a checkpoint.

    --dry-run reads the clips, makes two updates, and prints steps, parameters, memory, learning rates and time.
    """
    from msclr.errors import TrainingStoppedError
    from msclr.train.loop import pretrain as train
    from msclr.train.plan import make_plan
    from msclr.train.runs import load_run, to_yaml

    if (run is None) == (recipe is None):
        raise click.UsageError("Name one recipe or file.")
    numbers = {"steps": steps, "checkpoint_every": checkpoint_every}
    options = [f"{name}={value}" for name, value in numbers.items() if value is not None]
    config = load_run(run or recipe or "", (*changes, *options))
    first = os.environ.get("RANK", "0") == "0"  # of the processes of torchrun
    if first:
        click.echo(to_yaml(config))
    if dry_run:
        plan = make_plan(config, Path(data), device=device)
        if first:
            click.echo(str(plan))
        return
    place = Path(config.name if output is None else output)
    try:
        train(config, Path(data), place, device=device, progress=sys.stderr.isatty(), fresh=fresh)
    except TrainingStoppedError as stopped:
        if first:
            click.echo(f"msclr: {printable(str(stopped))}", err=True)
        click.get_current_context().exit(128 + stopped.signal)
    if first:
        click.echo(f"{config.name}: written to {place}")
