"""Poses of pose-format, the files of sign language processing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from msclr.errors import PoseError, PoseTypeError
from msclr.io.instances import Instance
from msclr.io.live.common import FloatArray, join, joint_table
from msclr.io.live.joints import find_skeleton, texts
from msclr.poses import arrays
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import SkeletonSpec

_SOURCE = "pose-format pose"
_WORLD = "WORLD"
_KNOWN = {"LEFT_HAND_LANDMARKS": "mediapipe_hand_21", "RIGHT_HAND_LANDMARKS": "mediapipe_hand_21"}


def from_pose_format(
    pose: object, component: str | None = None, skeleton: str | SkeletonSpec | None = None, *, fps: float | None = None
) -> PoseSequence:
    """Take one component of a pose of pose-format: the body, a hand, the face.

    Args:
        pose: A `pose_format.Pose`.
        component: Name of the component, for example "POSE_LANDMARKS" or "POSE_WORLD_LANDMARKS" of MediaPipe's holistic
            model, or "pose_keypoints_2d" of OpenPose. May be left out if there is only one.
        skeleton: The joint convention, picked by the names of the points. Without it, the registered one with these
            names, or one made of the points and limbs.
        fps: Frames per second, instead of the pose's own.

    Returns:
        The poses with their confidence. World landmarks are in metres around the hips, y down; all others are pixels in
        2D, for their third coordinate is in another unit or none. Several persons are followed by position, because
        their places in the file are those of each frame.

    Raises:
        PoseTypeError: If it is no such pose.
        PoseError: If there is no component of that name, or several and none is named, or the arrays contradict the
            header.
        UnknownJointError: If a joint of the skeleton is not among the points.

    Example:
        >>> from types import SimpleNamespace as Object
        >>> eyes = Object(name="eyes", points=["left_eye", "right_eye"], limbs=[(0, 1)], format="XYC")
        >>> body = Object(fps=25.0, data=np.ones((3, 1, 2, 2)), confidence=np.full((3, 1, 2), 0.5))
        >>> clip = from_pose_format(Object(header=Object(components=[eyes]), body=body))
        >>> clip.skeleton.joints, clip.num_frames, float(clip.confidence.max())
        (('left_eye', 'right_eye'), 3, 0.5)
    """
    chosen, start, total = _component(pose, component)
    name = str(getattr(chosen, "name", ""))
    where = f"{_SOURCE}, {name}"
    names = texts(getattr(chosen, "points", None), where)
    values, scores = _arrays(getattr(pose, "body", None), total, where)
    world = _WORLD in name.upper() and values.shape[3] == 3
    columns = slice(start, start + len(names))
    values, scores = values[:, :, columns, : 3 if world else 2], scores[:, :, columns]
    edges = [(int(first), int(second)) for first, second in getattr(chosen, "limbs", None) or ()]
    spec, places = _skeleton(name, names, skeleton, edges, world, where)
    instances = [
        Instance(frame, joint_table(person[places], known[places], f"{where}, frame {frame}", zeros=False))
        for frame, persons in enumerate(zip(values, scores, strict=True))
        for person, known in zip(*persons, strict=True)
    ]
    unit, rate = "m" if world else "px", getattr(pose.body, "fps", None)  # type: ignore[attr-defined]  # checked above
    return join(
        instances,
        spec,
        frames=len(values),
        fps=fps if fps is not None else float(rate) if rate else None,
        source=where,
        scored=True,
        unit=unit,
        up="-y",
    )


def _component(pose: object, wanted: str | None) -> tuple[object, int, int]:
    """Return a component, the place of its first point among those of all components, and how many these are."""
    components = getattr(getattr(pose, "header", None), "components", None)
    if not isinstance(components, Iterable) or not hasattr(pose, "body"):
        raise PoseTypeError(f"a {type(pose).__name__}", where=_SOURCE, expected="a pose_format.Pose")
    entries = list(components)
    sizes = [len(texts(getattr(entry, "points", None), _SOURCE)) for entry in entries]
    names = [str(getattr(entry, "name", "")) for entry in entries]
    if wanted is None and len(entries) != 1:
        raise PoseError(f"{len(entries)} components", where=_SOURCE, expected="component= one of " + ", ".join(names))
    if wanted is not None and names.count(wanted) != 1:
        raise PoseError(f"component={wanted!r:.60}", where=_SOURCE, expected="one of " + ", ".join(names))
    place = 0 if wanted is None else names.index(wanted)
    return entries[place], sum(sizes[:place]), sum(sizes)


def _arrays(body: object, points: int, where: str) -> tuple[FloatArray, FloatArray]:
    """Return positions [t, p, j, c], NaN where masked, and confidences [t, p, j]."""
    data = getattr(body, "data", None)
    mask = getattr(data, "mask", None)
    if hasattr(data, "tensor"):  # the masked tensors of its torch and TensorFlow bodies, which are True where known
        values = arrays.to_numpy(getattr(data, "tensor"), where)  # noqa: B009  # by duck type
        known = arrays.to_numpy(mask, where) > 0
        values = np.where(known, values, np.float32(np.nan))
    else:
        values = arrays.to_numpy(data, where)
    scores = arrays.to_numpy(getattr(body, "confidence", None), where)
    if values.ndim != 4 or values.shape[2] != points or values.shape[3] not in (2, 3):
        raise PoseError(
            f"data of shape {values.shape}", where=where, expected=f"frames, people, {points} points, 2 or 3 dimensions"
        )
    if scores.shape != values.shape[:3]:
        raise PoseError(f"confidence of shape {scores.shape}", where=where, expected=f"{values.shape[:3]}, as the data")
    return values, scores


def _skeleton(
    name: str,
    names: list[str],
    skeleton: str | SkeletonSpec | None,
    edges: list[tuple[int, int]],
    world: bool,
    where: str,
) -> tuple[SkeletonSpec, list[int]]:
    """Return the joint convention and the places of its joints; MediaPipe's are known by the component."""
    dims = 3 if world else 2
    if skeleton is None and "LANDMARKS" in name.upper():
        # registered in 3D; the image landmarks are the same joints in 2D
        spec, places = find_skeleton(names, _KNOWN.get(name), where, dims=3, edges=edges)
        return spec.replace(dims=dims, unit="m" if world else "px", up="-y"), places
    return find_skeleton(names, skeleton, where, dims=dims, edges=edges)
