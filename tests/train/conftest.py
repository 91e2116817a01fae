from __future__ import annotations

import json

import numpy as np
import pytest
from strategies import standing_person

from msclr.train.config import TrainConfig

CLASSES = ("sway", "bow")


def write_collection(path, skeleton, clips, *, seed):
    recordings = [standing_person(skeleton, frames=20 + 3 * clip, seed=seed + clip) for clip in range(clips)]
    spec = recordings[0].skeleton
    np.savez(
        path,
        joints=np.concatenate([recording.positions[0] for recording in recordings]),
        offsets=np.cumsum([0, *(recording.num_frames for recording in recordings)]),
        joint_names=np.array(spec.joints),
        parents=np.array(spec.parents),
        names=np.array([f"clip_{clip}" for clip in range(clips)]),
        subject=np.array([f"s{clip % 3}" for clip in range(clips)]),
        label=np.array([CLASSES[clip % 2] for clip in range(clips)]),
        fps=20.0,
        up="y",
    )


@pytest.fixture(scope="session")
def training_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    write_collection(folder / "kinect.npz", "kinect_v2_25", 12, seed=0)
    write_collection(folder / "smpl.npz", "smpl_24", 12, seed=0)
    write_collection(folder / "other.npz", "kinect_v1_20", 9, seed=100)
    (folder / "pairs.json").write_text(json.dumps([{"name_a": "clip_0", "name_b": "clip_1"}]))
    return folder


@pytest.fixture
def tiny_config():
    return TrainConfig(
        name="tiny",
        encoder={"channels": (8, 16), "strides": (2, 2), "dim": 16, "frames": 16},
        sources=(
            {"file": "kinect.npz", "group": "pair", "label": "label"},
            {"file": "smpl.npz", "group": "pair", "label": "label"},
            {"file": "other.npz"},
        ),
        exclude_subjects=("s2",),
        exclude_pairs=("pairs.json",),
        views={"pool": 2},
        loss={"queue_size": 32, "projection": 8},
        steps=4,
        batch_size=8,
        blocks=2,
    )
