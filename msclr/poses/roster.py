"""Whose the persons of a batch are, known on the CPU, so that no device has to be asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from msclr.poses.transfer import to_device


@dataclass(frozen=True, eq=False)
class Roster:
    """For each person of a batch the clip, the person slot in it, and whether the clip is 2D.

    A batch on a GPU carries one on the CPU, which knows its copies there: `dataclasses.replace` hands it on to batches
    of which it is not true any more.

    Args:
        clip: [m] int64.
        slot: [m] int64.
        flat: [m] bool.
        copies: The same three on another device.

    Example:
        >>> told = Roster(torch.tensor([0, 0, 2]), torch.tensor([0, 1, 0]), torch.zeros(3, dtype=torch.bool)).on("meta")
        >>> clip, slot, flat = told.copies
        >>> told.tells(clip, slot, flat), told.tells(clip.clone(), slot, flat)
        (True, False)
    """

    clip: Tensor
    slot: Tensor
    flat: Tensor
    copies: tuple[Tensor, ...] = ()

    def on(self, device: torch.device | str) -> Roster:
        """Return the roster with copies on a device."""
        return replace(self, copies=tuple(to_device(each, device) for each in (self.clip, self.slot, self.flat)))

    def tells(self, *tensors: Tensor) -> bool:
        """Say whether these are the copies: clip, slot and flat, not only equal to them."""
        return [*map(id, self.copies)] == [*map(id, tensors)]
