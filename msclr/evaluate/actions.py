"""Action recognition with frozen vectors, for the card of a model: two protocols on every labelled set."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msclr.evaluate.benchmark import action_sets
from msclr.evaluate.card_tables import TaskResult
from msclr.evaluate.contest import Contest
from msclr.evaluate.data.labelled import LabelledClips, Sides
from msclr.evaluate.judging import judge_by
from msclr.evaluate.lineup import line_up
from msclr.evaluate.protocols import LinearToOptimum, NearestNeighbours, Protocol
from msclr.evaluate.reports.report import RANDOM, Task

PART = "actions"
METRICS: Mapping[str, Protocol] = {"1-NN": NearestNeighbours(1), "linear": LinearToOptimum()}
NUMBER = "top-1"


def action_tasks(
    contest: Contest, folder: Path, *, limit: int | None = None, progress: Callable[[str], None] = lambda text: None
) -> list[TaskResult]:
    """Classify every action set in a data folder by 1-NN and by logistic regression.

    Args:
        contest: The encoders.
        folder: Data folder; the sets are the `.npz` in its `actions` folder.
        limit: Most clips of each side of a split, for a quick look.
        progress: Told the name of each set.
    """
    results = []
    for data in action_sets(folder):
        progress(f"{PART}: {data.name}")
        sides = _some(data, limit)
        with warnings.catch_warnings():  # the table has a column of copies, and a row without them
            warnings.filterwarnings("ignore", message=".*copies of training clips")
            lineup = line_up(data.only((*sides.train, *sides.test)), contest, split=sides)
        judged = [judge_by(lineup, protocol, (0,)) for protocol in METRICS.values()]
        results += [_result(tasks) for tasks in zip(*judged, strict=True)]
    return results


def spread(indices: npt.NDArray[np.intp], limit: int | None) -> list[int]:
    """Return all indices, or `limit` of them evenly spread."""
    if limit is not None and limit < len(indices):
        indices = indices[np.linspace(0, len(indices) - 1, limit).round().astype(int)]
    return [int(index) for index in indices]


def _some(data: LabelledClips, limit: int | None) -> Sides:
    sides = data.sides()
    train, test = (
        tuple(ids[place] for place in spread(np.arange(len(ids)), limit)) for ids in (sides.train, sides.test)
    )
    return Sides(sides.name, train, test)


def _result(tasks: Sequence[Task]) -> TaskResult:
    """Return what the protocols say of one data set, as shares."""
    first = tasks[0]
    named = dict(zip(METRICS, tasks, strict=True))
    seeds = first.methods[RANDOM].seeds if RANDOM in first.methods else ()
    return TaskResult(
        PART,
        first.name,
        {
            "train": first.facts["train"],
            "test": first.facts["test"],
            "classes": first.facts["classes"],
            "duplicates": first.facts["copies"],
            "chance": first.chance[NUMBER] / 100,
        },
        {
            method: {metric: task.methods[method].mean(NUMBER) / 100 for metric, task in named.items()}
            for method in first.methods
        },
        tuple(
            {metric: task.methods[RANDOM].numbers[NUMBER][seed] / 100 for metric, task in named.items()}
            for seed in seeds
        ),
    )
