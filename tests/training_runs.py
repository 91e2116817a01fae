"""Training data and runs so small that a whole run takes a fraction of a second."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from strategies import standing_person

from msclr.train.checkpoint import TENSORS
from msclr.train.config import TrainConfig
from msclr.train.course import Course
from msclr.train.loop import pretrain
from msclr.train.methods.config import PublishedConfig
from msclr.train.runs import load_run
from msclr.train.universal import Universal
from msclr.train.watch.config import WatchConfig
from msclr.train.watch.watch import Watch

CLASSES = ("sway", "bow")
UNDRAWN = {"curves": False}
TINY = [
    "clips.formats.0.file=kinect.npz",
    "clips.persons=1",
    "clips.preparation=cros",
    "schedule.batch_size=4",
    "contrast.queue_size=16",
    "contrast.projection=8",
    "steps=3",
]
GRAPH = [*TINY, "encoders.0.hidden=4", "encoders.0.dim=8"]
RUNS = {
    "skeletonclr": [*GRAPH, "clips.frames=16"],
    "aimclr": [*GRAPH, "clips.frames=16", "contrast.mine_after=0"],
    "ms-aimclr": [
        *GRAPH,
        "clips.frames=16",
        'encoders.0.skeletons=["kinect_v2_25","smpl_24"]',
        "clips.formats.1.file=smpl.npz",
        "clips.formats.1.skeleton=smpl_24",
    ],
    "crosclr": [*GRAPH, "clips.frames=16", "contrast.mine_after=0"],
    "skelemix": [*GRAPH, "clips.frames=48"],
    "isc": [
        *TINY,
        "clips.preparation=isc",
        "encoders.0.hidden=4",
        "encoders.1.channels=[4, 4]",
        "encoders.1.strides=[1, 2]",
    ],
}


def write_collection(path: Path, skeleton: str, clips: int, *, seed: int) -> None:
    """Write clips of people who sway, of different lengths, with subjects and labels."""
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


def write_folder(folder: Path) -> Path:
    """Write the files of all runs below."""
    folder.mkdir(exist_ok=True)
    write_collection(folder / "kinect.npz", "kinect_v2_25", 12, seed=0)
    write_collection(folder / "smpl.npz", "smpl_24", 12, seed=0)
    write_collection(folder / "other.npz", "kinect_v1_20", 9, seed=100)
    (folder / "pairs.json").write_text(json.dumps([{"name_a": "clip_0", "name_b": "clip_1"}]))
    return folder


def universal_run(**changes: object) -> TrainConfig:
    """The run of the bundled models, tiny."""
    fields = {
        "name": "tiny",
        "encoder": {"channels": (8, 16), "strides": (2, 2), "dim": 16, "frames": 16},
        "sources": (
            {"file": "kinect.npz", "group": "pair", "label": "label"},
            {"file": "smpl.npz", "group": "pair", "label": "label"},
            {"file": "other.npz"},
        ),
        "exclude_subjects": ("s2",),
        "exclude_pairs": ("pairs.json",),
        "views": {"pool": 2},
        "loss": {"queue_size": 32, "projection": 8},
        "steps": 4,
        "batch_size": 8,
        "blocks": 2,
    }
    return TrainConfig(**{**fields, **_undrawn(changes)})


def tiny_run(name: str, **changes: object) -> TrainConfig | PublishedConfig:
    """A run by the name of its method, "universal" or a recipe, tiny."""
    if name == "universal":
        return universal_run(**changes)
    run = load_run(name, [*RUNS[name], *(f"{field}={_text(value)}" for field, value in _undrawn(changes).items())])
    assert isinstance(run, PublishedConfig)
    return run


def _undrawn(changes: dict[str, object]) -> dict[str, object]:
    """Leave out the curves, which take longer than the run."""
    return {**changes, "watch": {**UNDRAWN, **changes.get("watch", {})}}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def watch(method, log, **fields):
    """Somebody who writes the log of a run, and looks at nothing else."""
    return Watch(WatchConfig(**fields), method, Course(log), clips=4)


def train(data, output, name="universal", *, fresh=False, **changes):
    config = tiny_run(name, **{"steps": 5, "checkpoint_every": 1, **changes})
    return pretrain(config, data, output, device="cpu", progress=False, fresh=fresh)


def after(patch, step, act, kind=Universal):
    """Do something at the end of an update."""
    original = kind.after_update

    def act_then(self, now):
        if now == step:
            act()
        original(self, now)

    patch.setattr(kind, "after_update", act_then)


def folder(output):
    return output.with_name(output.name + ".checkpoints")


def names(output):
    return sorted(path.name for path in folder(output).iterdir())


def same(output, whole):
    last = Path("step-000000005") / TENSORS
    return (folder(output) / last).read_bytes() == (folder(whole) / last).read_bytes() and (
        output / "model.safetensors"
    ).read_bytes() == (whole / "model.safetensors").read_bytes()
