"""Predictions of MeTRAbs of any length as people save them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from oracles.keypoint_files import dump, walks
from oracles.recording import Recording


def _frames(frames: int) -> np.ndarray:
    """Two persons [t, n, j, 3] in millimetres."""
    return walks(2, frames, 24, 3).swapaxes(0, 1).round(2)


def metrabs_arrays(folder: Path, frames: int) -> Recording:
    poses = _frames(frames)
    numbers = np.repeat(np.arange(frames), 2)
    np.savez(folder / "walk.npz", boxes=np.ones((2 * frames, 5)), poses3d=poses.reshape(-1, 24, 3), frame=numbers)
    return Recording(folder / "walk.npz", {"skeleton": "smpl_24"})


def metrabs_json(folder: Path, frames: int) -> Recording:
    poses = _frames(frames)
    content = {
        "options": {"skeleton": "smpl_24"},
        "boxes": [[[0.0, 0.0, 9.0, 9.0, 0.9]] * 2] * frames,
        "poses3d": poses.tolist(),
        "poses2d": poses[..., :2].tolist(),
        "joints": None,
    }
    return Recording(dump(folder / "walk.json", content))
