"""A report as a page of Markdown: what was judged, the numbers beside the baselines, and how to repeat them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msclr.evaluate.reports.grid import Grid
from msclr.evaluate.reports.report import DataFacts, Report, Task
from msclr.evaluate.reports.tables import headline, headline_table, sizes, task_table

NOTES = """\
Numbers are per cent. "model" is the model, "random init" the same network with random weights, "raw poses" the
coordinates themselves: common coordinates, 32 frames, flattened, length 1. "chance" is what guessing scores. ± is the
standard deviation over seeds; where it is missing, nothing is drawn. "best top-1" is the best epoch, chosen on the test
clips as published tables do. The best of a row is bold; of numbers with ↓ that is the lowest.\
"""


def to_markdown(report: Report, pictures: Sequence[str] = ()) -> str:
    """Write a report as Markdown.

    Args:
        report: The report.
        pictures: Names of picture files beside the page.

    Returns:
        The page, ending in a newline.

    Example:
        >>> from msclr.evaluate.reports.report import ModelFacts, versions
        >>> model = ModelFacts(name="m", weights_sha256="0" * 64, dim=8, parameters=100)
        >>> report = Report(title="walks", model=model, seeds=(0,), versions=versions(), tasks=())
        >>> print(to_markdown(report).splitlines()[0])
        # walks
    """
    names = list(dict.fromkeys(task.name for task in report.tasks))
    parts = [f"# {report.title}", _facts(report)]
    if len(names) > 2:
        parts += ["## Headlines", headline_table(report.tasks).markdown()]
    parts += [f"![{_caption(name)}]({name})" for name in pictures]
    for name in names:
        tasks = [task for task in report.tasks if task.name == name]
        parts += [f"## {name}", _data(tasks), task_table(tasks).markdown(), *_recall(tasks), *_failures(tasks)]
    parts.append(NOTES)
    if report.command:
        parts.append(f"```bash\n{report.command}\n```")
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(report: Report) -> str:
    model, packages = report.model, ", ".join(f"{name} {value}" for name, value in report.versions.items())
    lines = (
        f"model: {model.name}, {model.parameters:,} weights, vectors of {model.dim}, taken at {model.scale}"
        if model.scale == "length 1"
        else f"model: {model.name}, {model.parameters:,} weights, vectors of {model.dim}, taken as they are",
        f"weights sha256: `{model.weights_sha256}`",
        f"preparation: {model.preparation}",
        f"seeds: {', '.join(map(str, report.seeds))}",
        f"versions: {packages}",
    )
    return "\n".join(f"- {line}" for line in lines)


def _data(tasks: Sequence[Task]) -> str:
    first = next((task for task in tasks if not task.failure), tasks[0])
    lines = [sizes(first)] if first.facts else []
    lines += [_described(first.data, "data" if first.test_data is None else "trained on")]
    lines += [_described(first.test_data, "tested on")] if first.test_data is not None else []
    for data in filter(None, (first.data, first.test_data)):
        lines += (
            [f"left out: {len(data.left_out)} clips of {data.name}: {_some(data.left_out)}"] if data.left_out else []
        )
    return "\n".join(f"- {line}" for line in lines)


def _described(data: DataFacts, title: str) -> str:
    reading = f", read with {data.reading}" if data.reading else ""
    return f"{title}: {data.name}, split {data.split}{reading}, sha256 `{data.sha256}`"


def _recall(tasks: Iterable[Task]) -> list[str]:
    """Return a table of the recall of each class, of the protocols that classify."""
    known = [task for task in tasks if task.recall]
    if not known:
        return []
    grid = Grid(["recall of the model", *(task.protocol for task in known)], 1)
    for name in known[0].classes:
        if name in known[0].recall:
            grid.add([name, *(f"{task.recall.get(name, 0.0):.1f}" for task in known)])
    return [grid.markdown()]


def _failures(tasks: Iterable[Task]) -> list[str]:
    return [f"{task.protocol} ({headline(task.protocol)}): {task.failure}" for task in tasks if task.failure]


def _some(reasons: dict[str, str], most: int = 10) -> str:
    shown = "; ".join(f"{name} ({reason})" for name, reason in list(reasons.items())[:most])
    return shown + (f"; and {len(reasons) - most} more" if len(reasons) > most else "")


def _caption(name: str) -> str:
    return re.sub(r"[_-]+", " ", name.rpartition(".")[0])
