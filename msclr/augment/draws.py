"""Random numbers for augmentations: drawn where the generator lives, used where the clips are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from msclr.errors import ConfigError
from msclr.poses.transfer import to_device


def uniform(
    shape: Sequence[int], low: float, high: float, generator: torch.Generator, device: torch.device | str
) -> Tensor:
    """Draw float32 numbers uniformly from [low, high)."""
    drawn = torch.rand(*shape, generator=generator, device=generator.device)
    return to_device(low + (high - low) * drawn, device)


def normal(shape: Sequence[int], sigma: float, generator: torch.Generator, device: torch.device | str) -> Tensor:
    """Draw float32 numbers from the normal distribution around 0."""
    return to_device(torch.randn(*shape, generator=generator, device=generator.device).mul_(sigma), device)


def integers(
    shape: Sequence[int], low: int, high: int, generator: torch.Generator, device: torch.device | str
) -> Tensor:
    """Draw int64 numbers uniformly from low to high, both included."""
    return to_device(torch.randint(low, high + 1, tuple(shape), generator=generator, device=generator.device), device)


def integers_up_to(highest: Tensor, generator: torch.Generator) -> Tensor:
    """Draw for each entry of `highest` (int64, any shape) a number uniformly from 0 to that entry, both included."""
    drawn = to_device(torch.rand(highest.shape, generator=generator, device=generator.device), highest.device)
    return torch.minimum((drawn * (highest + 1)).floor().to(torch.int64), highest)


def chance(count: int, probability: float, generator: torch.Generator, device: torch.device | str) -> Tensor:
    """Draw [count] bool, each True with this probability."""
    return uniform((count,), 0.0, 1.0, generator, device) < probability


def subsets(shape: tuple[int, int], sizes: Tensor, generator: torch.Generator, device: torch.device | str) -> Tensor:
    """Draw [rows, n] bool with sizes [rows] entries True in each row, every subset of that size equally likely."""
    order = uniform(shape, 0.0, 1.0, generator, device).argsort(dim=1, stable=True)
    return order.argsort(dim=1) < sizes[:, None]


def check_range(name: str, low: float, high: float, *, least: float = 0.0, most: float = math.inf) -> None:
    """Refuse a range that is not least <= low <= high <= most with finite ends."""
    if not (least <= low <= high <= most and math.isfinite(high)):
        bound = f"at most {most:g}" if math.isfinite(most) else "finite"
        raise ConfigError(f"{name} from {low} to {high}", expected=f"at least {least:g}, {bound}, in rising order")
