"""An encoder behind a pipeline in the style of PYSKL and MMAction2: a pickle of annotations, steps named in a config.

Run: python examples/11_pyskl_pipeline.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

import msclr
from msclr.evaluate.data import sample_clips
from msclr.io.pyskl import from_annotation, read_pyskl, write_pyskl
from msclr.io.pyskl_export import to_annotation
from msclr.models.finetune import PoseClassifier, collate
from msclr.models.inference import windows_of

ENCODER = msclr.load_pretrained()


def random_scale(results: dict, scale: float) -> dict:
    """A step as those frameworks have them: a dictionary in, a dictionary out."""
    return results | {"keypoint": results["keypoint"] * (1 + scale * (2 * torch.rand(3).numpy() - 1))}


def to_window(results: dict) -> tuple[msclr.PoseSequence, int]:
    """The last step: what the encoder sees of an annotation, and its class number."""
    clip = from_annotation(results, unit="unknown")  # a pickle does not say
    return windows_of(ENCODER, clip, 0)[0].poses, results["label"]


STEPS: dict[str, Callable] = {"RandomScale": random_scale, "ToWindow": to_window}
CONFIG = {
    "train": [{"type": "RandomScale", "scale": 0.1}, {"type": "ToWindow"}],
    "test": [{"type": "ToWindow"}],
}


class PoseDataset(Dataset):
    def __init__(self, file: Path, split: str, pipeline: list[dict]) -> None:
        clips = read_pyskl(file).split(split)  # nothing in the pickle is run
        self.annotations = [to_annotation(clip, clip.meta["name"], int(clip.meta["label"])) for clip in clips]
        self.pipeline = pipeline

    def __len__(self) -> int:
        return len(self.annotations)

    def __getitem__(self, index: int) -> tuple[msclr.PoseSequence, int]:
        results = self.annotations[index]
        for step in self.pipeline:
            results = STEPS[step["type"]](results, **{name: value for name, value in step.items() if name != "type"})
        return results


with tempfile.TemporaryDirectory() as folder:
    data, file = sample_clips(), Path(folder) / "clips.pkl"  # as those frameworks have it: 25 joints in 3D, or 17 in 2D
    clips = [msclr.convert(data.clips[name], "kinect_v2_25") for name in data.ids]
    labels = [data.classes.index(label) for label in data.labels]
    write_pyskl(
        clips, file, labels=labels, names=data.ids, splits={"train": data.sides().train, "test": data.sides().test}
    )
    train, test = (PoseDataset(file, split, pipeline) for split, pipeline in CONFIG.items())

torch.manual_seed(0)
model = PoseClassifier(ENCODER, data.classes, normalize=True).freeze()  # the head alone, on the encoder as it is
optimiser = torch.optim.AdamW(model.head.parameters(), lr=0.1)
for _ in range(3):
    for batch, codes in DataLoader(train, batch_size=7, shuffle=True, collate_fn=collate):
        optimiser.zero_grad()
        F.cross_entropy(model(batch), codes).backward()
        optimiser.step()
batch, codes = collate([test[number] for number in range(len(test))])
print(f"{(model.eval()(batch).argmax(dim=1) == codes).float().mean():.1%} of {len(test)} clips")
