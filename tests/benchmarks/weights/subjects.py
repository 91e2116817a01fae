"""UI-PRMD by subject: which exercise, and whether it is done correctly, of people who were never seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from msclr.evaluate.actions import METRICS, NUMBER
from msclr.evaluate.crossing import HELD_OUT
from msclr.evaluate.data.labelled import LabelledClips, Sides
from msclr.evaluate.judging import judge_by
from msclr.evaluate.lineup import FeatureOptions, Lineup, line_up
from weights.cells import Found, Metrics, Tasks
from weights.entrants import Networks
from weights.sets import labelled

SENSORS = {
    "kinect": "uiprmd_kinect_PDDL",
    "centres": "uiprmd_viconjc_PDDL",
    "markers": "uiprmd_vicon_PDDL",
}
EXERCISE, CORRECT, CORRECT_EACH = "exercise", "correct or not", "correct or not, a probe for each exercise"
SPLIT = "subject=" + ",".join(HELD_OUT)


def measure(entrants: Networks, folder: Path, sensor: str, *, limit: int | None = None) -> Found:
    """Train on eight subjects, test on two.

    Args:
        entrants: Who competes; raw poses are beside them.
        folder: The data folder.
        sensor: One of `SENSORS`.
        limit: Most clips of each side, for a quick look.
    """
    path = folder / "mocap" / f"{SENSORS[sensor]}.npz"
    exercises = labelled(path)
    correct = replace(exercises, labels=tuple(map(how, exercises.columns["description"])))
    options = FeatureOptions(cache=entrants.cache)

    def judged(data: LabelledClips, ids: tuple[str, ...] | None = None) -> tuple[Metrics, Sides]:
        sides = data.sides(SPLIT)
        if ids is not None or limit is not None:
            sides = _only(sides, ids, limit)
        return scores(line_up(data, entrants.contest, split=sides, options=options)), sides

    tasks: Tasks = {}
    tasks[EXERCISE], sides = judged(exercises)
    tasks[CORRECT], _ = judged(correct)
    by_class = [tuple(name for name in exercises.ids if exercises.label_of[name] == each) for each in exercises.classes]
    tasks[CORRECT_EACH] = _mean([judged(correct, ids)[0] for ids in by_class])
    facts: dict[str, float | str] = {"train": len(sides.train), "test": len(sides.test)}
    for task, data in ((EXERCISE, exercises), (CORRECT, correct)):
        most = Counter(data.label_of[name] for name in sides.test).most_common(1)[0][1]
        facts[f"most frequent, {task}"] = round(100 * most / len(sides.test), 2)
    return Found(tasks, facts)


def how(description: str) -> str:
    """Return the end of a description: how an exercise is done.

    Example:
        >>> how("deep squat, performed incorrectly")
        'performed incorrectly'
    """
    return description.rpartition(", ")[2]


def scores(lineup: Lineup) -> Metrics:
    """Return what the protocols say of every method, in per cent."""
    found: Metrics = {}
    for metric, protocol in METRICS.items():
        task = judge_by(lineup, protocol, (0,))[0]
        found[metric] = {
            method: [round(value, 2) for value in runs.numbers[NUMBER]] for method, runs in task.methods.items()
        }
    return found


def _only(sides: Sides, ids: tuple[str, ...] | None, limit: int | None) -> Sides:
    wanted = None if ids is None else set(ids)
    train, test = (
        tuple(name for name in side if wanted is None or name in wanted)[:limit] for side in (sides.train, sides.test)
    )
    return Sides(sides.name, train, test)


def _mean(runs: list[Metrics]) -> Metrics:
    """The mean over exercises, each counting alike."""
    return {
        metric: {
            method: [round(fmean(values), 2) for values in zip(*(run[metric][method] for run in runs), strict=True)]
            for method in methods
        }
        for metric, methods in runs[0].items()
    }
