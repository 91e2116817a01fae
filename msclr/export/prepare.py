"""Bring poses to what an exported network takes, with NumPy alone: this file is copied beside every exported network.

`prepare` does to a clip what `msclr` does before it embeds one: +y up, the torso of length 1, centred, facing the
viewer, resampled. The tables of a joint convention lie beside this file in skeletons/.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]

SMALLEST = 1e-6
NEARLY_ALL = 1 - 1e-4  # shares that sum to 1, rounded

# Where the new x, y, z come from: axis and sign. In 2D y is mirrored for "-y".
AXES = {
    "+y": ((0, 1), (1, 1), (2, 1)),
    "-y": ((0, 1), (1, -1), (2, -1)),
    "+z": ((0, 1), (2, 1), (1, -1)),
    "-z": ((0, 1), (2, -1), (1, 1)),
    "+x": ((1, -1), (0, 1), (2, 1)),
    "-x": ((1, 1), (0, -1), (2, 1)),
}


def prepare(
    positions: Floats, valid: Bools, tables: Mapping[str, Floats], *, frames: int, up: str = "+y", facing: bool = True
) -> tuple[Floats, Bools]:
    """Prepare one clip of one joint convention.

    Args:
        positions: [p, t, j, c] coordinates of p persons in t frames, c = 2 or 3, in any unit.
        valid: [p, t, j] bool, False for a joint that is missing.
        tables: The arrays of skeletons/NAME.npz.
        frames: Frames that the network takes.
        up: Axis of the coordinates that points up; "-y" for images.
        facing: Whether the network takes persons who face the viewer.

    Returns:
        [p, frames, j, 3] float32 and [p, frames, j] bool.

    Raises:
        ValueError: If no joint is known, or all are at one point.

    Example:
        >>> from msclr import get_skeleton
        >>> from msclr.models.tables import skeleton_tables
        >>> tables = skeleton_tables(get_skeleton("coco_17"), "spatial")
        >>> clip = np.random.default_rng(0).normal(size=(1, 30, 17, 2))
        >>> prepare(clip, np.ones((1, 30, 17), bool), tables, frames=32, up="-y")[0].shape
        (1, 32, 17, 3)
    """
    known = np.asarray(valid, bool) & np.isfinite(positions).all(axis=-1)
    if not known.any():
        raise ValueError("no joint is known in any frame: nothing to embed")
    poses = np.zeros((*known.shape, 3), np.float32)
    poses[..., : positions.shape[-1]] = np.where(known[..., None], positions, 0)
    flat = positions.shape[-1] == 2
    if flat:
        poses[..., 1] *= -1 if up == "-y" else 1
    else:
        poses = np.stack([sign * poses[..., axis] for axis, sign in AXES[up]], axis=-1)
    there = known.any(axis=(1, 2))
    scale = _middle(torso_length(poses[there], known[there], tables))
    if not scale > SMALLEST:
        raise ValueError("all known joints are at the same point")
    poses = poses / np.float32(scale)
    poses -= root_path(poses, known, tables)[there].mean(axis=1).mean(axis=0)
    if flat:
        poses[..., 2] = 0
    elif facing:
        poses = _face_viewer(poses, known, tables)
    return _resample(poses * known[..., None], known, frames)


def torso_length(poses: Floats, known: Bools, tables: Mapping[str, Floats]) -> Floats:
    """Length of the torso of each person [p]: of hips and shoulders, else other bones, else the spread of joints."""
    length = np.full(len(poses), np.nan)
    for weights, use in zip(tables["torso"], tables["torso_use"], strict=True):
        sizes = np.linalg.norm(np.einsum("ptjc,j->ptc", poses, weights), axis=-1)
        length = _fill(length, _median(sizes, known @ use > NEARLY_ALL))
    if len(tables["bones"]):
        sizes = np.linalg.norm(np.einsum("ptjc,kj->ptkc", poses, tables["bones"]), axis=-1)
        whole = known @ tables["bones_use"].T > NEARLY_ALL
        length = _fill(length, _median(sizes.reshape(len(poses), -1), whole.reshape(len(poses), -1)))
    mask = known[..., None]
    count = mask.sum(axis=(1, 2)).clip(1)
    mean = (poses * mask).sum(axis=(1, 2)) / count
    spread = np.sqrt((((poses - mean[:, None, None]) * mask) ** 2).sum(axis=(1, 2, 3)) / count[:, 0])
    return _fill(np.where(length > SMALLEST, length, np.nan), spread)


def root_path(poses: Floats, known: Bools, tables: Mapping[str, Floats]) -> Floats:
    """Mid-hip of each person through time [p, t, 3]; where it is not known its last known place, else its first."""
    place = np.einsum("ptjc,rj->ptrc", poses, tables["roots"])
    place[..., 1] -= tables["drops"]
    use = tables["roots_use"]
    whole = known @ use.T - (use.sum(axis=1) - 1) > NEARLY_ALL  # p t r
    found = whole.any(axis=-1)
    path = np.take_along_axis(place, whole.argmax(axis=-1)[..., None, None], axis=2)[:, :, 0]
    never = ~found.any(axis=1)
    count = known.sum(axis=-1).clip(1)[..., None]
    path = np.where(never[:, None, None], (poses * known[..., None]).sum(axis=2) / count, path)
    found = np.where(never[:, None], known.any(axis=-1), found)
    time = np.arange(poses.shape[1])
    last = np.maximum.accumulate(np.where(found, time, -1), axis=1)
    first = np.where(found, time, len(time)).min(axis=1, keepdims=True).clip(None, len(time) - 1)
    return np.take_along_axis(path, np.where(last >= 0, last, first)[..., None], axis=1)


def _face_viewer(poses: Floats, known: Bools, tables: Mapping[str, Floats]) -> Floats:
    """Turn each person about the vertical so that its left, averaged over time, points to +x."""
    left = np.zeros((len(poses), 3))
    for weights, use in zip(tables["sides"], tables["sides_use"], strict=True):
        vector = np.einsum("ptjc,j->ptc", poses, weights)
        left += (vector * (known @ use > NEARLY_ALL)[..., None]).sum(axis=1)
    size = np.hypot(left[:, 0], left[:, 2])
    usable = size > SMALLEST
    cosine = np.where(usable, left[:, 0] / size.clip(SMALLEST), 1.0)[:, None, None]
    sine = np.where(usable, left[:, 2] / size.clip(SMALLEST), 0.0)[:, None, None]
    x, y, z = np.moveaxis(poses, -1, 0)
    return np.stack((cosine * x + sine * z, y, cosine * z - sine * x), axis=-1)


def _resample(poses: Floats, known: Bools, frames: int) -> tuple[Floats, Bools]:
    """Interpolate to a number of frames; a joint is known where the nearer of its two neighbours in time is."""
    times = np.linspace(0, poses.shape[1] - 1, frames)
    before = np.floor(times).astype(int)
    after = np.minimum(before + 1, poses.shape[1] - 1)
    share = (times - before)[:, None]
    first, second = (1 - share) * known[:, before], share * known[:, after]
    total = first + second
    blend = first[..., None] * poses[:, before] + second[..., None] * poses[:, after]
    there = total >= 0.5
    return (blend / total.clip(0.5)[..., None] * there[..., None]).astype(np.float32), there


def _median(values: Floats, known: Bools) -> Floats:
    """Median over the known of each row, the lower of two; NaN where none is."""
    return np.array([_middle(row[mask]) if mask.any() else np.nan for row, mask in zip(values, known, strict=True)])


def _middle(values: Floats) -> float:
    return float(np.sort(values)[(len(values) - 1) // 2])


def _fill(values: Floats, otherwise: Floats) -> Floats:
    return np.where(np.isnan(values), otherwise, values)
