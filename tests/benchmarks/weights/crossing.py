"""Real pairs: one motion recorded by two sensors, or solved on two skeletons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msclr.evaluate.card_tables import TaskResult
from msclr.evaluate.crossing import pair_tasks, sensor_tasks
from msclr.evaluate.reports.report import MODEL, RANDOM, RAW
from weights.cells import Found, Metrics
from weights.entrants import Networks

PARTS = {"sensors": sensor_tasks, "pairs": pair_tasks}
FILES = ("cmu_asf", "cmu_daz", "cmu_mb")  # that pairs are of


def measure(entrants: Networks, folder: Path, part: str, *, limit: int | None = None) -> Found:
    """Look for each recording of one kind among all of the other, in both directions.

    Args:
        entrants: Who competes; raw poses are beside them.
        folder: The data folder.
        part: "sensors": repetitions of UI-PRMD, s09 and s10, by Kinect and Vicon; "pairs": the recordings of
            `pairs.json`, of which the other side is the gallery.
        limit: Most recordings, for a quick look.
    """
    results = PARTS[part](entrants.contest, folder, limit=limit)
    facts = {f"{each.name}: {name}": value for each in results for name, value in each.facts.items()}
    return Found({each.name: metrics_of(each) for each in results}, facts)


def metrics_of(result: TaskResult) -> Metrics:
    """Return the scores of a task by metric and method, in per cent.

    Example:
        >>> metrics_of(TaskResult("a", "b", {}, {"model": {"R@1": 0.5}, "random init": {"R@1": 0.2}}, ({"R@1": 0.2},)))
        {'R@1': {'model': [50.0], 'random init': [20.0]}}
    """
    found: Metrics = {}
    for metric in result.scores[MODEL]:
        runs: dict[str, Sequence[float]] = {MODEL: [result.scores[MODEL][metric]]}
        if result.seeds:
            runs[RANDOM] = [seed[metric] for seed in result.seeds]
        if RAW in result.scores:
            runs[RAW] = [result.scores[RAW][metric]]
        found[metric] = {method: [round(100 * value, 2) for value in values] for method, values in runs.items()}
    return found
