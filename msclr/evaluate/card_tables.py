"""The figures of a model card, as data and as tables that show the baselines beside the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean

Scores = Mapping[str, float]


@dataclass(frozen=True)
class TaskResult:
    """The scores of one task, for every method that can do it.

    Args:
        part: The group of tasks it belongs to; the tasks of a part have the same metrics.
        name: The task.
        facts: Sizes, and what chance would score.
        scores: For each method its metrics, shares 0 to 1.
        seeds: The metrics of each random initialisation; their mean is `scores["random init"]`.
    """

    part: str
    name: str
    facts: Scores
    scores: Mapping[str, Scores]
    seeds: Sequence[Scores] = field(default_factory=tuple)

    def to_dict(self) -> dict[str, object]:
        """Return the result as JSON-able data."""
        return asdict(self)


def mean_scores(scores: Sequence[Scores]) -> dict[str, float]:
    """Average each metric over runs.

    Example:
        >>> mean_scores([{"knn": 0.5}, {"knn": 1.0}])
        {'knn': 0.75}
    """
    return {metric: fmean(run[metric] for run in scores) for metric in scores[0]} if scores else {}


def to_markdown(results: Iterable[TaskResult]) -> str:
    """Write results as Markdown, one table for each part, in per cent.

    Args:
        results: Tasks of one or more parts.

    Returns:
        Tables with a row for each task and a column for each method and metric; "-" where a method cannot do a task.

    Example:
        >>> done = TaskResult("actions", "walks", {"test": 20}, {"model": {"1-NN": 0.9}, "raw poses": {"1-NN": 0.5}})
        >>> print(to_markdown([done]))
        ### actions
        <BLANKLINE>
        | task | test | 1-NN: model | raw poses |
        |---|---:|---:|---:|
        | walks | 20 | 90.0 | 50.0 |
        <BLANKLINE>
    """
    parts: dict[str, list[TaskResult]] = {}
    for result in results:
        parts.setdefault(result.part, []).append(result)
    return "\n".join(_table(part, tasks) for part, tasks in parts.items())


def _table(part: str, tasks: Sequence[TaskResult]) -> str:
    facts = _ordered(name for task in tasks for name in task.facts)
    methods = _ordered(name for task in tasks for name in task.scores)
    metrics = _ordered(name for task in tasks for scores in task.scores.values() for name in scores)
    columns = [(metric, method) for metric in metrics for method in methods]
    titles = [method if method != methods[0] else f"{metric}: {method}" for metric, method in columns]
    lines = [f"### {part}", "", _row(["task", *facts, *titles]), "|---|" + "---:|" * (len(facts) + len(columns))]
    for task in tasks:
        sizes = [_fact(task.facts.get(name)) for name in facts]
        shares = [task.scores.get(method, {}).get(metric) for metric, method in columns]
        lines.append(_row([task.name, *sizes, *("-" if share is None else f"{100 * share:.1f}" for share in shares)]))
    return "\n".join(lines) + "\n"


def _fact(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{100 * value:.1f} %"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _ordered(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
