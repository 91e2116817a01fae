"""Augmentations of one clip in plain loops, and naive draws of their numbers, written from the papers' formulas.

A clip is positions [p, t, j, c] and valid [p, t, j]; where valid is False, positions are 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# 0-based; as the tables were published.
KINECT_FLIP = [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 20, 23, 24, 21, 22]
SMPL_FLIP = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 22, 23]
# 1-based: trunk, two arms, two legs.
KINECT_PARTS = [
    {4, 3, 21, 2, 1},
    {9, 10, 11, 12, 24, 25},
    {5, 6, 7, 8, 22, 23},
    {17, 18, 19, 20},
    {13, 14, 15, 16},
]


def linear(positions: Array, matrix: Array) -> Array:
    """x' = M x, vector by vector."""
    result = np.zeros_like(positions)
    for place in np.ndindex(positions.shape[:-1]):
        for row in range(len(matrix)):
            result[place][row] = sum(matrix[row][column] * positions[place][column] for column in range(len(matrix)))
    return result


def rotation(positions: Array, degrees: Sequence[float]) -> Array:
    """Turns about x, then y, then z; flat clips about z only."""
    result = positions.copy()
    for place in np.ndindex(positions.shape[:-1]):
        x, y, *rest = (float(value) for value in positions[place])
        z = rest[0] if rest else 0.0
        a, b, c = (math.radians(float(angle)) for angle in degrees)
        if rest:
            y, z = math.cos(a) * y + math.sin(a) * z, math.cos(a) * z - math.sin(a) * y
            x, z = math.cos(b) * x - math.sin(b) * z, math.cos(b) * z + math.sin(b) * x
        x, y = math.cos(c) * x + math.sin(c) * y, math.cos(c) * y - math.sin(c) * x
        result[place] = (x, y, z)[: positions.shape[-1]]
    return result


def axis_mask(positions: Array, axis: int) -> Array:
    result = positions.copy()
    result[..., axis] = 0
    return result


def noise(positions: Array, valid: Mask, amount: Array) -> Array:
    result = positions.copy()
    for place in zip(*np.nonzero(valid), strict=True):
        result[place] += amount[place]
    return result


def mirror_crop(values: NDArray[np.generic], start: int, ratio: int) -> NDArray[np.generic]:
    """For positions or masks [p, t, ...]."""
    frames = values.shape[1]
    pad = frames // ratio
    order = [*range(pad - 1, -1, -1), *range(frames), *range(frames - 1, frames - 1 - pad, -1)]
    return values[:, order[start : start + frames]]


def blur(positions: Array, valid: Mask, sigma: float, kernel: int, *, legacy: bool) -> Array:
    frames, radius = positions.shape[1], kernel // 2
    result = np.zeros_like(positions)
    for p, t, j in zip(*np.nonzero(valid), strict=True):
        total, weights = np.zeros(positions.shape[-1]), 0.0
        for distance in range(-radius, radius + 1):
            if 0 <= t + distance < frames and valid[p, t + distance, j]:
                weight = math.exp(-(distance**2) / (2 * sigma**2))
                total += weight * positions[p, t + distance, j]
                weights += weight
        result[p, t, j] = total if legacy else total / weights
    return result


def crop_resize(positions: Array, valid: Mask, start: int, length: int, frames: int) -> tuple[Array, Mask]:
    """Cut out first, then resize the piece as a column of pixels is resized; weights of unknown pixels are 0."""
    piece, known = positions[:, start : start + length], valid[:, start : start + length]
    persons, _, joints, dims = positions.shape
    result, seen = np.zeros((persons, frames, joints, dims)), np.zeros((persons, frames, joints), bool)
    for p, t, j in np.ndindex(persons, frames, joints):
        source = min(max((t + 0.5) * length / frames - 0.5, 0.0), length - 1.0)
        low = math.floor(source)
        high = min(low + 1, length - 1)
        weights = {low: 1 - (source - low)}
        weights[high] = weights.get(high, 0.0) + source - low
        present = {frame: weight for frame, weight in weights.items() if known[p, frame, j]}
        total = sum(present.values())
        if total >= 0.5:
            seen[p, t, j] = True
            result[p, t, j] = sum(weight * piece[p, frame, j] for frame, weight in present.items()) / total
    return result, seen


def mirrored(positions: Array, valid: Mask, names: Sequence[str], pairs: Sequence[Sequence[str]]) -> tuple[Array, Mask]:
    """The mirror image: what was the left hand at x is the right hand at -x."""
    twin = {name: other for left, right in pairs for name, other in ((left, right), (right, left))}
    result, seen = np.zeros_like(positions), np.zeros_like(valid)
    for joint, name in enumerate(names):
        other = list(names).index(twin.get(name, name))
        result[:, :, other] = positions[:, :, joint]
        seen[:, :, other] = valid[:, :, joint]
    result[..., 0] *= -1
    return result, seen


def joint_jitter(
    positions: Array, valid: Mask, joints: Mask, lost: bool, matrix: Array, *, legacy: bool
) -> tuple[Array, Mask]:
    result, seen = positions.copy(), valid.copy()
    for person in range(len(positions)):
        would_remain = (valid[person] & ~joints).any()
        for joint in np.flatnonzero(joints):
            if not lost:
                result[person, :, joint] = [[float(m @ x) for m in matrix] for x in positions[person, :, joint]]
            elif legacy or would_remain:
                result[person, :, joint] = 0
                seen[person, :, joint] &= legacy
    return result, seen


def skelemix(
    clips: Sequence[tuple[Array, Mask]], clip: int, partner: int, joints: Mask, start: int, length: int, stride: int
) -> tuple[Array, Mask, Mask]:
    """Positions, mask, and the frames x joints that were pasted."""
    positions, valid = clips[clip][0].copy(), clips[clip][1].copy()
    pasted = np.zeros(valid.shape[1:], bool)
    for frame in range(start * stride, (start + length) * stride):
        for joint in np.flatnonzero(joints):
            positions[:, frame, joint] = clips[partner][0][:, frame, joint]
            valid[:, frame, joint] = clips[partner][1][:, frame, joint]
            pasted[frame, joint] = True
    return positions, valid, pasted


def draw_shear(random: np.random.Generator, amplitude: float) -> list[float]:
    """The six numbers beside the diagonal."""
    return [random.uniform(-amplitude, amplitude) for _ in range(6)]


def draw_rotation(random: np.random.Generator) -> tuple[int, list[float]]:
    main = int(random.integers(0, 3))
    return main, [random.uniform(0, 30) if axis == main else random.uniform(0, 1) for axis in range(3)]


def draw_mirror_crop(random: np.random.Generator, frames: int, ratio: int) -> int:
    return int(random.integers(0, 2 * (frames // ratio) + 1))


def draw_crop(random: np.random.Generator, frames: int, lowest: float, highest: float, size: int) -> tuple[int, int]:
    length = int(np.clip(math.floor(frames * random.uniform(lowest, highest)), size, frames))
    return length, int(random.integers(0, frames - length + 1))


def draw_mix(
    random: np.random.Generator, parts: Sequence[set[int]], clips: int, units: int
) -> tuple[int, list[int], int, int]:
    """Shift, numbers of the chosen parts, duration and start in units."""
    shift = int(random.integers(1, clips - 1))
    chosen = sorted(int(part) for part in random.permutation(len(parts))[: random.integers(2, 4)])
    length = int(random.integers(7, 12))
    return shift, chosen, length, int(random.integers(0, units - length + 1))
