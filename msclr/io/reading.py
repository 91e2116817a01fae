"""Reading: how to read a pose file, kept for later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msclr.io.limits import ReadLimits
    from msclr.io.registry import PathLike
    from msclr.poses.sequence import PoseSequence
    from msclr.skeletons.spec import SkeletonSpec


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
    skeleton: str | SkeletonSpec | None = None
    unit: str | None = None
    up: str | None = None
    fps: float | None = None
    person: int | str | None = None

    def __str__(self) -> str:
        """The arguments that are given, as in "unit=mm up=+z"."""
        given = {name: value for name, value in vars(self).items() if value not in (None, "auto")}
        return " ".join(f"{name}={getattr(value, 'id', value)}" for name, value in given.items())

    def checked(self) -> Reading:
        """Return the same with its convention looked up, as processes that read have not what is registered here.

        Raises:
            UnknownSkeletonError: If nothing bears its name.
            PoseError: If the rate is none.
        """
        from msclr.poses.sequence import check_fps
        from msclr.skeletons.registry import get_skeleton

        spec = None if self.skeleton is None else get_skeleton(self.skeleton)
        return replace(self, skeleton=spec, fps=check_fps(self.fps, None))

    def read(
        self,
        path: PathLike,
        *,
        variant: str | None = None,
        limits: ReadLimits | None = None,
        follow_symlinks: bool = False,
    ) -> PoseSequence:
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
            variant=variant,
            limits=limits,
            follow_symlinks=follow_symlinks,
        )
