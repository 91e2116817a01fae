"""Blur over time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from msclr.augment.clips import Clips
from msclr.augment.draws import check_range, uniform
from msclr.augment.pipeline import Augmentation, Draw
from msclr.errors import ConfigError

BLOCK = 64
# Weights below this cannot be seen in a sum with one of 1; as denormal numbers they slow products down tenfold.
NEGLIGIBLE = 1e-20


@dataclass(frozen=True)
class GaussianBlur(Augmentation):
    """Smooth the paths of joints over time.

    The weight of the frame at distance d is exp(-d^2 / (2 sigma^2)). Each joint becomes the weighted mean of its known
    frames within reach; at the ends and beside gaps the mean is over fewer. What was unknown stays so.

    Args:
        kernel: Number of frames within reach, odd.
        lowest, highest: Range in frames from which each clip draws its sigma.
        legacy: As published: a weighted sum instead of a mean, which makes persons up to 2.5 sigma times as large, and
            lets them shrink towards the ends of the clip.

    Raises:
        ConfigError: If the kernel is even or not positive, or the range not positive.

    Source:
        AimCLR (Guo et al. 2022): kernel 15, sigma from 0.1 to 2.

    Example:
        >>> from msclr import get_skeleton
        >>> known = torch.ones(4, 2, 50, 25, dtype=torch.bool)
        >>> clips = Clips(torch.ones(4, 2, 50, 25, 3), known, get_skeleton("kinect_v2_25"))
        >>> generator = torch.Generator().manual_seed(0)
        >>> torch.allclose(GaussianBlur()(clips, generator=generator).positions, clips.positions)
        True
        >>> bool((GaussianBlur(legacy=True)(clips, generator=generator).positions > 2).any())
        True
    """

    kernel: int = 15
    lowest: float = 0.1
    highest: float = 2.0
    legacy: bool = False

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ConfigError(f"kernel={self.kernel}", where="GaussianBlur", expected="an odd number of frames")
        check_range("sigma", self.lowest, self.highest, least=1e-3)

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw "sigma" [b], in frames."""
        return {"sigma": uniform((clips.num_clips,), self.lowest, self.highest, generator, clips.positions.device)}

    def _apply(self, clips: Clips, drawn: Draw) -> Clips:
        exact = torch.promote_types(clips.positions.dtype, torch.float32)
        radius = self.kernel // 2
        distance = torch.arange(-radius, radius + 1, device=clips.positions.device, dtype=exact)
        weights = torch.exp(-(distance**2) / (2 * drawn["sigma"].to(exact)[:, None] ** 2))
        weights = torch.where(weights < NEGLIGIBLE, 0.0, weights)
        blurred = _convolve(clips.positions.flatten(3).to(exact), weights)
        share = clips.valid.to(exact)
        if not self.legacy:
            share = share / _convolve(share, weights).clamp_min(1.0)  # a known joint has its own weight of 1 in the sum
        positions = blurred.view(clips.positions.shape).mul_(share[..., None])
        return clips.moved(positions.to(clips.positions.dtype))


def _convolve(values: Tensor, weights: Tensor) -> Tensor:
    """Sum values [b, p, t, n] over time with weights [b, k] of each clip; beyond the ends is 0.

    Time is cut into blocks, each multiplied with one banded matrix: linear in t, and one product for all clips.
    """
    frames, taps = values.shape[2], weights.shape[1]
    size = min(frames, BLOCK)
    if size == 0:
        return values
    reach = size + taps - 1
    band = F.pad(weights, (size - 1, size - 1)).unfold(1, reach, 1).flip(1)  # b size reach
    if size == frames:
        return torch.matmul(band[:, None, :, taps // 2 : taps // 2 + size], values)
    padded = F.pad(values, (0, 0, taps // 2, taps // 2 + -frames % size))
    blocks = padded.unfold(2, reach, size).mT  # b p blocks reach n
    summed = torch.matmul(band[:, None, None], blocks)
    return rearrange(summed, "b p k s n -> b p (k s) n")[:, :, :frames].contiguous()
