"""The commands: run, page."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import click

from msclr.evaluate.cache import FeatureCache
from msclr.evaluate.contest import Contest
from msclr.evaluate.reports.report import versions
from msclr.hub.load import load_pretrained
from weights.entrants import Coordinates, Networks
from weights.matrix import MOST
from weights.page import KEPT_FILE, write_page
from weights.pieces import Size, chosen, pieces, run
from weights.results import Results, describe


@click.group()
def main() -> None:
    """Measure weights."""


@main.command(name="run")
@click.argument("models", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--only", default="", help="parts (matrix) and pieces (pairs/sensors), with commas between")
@click.option("--seeds", default=3, help="networks with random weights beside each model")
@click.option("--clips", default=MOST, help="of the cross-convention matrix")
@click.option("--limit", type=int, help="most clips of each side elsewhere, for a quick look")
def run_(models: tuple[str, ...], output: Path, only: str, seeds: int, clips: int, limit: int | None) -> None:
    """Measure models: names, or folders whose last part is the name."""
    names = [Path(model).name for model in models]
    if len(set(names)) < len(names) or Coordinates.name in names:
        raise click.ClickException(
            f"models {', '.join(names)}; expected names that differ, and none {Coordinates.name!r}"
        )
    cache = FeatureCache(output)
    networks = [
        Networks(name, Contest.of(load_pretrained(model), seeds), cache)
        for name, model in zip(names, models, strict=True)
    ]
    output.mkdir(parents=True, exist_ok=True)
    wanted = chosen(pieces(Size(clips, limit)), [name.strip() for name in only.split(",") if name.strip()])
    describe(output, networks, versions(), _command(models, {"--seeds": seeds, "--clips": clips, "--limit": limit}))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*copies of training clips")  # they are left out, or on the page
        run(output, Path(os.environ["MSCLR_DATA"]), wanted, [Coordinates(), *networks], click.echo)


@main.command()
@click.argument("models", nargs=-1)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="a run; without, what docs/runs/weights.json has")
@click.option("--docs", type=click.Path(path_type=Path), default=Path("docs"))
def page(models: tuple[str, ...], output: Path | None, docs: Path) -> None:
    """Write docs/weights.md between its marks, docs/runs/weights.json and the pictures, of all models or of some."""
    write_page(Results.kept(docs / KEPT_FILE) if output is None else Results.collect(output, models), docs)


def _command(models: Sequence[str], options: dict[str, int | None]) -> str:
    """What to type for the same again; options that are as usual are left out."""
    usual = {option.opts[-1]: option.default for option in run_.params}
    told = [f"{name} {value}" for name, value in options.items() if value not in (None, usual[name])]
    return " ".join(["python -m weights run", *models, "-o weights", *told])


if __name__ == "__main__":
    main()
