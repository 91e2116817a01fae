"""Absent persons as zeros, for networks that were trained to look at them."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from msclr.poses.batch import PoseBatch
from msclr.poses.group import PoseGroup
from msclr.poses.roster import Roster


def fill_slots(batch: PoseBatch, slots: int = 2) -> PoseBatch:
    """Put an absent person, all joints unknown and at 0, into every empty one of the first person slots.

    No device is waited for if the batch knows on the CPU whose its persons are, see `PoseBatch.roster`.

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
    known = batch.roster()
    persons = known.clip.cpu(), known.slot.cpu(), known.flat.cpu()
    empty = torch.ones(batch.num_clips, max(slots, batch.num_slots), dtype=torch.bool)
    empty[persons[:2]] = False
    empty = empty[:, :slots]
    if not empty.any() or not batch.groups:
        return batch
    groups: list[PoseGroup] = []
    positions: list[Tensor] = []
    valid: list[Tensor] = []
    rosters: list[tuple[Tensor, Tensor, Tensor]] = []
    start = person = 0
    for group in batch.groups:
        clip, slot, flat = (each[group.members] for each in persons)
        own, flat_of_clip = torch.zeros(2, batch.num_clips, dtype=torch.bool)
        own[clip], flat_of_clip[clip] = True, flat
        new_clip, new_slot = (empty & own[:, None]).nonzero(as_tuple=True)
        added = len(new_clip) * group.skeleton.num_joints
        frames = batch.valid.shape[1]
        positions += [batch.positions[group.rows], batch.positions.new_zeros(added, frames, 3)]
        valid += [batch.valid[group.rows], batch.valid.new_zeros(added, frames)]
        rosters += [(clip, slot, flat), (new_clip, new_slot, flat_of_clip[new_clip])]
        groups.append(PoseGroup(group.skeleton, start, group.persons + len(new_clip), person))
        start, person = groups[-1].rows.stop, groups[-1].members.stop
    parts = [torch.cat(each) for each in zip(*rosters, strict=True)]
    told = Roster(parts[0], parts[1], parts[2]).on(batch.clip.device)
    clip, slot, flat = told.copies
    return replace(
        batch,
        positions=torch.cat(positions),
        valid=torch.cat(valid),
        flat=flat,
        clip=clip,
        slot=slot,
        groups=tuple(groups),
        num_slots=max(slots, batch.num_slots),
        told=told,
    )
