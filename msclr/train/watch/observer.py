"""Observer: who is told how a run goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Line:
    """What is known after an update.

    Args:
        step: The update, from 0.
        numbers: Figures by name; NaN or infinity where there is no figure.
        alarms: What has just been found wrong, by the name of the alarm.
    """

    step: int
    numbers: Mapping[str, float]
    alarms: Mapping[str, str] = field(default_factory=dict)


class Observer(Protocol):
    """Whoever is told how a run goes, in the first process of a run only."""

    def begin(self, step: int) -> None:
        """Get ready; what was logged of this update and later ones is void, for they are made again."""

    def log(self, line: Line) -> None:
        """Take a line."""

    def close(self) -> None:
        """Finish: no line follows."""
