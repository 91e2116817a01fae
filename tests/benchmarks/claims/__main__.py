"""The commands: plan, run, page."""

from __future__ import annotations

import os
from pathlib import Path

import click

from claims.arms import BATCH, SEEDS, UPDATES, chosen, lasting
from claims.clips import MOST, know_sensors
from claims.page import KEPT_FILE, write_page
from claims.results import Results
from claims.running import describe_sets, run
from msclr.evaluate.reports.report import versions

JUDGING = 15.0  # seconds to judge one model by all sets, as measured


@click.group()
def main() -> None:
    """Test the papers' claims."""


@main.command()
@click.option("--only", default="", help="claims (claim-1) and arms, with commas between")
@click.option("--seeds", default=",".join(map(str, SEEDS)))
@click.option("--updates", default=UPDATES, help="of most arms, the others in proportion")
def plan(only: str, seeds: str, updates: int) -> None:
    """Print what would be trained, on how many clips, and for how long."""
    total, count = 0.0, len(_numbers(seeds))
    click.echo(f"{'arm':18} {'updates':>8} {'clips seen':>11} {'CPU min, each':>14} {'all seeds':>10}  formats")
    for arm in (lasting(each, updates) for each in chosen(_names(only))):
        minutes = arm.updates * arm.seconds / 60
        total += minutes * count
        told = f"{arm.name:18} {arm.updates:8,} {arm.clips_seen:11,} {minutes:14.1f} {minutes * count:10.1f}"
        click.echo(f"{told}  {', '.join(arm.formats)}")
    judged = len(chosen(_names(only))) * count * JUDGING / 60
    click.echo(f"batches of {BATCH}; training {total:.0f} CPU minutes, judging {judged:.0f}")


@main.command(name="run")
@click.option("-o", "--output", type=Path, required=True)
@click.option("--only", default="", help="claims (claim-1) and arms, with commas between")
@click.option("--seeds", default=",".join(map(str, SEEDS)))
@click.option("--updates", default=UPDATES, help="of most arms, the others in proportion")
@click.option("--most", default=MOST, help="clips of each side of a split to judge by")
def run_(output: Path, only: str, seeds: str, updates: int, most: int) -> None:
    """Train and judge what is not done yet."""
    data = Path(os.environ["MSCLR_DATA"])
    know_sensors(data)
    describe_sets(output, data, most)
    run(output, data, arms=chosen(_names(only)), seeds=_numbers(seeds), updates=updates, most=most, say=click.echo)


@main.command()
@click.option("-o", "--output", type=Path, help="folder of a run; without, the numbers that docs/runs/claims.json has")
@click.option("--docs", type=Path, default=Path("docs"))
def page(output: Path | None, docs: Path) -> None:
    """Write docs/claims.md between its marks, docs/runs/claims.json and docs/images/claims.png."""
    write_page(Results.kept(docs / KEPT_FILE) if output is None else Results.collect(output, versions()), docs)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    main()
