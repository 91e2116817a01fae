"""A whole evaluation in a handful of lines, for people who decide whether to read on."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from msclr.evaluate.card_tables import TaskResult
from msclr.evaluate.reports.report import MODEL, RANDOM, RAW

# Title, beginning of the part, end of the task's name, metric.
LINES = (
    ("action sets, 1-NN", "actions", "", "1-NN"),
    ("action sets, linear probe", "actions", "", "linear"),
    ("other sensor, same repetition, R@1", "two sensors", "", "R@1"),
    ("other sensor, same exercise, R@1", "two sensors", "", "same class R@1"),
    ("itself in another 3D convention, R@1", "converted", "3D", "R@1"),
    ("itself in a 2D convention, R@1", "converted", "2D", "R@1"),
    ("itself in another rig, R@1", "two skeletons", "", "R@1"),
)


def summarise(tasks: Sequence[TaskResult]) -> str:
    """Average the tasks of each kind and write one Markdown row for each.

    Args:
        tasks: Results of the suite.

    Returns:
        A table in per cent; kinds without a task are left out.

    Example:
        >>> scores = {"model": {"1-NN": 0.9}, "random init": {"1-NN": 0.5}, "raw poses": {"1-NN": 0.6}}
        >>> print(summarise([TaskResult("actions", "walks", {}, scores)]))
        | mean over tasks | tasks | model | random init | raw poses |
        |---|---:|---:|---:|---:|
        | action sets, 1-NN | 1 | 90.0 | 50.0 | 60.0 |
    """
    methods = (MODEL, RANDOM, RAW)
    lines = [f"| mean over tasks | tasks | {' | '.join(methods)} |", "|---|---:|---:|---:|---:|"]
    for title, part, ending, metric in LINES:
        chosen = [task for task in tasks if task.part.startswith(part) and task.name.endswith(ending)]
        shares = [
            [task.scores[method][metric] for task in chosen if metric in task.scores.get(method, {})]
            for method in methods
        ]
        if any(shares):
            cells = [f"{100 * fmean(share):.1f}" if share else "-" for share in shares]
            lines.append(f"| {title} | {len(chosen)} | {' | '.join(cells)} |")
    return "\n".join(lines)
