"""The tables of a report: every number of an evaluation, and one headline of each protocol for many data sets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from statistics import fmean

from msclr.evaluate.reports.grid import Grid
from msclr.evaluate.reports.report import MODEL, RANDOM, RAW, Method, Task

METHODS = (MODEL, RANDOM, RAW)
CHANCE = "chance"
HEADLINES: Mapping[str, str] = {
    "retrieval": "mAP",
    "clustering": "NMI",
    "calibration": "ECE",
    "cross-retrieval": "R@1",
    "convention-transfer": "across",
}
NONE = "-"
LOWER_IS_BETTER = ("ECE",)


def task_table(tasks: Sequence[Task]) -> Grid:
    """Show every number of one or several tasks on the same clips: a row for each, a column for each method.

    Example:
        >>> from msclr.evaluate.reports.report import DataFacts
        >>> method = Method(seeds=(0,), numbers={"top-1": (81.4,)})
        >>> data = DataFacts(name="walks", sha256="0" * 64, split="split")
        >>> print(task_table([Task(name="walks", data=data, protocol="knn-1", methods={"model": method})]).text())
        protocol  number  model  chance
        --------  ------  -----  ------
        knn-1     top-1    81.4       -
    """
    methods = [name for name in METHODS if any(name in task.methods for task in tasks)]
    columns = [*methods, CHANCE]
    spread = {name for task in tasks for name, method in task.methods.items() if len(method.seeds) > 1}
    grid = Grid(["protocol", "number", *columns], 2)
    for task in tasks:
        if task.failure:
            grid.add([task.protocol, task.failure[:60], *[NONE] * len(columns)])
        for place, number in enumerate(task.numbers):
            cells = [_spread(task.methods.get(name), number, name in spread) for name in methods]
            chance = f"{task.chance[number]:.1f}" if number in task.chance else NONE
            title = task.protocol if place == 0 else ""
            grid.add([title, _marked(number), *cells, chance], [2 + best for best in _best(task, methods, number)])
    return grid


def headline_table(tasks: Sequence[Task]) -> Grid:
    """Show one number of each protocol for many data sets: a block of rows for each set, and their means.

    Args:
        tasks: Results of several protocols on several data sets.
    """
    protocols = list(dict.fromkeys(task.protocol for task in tasks))
    names = list(dict.fromkeys(task.name for task in tasks))
    cells = {(task.name, task.protocol): task for task in tasks}
    grid = Grid(["", *(_stacked(protocol) for protocol in protocols)], 1)
    for name in names:
        row = [cells.get((name, protocol)) for protocol in protocols]
        _add_block(grid, _described(next(task for task in row if task)), [_headlines(task) for task in row])
    means = {task.protocol: task for task in mean_tasks(tasks)}
    if means:
        title = next(iter(means.values())).name
        _add_block(grid, title, [_headlines(means.get(protocol)) for protocol in protocols])
    return grid


def mean_tasks(tasks: Sequence[Task]) -> list[Task]:
    """Average the headline of each protocol over data sets, those with copies only without them.

    Returns:
        A task for each protocol whose headline all of at least two data sets have; [] if there is none.
    """
    leaky = {task.name for task in tasks if task.facts.get("copies")}
    names = list(dict.fromkeys(task.name for task in tasks if task.name not in leaky))
    found = []
    for protocol in dict.fromkeys(task.protocol for task in tasks):
        number = headline(protocol)
        done = [task for task in tasks if task.protocol == protocol and task.name in names and not task.failure]
        if len(names) < 2 or len(done) < len(names):
            continue
        methods = {
            name: Method(seeds=(0,), numbers={number: (fmean(task.methods[name].mean(number) for task in done),)})
            for name in METHODS
            if all(name in task.methods for task in done)
        }
        chance = {number: fmean(task.chance[number] for task in done)} if all(number in t.chance for t in done) else {}
        title = f"mean over {len(names)} data sets" + (", without copies" if leaky else "")
        found.append(Task(name=title, data=done[0].data, protocol=protocol, methods=methods, chance=chance))
    return found


def headline(protocol: str) -> str:
    """Return the number that stands for a protocol.

    Example:
        >>> headline("knn-1"), headline("clustering")
        ('top-1', 'NMI')
    """
    return HEADLINES.get(protocol, "top-1")


def _add_block(grid: Grid, title: str, columns: Sequence[Mapping[str, float]]) -> None:
    grid.add([title])
    lower = [headline_of in LOWER_IS_BETTER for headline_of in _numbers_of(grid)]
    for name in (*METHODS, CHANCE):
        if any(name in column for column in columns):
            best = [
                1 + place
                for place, column in enumerate(columns)
                if name in column and name != CHANCE and _is_best(name, column, lower[place])
            ]
            grid.add([f"  {name}", *(f"{column[name]:.1f}" if name in column else NONE for column in columns)], best)


def _numbers_of(grid: Grid) -> list[str]:
    return [title.split("\n")[-1].split(" ")[0] for title in grid.heading[1:]]


def _is_best(name: str, column: Mapping[str, float], lower: bool) -> bool:
    rounded = [round(value, 1) for method, value in column.items() if method != CHANCE]
    return round(column[name], 1) == (min(rounded) if lower else max(rounded))


def _headlines(task: Task | None) -> dict[str, float]:
    """Return the headline of each method, and chance."""
    if task is None or task.failure:
        return {}
    number = headline(task.protocol)
    found = {name: task.methods[name].mean(number) for name in METHODS if name in task.methods}
    return found | ({CHANCE: task.chance[number]} if number in task.chance else {})


def _described(task: Task) -> str:
    if task.failure:
        return task.name
    return f"{task.name}: {sizes(task)}"


def sizes(task: Task) -> str:
    """Say how many clips a task has, as in "60 clips to train on, 20 to test on, 4 classes"."""
    facts = task.facts
    copies = f" ({facts['copies']} copies of training clips)" if facts.get("copies") else ""
    return f"{facts['train']} clips to train on, {facts['test']} to test on{copies}, {facts['classes']} classes"


def _stacked(protocol: str) -> str:
    """Return the title of a column over several lines: "few-shot", "5-1", "top-1"."""
    parts = re.fullmatch(r"(few-shot|[a-z]+)(?:-(.+))?", protocol)
    lines = [parts[1], parts[2]] if parts and parts[2] else [protocol]
    return "\n".join([*lines, _marked(headline(protocol))])


def _marked(number: str) -> str:
    return f"{number} \N{DOWNWARDS ARROW}" if number.split(" ")[0] in LOWER_IS_BETTER else number


def _spread(method: Method | None, number: str, wide: bool) -> str:
    """Return mean and deviation; in a column that has deviations a number alone keeps its place."""
    if method is None or number not in method.numbers:
        return NONE
    if len(method.numbers[number]) > 1:
        return f"{method.mean(number):.1f} ± {f'{method.deviation(number):.1f}':<4}"
    return f"{method.mean(number):.1f}" + " " * 7 * wide


def _best(task: Task, methods: Sequence[str], number: str) -> list[int]:
    means = {
        place: round(task.methods[name].mean(number), 1)
        for place, name in enumerate(methods)
        if name in task.methods and number in task.methods[name].numbers
    }
    best = min(means.values()) if number.split(" ")[0] in LOWER_IS_BETTER else max(means.values())
    return [place for place, value in means.items() if value == best]
