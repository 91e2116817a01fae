"""Clips for the tests of augmentations, and their comparison with an oracle clip by clip."""

from __future__ import annotations

import numpy as np
import torch

from msclr import SkeletonSpec, get_skeleton
from msclr.augment import Clips


def random_clips(
    skeleton: str | SkeletonSpec = "kinect_v2_25",
    *,
    clips: int = 3,
    persons: int = 2,
    frames: int = 12,
    dims: int = 3,
    known: float = 0.8,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Clips:
    spec = get_skeleton(skeleton)
    generator = torch.Generator().manual_seed(seed)
    shape = (clips, persons, frames, spec.num_joints)
    valid = torch.rand(shape, generator=generator) < known
    return Clips(torch.randn(*shape, dims, generator=generator, dtype=dtype), valid, spec)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def one_by_one(clips: Clips) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(p.double().numpy(), v.numpy()) for p, v in zip(clips.positions, clips.valid, strict=True)]


def assert_equal(clips: Clips, expected: list[tuple[np.ndarray, np.ndarray]], tolerance: float = 1e-6) -> None:
    assert clips.num_clips == len(expected)
    for positions, valid, (right, mask) in zip(clips.positions, clips.valid, expected, strict=True):
        np.testing.assert_array_equal(valid.numpy(), mask)
        np.testing.assert_allclose(positions.double().numpy(), right, rtol=tolerance, atol=tolerance)
        assert not positions[~valid].any()
