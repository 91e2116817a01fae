"""From packed batches to plain tensors, for networks made for one joint convention and a fixed number of persons."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor

from msclr.errors import PoseError, SkeletonError
from msclr.poses.batch import PoseBatch
from msclr.skeletons.spec import SkeletonSpec


def dense(batch: PoseBatch, slots: int = 2, *, skeleton: SkeletonSpec | None = None) -> Tensor:
    """Unpack a batch of one joint convention: every clip with the same number of persons, zeros for what is missing.

    Zeros stand for absent persons, unknown joints, and frames after the end of a clip. Only networks that were trained
    with this convention should look at them; masks are in the batch.

    Args:
        batch: Packed clips, all of one convention.
        slots: Person slots of every clip.
        skeleton: The convention that is expected; needed if nobody may be in any of the clips.

    Returns:
        [b, p, t, j, c] with p = `slots` and c = 3, on the device and of the type of the batch.

    Raises:
        SkeletonError: If the batch has another convention, or several.
        PoseError: If a clip has somebody beyond its first `slots` person slots.

    Example:
        >>> import numpy as np
        >>> from msclr import PoseSequence
        >>> clip = PoseSequence.from_array(np.ones((4, 25, 3)), "kinect_v2_25")
        >>> values = dense(PoseBatch.from_sequences([clip]))
        >>> tuple(values.shape), values.sum(dim=(2, 3, 4)).tolist()
        ((1, 2, 4, 25, 3), [[300.0, 0.0]])
    """
    spec = _convention(batch, skeleton)
    roster = batch.roster()
    if batch.num_slots > slots and batch.num_persons and int(roster.slot.max()) >= slots:
        person = int(roster.slot.argmax())
        raise PoseError(
            f"somebody in person slot {int(roster.slot[person])}",
            where=f"clip {int(roster.clip[person])}",
            expected=f"slots 0 to {slots - 1}",
            remedy="sequence.persons([...]) to choose who counts",
        )
    values = batch.positions.new_zeros(batch.num_clips, slots, batch.positions.shape[1], spec.num_joints, 3)
    known = torch.where(batch.valid[..., None], batch.positions, 0.0)
    for group in batch.groups:
        block = rearrange(known[group.rows], "(m j) t c -> m t j c", m=group.persons)
        values[batch.clip[group.members], batch.slot[group.members]] = block
    return values


def same_joints(first: SkeletonSpec, second: SkeletonSpec) -> bool:
    """Return whether two conventions have the same joints in the same order, whatever they are called.

    Example:
        >>> from msclr import get_skeleton
        >>> kinect = get_skeleton("kinect_v2_25")
        >>> same_joints(kinect, SkeletonSpec.from_names("ours", kinect.joints, kinect.parents))
        True
    """
    return first.joints == second.joints or (None not in first.anatomy and first.anatomy == second.anatomy)


def _convention(batch: PoseBatch, expected: SkeletonSpec | None) -> SkeletonSpec:
    found = [group.skeleton for group in batch.groups]
    spec = expected or (found[0] if found else None)
    if spec is None:
        raise PoseError("a batch with nobody in it", expected="skeleton=, to know how many joints there are")
    for other in found:
        if not same_joints(other, spec):
            raise SkeletonError(
                f"a clip of {other.num_joints} joints in the convention {other.id!r}",
                expected=f"the {spec.num_joints} joints of {spec.id!r} only",
                remedy=f"convert(sequence, {spec.id!r})",
            )
    return spec
