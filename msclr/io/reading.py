"""Reading: how to read a pose file, kept for later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msclr.io.limits import ReadLimits
    from msclr.io.registry import PathLike
    from msclr.poses.sequence import PoseSequence


@dataclass(frozen=True)
class Reading:
    """How to read pose files: the arguments of `msclr.read`.

    Args:
        format, skeleton, unit, up, fps, person: As for `msclr.read`.

    Example:
        >>> str(Reading(unit="mm", up="+z"))
        'unit=mm up=+z'
    """

    format: str = "auto"
    skeleton: str | None = None
    unit: str | None = None
    up: str | None = None
    fps: float | None = None
    person: int | str | None = None

    def __str__(self) -> str:
        """The arguments that are given, as in "unit=mm up=+z"."""
        return " ".join(f"{name}={value}" for name, value in vars(self).items() if value not in (None, "auto"))

    def read(self, path: PathLike, *, limits: ReadLimits | None = None) -> PoseSequence:
        """Read one file or folder; see `msclr.read`."""
        from msclr.io.registry import read

        return read(
            path,
            format=self.format,
            skeleton=self.skeleton,
            unit=self.unit,
            up=self.up,
            fps=self.fps,
            person=self.person,
            limits=limits,
        )
