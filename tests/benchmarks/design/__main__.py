"""The commands: plan, run, page."""

from __future__ import annotations

import os
from pathlib import Path

import click

from design.arms import SEEDS, STEPS, chosen
from design.page import write_page
from design.running import run

only = click.option("--only", default="", help="arms, with commas between")
all_seeds = click.option("--seeds", default=",".join(map(str, SEEDS)))
all_steps = click.option("--steps", default=STEPS, show_default=True)


@click.group()
def main() -> None:
    """Ask what the design rests on."""


@main.command()
@only
@all_steps
def plan(only: str, steps: int) -> None:
    """Print what each arm changes."""
    for arm in chosen(_names(only)):
        click.echo(f"{arm.name:17} {' '.join(arm.settings(steps, 0))}")


@main.command(name="run")
@click.option("-o", "--output", type=Path, required=True)
@click.option("--limit", type=int, help="most clips of a set to judge by")
@only
@all_seeds
@all_steps
def run_(output: Path, limit: int | None, only: str, seeds: str, steps: int) -> None:
    """Train and judge what is not done yet."""
    numbers = [int(each) for each in seeds.split(",")]
    data = Path(os.environ["MSCLR_DATA"])
    run(output, data, chosen(_names(only)), seeds=numbers, steps=steps, limit=limit, say=click.echo)


@main.command()
@click.option("-o", "--output", type=Path, required=True, help="folder of a run")
@click.option("--changes", type=Path, help="folder of the run whose arms change the recipe, if it is another")
@click.option("--docs", type=Path, default=Path("docs"))
def page(output: Path, changes: Path | None, docs: Path) -> None:
    """Write docs/design.md between its marks and docs/runs/design.json."""
    write_page(output, changes or output, docs)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


if __name__ == "__main__":
    main()
