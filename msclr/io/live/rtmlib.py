"""Results of rtmlib (RTMPose, RTMW, RTMO)."""

from __future__ import annotations

from collections.abc import Sequence

from msclr.errors import PoseError
from msclr.io.instances import Instance
from msclr.io.live.common import join, joint_table, persons_array
from msclr.poses import arrays
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec


def from_rtmlib(
    keypoints: object, scores: object, *, skeleton: str | SkeletonSpec, fps: float | None = None
) -> PoseSequence:
    """Take the poses that rtmlib found in the frames of a video.

    Args:
        keypoints: For each frame the array [persons, joints, 2] that the model returned, in a list; or such an array of
            a single image.
        scores: For each frame the array [persons, joints] that it returned beside; or that of the image.
        skeleton: The convention of the model: "coco_17" for Body, "halpe_26" for BodyWithFeet, "coco_wholebody_133"
            for Wholebody, "openpose_coco_18" for Body with `to_openpose=True`.
        fps: Frames per second of the video.

    Returns:
        The poses in pixels; scores over 1, which these models give, become 1 and are counted in `meta`. Persons are
        followed by position.

    Raises:
        PoseError: If there are not as many scores as key points, or not as many key points as the skeleton has.
        PoseTypeError: If something is no array.

    Example:
        >>> import numpy as np
        >>> points = np.random.default_rng(0).uniform(1, 600, size=(1, 17, 2))
        >>> from_rtmlib([points, points], [np.full((1, 17), 0.8)] * 2, skeleton="coco_17", fps=25)
        PoseSequence(coco_17: 1 person, 2 frames at 25 fps, 17 joints in 2D px, 100.0 % of joints known)
    """
    source = "rtmlib results"
    points_of, scores_of = _frames(keypoints, 3, source), _frames(scores, 2, source)
    if len(points_of) != len(scores_of):
        raise PoseError(
            f"{len(points_of)} frames of key points, {len(scores_of)} of scores", where=source, expected="as many"
        )
    instances: list[Instance] = []
    for frame, (points_in, scores_in) in enumerate(zip(points_of, scores_of, strict=True)):
        where = f"{source}, frame {frame}"
        points = persons_array(points_in, "person joint coordinate", f"{where}, keypoints")
        score = persons_array(scores_in, "person joint", f"{where}, scores")
        if score.shape != points.shape[:2]:
            raise PoseError(f"scores {score.shape} for key points {points.shape}", where=where, expected="one for each")
        for person in range(len(points)):
            table = joint_table(points[person], score[person], f"{where}, person {person}", zeros=False)
            instances.append(Instance(frame, table))
    return join(instances, get_skeleton(skeleton), frames=len(points_of), fps=fps, source=source, scored=True)


def _frames(value: object, axes: int, source: str) -> Sequence[object]:
    if isinstance(value, list | tuple):
        return value
    values = arrays.to_numpy(value, source)
    return list(values) if values.ndim == axes + 1 else [values]
