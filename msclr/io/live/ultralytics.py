"""Results of Ultralytics pose models (YOLO)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from msclr.errors import PoseError, PoseTypeError
from msclr.io.instances import Instance
from msclr.io.live.common import join, joint_table, persons_array
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec


def from_ultralytics(
    results: Iterable[object], *, skeleton: str | SkeletonSpec = "coco_17", fps: float | None = None
) -> PoseSequence:
    """Take the poses that an Ultralytics model found in the frames of a video.

    Args:
        results: What `model.predict(...)` or `model.track(...)` returns: one `Results` for each frame.
        skeleton: Joint convention, for models trained on another than COCO's.
        fps: Frames per second of the video.

    Returns:
        The poses in pixels. Persons are told apart by the ids of `model.track`, else they are followed by position.
        A key point at (0, 0) is one that was not found; every other stays at its own index.

    Raises:
        PoseTypeError: If something is no result of a pose model.
        PoseError: If the number of key points is not that of the skeleton.

    Example:
        >>> from types import SimpleNamespace as Results
        >>> points = np.random.default_rng(0).uniform(1, 600, size=(1, 17, 2))
        >>> frame = Results(keypoints=Results(xy=points, conf=np.full((1, 17), 0.8)), boxes=Results(id=None))
        >>> from_ultralytics([frame, frame], fps=30)
        PoseSequence(coco_17: 1 person, 2 frames at 30 fps, 17 joints in 2D px, 100.0 % of joints known)
    """
    source = "Ultralytics results"
    spec = get_skeleton(skeleton)
    if not isinstance(results, Iterable):
        raise PoseTypeError(f"a {type(results).__name__}", where=source, expected="a list of results, one for a frame")
    instances: list[Instance] = []
    scored: set[bool] = set()
    frames = 0
    for frame, result in enumerate(results):
        where = f"{source}, frame {frame}"
        frames += 1
        if getattr(result, "keypoints", None) is None:
            raise PoseTypeError(
                f"a {type(result).__name__} without key points", where=where, expected="results of a pose model"
            )
        found, has_scores = _instances(result, frame, where)
        instances.extend(found)
        scored |= {has_scores} if found else set()
    if len(scored) > 1:
        raise PoseError("key points with and without conf", where=source, expected="results of a single model")
    return join(instances, spec, frames=frames, fps=fps, source=source, scored=scored == {True})


def _instances(result: object, frame: int, where: str) -> tuple[list[Instance], bool]:
    """Return the persons in one frame, and whether their joints have scores."""
    keypoints = result.keypoints  # type: ignore[attr-defined]  # checked by the caller
    points = persons_array(keypoints.xy, "person joint coordinate", f"{where}, keypoints.xy")
    conf = getattr(keypoints, "conf", None)
    scores = None if conf is None else persons_array(conf, "person joint", f"{where}, keypoints.conf")
    if scores is not None and scores.shape != points.shape[:2]:
        raise PoseError(f"conf {scores.shape} for xy {points.shape}", where=where, expected="a score for each point")
    ids = getattr(getattr(result, "boxes", None), "id", None)
    names: list[str | None] = [None] * len(points)
    if ids is not None and len(points):
        tracks = persons_array(ids, "person", f"{where}, boxes.id")
        if len(tracks) != len(points) or not np.isfinite(tracks).all():
            raise PoseError(f"{len(tracks)} ids for {len(points)} persons", where=where, expected="one id each")
        names = [f"{int(track)}" for track in tracks]
    tables = [
        joint_table(person, None if scores is None else scores[place], f"{where}, person {place}", zeros=True)
        for place, person in enumerate(points)
    ]
    return [Instance(frame, table, name) for table, name in zip(tables, names, strict=True)], scores is not None
