"""Predictions of MeTRAbs, in one joint convention or in several at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import index
from typing import overload

import numpy as np
import numpy.typing as npt

from msclr.errors import PoseError, PoseTypeError, UnknownSkeletonError
from msclr.io.instances import Instance
from msclr.io.live.common import join, joint_table, persons_array
from msclr.io.live.joints import match_names
from msclr.poses import arrays
from msclr.poses.multi import MultiPose
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec

FloatArray = npt.NDArray[np.float32]
Predictions = Mapping[str, object] | Sequence[Mapping[str, object]]

_SOURCE = "MeTRAbs predictions"


@overload
def from_metrabs(
    predictions: Predictions,
    *,
    skeleton: str | SkeletonSpec,
    joint_names: Sequence[str] | None = None,
    fps: float | None = None,
) -> PoseSequence: ...


@overload
def from_metrabs(
    predictions: Predictions,
    *,
    skeleton: Mapping[str, Sequence[int]],
    joint_names: Mapping[str, Sequence[str]] | None = None,
    fps: float | None = None,
) -> dict[str, PoseSequence]: ...


def from_metrabs(
    predictions: Predictions,
    *,
    skeleton: str | SkeletonSpec | Mapping[str, Sequence[int]],
    joint_names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    fps: float | None = None,
) -> PoseSequence | dict[str, PoseSequence]:
    """Take the poses that MeTRAbs found in the frames of a video.

    Args:
        predictions: For each frame the dict that `detect_poses` returned, in a list; or the dict of a single image; or
            that of `detect_poses_batched`, whose images are the frames.
        skeleton: The convention that was asked of the model, for example "smpl_24". Or, of predictions with
            `skeleton=""`, which have the joints of all conventions, those that are wanted: name to joint indices, as in
            `model.per_skeleton_indices`.
        joint_names: `model.per_skeleton_joint_names[skeleton]`, or all of `model.per_skeleton_joint_names`. Joints are
            then matched by name; a convention that is not registered is understood through its names.
        fps: Frames per second of the video.

    Returns:
        The poses in millimetres, y down, in the camera's frame. For several conventions a dict by their names, whose
        sequences have the same persons and frames: one motion in many conventions.

    Raises:
        PoseTypeError: If something is no prediction.
        PoseError: If the arrays contradict each other or the skeleton.
        UnknownJointError: If a joint of the skeleton is not among the names.

    Example:
        >>> poses = np.random.default_rng(0).normal(size=(1, 43, 3)) * 100
        >>> wanted = {"smpl_24": range(24), "coco_19": range(24, 43)}
        >>> clips = from_metrabs([{"boxes": np.ones((1, 5)), "poses3d": poses}] * 2, skeleton=wanted, fps=25)
        >>> clips["coco_19"]
        PoseSequence(panoptic_19: 1 person, 2 frames at 25 fps, 19 joints in 3D mm, 100.0 % of joints known)
    """
    frames = [poses for prediction in _as_list(predictions) for poses in _images(prediction)]
    if isinstance(skeleton, Mapping):
        if joint_names is not None and not isinstance(joint_names, Mapping):
            raise PoseTypeError("one list of joint names", where=_SOURCE, expected="a list for each skeleton")
        names = joint_names or {}
        chosen = {
            name: choose_joints(name, joint_indices(name, wanted, _SOURCE), names.get(name))
            for name, wanted in skeleton.items()
        }
        whole = _join(frames, 1 + max((column for _, columns in chosen.values() for column in columns), default=0), fps)
        return {name: take_joints(whole, spec, columns) for name, (spec, columns) in chosen.items()}
    if isinstance(joint_names, Mapping):
        raise PoseTypeError("joint names of several skeletons", where=_SOURCE, expected="those of the skeleton")
    count = next((poses.shape[1] for poses in frames if len(poses)), None)
    spec, columns = choose_joints(skeleton, None if count is None else list(range(count)), joint_names)
    return take_joints(_join(frames, len(columns), fps), spec, columns)


def from_metrabs_formats(
    predictions: Predictions,
    skeletons: Mapping[str, Sequence[int]],
    *,
    joint_names: Mapping[str, Sequence[str]] | None = None,
    fps: float | None = None,
) -> MultiPose:
    """Take the poses that MeTRAbs found in the frames of a video, in several joint conventions at once.

    Args:
        predictions: As for `from_metrabs`, of `skeleton=""`.
        skeletons: Name to joint indices, as in `model.per_skeleton_indices`.
        joint_names: `model.per_skeleton_joint_names`, if the joints are to be matched by name.
        fps: Frames per second of the video.

    Returns:
        The recording in each convention, with the same frames and persons.

    Raises:
        PoseTypeError, PoseError, UnknownJointError: As for `from_metrabs`.

    Example:
        >>> poses = np.random.default_rng(0).normal(size=(1, 43, 3)) * 100
        >>> wanted = {"smpl_24": range(24), "coco_19": range(24, 43)}
        >>> from_metrabs_formats([{"boxes": np.ones((1, 5)), "poses3d": poses}] * 2, wanted, fps=25)
        MultiPose(smpl_24, coco_19: 1 person, 2 frames at 25 fps)
    """
    return MultiPose(from_metrabs(predictions, skeleton=skeletons, joint_names=joint_names, fps=fps))


def _as_list(predictions: object) -> list[Mapping[str, object]]:
    given = [predictions] if isinstance(predictions, Mapping) else predictions
    if not isinstance(given, Sequence):
        raise PoseTypeError(f"a {type(given).__name__}", where=_SOURCE, expected="a dict, or a list with one per frame")
    for frame, prediction in enumerate(given):
        if not isinstance(prediction, Mapping) or "poses3d" not in prediction:
            raise PoseTypeError(
                f"a {type(prediction).__name__} without 'poses3d'", where=f"{_SOURCE}, frame {frame}", expected="a dict"
            )
    return list(given)


def _images(prediction: Mapping[str, object]) -> list[FloatArray]:
    """Return the poses [n, j, 3] of each image in a prediction; the boxes tell whether it is one image or a batch."""
    poses, boxes = prediction["poses3d"], prediction.get("boxes")
    if not isinstance(boxes, list | tuple) and len(getattr(boxes, "shape", ())) != 3:
        return [_poses(poses, boxes)]
    if not isinstance(poses, Iterable) or not isinstance(boxes, Iterable):
        raise PoseTypeError(f"a batch of type {type(poses).__name__}", where=_SOURCE, expected="arrays for each image")
    images, boxes_of = list(poses), list(boxes)
    if len(images) != len(boxes_of):
        raise PoseError(f"poses of {len(images)} images, boxes of {len(boxes_of)}", where=_SOURCE, expected="as many")
    return [_poses(*image) for image in zip(images, boxes_of, strict=True)]


def _poses(poses: object, boxes: object) -> FloatArray:
    values = arrays.to_numpy(poses, _SOURCE)
    if not values.size:
        return np.zeros((0, 0, 3), dtype=np.float32)
    if values.ndim == 4 and boxes is not None:
        values = values.mean(axis=1)  # predictions of the same person in several augmented images
    values = persons_array(values, "person joint coordinate", f"{_SOURCE}, poses3d")
    if boxes is not None and len(arrays.to_numpy(boxes, _SOURCE)) != len(values):
        raise PoseError(f"poses of shape {values.shape}", where=_SOURCE, expected="one for each box")
    if values.shape[2] != 3:
        raise PoseError(f"poses of shape {values.shape}", where=_SOURCE, expected="3 coordinates")
    return values


def joint_indices(name: str, indices: Sequence[int], where: str) -> list[int]:
    """Return the joint indices of a convention, of any integer type.

    Raises:
        PoseTypeError: If one is no whole number.
    """
    try:
        return [index(each) for each in indices]
    except TypeError:
        raise PoseTypeError(
            f"joint indices {indices!r:.60} of {name!r:.60}", where=where, expected="a list of whole numbers"
        ) from None


def choose_joints(
    skeleton: str | SkeletonSpec, columns: list[int] | None, names: Sequence[str] | None, source: str = _SOURCE
) -> tuple[SkeletonSpec, list[int]]:
    """Return a convention and the columns of its joints, in its own order."""
    try:
        spec = get_skeleton(skeleton)
    except UnknownSkeletonError:
        if names is None:
            raise
        spec = SkeletonSpec.from_names(str(skeleton), names)
    spec = spec.replace(dims=3, unit="mm", up="-y")
    columns = list(range(spec.num_joints)) if columns is None else columns
    where = f"{source}, {spec.id}"
    if len(columns) != spec.num_joints:
        raise arrays.wrong_joint_count(len(columns), spec, where)
    if any(column < 0 for column in columns):
        raise PoseError(f"joint index {min(columns)}", where=where, expected="indices from 0 up")
    if names is None:
        return spec, columns
    if len(names) != len(columns):
        raise PoseError(f"{len(names)} joint names for {len(columns)} joints", where=where, expected="one each")
    return spec, [columns[place] for place in match_names(spec, list(names), where)]


def _join(frames: Sequence[FloatArray], joints: int, fps: float | None) -> PoseSequence:
    """Join all joints into one recording, so that the persons are the same in every convention taken from it."""
    count = next((poses.shape[1] for poses in frames if len(poses)), joints)
    if joints > count:
        raise PoseError(f"joint index {joints - 1} of {count} joints", where=_SOURCE, expected=f"0 to {count - 1}")
    instances = [
        Instance(frame, joint_table(person, None, f"{_SOURCE}, frame {frame}, person {place}", zeros=False))
        for frame, poses in enumerate(frames)
        for place, person in enumerate(poses)
    ]
    return join(instances, all_joints(count), frames=len(frames), fps=fps, source=_SOURCE, scored=False)


def all_joints(count: int) -> SkeletonSpec:
    """Return a convention of so many nameless joints, from which those of others are taken."""
    names = [f"joint {joint}" for joint in range(count)]
    return SkeletonSpec("all joints", names, [-1] + [0] * (count - 1), unit="mm", up="-y")


def take_joints(whole: PoseSequence, skeleton: SkeletonSpec, columns: list[int]) -> PoseSequence:
    """Return the recording of these columns of all joints, in a convention."""
    return whole.replace(positions=whole.positions[:, :, columns], valid=whole.valid[:, :, columns], skeleton=skeleton)
