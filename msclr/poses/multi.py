"""MultiPose: one recording in several joint conventions, on one clock, with the same persons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msclr.errors import ConversionError, UnknownSkeletonError, UnknownViewError
from msclr.poses.alignment import Views, check_clock, check_recording, named_views, on_one_clock, same_persons
from msclr.poses.convert import ConversionReport, convert, convertible
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec


@dataclass(frozen=True, eq=False, init=False)
class MultiPose(Mapping[str, PoseSequence]):
    """One recording in several joint conventions: a mapping from names to sequences of the same frames and persons.

    Frame 7 of one view is frame 7 of every other, and so is person 1. The rule: the views have the same number of
    frames, durations (where known) that differ by less than a frame, and the same person ids; the persons are put into
    the order of the first view by their ids. `MultiPose.align` brings recordings of different frame rates there.

    Args:
        views: Name to sequence; or sequences, whose names are then the ids of their conventions.
        source: Name of the recording, for messages; by default `meta["recording"]`, or the source of the first view.
        reports: What was copied, derived and impossible, if views were derived from others.

    Raises:
        PoseError: If the views are not of the same frames, persons and recording, or a name comes twice.
        PoseTypeError: If a view is no PoseSequence.

    Example:
        >>> import numpy as np
        >>> random = np.random.default_rng(0)
        >>> kinect = PoseSequence.from_array(random.normal(size=(30, 25, 3)), "kinect_v2_25", fps=30)
        >>> pixels = PoseSequence.from_array(random.normal(size=(30, 17, 2)), "coco_17", fps=30)
        >>> both = MultiPose([kinect, pixels])
        >>> both
        MultiPose(kinect_v2_25, coco_17: 1 person, 30 frames at 30 fps)
        >>> both["ntu-rgb+d"] is kinect
        True
        >>> [clip.num_frames for clip in both.frames(0, 10).values()]
        [10, 10]
    """

    names: tuple[str, ...]
    sequences: tuple[PoseSequence, ...]
    source: str | None
    reports: tuple[ConversionReport, ...]

    def __init__(self, views: Views, *, source: str | None = None, reports: Sequence[ConversionReport] = ()) -> None:
        named = named_views(views)
        recording = check_recording(named, source)
        place = source or recording or next(iter(named.values())).source
        check_clock(named, place)
        object.__setattr__(self, "names", tuple(named))
        object.__setattr__(self, "sequences", same_persons(named, place))
        object.__setattr__(self, "source", place)
        object.__setattr__(self, "reports", tuple(reports))

    @classmethod
    def align(cls, views: Views, *, fps: float | None = None, source: str | None = None) -> MultiPose:
        """Bring recordings of the same motion, from devices of different frame rates, onto one clock.

        Their first frames are taken to be of the same moment. Each view is interpolated at the times of the clock that
        all views reach; nothing is extrapolated.

        Args:
            views: As for `MultiPose`; durations may differ by less than one frame of the slowest view.
            fps: Rate of the clock; by default the lowest of the views. Views that already have as many frames as the
                first stay as they are if it is not given.
            source: Name of the recording.

        Raises:
            PoseError: If a frame rate is needed and unknown, or the durations differ by a frame or more.

        Example:
            >>> import numpy as np
            >>> fast = PoseSequence.from_array(np.ones((60, 25, 3)), "kinect_v2_25", fps=60)
            >>> slow = PoseSequence.from_array(np.ones((30, 17, 2)), "coco_17", fps=30)
            >>> MultiPose.align([fast, slow])
            MultiPose(kinect_v2_25, coco_17: 1 person, 30 frames at 30 fps)
        """
        return cls(on_one_clock(named_views(views), fps, source), source=source)

    @classmethod
    def derived(cls, sequence: PoseSequence, skeletons: Iterable[str | SkeletonSpec]) -> MultiPose:
        """Express a recording in further joint conventions; it is the first view itself.

        Args:
            sequence: A recording.
            skeletons: The conventions wanted beside its own; see `msclr.convert`.

        Returns:
            The views; `reports` says for each derived one which joints were copied, derived and impossible.

        Raises:
            ConversionError: If no joint of some of the conventions can be told; the message lists them all.
            UnknownSkeletonError: If there is no such convention.

        Example:
            >>> import numpy as np
            >>> kinect = PoseSequence.from_array(np.random.default_rng(0).normal(size=(30, 25, 3)), "kinect_v2_25")
            >>> views = MultiPose.derived(kinect, ["coco_17", "h36m_17"])
            >>> list(views), [round(report.share, 2) for report in views.reports]
            (['kinect_v2_25', 'coco_17', 'h36m_17'], [1.0, 1.0])
        """
        views, reports, impossible = [sequence], [], []
        given = sequence.skeleton
        given = given if given.dims == sequence.dims else given.replace(dims=sequence.dims)
        for spec in map(get_skeleton, skeletons):
            try:
                views.append(convert(sequence, spec))
            except ConversionError as error:
                impossible.append((spec.id, error))
            else:
                reports.append(convertible(given, spec))
        if impossible:
            raise ConversionError(
                f"no joint of {', '.join(repr(name) for name, _ in impossible)} follows from {given.id!r}",
                where=sequence.source,
                expected=impossible[0][1].expected,
                remedy="without them; convertible(source, target) tells before",
            )
        return cls(views, source=sequence.meta.get("recording", sequence.source), reports=reports)

    def __getitem__(self, name: str) -> PoseSequence:
        """Return the view of this name, or else the one of the convention with this id or alias."""
        if name in self.names:
            return self.sequences[self.names.index(name)]
        found = []
        if isinstance(name, str):
            try:
                wanted = get_skeleton(name).id
            except UnknownSkeletonError:
                wanted = name
            found = [view for view in self.sequences if view.skeleton.id == wanted]
        if len(found) != 1:
            what = f"{len(found)} views are in {name!r:.60}" if found else f"no view {name!r:.60}"
            raise UnknownViewError(what, where=self.source, expected="one of " + ", ".join(self.names))
        return found[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        persons = f"{self.num_persons} person" + ("" if self.num_persons == 1 else "s")
        rate = "" if self.fps is None else f" at {self.fps:g} fps"
        return f"MultiPose({', '.join(self.names)}: {persons}, {self.num_frames} frames{rate})"

    @property
    def skeletons(self) -> tuple[SkeletonSpec, ...]:
        """The joint convention of each view."""
        return tuple(view.skeleton for view in self.sequences)

    @property
    def num_frames(self) -> int:
        """Number of frames, the same in every view."""
        return self.sequences[0].num_frames

    @property
    def num_persons(self) -> int:
        """Number of persons, the same in every view."""
        return self.sequences[0].num_persons

    @property
    def person_ids(self) -> tuple[str, ...]:
        """One id for each person, the same in every view."""
        return self.sequences[0].person_ids

    @property
    def fps(self) -> float | None:
        """Frames per second, of the first view that knows it."""
        return next((view.fps for view in self.sequences if view.fps is not None), None)

    def frames(self, start: int, stop: int) -> MultiPose:
        """Return the frames from `start` up to but not including `stop`, of every view."""
        return self._each(lambda view: view.frames(start, stop))

    def persons(self, indices: Sequence[int]) -> MultiPose:
        """Return the persons with these indices, in this order, of every view."""
        return self._each(lambda view: view.persons(indices))

    def replace(self, **changes: object) -> MultiPose:
        """Return a copy with some fields of every view changed, for example `views.replace(fps=25.0)`."""
        return self._each(lambda view: view.replace(**changes))

    def _each(self, change: Callable[[PoseSequence], PoseSequence]) -> MultiPose:
        return MultiPose({name: change(view) for name, view in self.items()}, source=self.source, reports=self.reports)
