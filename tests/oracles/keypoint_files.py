"""Key point files laid out as their producers write them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def walks(persons: int, frames: int, joints: int = 17, dims: int = 2, seed: int = 0) -> np.ndarray:
    """Persons [p, t, j, c] who move slowly and far from each other."""
    random = np.random.default_rng(seed)
    pose = random.uniform(1, 60, size=(persons, 1, joints, dims))
    away = 300.0 * np.arange(1, persons + 1)[:, None, None, None]
    return pose + away + 3.0 * np.arange(frames)[None, :, None, None]


def flat(points: np.ndarray, score: float = 0.9) -> list[float]:
    """x, y, score, x, y, score, ... of [j, c]."""
    return [float(value) for point in points for value in (*point, score)]


def coco_entry(image: int | str, points: np.ndarray, score: float = 0.9, **more: object) -> dict[str, object]:
    return {"image_id": image, "category_id": 1, "keypoints": flat(points, score), "score": 0.7, **more}


def mmpose_instance(points: np.ndarray, score: float = 0.9) -> dict[str, object]:
    return {
        "keypoints": points.tolist(),
        "keypoint_scores": [score] * len(points),
        "bbox": [[0.0, 0.0, 9.0, 9.0]],
        "bbox_score": 0.8,
    }


def mmpose_video(people: np.ndarray, order: np.random.Generator | None = None) -> list[dict[str, object]]:
    """Frames of [p, t, j, c]; the persons of each frame in any order."""
    count, frames = people.shape[:2]
    turns = [range(count) if order is None or not t else order.permutation(count) for t in range(frames)]
    return [
        {"frame_id": t, "instances": [mmpose_instance(people[person, t]) for person in turns[t]]} for t in range(frames)
    ]


def mmpose_meta(name: str, joints: tuple[str, ...], links: list[list[int]]) -> dict[str, object]:
    pairs = [
        [place, joints.index(joint.replace("left", "right"))]
        for place, joint in enumerate(joints)
        if joint.startswith("left")
    ]
    return {
        "dataset_name": name,
        "num_keypoints": len(joints),
        "keypoint_id2name": {str(place): joint for place, joint in enumerate(joints)},
        "keypoint_name2id": {joint: place for place, joint in enumerate(joints)},
        "flip_pairs": pairs,
        "skeleton_links": links,
        "keypoint_colors": {"__ndarray__": [[51, 153, 255]] * len(joints), "dtype": "uint8"},
    }


def panoptic_frame(bodies: dict[int, np.ndarray], score: float = 0.6) -> dict[str, object]:
    entries = [{"id": id, "joints19": flat(points, score)} for id, points in bodies.items()]
    return {"version": 0.7, "univTime": 53541.542, "fpsType": "hd_29_97", "bodies": entries}


def dump(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path
