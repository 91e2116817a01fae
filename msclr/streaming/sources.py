"""What a stream consists of: arrays, or the results of a pose estimator; frame by frame in, window by window out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt

from msclr.errors import ConfigError, PoseError
from msclr.poses import arrays
from msclr.poses.sequence import PoseSequence, check_fps
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec


class Source(ABC):
    """Turns what is pushed into frames, and the frames of a window into a recording."""

    @abstractmethod
    def frames(self, given: object, layout: str | None, confidence: object, valid: object, first: int) -> list[object]:
        """Return the frames of what was pushed; `first` is the number of the first of them."""

    @abstractmethod
    def recording(self, frames: Sequence[object]) -> PoseSequence:
        """Make a recording of the frames of a window."""


@dataclass(frozen=True, eq=False)
class _Frame:
    positions: npt.NDArray[np.float32]  # p j c
    valid: npt.NDArray[np.bool_]  # p j
    person_ids: tuple[str, ...]


class ArraySource(Source):
    """Arrays and recordings of one convention.

    Args:
        skeleton: The joint convention.
        fps: Frames per second, None if unknown.
        unit, up, zeros_are_missing: As in `PoseSequence.from_array`.
    """

    def __init__(
        self,
        skeleton: str | SkeletonSpec,
        *,
        fps: float | None,
        unit: str | None,
        up: str | None,
        zeros_are_missing: bool,
    ) -> None:
        self.skeleton = get_skeleton(skeleton)
        self.fps = check_fps(fps, None)
        self.unit = arrays.check_unit(unit, self.skeleton, None)
        self.up = arrays.check_up(up, self.skeleton, None)
        self.zeros_are_missing = zeros_are_missing
        self.dims: int | None = None

    def frames(self, given: object, layout: str | None, confidence: object, valid: object, first: int) -> list[object]:
        """Return the frames of an array or recording; refuse what does not fit the stream."""
        where = f"the stream, from frame {first}"
        found = given if isinstance(given, PoseSequence) else self._sequence(given, layout, confidence, valid, where)
        if isinstance(given, PoseSequence) and not (layout is None and confidence is None and valid is None):
            raise ConfigError("layout, confidence or valid for a PoseSequence", expected="them with arrays only")
        if found.skeleton != self.skeleton:
            raise PoseError(f"poses of {found.skeleton.id!r}", where=where, expected=f"those of {self.skeleton.id!r}")
        for name, value, expected in (
            ("unit", found.unit, self.unit),
            ("up", found.up, self.up),
            ("fps", found.fps, found.fps if self.fps is None else self.fps),
            ("dims", found.dims, found.dims if self.dims is None else self.dims),
        ):
            if value != expected:
                raise PoseError(f"poses with {name} = {value}", where=where, expected=f"{expected}, as the stream has")
        self.dims, self.fps = found.dims, found.fps
        return [
            _Frame(found.positions[:, time], found.valid[:, time], found.person_ids) for time in range(found.num_frames)
        ]

    def _sequence(
        self, given: object, layout: str | None, confidence: object, valid: object, where: str
    ) -> PoseSequence:
        values = arrays.to_numpy(given, where)
        if values.ndim == 2 and layout is None:  # one frame of one person
            values, layout = values[None], "t j c"
            confidence = None if confidence is None else arrays.to_numpy(confidence, where)[None]
            valid = None if valid is None else arrays.to_numpy(valid, where)[None]
        return PoseSequence.from_array(
            values,
            self.skeleton,
            layout=layout,
            fps=self.fps,
            confidence=confidence,
            valid=valid,
            unit=self.unit,
            up=self.up,
            zeros_are_missing=self.zeros_are_missing,
            source=where,
        )

    def recording(self, frames: Sequence[object]) -> PoseSequence:
        """Put frames one behind the other; persons who come and go are told apart by their ids."""
        known = [frame for frame in frames if isinstance(frame, _Frame)]
        names = dict.fromkeys(name for frame in known for name in frame.person_ids)
        slots = {name: slot for slot, name in enumerate(names)}
        shape = len(slots), len(known), self.skeleton.num_joints
        positions = np.zeros((*shape, self.dims or self.skeleton.dims), np.float32)
        valid = np.zeros(shape, np.bool_)
        for time, frame in enumerate(known):
            rows = [slots[name] for name in frame.person_ids]
            positions[rows, time], valid[rows, time] = frame.positions, frame.valid
        return PoseSequence(
            positions, valid, self.skeleton, fps=self.fps, person_ids=tuple(slots), unit=self.unit, up=self.up
        )


class LiveSource(Source):
    """Results of a pose estimator.

    Args:
        take: Makes a recording of a list of results, one for each frame.
    """

    def __init__(self, take: Callable[[list[object]], PoseSequence]) -> None:
        self.take = take

    def frames(self, given: object, layout: str | None, confidence: object, valid: object, first: int) -> list[object]:
        """Return one result, or several, without the images that they may hold."""
        if not (layout is None and confidence is None and valid is None):
            raise ConfigError("layout, confidence or valid for live results", expected="them with arrays only")
        several = isinstance(given, list | tuple | Iterator)
        results: Iterable[object] = given if several and isinstance(given, Iterable) else [given]
        return [_without_image(result) for result in results]

    def recording(self, frames: Sequence[object]) -> PoseSequence:
        """Make a recording of the results."""
        return self.take(list(frames))


def _without_image(result: object) -> object:
    """Return what a result of a YOLO model says about persons: it holds the image too, which a window need not keep."""
    keypoints = getattr(result, "keypoints", None)
    if not hasattr(keypoints, "xy"):
        return result
    boxes = getattr(result, "boxes", None)
    return SimpleNamespace(
        keypoints=SimpleNamespace(xy=getattr(keypoints, "xy", None), conf=getattr(keypoints, "conf", None)),
        boxes=SimpleNamespace(id=getattr(boxes, "id", None)),
    )
