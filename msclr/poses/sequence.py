"""PoseSequence: the poses of one recording, in one joint convention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from msclr.errors import PoseError
from msclr.poses import arrays
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec, Unit, UpAxis

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

MAXIMUM_FPS = 100_000.0


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """The poses of one recording: positions, which of them are known, and what the numbers mean.

    Use `PoseSequence.from_array` or `msclr.read` to make one; the arrays are read-only.

    Args:
        positions: [p, t, j, c] float32, in `unit`; 0 where `valid` is False. NaN makes a joint unknown.
        valid: [p, t, j] bool; False where a joint was not seen.
        skeleton: The joint convention.
        confidence: [p, t, j] float32 in [0, 1], or None if the producer gives none.
        fps: Frames per second, or None if unknown.
        person_ids: One id for each person.
        unit, up: Length unit and upward axis of the positions; by default those of the skeleton.
        source: Where the poses came from, for messages.
        meta: Facts of the recording, for example {"label": "waving"}.

    Example:
        >>> import numpy as np
        >>> clip = PoseSequence.from_array(np.random.default_rng(0).normal(size=(30, 17, 2)), "coco_17", fps=30)
        >>> clip
        PoseSequence(coco_17: 1 person, 30 frames at 30 fps, 17 joints in 2D px, 100.0 % of joints known)
    """

    positions: FloatArray
    valid: BoolArray
    skeleton: SkeletonSpec
    confidence: FloatArray | None = None
    fps: float | None = None
    person_ids: tuple[str, ...] = ()
    unit: Unit = "unknown"
    up: UpAxis = "unknown"
    source: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "skeleton", get_skeleton(self.skeleton))
        object.__setattr__(self, "positions", arrays.floats(self.positions, self.source))
        object.__setattr__(self, "valid", arrays.mask(self.valid, self.source))
        expected = (*self.valid.shape, self.positions.shape[-1])
        if self.positions.ndim != 4 or self.positions.shape != expected:
            raise PoseError(
                f"positions {self.positions.shape} and valid {self.valid.shape}",
                where=self.source,
                expected="p t j c and p t j",
            )
        if self.positions.shape[2] != self.skeleton.num_joints:
            raise arrays.wrong_joint_count(self.positions.shape[2], self.skeleton, self.source)
        if not self.person_ids:
            object.__setattr__(self, "person_ids", tuple(str(person) for person in range(self.num_persons)))
        if len(self.person_ids) != self.num_persons or len(set(self.person_ids)) != self.num_persons:
            raise PoseError(
                f"person ids {self.person_ids} for {self.num_persons} persons",
                where=self.source,
                expected="one id each",
            )
        if self.confidence is not None:
            scores = arrays.floats(self.confidence, self.source)
            object.__setattr__(self, "confidence", arrays.check_confidence(scores, self.valid.shape, self.source))
        known = arrays.without_gaps(self.positions, self.valid, self.skeleton, self.source)
        for name, array in zip(("positions", "valid"), known, strict=True):
            object.__setattr__(self, name, array)
        arrays.check_unit(self.unit, self.skeleton, self.source)
        arrays.check_up(self.up, self.skeleton, self.source)
        check_fps(self.fps, self.source)
        for name in ("positions", "valid", "confidence"):
            array = getattr(self, name)
            if array is not None:
                view = array.view()  # so that the caller's own array stays writable
                view.setflags(write=False)
                object.__setattr__(self, name, view)

    @classmethod
    def from_array(
        cls,
        array: object,
        skeleton: str | SkeletonSpec,
        *,
        layout: str | None = None,
        fps: float | None = None,
        confidence: object | None = None,
        valid: object | None = None,
        unit: str | None = None,
        up: str | None = None,
        person_ids: Sequence[str] | None = None,
        zeros_are_missing: bool = False,
        source: str | None = None,
        meta: Mapping[str, str] | None = None,
    ) -> PoseSequence:
        """Take poses from an array of any usual layout.

        Args:
            array: numpy array, torch tensor, masked array, pandas or xarray object, or nested lists; any real dtype.
                NaN marks a missing coordinate, and with it the joint.
            skeleton: Id, alias, or SkeletonSpec of the joint convention.
            layout: Order of the axes, as letters p (person), t (time), j (joint), c (coordinate); m and v stand for p
                and j, and n for an axis of length 1. Default: "t j c" for three axes, "p t j c" for four.
            fps: Frames per second; None if unknown.
            confidence: Array in the order of `layout` without c, values 0 to 1; NaN or 0 means missing.
            valid: Boolean array in the order of `layout` without c.
            unit, up: Override the skeleton's unit and upward axis.
            person_ids: One id for each person.
            zeros_are_missing: Treat joints at exactly (0, 0) or (0, 0, 0) as missing.
            source: Where the poses came from, for messages.
            meta: Facts of the recording.

        Returns:
            The sequence; the array given is copied, never changed.

        Raises:
            PoseError: If shape and layout contradict the skeleton, a value is infinite, or fps or confidence is out of
                range.
            PoseTypeError: If the array has no real numbers in it.

        Example:
            >>> import numpy as np
            >>> kinect = PoseSequence.from_array(np.ones((1, 3, 50, 25, 2)), "ntu-rgb+d", layout="n c t v m")
            >>> kinect.positions.shape
            (2, 50, 25, 3)
        """
        spec = get_skeleton(skeleton)
        values = arrays.to_numpy(array, source)
        order = arrays.axis_order(values, layout, spec, source)
        positions = arrays.arrange(values, order, source)
        arrays.check_dims(positions.shape[-1], spec, unit, source)
        known = arrays.finite_joints(positions, spec, source)
        if confidence is not None:
            scores = arrays.check_confidence(
                arrays.arrange(arrays.to_numpy(confidence, source), order.replace("c", ""), source), known.shape, source
            )
            known &= scores > 0
        if valid is not None:
            given = arrays.arrange(arrays.to_numpy(valid, source), order.replace("c", ""), source) > 0
            arrays.check_same_shape("valid", given.shape, known.shape, source)
            known &= given
        known &= ~arrays.zero_joints(positions, known, zeros_are_missing=zeros_are_missing, source=source)
        positions[~known] = 0  # a copy already: recordings of hours need not be copied twice
        return cls(
            positions=positions,
            valid=known,
            skeleton=spec,
            confidence=None if confidence is None else np.where(known, scores, np.float32(0)).astype(np.float32),
            fps=check_fps(fps, source),
            person_ids=tuple(map(str, person_ids)) if person_ids is not None else (),
            unit=arrays.check_unit(unit, spec, source),
            up=arrays.check_up(up, spec, source),
            source=source,
            meta=dict(meta or {}),
        )

    @property
    def num_persons(self) -> int:
        """Number of person slots."""
        return int(self.positions.shape[0])

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return int(self.positions.shape[1])

    @property
    def num_joints(self) -> int:
        """Number of joints of the skeleton."""
        return int(self.positions.shape[2])

    @property
    def dims(self) -> int:
        """2 for image coordinates, 3 for space."""
        return int(self.positions.shape[3])

    @property
    def duration(self) -> float | None:
        """Length in seconds, or None if the frame rate is unknown."""
        return None if self.fps is None else self.num_frames / self.fps

    def replace(self, **changes: object) -> PoseSequence:
        """Return a copy with some fields changed, for example `clip.replace(fps=25.0)`."""
        return replace(self, **changes)  # type: ignore[arg-type]  # dataclasses.replace checks the names

    def frames(self, start: int, stop: int) -> PoseSequence:
        """Return the frames from `start` up to but not including `stop`.

        Raises:
            PoseError: If the range is not inside the sequence.
        """
        if not 0 <= start <= stop <= self.num_frames:
            raise PoseError(
                f"frames {start} to {stop}", where=self.source, expected=f"a range in 0 to {self.num_frames}"
            )
        return self._take(np.s_[:, start:stop], self.person_ids)

    def persons(self, indices: Sequence[int]) -> PoseSequence:
        """Return the persons with these indices, in this order.

        Raises:
            PoseError: If an index is out of range.
        """
        if any(not 0 <= index < self.num_persons for index in indices):
            raise PoseError(
                f"persons {list(indices)}", where=self.source, expected=f"indices 0 to {self.num_persons - 1}"
            )
        return self._take(np.s_[list(indices)], tuple(self.person_ids[index] for index in indices))

    def _take(self, key: tuple[slice, slice] | list[int], person_ids: tuple[str, ...]) -> PoseSequence:
        confidence = None if self.confidence is None else self.confidence[key].copy()
        return replace(
            self,
            positions=self.positions[key].copy(),
            valid=self.valid[key].copy(),
            confidence=confidence,
            person_ids=person_ids,
        )

    def __repr__(self) -> str:
        persons = f"{self.num_persons} person" + ("" if self.num_persons == 1 else "s")
        rate = "" if self.fps is None else f" at {self.fps:g} fps"
        known = f"{100 * float(self.valid.mean()):.1f} %" if self.valid.size else "0 %"
        return (
            f"PoseSequence({self.skeleton.id}: {persons}, {self.num_frames} frames{rate}, "
            f"{self.num_joints} joints in {self.dims}D {self.unit}, {known} of joints known)"
        )


def check_fps(fps: float | None, source: str | None) -> float | None:
    """Return the frame rate as a float; refuse what is not a positive, plausible number."""
    if fps is None:
        return None
    if (
        isinstance(fps, bool)
        or not isinstance(fps, int | float | np.integer | np.floating)
        or not 0 < fps <= MAXIMUM_FPS
    ):
        raise PoseError(f"a frame rate of {fps!r}", where=source, expected=f"a number in (0, {MAXIMUM_FPS:g}], or None")
    return float(fps)
