"""What MediaPipe and Ultralytics give, made by hand: JSON dumps, label files, objects in memory."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np


def world_pose(seed: int, joints: int = 33) -> np.ndarray:
    """Landmarks [j, 3] in metres around the hips."""
    return np.random.default_rng(seed).normal(size=(joints, 3)) * 0.4


def image_pose(seed: int, left: float = 0.3, joints: int = 33) -> np.ndarray:
    """Landmarks [j, 3] in image widths and heights, around x = left."""
    return np.random.default_rng(seed).uniform(-0.1, 0.1, size=(joints, 3)) + np.array([left, 0.5, 0])


def landmarks(points: np.ndarray, visibility: float | np.ndarray | None = 0.9) -> list[dict[str, float]]:
    """One person as dicts with x, y, z and perhaps visibility."""
    table = [dict(zip("xyz", map(float, point), strict=True)) for point in points]
    if visibility is not None:
        for entry, value in zip(table, np.broadcast_to(visibility, (len(points),)), strict=True):
            entry["visibility"] = float(value)
    return table


def landmark_objects(points: np.ndarray, visibility: float | None = 0.9) -> list[SimpleNamespace]:
    """One person as MediaPipe's own objects have it."""
    return [SimpleNamespace(x=x, y=y, z=z, visibility=visibility, presence=0.9) for x, y, z in points]


def write_json(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def label_line(
    points: np.ndarray,
    scores: np.ndarray | float | None = None,
    box_score: float | None = None,
    id: int | None = None,
) -> str:
    """A person as Ultralytics writes it: points [j, 2] normalised, everything in %g."""
    table = points if scores is None else np.column_stack([points, np.broadcast_to(scores, (len(points),))])
    values = [0, 0.5, 0.5, 0.2, 0.6, *table.ravel(), *(v for v in (box_score, id) if v is not None)]
    return " ".join(f"{value:g}" for value in values)


def write_labels(folder: Path, frames: dict[int, list[str]], stem: str = "walk") -> Path:
    """Write one file for each frame, as `save_txt=True` does for a video."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame, lines in frames.items():
        (folder / f"{stem}_{frame}.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


def yolo_result(
    points: np.ndarray, conf: np.ndarray | float | None = 0.8, ids: list[int] | None = None
) -> SimpleNamespace:
    """A `Results` object: points [n, j, 2] in pixels."""
    conf = None if conf is None else np.broadcast_to(conf, points.shape[:2]).copy()
    boxes = SimpleNamespace(id=None if ids is None else np.array(ids, dtype=np.float32))
    return SimpleNamespace(keypoints=SimpleNamespace(xy=points, conf=conf), boxes=boxes)
