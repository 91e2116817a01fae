"""The page: tables between two marks of docs/design.md, and the numbers behind them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, TypeAlias

from pages import spread, table, write_between

from design.arms import ARMS, BASE, BY_CONVENTION, BY_NAME, BY_SET, SETS

TITLE = "# What the design rests on\n\n"
KEPT_FILE = Path("runs", "design.json")
WITHOUT_COPIES = {"nwucla": "nwucla without copies"}
METRICS = ("1-NN", "linear")
FOUND = ("in 3D", "in 2D")
CONVERTED, SENSORS = "converted clips", "two sensors"  # how the titles of these parts begin

Scores: TypeAlias = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Outcome:
    """What came of one model: scores in per cent by part, task, method and metric."""

    arm: str
    seed: int
    steps: int
    tasks: dict[str, dict[str, Scores]]

    @classmethod
    def of(cls, found: dict[str, Any]) -> Outcome:
        """Take a result file apart."""
        tasks: dict[str, dict[str, Scores]] = {}
        for task in found["tasks"]:
            scores = {
                method: {metric: 100 * value for metric, value in each.items()}
                for method, each in task["scores"].items()
            }
            tasks.setdefault(task["part"], {})[task["name"]] = scores
        steps = next(int(text.removeprefix("steps=")) for text in found["settings"] if text.startswith("steps="))
        return cls(found["arm"], found["seed"], steps, tasks)

    def action(self, name: str, metric: str, method: str = "model") -> float:
        """Accuracy on a data set."""
        return self.tasks["actions"][WITHOUT_COPIES.get(name, name)][method][metric]

    def mean(self, part: str, ending: str = "", metric: str = "R@1") -> float:
        """Mean over the tasks whose name ends so, of the part whose title begins so."""
        (tasks,) = (tasks for title, tasks in self.tasks.items() if title.startswith(part))
        return fmean(scores["model"][metric] for name, scores in tasks.items() if name.endswith(ending))


def write_page(left_out: Path, changes: Path, docs: Path) -> None:
    """Write the numbers and the tables of two runs, or of one.

    Args:
        left_out: Folder of a run that leaves data out.
        changes: Folder of a run that changes the recipe; may be the same.
        docs: The folder of the pages; text of design.md around the marks stays.

    Raises:
        ValueError: If one has nothing yet.
    """
    folders = dict.fromkeys((left_out, changes))
    found = {
        folder: [json.loads(path.read_text()) for path in sorted(folder.glob("*.result.json"))] for folder in folders
    }
    if empty := [folder for folder in folders if not found[folder]]:
        raise ValueError(f"no result in {empty[0]}")
    lines = [json.dumps(each, separators=(",", ":")) for folder in folders for each in found[folder]]
    (docs / "runs").mkdir(parents=True, exist_ok=True)
    (docs / KEPT_FILE).write_text("\n".join(lines) + "\n")
    first, second = ([Outcome.of(each) for each in found[folder]] for folder in (left_out, changes))
    write_between(docs / "design.md", "design", TITLE, body(first, second))


def body(left_out: Sequence[Outcome], changes: Sequence[Outcome]) -> str:
    """Return both tables, as far as there are numbers."""
    parts: list[str] = []
    first, second = _by_arm(left_out), _by_arm([outcome for outcome in changes if _is_change(outcome.arm)])
    if "all" in first:
        parts += ["## Data left out", _trained(left_out), left_out_table(first)]
    if second:
        parts += ["## The recipe changed", _trained(changes), change_table(second)]
    return "\n\n".join(parts)


def _trained(outcomes: Sequence[Outcome]) -> str:
    steps, seeds = ({getattr(outcome, name) for outcome in outcomes} for name in ("steps", "seed"))
    return f"Updates: {_listed(steps)}. Seeds: {_listed(seeds)}."


def _listed(numbers: set[int]) -> str:
    return ", ".join(f"{number:,}" for number in sorted(numbers))


def _by_arm(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    by_arm: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_arm.setdefault(outcome.arm, []).append(outcome)
    return by_arm


def left_out_table(by_arm: dict[str, list[Outcome]]) -> str:
    """Return accuracy by data set: in training, left out, left out with its convention, and the baselines."""
    first = min(by_arm["all"], key=lambda outcome: outcome.seed)
    columns = ("raw poses", "random init", "in training", "set left out", "convention left out")
    heading = ["data set", *(f"{metric}: {name}" for metric in METRICS for name in columns)]
    rows = []
    values: dict[str, list[list[float]]] = {}
    for name in SETS:
        models = [by_arm["all"], *(_fold(by_arm, kind, name) for kind in ("set", "convention"))]
        values[name] = [
            numbers
            for metric in METRICS
            for numbers in (
                [first.action(name, metric, "raw poses")],
                [first.action(name, metric, "random init")],
                *([outcome.action(name, metric) for outcome in model] for model in models),
            )
        ]
        rows.append([name, *map(_cell, values[name])])
    means = [[fmean(map(fmean, column))] if all(column) else [] for column in zip(*values.values(), strict=True)]
    return table(heading, [*rows, ["**mean**", *map(_cell, means)]])


def change_table(by_arm: dict[str, list[Outcome]]) -> str:
    """Return what each change does: on two sets of a convention never met, and on those whose training side was."""
    sides = {"unseen": BASE, "others": [name for name in SETS if name not in BASE]}
    head = [*(f"{metric}, {side}" for side in sides for metric in METRICS)]
    head += [*(f"R@1 {name}" for name in FOUND), "R@1 sensors"]
    rows = []
    for arm in ARMS:
        if arm.name not in by_arm:
            continue
        models = by_arm[arm.name]
        cells = [
            [fmean(model.action(name, metric) for name in names) for model in models]
            for names in sides.values()
            for metric in METRICS
        ]
        cells += [[model.mean(CONVERTED, ending) for model in models] for ending in FOUND]
        cells.append([model.mean(SENSORS) for model in models])
        rows.append([f"`{arm.name}`", arm.question or "nothing: the recipe", *map(_cell, cells)])
    return table(["model", "what differs", *head], rows, texts=2)


def _is_change(name: str) -> bool:
    """Say whether an arm is the recipe without the first fold, changed or not."""
    return BY_NAME[name].without == BASE and BY_NAME[name].conventions


def _fold(by_arm: dict[str, list[Outcome]], kind: str, name: str) -> list[Outcome]:
    folds = BY_SET if kind == "set" else BY_CONVENTION
    number = next(at for at, fold in enumerate(folds, start=1) if name in fold)
    assert name in BY_NAME[f"{kind}-{number}"].without
    return by_arm.get(f"{kind}-{number}", [])


def _cell(values: Sequence[float]) -> str:
    """Mean of the seeds and their deviation; nothing where there is none yet."""
    return spread(values) if values else ""
