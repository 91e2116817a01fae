"""What makes sequences views of one recording: the same clock, the same persons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import floor
from typing import TypeAlias

import torch

from msclr.errors import PoseError, PoseTypeError
from msclr.poses.resample import sample_sequence
from msclr.poses.sequence import PoseSequence, check_fps

Views: TypeAlias = Mapping[str, PoseSequence] | Iterable[PoseSequence]

_EXACTLY = 1e-6  # how close to a frame, in frames, a time must be to count as that frame


def named_views(views: Views) -> dict[str, PoseSequence]:
    """Return the views by name; those without get the id of their convention.

    Raises:
        PoseTypeError: If they are no sequences under names.
        PoseError: If there are none, or a name comes twice.
    """
    if isinstance(views, PoseSequence) or not isinstance(views, Iterable):
        raise PoseTypeError(f"a {type(views).__name__}", expected="several sequences, or a dict of them")
    named: dict[str, PoseSequence] = {}
    for entry in views.items() if isinstance(views, Mapping) else (("", view) for view in views):
        name, view = entry
        if not isinstance(view, PoseSequence) or not isinstance(name, str):
            raise PoseTypeError(
                f"a view {name!r:.60} of type {type(view).__name__}", expected="a PoseSequence under a name"
            )
        name = name or view.skeleton.id
        if name in named:
            raise PoseError(
                f"two views called {name!r:.60}",
                where=view.source,
                expected="different names",
                remedy="a dict that names them: MultiPose({'camera 1': ..., 'camera 2': ...})",
            )
        named[name] = view
    if not named:
        raise PoseError("no views", expected="at least one sequence")
    return named


def check_recording(views: Mapping[str, PoseSequence], source: str | None) -> str | None:
    """Return the name of the recording that `meta` has, if any; refuse two."""
    recordings = {view.meta["recording"]: name for name, view in views.items() if "recording" in view.meta}
    if len(recordings) > 1:
        (first, one), (second, other), *_ = recordings.items()
        raise PoseError(
            f"view {one!r:.60} is of the recording {first!r:.60}, view {other!r:.60} of {second!r:.60}",
            where=source,
            expected="views of one recording",
        )
    return next(iter(recordings), None)


def check_clock(views: Mapping[str, PoseSequence], source: str | None) -> None:
    """Refuse views of different numbers of frames, or durations.

    Raises:
        PoseError: If frame i of one is not frame i of the others.
    """
    counts = {name: view.num_frames for name, view in views.items()}
    if len(set(counts.values())) > 1:
        raise PoseError(
            "views of " + ", ".join(f"{count} frames ({name})" for name, count in counts.items()),
            where=source,
            expected="as many frames in each",
            remedy="MultiPose.align(views) if they show the same stretch of time",
        )
    _check_durations({name: view for name, view in views.items() if view.fps is not None}, source)


def on_one_clock(views: Mapping[str, PoseSequence], fps: float | None, source: str | None) -> dict[str, PoseSequence]:
    """Interpolate views of the same stretch of time at the times of one clock; see `MultiPose.align`."""
    if fps is None and len({view.num_frames for view in views.values()}) == 1:
        return dict(views)
    rates = {name: _rate(name, view, source) for name, view in views.items()}
    _check_durations(views, source)
    clock = check_fps(fps, source) or min(rates.values())
    reached = min((view.num_frames - 1) / rates[name] for name, view in views.items())
    times = torch.arange(floor(reached * clock + _EXACTLY) + 1, dtype=torch.float64) / clock
    return {name: _at(view, times * rates[name], clock) for name, view in views.items()}


def name_the_only_person(views: Mapping[str, PoseSequence]) -> dict[str, PoseSequence]:
    """Return the views; where each has a single person, it is the same one, whatever the files call it.

    Example:
        >>> import numpy as np
        >>> clip = PoseSequence.from_array(np.ones((1, 17, 2)), "coco_17", person_ids=["Ann"])
        >>> views = name_the_only_person({"left": clip, "right": clip.replace(person_ids=("1",))})
        >>> [view.person_ids for view in views.values()]
        [('Ann',), ('Ann',)]
    """
    if any(view.num_persons != 1 for view in views.values()):
        return dict(views)
    first = next(iter(views.values())).person_ids
    return {name: view.replace(person_ids=first) for name, view in views.items()}


def same_persons(views: Mapping[str, PoseSequence], source: str | None) -> tuple[PoseSequence, ...]:
    """Return the views with their persons in the order of the first one, by id.

    Raises:
        PoseError: If the ids are not the same in all of them.
    """
    first, reference = next(iter(views.items()))
    ordered = []
    for name, view in views.items():
        if set(view.person_ids) != set(reference.person_ids):
            raise PoseError(
                f"persons {_listed(reference)} in {first!r:.60}, {_listed(view)} in {name!r:.60}",
                where=source,
                expected="the same ids",
                remedy="view.persons([...]) to choose, view.replace(person_ids=(...)) to name them",
            )
        if view.person_ids == reference.person_ids:
            ordered.append(view)
        else:
            ordered.append(view.persons([view.person_ids.index(person) for person in reference.person_ids]))
    return tuple(ordered)


def _listed(view: PoseSequence) -> str:
    shown = ", ".join(f"{person!r:.40}" for person in view.person_ids[:6])
    return (shown or "nobody") + (", ..." if view.num_persons > 6 else "")


def _rate(name: str, view: PoseSequence, source: str | None) -> float:
    if not view.num_frames:
        raise PoseError(f"view {name!r:.60} has 0 frames", where=source, expected="at least 1 frame")
    if view.fps is None:
        raise PoseError(
            f"the frame rate of view {name!r:.60} is unknown",
            where=source,
            expected="fps",
            remedy="view.replace(fps=30.0)",
        )
    return view.fps


def _check_durations(views: Mapping[str, PoseSequence], source: str | None) -> None:
    lengths = {name: view.duration or 0.0 for name, view in views.items()}
    if not lengths:
        return
    longest, shortest = max(lengths, key=lengths.__getitem__), min(lengths, key=lengths.__getitem__)
    frame = max(1 / view.fps for view in views.values() if view.fps is not None)
    if lengths[longest] - lengths[shortest] >= frame:
        raise PoseError(
            f"view {longest!r:.60} lasts {lengths[longest]:.3f} s, view {shortest!r:.60} {lengths[shortest]:.3f} s",
            where=source,
            expected=f"less than a frame ({frame:.3f} s) of difference",
            remedy="view.frames(start, stop) to cut the same stretch of time, or view.replace(fps=...)",
        )


def _at(view: PoseSequence, times: torch.Tensor, fps: float) -> PoseSequence:
    """Sample a view at times in its own frames; a time that is a frame up to rounding is that frame."""
    whole = times.round()
    times = torch.where((times - whole).abs() < _EXACTLY, whole, times)
    if len(times) == view.num_frames and bool((times == torch.arange(len(times))).all()):
        return view.replace(fps=fps)
    return sample_sequence(view, times, fps)
