"""Recordings of any length as arrays, tables and pickles."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from oracles.keypoint_files import walks
from oracles.recording import Recording

from msclr import PoseSequence, write


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def _walk(frames: int) -> PoseSequence:
    points = walks(2, frames)
    points[0, 0, 3] = np.nan
    return PoseSequence.from_array(
        points, "coco_17", fps=25, confidence=np.full(points.shape[:3], 0.5), meta={"label": "walk"}
    )


def npz(folder: Path, frames: int) -> Recording:
    write(_walk(frames), folder / "clip.npz")
    return Recording(folder / "clip.npz")


def npz_foreign(folder: Path, frames: int) -> Recording:
    np.savez(folder / "poses.npz", keypoints=walks(1, frames)[0].astype(np.float32))
    return Recording(folder / "poses.npz", {"skeleton": "coco_17"})


def npy(folder: Path, frames: int) -> Recording:
    np.save(folder / "poses.npy", walks(1, frames)[0].astype(np.float32))
    return Recording(folder / "poses.npy", {"skeleton": "coco_17"})


def pyskl(folder: Path, frames: int) -> Recording:
    annotation = {
        "frame_dir": "S001",
        "label": 3,
        "img_shape": (1080, 1920),
        "original_shape": (1080, 1920),
        "total_frames": frames,
        "keypoint": walks(2, frames).astype(np.float16),
        "keypoint_score": _rng().uniform(0.1, 1, size=(2, frames, 17)).astype(np.float16),
    }
    content = {"split": {"xsub_train": ["S001"], "xsub_val": []}, "annotations": [annotation]}
    (folder / "ntu60_hrnet.pkl").write_bytes(pickle.dumps(content, 4))
    return Recording(folder / "ntu60_hrnet.pkl")


def amass(folder: Path, frames: int) -> Recording:
    members = {"poses": np.zeros((frames, 66)), "trans": np.zeros((frames, 3)), "mocap_frame_rate": 120.0}
    np.savez(folder / "walk.npz", joints=_rng().normal(size=(frames, 22, 3)).astype(np.float32), **members)
    return Recording(folder / "walk.npz")


def csv(folder: Path, frames: int) -> Recording:
    write(_walk(frames), folder / "clip.csv")
    return Recording(folder / "clip.csv", {"skeleton": "coco_17"})


def parquet(folder: Path, frames: int) -> Recording:
    write(_walk(frames), folder / "clip.parquet")
    return Recording(folder / "clip.parquet")
