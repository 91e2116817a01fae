"""Write a report into a folder: report.json, report.md and, if matplotlib is there, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msclr.errors import MissingExtraError, NotAFileError
from msclr.evaluate.reports.page import to_markdown
from msclr.evaluate.reports.pictures import draw_bars, draw_confusion, draw_gains, draw_map, save
from msclr.evaluate.reports.report import Report
from msclr.evaluate.reports.tables import headline, mean_tasks
from msclr.io.atomic import atomic_file
from msclr.io.guard import shown, to_path
from msclr.io.registry import PathLike

JSON, PAGE = "report.json", "report.md"


@dataclass(frozen=True, eq=False)
class Map:
    """Clips as points in a plane.

    Args:
        points: [n, 2].
        labels: The class of each.
        title: A heading.
    """

    points: npt.NDArray[np.floating]
    labels: tuple[str, ...]
    title: str


@dataclass(frozen=True)
class Written:
    """What has been written.

    Args:
        folder: Where.
        names: The files.
        without_pictures: Why there are no pictures; "" if there are.
    """

    folder: Path
    names: tuple[str, ...]
    without_pictures: str = ""


def write_report(report: Report, folder: PathLike, maps: Mapping[str, Map] | None = None) -> Written:
    """Write a report; every file appears complete or not at all, the JSON last.

    Args:
        report: The report.
        folder: Where; made if it is not there.
        maps: Maps to draw, by name of the file without ending.

    Returns:
        The files written.

    Raises:
        NotAFileError: If the folder cannot be made or written.

    Example:
        >>> import tempfile
        >>> from msclr.evaluate.reports.report import ModelFacts, versions
        >>> model = ModelFacts(name="m", weights_sha256="0" * 64, dim=8, parameters=100)
        >>> report = Report(title="walks", model=model, seeds=(0,), versions=versions(), tasks=())
        >>> write_report(report, tempfile.mkdtemp()).names
        ('report.md', 'report.json')
    """
    place = to_path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotAFileError(
            f"cannot make the folder: {error.strerror or error}", where=shown(place), expected="a writable place"
        ) from None
    pictures, reason = [], ""
    try:
        pictures = draw_pictures(report, place, maps or {})
    except MissingExtraError as error:
        reason = str(error)
    with atomic_file(place / PAGE) as file:
        file.write(to_markdown(report, pictures).encode())
    report.write(place / JSON)
    return Written(place, (*pictures, PAGE, JSON), reason)


def draw_pictures(report: Report, folder: Path, maps: Mapping[str, Map]) -> list[str]:
    """Draw what a report shows.

    Of one data set: bars, the confusions of the protocol that tells most, maps. Of many: bars of the means, and how far
    the model is above its baselines on each.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    if means := mean_tasks(report.tasks):
        return [
            save(draw_bars(means), folder / "bars.png").name,
            save(draw_gains(report.tasks), folder / "gains.png").name,
        ]
    tasks = [task for task in report.tasks if task.name == report.tasks[0].name] if report.tasks else []
    names: list[str] = []
    if any(task.methods and headline(task.protocol) in task.numbers for task in tasks):
        names.append(save(draw_bars(tasks), folder / "bars.png").name)
    confused = sorted((task for task in tasks if task.confusion), key=lambda task: task.protocol != "linear")
    if confused:
        names.append(save(draw_confusion(confused[0]), folder / "confusion.png").name)
    for name, each in maps.items():
        names.append(save(draw_map(each.points, each.labels, each.title), folder / f"{name}.png").name)
    return names
