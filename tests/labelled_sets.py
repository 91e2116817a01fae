"""Small labelled data sets: arms that swing at a speed that the class says, seen in any joint convention."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import msclr
from msclr import PoseSequence
from msclr.evaluate.data import LabelledClips

CLASSES = ("slow", "quick", "still")
TURNS = {"slow": 1.0, "quick": 4.0, "still": 0.0}


def swing(label: str, seed: int, skeleton: str = "coco_17", frames: int = 24) -> PoseSequence:
    """Return a person who swings the arms."""
    rng = np.random.default_rng([seed, *label.encode()])
    spec = msclr.get_skeleton(skeleton)
    body = np.random.default_rng(7).normal(size=(spec.num_joints, spec.dims)) + 0.05 * rng.normal(
        size=(spec.num_joints, spec.dims)
    )
    poses = np.repeat(body[None], frames, axis=0)
    arms = [place for place, name in enumerate(spec.joints) if "wrist" in name or "elbow" in name]
    phase = 2 * np.pi * (TURNS[label] * np.arange(frames) / frames + rng.uniform())
    poses[:, arms, 1] += np.sin(phase)[:, None]
    poses += 0.02 * rng.normal(size=poses.shape)
    return PoseSequence.from_array(poses, spec, unit="normalized" if spec.dims == 2 else "m")


def labelled(
    train: int = 4, test: int = 3, *, skeleton: str = "coco_17", name: str = "swings", sha256: str = "a" * 64
) -> LabelledClips:
    """Return a data set in memory."""
    rows = [
        (f"{label}_{side}_{number}", label, side, 100 * (side == "test") + number)
        for label in CLASSES
        for side, count in (("train", train), ("test", test))
        for number in range(count)
    ]
    clips = {key: swing(label, seed, skeleton) for key, label, _, seed in rows}
    columns = {"split": tuple(row[2] for row in rows), "subject": tuple(f"s{row[3] % 4}" for row in rows)}
    labels = tuple(row[1] for row in rows)
    return LabelledClips(name, tuple(clips), labels, clips, columns, ("split",), digest=lambda: sha256)


def write_collection(path: Path, data: LabelledClips) -> Path:
    """Write a data set as an .npz of prepared clips."""
    clips = [data.clips[name] for name in data.ids]
    np.savez(
        path,
        joints=np.concatenate([clip.positions.swapaxes(0, 1) for clip in clips]),
        offsets=np.cumsum([0, *(clip.num_frames for clip in clips)]),
        joint_names=np.array(clips[0].skeleton.joints),
        skeleton=clips[0].skeleton.id,
        names=np.array(data.ids),
        label=np.array(data.labels),
        **{name: np.array(values) for name, values in data.columns.items()},
    )
    return path
