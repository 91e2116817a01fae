"""From windows to the batch that an encoder takes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from msclr.errors import PoseError
from msclr.poses.batch import PoseBatch
from msclr.poses.group import PoseGroup
from msclr.store.gather import WindowBlock


def pack(blocks: Sequence[WindowBlock]) -> PoseBatch:
    """Pack windows; person slots without a single known joint take no room.

    The positions stay in their units and axes: `WindowBlock.table` says which.

    Args:
        blocks: One draw of `Windows`, or what `ClipStore.cut` returned; at least one block.

    Returns:
        The batch; `clip` counts the windows of the draw, whatever block they are in.

    Raises:
        PoseError: If there are no blocks.

    Example:
        >>> import tempfile, torch
        >>> from msclr.samples import sample_paths
        >>> from msclr.store import ClipStore, prepare
        >>> store = ClipStore(prepare(list(sample_paths().values()), tempfile.mkdtemp() + "/store").path)
        >>> batch = pack(next(store.windows(torch.Generator().manual_seed(0), size=8, frames=16)))
        >>> batch.num_clips, batch.positions.shape[1:]
        (8, torch.Size([16, 3]))
    """
    if not blocks:
        raise PoseError("an empty batch", expected="at least one block of windows")
    frames = blocks[0].valid.shape[2]
    chosen = [_there(block.valid) for block in blocks]
    rows = sum(len(clip) * block.table.skeleton.num_joints for block, (clip, _) in zip(blocks, chosen, strict=True))
    positions = torch.zeros(rows, frames, 3)
    valid = torch.zeros(rows, frames, dtype=torch.bool)
    groups: list[PoseGroup] = []
    row = person = 0
    for block, (clip, slot) in zip(blocks, chosen, strict=True):
        if not len(clip):
            continue
        group = PoseGroup(block.table.skeleton, row, len(clip), person)
        joints, everybody = block.table.skeleton.num_joints, len(clip) == block.valid.shape[:2].numel()
        taken = block.positions.flatten(0, 1) if everybody else block.positions[clip, slot]  # m t j c
        known = block.valid.flatten(0, 1) if everybody else block.valid[clip, slot]  # m t j
        target = positions[group.rows].view(len(clip), joints, frames, 3)
        target[..., : block.table.dims].copy_(taken.transpose(1, 2))
        valid[group.rows].view(len(clip), joints, frames).copy_(known.transpose(1, 2))
        groups.append(group)
        row, person = group.rows.stop, group.members.stop
    return PoseBatch(
        positions=positions,
        valid=valid,
        flat=torch.cat([_flat(block, len(clip)) for block, (clip, _) in zip(blocks, chosen, strict=True)]),
        clip=torch.cat([block.order[clip] for block, (clip, _) in zip(blocks, chosen, strict=True)]),
        slot=torch.cat([slot for _, slot in chosen]),
        groups=tuple(groups),
        num_clips=sum(len(block.clips) for block in blocks),
        num_slots=max(block.valid.shape[1] for block in blocks),
    )


def _there(valid: Tensor) -> tuple[Tensor, Tensor]:
    """Return clip and slot of each person with a known joint; valid is [b, p, t, j]."""
    clip, slot = valid.flatten(2).any(dim=2).nonzero(as_tuple=True)
    return clip, slot


def _flat(block: WindowBlock, members: int) -> Tensor:
    return torch.full((members,), block.table.dims == 2)
