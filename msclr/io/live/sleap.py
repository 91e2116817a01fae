"""Labels of sleap-io: what SLEAP, and the formats that sleap-io reads, say about a video."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from msclr.errors import PoseError, PoseTypeError
from msclr.io.instances import Instance
from msclr.io.live.common import FloatArray, join, joint_table
from msclr.io.live.joints import find_skeleton, texts
from msclr.poses import arrays
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import SkeletonSpec

_SOURCE = "sleap-io labels"
_OURS = re.compile(r"track \d+")


def from_sleap(
    labels: object,
    skeleton: str | SkeletonSpec | None = None,
    *,
    video: object = None,
    fps: float | None = None,
) -> PoseSequence:
    """Take the poses that sleap-io has of a video.

    Args:
        labels: A `sleap_io.Labels`.
        skeleton: The joint convention, picked by the names of the nodes. Without it, the registered one with these
            names, or one made of the nodes and edges.
        video: Which video, if several have poses: one of `labels.videos`, or its place among them.
        fps: Frames per second of the video, which the labels do not say.

    Returns:
        The poses in pixels; frames in between that are not labelled are missing. A prediction that a user has
        corrected gives way to the correction. Points of users have confidence 1; scores over 1, which some models give,
        become 1 and are counted in `meta`. Persons are told apart by their tracks, those without one are followed by
        position.

    Raises:
        PoseTypeError: If it is no such object.
        PoseError: If several videos have poses and none is chosen, or the instances have different skeletons.
        UnknownJointError: If a joint of the skeleton is not among the nodes.

    Example:
        >>> from types import SimpleNamespace as Object
        >>> nodes = Object(node_names=["nose", "left_eye"], edge_inds=[(0, 1)])
        >>> person = Object(numpy=lambda: np.ones((2, 2)), skeleton=nodes, track=None)
        >>> frames = [Object(frame_idx=frame, video="walk.mp4", instances=[person]) for frame in (3, 5)]
        >>> from_sleap(Object(labeled_frames=frames, videos=["walk.mp4"], tracks=[]), fps=25).valid[0, :, 0].tolist()
        [True, False, True]
    """
    frames = _frames(labels, video)
    found = [(number, instance) for number, frame in frames for instance in _instances(frame, number)]
    names, nodes = _skeleton([instance for _, instance in found], len(frames))
    edges = [(int(first), int(second)) for first, second in getattr(nodes, "edge_inds", ())]
    spec, places = find_skeleton(names, skeleton, _SOURCE, dims=2, edges=edges)
    tracks = _track_names(found)
    instances: list[Instance] = []
    for number, instance in found:
        where = f"{_SOURCE}, frame {number}"
        points, scores = _points(instance, len(names), where)
        table = joint_table(points[places], None if scores is None else scores[places], where, zeros=False)
        instances.append(Instance(number, table, tracks.get(id(getattr(instance, "track", None)))))
    scored = any(_predicted(instance) for _, instance in found)
    numbers = [number for number, _ in frames]
    return join(instances, spec, frames=numbers, fps=fps, source=_SOURCE, scored=scored, unit="px", up="-y")


def _frames(labels: object, video: object) -> list[tuple[int, object]]:
    """Return the labelled frames of the video, with their numbers."""
    frames = getattr(labels, "labeled_frames", None)
    if not isinstance(frames, Iterable):
        raise PoseTypeError(f"a {type(labels).__name__}", where=_SOURCE, expected="sleap_io.Labels")
    entries = list(frames)
    videos = list(getattr(labels, "videos", ()))
    if isinstance(video, int):
        if not 0 <= video < len(videos):
            raise PoseError(f"video={video}", where=_SOURCE, expected=f"a place among {len(videos)} videos")
        video = videos[video]
    used = {id(getattr(frame, "video", None)): getattr(frame, "video", None) for frame in entries}
    if video is None and len(used) > 1:
        listed = ", ".join(f"{getattr(each, 'filename', each)!s:.60}" for each in list(used.values())[:4])
        raise PoseError(
            f"poses of {len(used)} videos: {listed}", where=_SOURCE, expected="one video", remedy="video=0, or another"
        )
    chosen = [frame for frame in entries if video is None or getattr(frame, "video", None) is video]
    if not chosen:
        raise PoseError("no labelled frames" + ("" if video is None else " of this video"), where=_SOURCE)
    numbered = [(getattr(frame, "frame_idx", None), frame) for frame in chosen]
    numbers = [int(number) for number, _ in numbered if isinstance(number, int | np.integer) and number >= 0]
    if len(set(numbers)) < len(chosen):
        raise PoseError("a frame twice, or without its number", where=_SOURCE, expected="each frame_idx once")
    return sorted(zip(numbers, chosen, strict=True), key=lambda entry: entry[0])


def _instances(frame: object, number: int) -> list[object]:
    """Return the persons in a frame, without the predictions that a user has corrected."""
    instances = getattr(frame, "instances", None)
    if not isinstance(instances, Iterable):
        raise PoseTypeError(f"a {type(frame).__name__} without instances", where=f"{_SOURCE}, frame {number}")
    entries = list(instances)
    by_user = [entry for entry in entries if not _predicted(entry)]
    corrected = {id(getattr(entry, "from_predicted", None)) for entry in by_user} - {id(None)}
    tracks = {id(getattr(entry, "track", None)) for entry in by_user} - {id(None)}
    return [
        entry
        for entry in entries
        if not (_predicted(entry) and (id(entry) in corrected or id(getattr(entry, "track", None)) in tracks))
    ]


def _predicted(instance: object) -> bool:
    return hasattr(instance, "score")


def _skeleton(instances: Sequence[object], frames: int) -> tuple[list[str], object]:
    """Return the names of the nodes, and the skeleton, that all instances have."""
    found: dict[tuple[str, ...], object] = {}
    for instance in instances:
        nodes = getattr(instance, "skeleton", None)
        if nodes is None or not hasattr(nodes, "node_names") or not callable(getattr(instance, "numpy", None)):
            raise PoseTypeError(f"a {type(instance).__name__}", where=_SOURCE, expected="instances of sleap-io")
        found.setdefault(tuple(texts(nodes.node_names, _SOURCE)), nodes)
    if not found:
        raise PoseError(f"nobody in {frames} labelled frames", where=_SOURCE, expected="at least one instance")
    if len(found) > 1:
        listed = "; ".join(", ".join(names[:4]) for names in found)
        raise PoseError(f"{len(found)} skeletons: {listed}", where=_SOURCE, expected="one skeleton in a recording")
    names, nodes = next(iter(found.items()))
    return list(names), nodes


def _points(instance: object, count: int, where: str) -> tuple[FloatArray, FloatArray | None]:
    """Return the points [j, 2] of an instance, NaN where invisible, and the scores [j] of a prediction."""
    to_numpy = instance.numpy  # type: ignore[attr-defined]  # checked by _skeleton
    predicted = _predicted(instance)
    values = arrays.to_numpy(to_numpy(scores=True) if predicted else to_numpy(), where)
    if values.shape != (count, 3 if predicted else 2):
        raise PoseError(f"points of shape {values.shape}", where=where, expected=f"{count} nodes")
    return values[:, :2], values[:, 2] if predicted else None


def _track_names(found: Sequence[tuple[int, object]]) -> dict[int, str]:
    """Name the tracks by their identity: names may be equal, or look like those of untracked persons."""
    tracks = {id(track): track for _, entry in found if (track := getattr(entry, "track", None)) is not None}
    names: dict[int, str] = {}
    for place, (identity, track) in enumerate(tracks.items()):
        name = str(getattr(track, "name", "")) or f"sleap {place}"
        taken = name in names.values() or _OURS.fullmatch(name)
        names[identity] = f"{name} (sleap {place})" if taken else name
    return names
