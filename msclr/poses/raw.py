"""Clips described by their coordinates alone: what every vector of a network has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from msclr.errors import PoseError
from msclr.poses.canonical import unify
from msclr.poses.resample import resample
from msclr.poses.sequence import PoseSequence
from msclr.poses.threads import one_thread
from msclr.skeletons.spec import SkeletonSpec


def raw_pose_vectors(
    clips: Sequence[PoseSequence],
    frames: int = 32,
    *,
    facing: bool = True,
    joints: Sequence[str] | None = None,
    dims: int | None = None,
) -> Tensor:
    """Describe clips by their coordinates alone, the baseline that needs no network.

    Each clip is brought to common coordinates, resampled, flattened and scaled to length 1.

    Args:
        clips: Recordings of one joint convention, or of several if `joints` is given.
        frames: Frames to which each clip is resampled.
        facing: Turn 3D persons to face the viewer.
        joints: Anatomical names of the joints to use, see `common_joints`; default: all.
        dims: Coordinates to use, 2 leaves depth out; default: all.

    Returns:
        [n, persons * frames * joints * dims] float32; 0 where a joint is missing or a clip has fewer persons.

    Raises:
        PoseError: If there are no clips, or their joints or dimensions differ.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> clips = [PoseSequence.from_array(rng.normal(size=(20, 17, 2)), "coco_17") for _ in range(3)]
        >>> tuple(raw_pose_vectors(clips).shape)
        (3, 1088)
    """
    if not clips:
        raise PoseError("no clips", expected="at least one")
    first = clips[0]
    width = dims if dims is not None else min(clip.dims for clip in clips)
    persons = max(clip.num_persons for clip in clips)
    rows = []
    for index, clip in enumerate(clips):
        if joints is None and (clip.skeleton.joints != first.skeleton.joints or clip.dims != first.dims):
            raise PoseError(
                f"clip {index} is {clip.skeleton.id} in {clip.dims}D, clip 0 {first.skeleton.id} in {first.dims}D",
                expected="one joint convention",
                remedy="joints=common_joints(a, b)",
            )
        with one_thread():
            ready = resample(unify(clip, facing=facing), frames=frames)
        places = np.arange(clip.num_joints) if joints is None else _places(clip.skeleton, joints)
        row = np.zeros((persons, frames, len(places), width), np.float32)
        row[: clip.num_persons] = ready.positions[:, :, places, :width]
        rows.append(row.reshape(-1))
    return F.normalize(torch.from_numpy(np.stack(rows)), dim=1)


def common_joints(*skeletons: SkeletonSpec) -> tuple[str, ...]:
    """Name the anatomical points that all of these conventions have, in the order of the first.

    Raises:
        PoseError: If they have none in common.

    Example:
        >>> from msclr import get_skeleton
        >>> common_joints(get_skeleton("coco_17"), get_skeleton("kinect_v2_25"))[:2]
        ('left_shoulder', 'right_shoulder')
    """
    names = [name for name in skeletons[0].anatomy if name and all(name in other.anatomy for other in skeletons[1:])]
    if not names:
        raise PoseError("no joints in common: " + ", ".join(spec.id for spec in skeletons), expected="at least one")
    return tuple(names)


def _places(skeleton: SkeletonSpec, joints: Sequence[str]) -> list[int]:
    found = [skeleton.anatomical_index(name) for name in joints]
    missing = [name for name, place in zip(joints, found, strict=True) if place is None]
    if missing:
        raise PoseError(f"{skeleton.id} has no {missing[0]}", expected="joints that all clips have")
    return [place for place in found if place is not None]
