"""Random skeletons and recordings for tests."""

from __future__ import annotations

import numpy as np

from msclr import SkeletonSpec, get_skeleton
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.anatomy import point


def standing_person(
    skeleton: str | SkeletonSpec,
    *,
    frames: int = 24,
    persons: int = 1,
    seed: int = 0,
    dims: int = 3,
    fps: float | None = 30.0,
) -> PoseSequence:
    """A person of the anatomical template who sways, in metres, y up: plausible in every convention."""
    spec = get_skeleton(skeleton)
    random = np.random.default_rng(seed)
    rest = np.array([point(name).position if name else random.normal(size=3) * 0.2 for name in spec.anatomy])
    time = np.linspace(0, 2 * np.pi, frames)[None, :, None, None]
    phase, rate = random.uniform(0, 6, (persons, 1, 1, 3)), random.integers(1, 4, (persons, 1, 1, 3))
    height = (rest[None, None, :, 1:2] + 1) * 0.1
    positions = rest + height * np.sin(rate * time + phase) + 2.0 * np.arange(persons)[:, None, None, None]
    return PoseSequence.from_array(positions[..., :dims], spec.replace(dims=dims), fps=fps, unit="m", up="+y")
