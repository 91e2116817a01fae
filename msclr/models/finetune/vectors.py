"""From windows to one vector for each clip, in a way that gradients can follow."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from msclr.models.base import PoseEncoder
from msclr.models.inference import Window
from msclr.poses.batch import PoseBatch


def clip_vectors(encoder: PoseEncoder, windows: Sequence[Window], count: int) -> Tensor:
    """Turn windows into one vector for each clip as `embed` does, in a way that gradients can follow.

    Args:
        encoder: The network, in whatever mode it is.
        windows: As `windows_of` gives them, of clips 0 to count - 1.
        count: Number of clips.

    Returns:
        [count, dim] on the encoder's device, not scaled.
    """
    weight = next(encoder.parameters())
    batch = PoseBatch.from_sequences([window.poses for window in windows]).to(weight.device, weight.dtype)
    rows = encoder.persons(batch)
    clip = torch.tensor([window.clip for window in windows], device=weight.device)
    frames = torch.tensor([window.weight for window in windows], device=weight.device, dtype=rows.values.dtype)
    place = clip[rows.clip] * rows.num_slots + rows.slot
    frames = frames[rows.clip]
    total = rows.values.new_zeros(count * rows.num_slots, rows.values.shape[1])
    total = total.index_add(0, place, rows.values * frames[:, None])
    length = frames.new_zeros(count * rows.num_slots).index_add(0, place, frames)
    there = length > 0
    persons = total / torch.where(there, length, 1.0)[:, None]  # b p d, zero where nobody is
    numbers = there.reshape(count, -1).sum(dim=1)
    return persons.reshape(count, rows.num_slots, -1).sum(dim=1) / numbers[:, None]
