"""Absent persons as zeros, for networks that were trained to look at them."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from msclr.poses.batch import PoseBatch, PoseGroup


def fill_slots(batch: PoseBatch, slots: int = 2) -> PoseBatch:
    """Put an absent person, all joints unknown and at 0, into every empty one of the first person slots.

    Args:
        batch: Packed clips.
        slots: How many person slots every clip shall have filled; what is in further slots stays.

    Returns:
        The batch with more persons; clips in which nobody is at all stay empty, as they belong to no convention.

    Example:
        >>> from msclr import get_skeleton
        >>> block = torch.ones(2, 4, 17, 3), torch.ones(2, 4, 17, dtype=torch.bool), torch.zeros(2, dtype=torch.bool)
        >>> batch = PoseBatch.from_blocks([(get_skeleton("coco_17"), *block)])
        >>> fill_slots(batch).slot.tolist()
        [0, 0, 1, 1]
    """
    empty = ~batch.person_mask
    if batch.num_slots < slots:
        empty = torch.nn.functional.pad(empty, (0, slots - batch.num_slots), value=True)
    empty = empty[:, :slots]
    if not empty.any():
        return batch
    groups: list[PoseGroup] = []
    parts: dict[str, list[Tensor]] = {"positions": [], "valid": [], "flat": [], "clip": [], "slot": []}
    start = person = 0
    for group in batch.groups:
        clip, slot = batch.clip[group.members], batch.slot[group.members]
        own = torch.zeros_like(empty[:, 0])
        own[clip] = True
        new_clip, new_slot = (empty & own[:, None]).nonzero(as_tuple=True)
        flat_of_clip = torch.zeros_like(own)
        flat_of_clip[clip] = batch.flat[group.members]
        added = len(new_clip) * group.skeleton.num_joints
        frames = batch.valid.shape[1]
        parts["positions"] += [batch.positions[group.rows], batch.positions.new_zeros(added, frames, 3)]
        parts["valid"] += [batch.valid[group.rows], batch.valid.new_zeros(added, frames)]
        parts["flat"] += [batch.flat[group.members], flat_of_clip[new_clip]]
        parts["clip"] += [clip, new_clip]
        parts["slot"] += [slot, new_slot]
        groups.append(PoseGroup(group.skeleton, start, group.persons + len(new_clip), person))
        start, person = groups[-1].rows.stop, groups[-1].members.stop
    if not groups:
        return batch
    joined = {name: torch.cat(tensors) for name, tensors in parts.items()}
    return replace(
        batch,
        positions=joined["positions"],
        valid=joined["valid"],
        flat=joined["flat"],
        clip=joined["clip"],
        slot=joined["slot"],
        groups=tuple(groups),
        num_slots=max(slots, batch.num_slots),
    )
