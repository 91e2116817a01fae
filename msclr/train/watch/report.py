"""The report of a run: what it was, how it went and how far it came, as JSON and as a picture of its curves."""

from __future__ import annotations

import logging
import platform
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from pydantic import JsonValue as AnyJson  # the one that pydantic itself can check

from msclr import __version__
from msclr.atomic import write_bytes
from msclr.strict_json import JsonValue
from msclr.train.watch.curves import FEWEST_POINTS, draw_curves

logger = logging.getLogger(__name__)

_KNN_BASELINES = ("knn_chance", "knn_raw_poses")
_UNTRAINED = "untrained_"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measurement(_Record):
    """One look at the labelled clips: the update, from 0, and the accuracy of each encoder."""

    step: int
    accuracy: dict[str, float]


class KnnReport(_Record):
    """Nearest neighbours in the course of a run, and what has to be beaten.

    Args:
        chance: Accuracy of the commonest class every time; None if the log does not have it any more.
        raw_poses: Accuracy of the coordinates alone.
        untrained: Accuracy of each encoder before the first update.
        course: Accuracies later on.
    """

    chance: float | None = None
    raw_poses: float | None = None
    untrained: dict[str, float]
    course: tuple[Measurement, ...]


class Alarm(_Record):
    """What was found wrong, and after which update, from 0."""

    step: int
    name: str
    text: str


class Report(_Record):
    """What a run was and how it went.

    Args:
        name: Of the run.
        finished: Whether it came to its end.
        stopped: Why not.
        steps, planned: Batches that were seen and that there are in all.
        seconds: Time that they took, in all processes that went on with the run.
        clips: Clips that were seen.
        clips_per_second: Of the whole time.
        skipped: Updates left out because loss or gradient were no numbers.
        rejected: Keys that the queue turned away for the same reason; None if there is no queue.
        first, last: The figures of the first and the last line of the log.
        alarms: See `msclr.train.watch.alarms`.
        knn: None if no labelled clips were watched.
        config: The settings; they can be given to `msclr pretrain` again.
        data: For each source of clips its fingerprint.
        device: Where it was computed.
        versions: Of what decides the numbers.
    """

    name: str
    finished: bool
    stopped: str | None
    steps: int
    planned: int
    seconds: float
    clips: int
    clips_per_second: float
    skipped: int
    rejected: int | None
    first: dict[str, int | float | None]
    last: dict[str, int | float | None]
    alarms: tuple[Alarm, ...]
    knn: KnnReport | None
    config: dict[str, AnyJson]
    data: dict[str, AnyJson]
    device: str
    versions: dict[str, str]
    format_version: Literal[1] = 1


def make_report(
    lines: Sequence[Mapping[str, JsonValue]],
    *,
    name: str,
    stopped: str | None,
    steps: int,
    planned: int,
    seconds: float,
    clips: int,
    config: Mapping[str, JsonValue],
    data: Mapping[str, JsonValue],
    device: str,
) -> Report:
    """Sum up the log of a run.

    Args:
        lines: Of the log.
        name, stopped, steps, planned, seconds, config, data, device: See `Report`.
        clips: Of a batch.
    """
    last = _numbers(lines[-1]) if lines else {}
    rejected = last.get("rejected")
    return Report(
        name=name,
        finished=steps == planned,
        stopped=stopped,
        steps=steps,
        planned=planned,
        seconds=round(seconds, 3),
        clips=steps * clips,
        clips_per_second=round(steps * clips / seconds, 3) if seconds > 0 else 0.0,
        skipped=int(last.get("skipped") or 0),
        rejected=None if rejected is None else int(rejected),
        first=_numbers(lines[0]) if lines else {},
        last=last,
        alarms=tuple(
            Alarm(step=_step(line), name=kind, text=str(text))
            for line in lines
            for kind, text in _group(line, "alarms").items()
        ),
        knn=_knn(lines),
        config=dict(config),
        data=dict(data),
        device=device,
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """Return the versions of what decides the numbers of a run.

    Example:
        >>> sorted(versions())
        ['msclr', 'numpy', 'platform', 'python', 'torch']
    """
    return {
        "msclr": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "platform": platform.platform(),
    }


def write_report(report: Report, output: Path, lines: Sequence[Mapping[str, JsonValue]] = ()) -> None:
    """Write OUTPUT.report.json and, if there is anything to draw and matplotlib to draw it, OUTPUT.report.png.

    What cannot be written, on a full disk say, costs a warning: the run is over by then.

    Args:
        report: What to write.
        output: The model folder that it stands beside.
        lines: Of the log, to draw.
    """
    place = output.with_name(output.name + ".report.json")
    picture = output.with_name(output.name + ".report.png")
    try:
        write_bytes(place, (report.model_dump_json(indent=1) + "\n").encode())
        if len(lines) < FEWEST_POINTS:
            return
        try:
            drawn = draw_curves(lines, title=report.name)
        except ImportError:
            logger.info('no curves in %s: that needs matplotlib, pip install "msclr[viz]"', picture)
            return
        write_bytes(picture, drawn)
    except OSError as error:
        warnings.warn(f"no report of the run in {place}: {error.strerror or error}", stacklevel=2)


def _knn(lines: Sequence[Mapping[str, JsonValue]]) -> KnnReport | None:
    """Gather what the log says of nearest neighbours."""
    baselines: dict[str, float] = {}
    untrained: dict[str, float] = {}
    course = []
    for line in lines:
        found = {name: value for name, value in _numbers(line).items() if "knn" in name and value is not None}
        baselines |= {name: value for name, value in found.items() if name in _KNN_BASELINES}
        untrained |= {name.removeprefix(_UNTRAINED): value for name, value in found.items() if _UNTRAINED in name}
        later = {name: value for name, value in found.items() if name not in _KNN_BASELINES and _UNTRAINED not in name}
        if later:
            course.append(Measurement(step=_step(line), accuracy=later))
    if not (baselines or untrained or course):
        return None
    return KnnReport(
        chance=baselines.get("knn_chance"),
        raw_poses=baselines.get("knn_raw_poses"),
        untrained=untrained,
        course=tuple(course),
    )


def _numbers(line: Mapping[str, JsonValue]) -> dict[str, int | float | None]:
    return {
        name: value
        for name, value in line.items()
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    }


def _group(line: Mapping[str, JsonValue], name: str) -> Mapping[str, JsonValue]:
    value = line.get(name)
    return value if isinstance(value, dict) else {}


def _step(line: Mapping[str, JsonValue]) -> int:
    value = line.get("step")
    return value if isinstance(value, int) else 0
