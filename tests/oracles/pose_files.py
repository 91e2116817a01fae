"""Small pose files made by hand, for the tests of the readers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def body_block(
    body: int | str, positions: np.ndarray, states: np.ndarray | None = None, joints: int | str = 25
) -> list[str]:
    """Lines of one body in one frame of a .skeleton file; positions [25, 3]."""
    states = np.full(len(positions), 2) if states is None else states
    lines = [f"{body} 0 1 1 0 0 0 0.1 -0.2 2", str(joints)]
    for (x, y, z), state in zip(positions, states, strict=True):
        lines.append(f"{x:.7g} {y:.7g} {z:.7g} 1 2 3 4 0 0 0 0 {state}")
    return lines


def ntu_lines(frames: list[dict[int, np.ndarray]]) -> list[str]:
    """Lines of a .skeleton file; each frame maps body id to positions [25, 3]."""
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for body, positions in bodies.items():
            lines.extend(body_block(body, positions))
    return lines


def write_lines(path: Path, lines: list[str]) -> Path:
    path.write_bytes("\r\n".join(lines).encode() + b"\r\n")
    return path


def openpose_person(points: np.ndarray, scores: np.ndarray | float = 0.9, person_id: int = -1) -> dict[str, object]:
    """One entry of 'people'; points [j, 2]."""
    table = np.concatenate([points, np.broadcast_to(scores, (len(points),))[:, None]], axis=1)
    return {"person_id": [person_id], "pose_keypoints_2d": [float(value) for value in table.ravel()]}


def write_openpose(folder: Path, frames: dict[int, list[dict[str, object]]], stem: str = "clip_") -> Path:
    """A folder as OpenPose writes it; frame number to people."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, people in frames.items():
        text = json.dumps({"version": 1.3, "people": people})
        (folder / f"{stem}{number:012d}_keypoints.json").write_text(text)
    return folder
