"""Can each published system learn 200 clips by heart? Retrieval of a second augmentation, before and after training.

    MSCLR_DATA=... OMP_NUM_THREADS=1 python tests/benchmarks/overfit.py skeletonclr -o docs/runs
    python tests/benchmarks/overfit.py plot -o docs/runs      # draws the curves of all runs there

The clips are 200 recordings of the HDM05 subset (31 joints), seen as Kinect v2 by conversion; the multi-format one is
trained on both conventions and asked for the clip in the other one. Each clip is augmented twice, independently, as for
training; the query is one, the gallery holds the other one of all 200 clips. Systems with several encoders use all,
joined. The augmentations are those of the papers; optimisation is for a short run: a short queue, no dropout, a lower
rate, and weights that start as torch draws them (the published start spreads out over thousands of updates only).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from msclr import register_skeleton
from msclr.io.collection import read_collection
from msclr.models.base import PoseEncoder
from msclr.models.normalise import JointBatchNorm, MaskedBatchNorm
from msclr.train.course import Course
from msclr.train.loop import optimize
from msclr.train.methods.build import build_method
from msclr.train.methods.clips import DrawnClips
from msclr.train.methods.momentum import MomentumContrast
from msclr.train.runs import load_run
from msclr.train.watch.config import WatchConfig
from msclr.train.watch.watch import Watch

FILE, OWN, SEEN_AS = "hdm05_subset_CC-BY-SA", "hdm05_subset_CC-BY-SA", "kinect_v2_25"
CLIPS, VIEWS = 200, 5
COMMON = (
    f"clips.limit={CLIPS}",
    "clips.persons=1",
    "clips.split=null",
    "clips.preparation=cros",
    f"clips.formats.0.file={FILE}.npz",
    "schedule.batch_size=50",
    "schedule.learning_rate=0.03",
    "schedule.gamma=0.1",
    "schedule.epochs=100000",
    "contrast.queue_size=200",
    "contrast.exclude_same_clip=true",
    "contrast.momentum=0.99",
)
NO_MINING = "contrast.mine_after=1000000"
CHANGES = {
    "skeletonclr": ("encoders.0.dropout=0.0", "steps=800", "schedule.milestones=[170]"),
    "aimclr": ("encoders.0.dropout=0.0", NO_MINING, "steps=380", "schedule.milestones=[80]"),
    "ms-aimclr": (
        "encoders.0.dropout=0.0",
        NO_MINING,
        f'encoders.0.skeletons=["{SEEN_AS}", "{OWN}"]',
        f"clips.formats.1.file={FILE}.npz",
        f"clips.formats.1.skeleton={OWN}",
        "pairs=cross",
        "steps=380",
        "schedule.milestones=[40]",
    ),
    "crosclr": ("encoders.0.dropout=0.0", NO_MINING, "steps=280", "schedule.milestones=[60]"),
    "skelemix": ("encoders.0.dropout=0.0", "steps=200", "schedule.milestones=[42]"),
    "isc": ("clips.preparation=isc", "encoders.0.hidden=128", "steps=150", "schedule.milestones=[32]"),
}


def main() -> None:
    """Train one system and print a line of JSON with what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", choices=[*CHANGES, "plot"])
    parser.add_argument("-o", "--output", type=Path, default=Path("overfit"))
    parser.add_argument("--set", dest="changes", action="append", default=[])
    options = parser.parse_args()
    if options.recipe == "plot":
        plot(options.output)
        return
    data = Path(os.environ["MSCLR_DATA"]) / "mocap"
    register_skeleton(read_collection(data / f"{FILE}.npz").skeleton)
    run = load_run(options.recipe, [*COMMON, *CHANGES[options.recipe], *options.changes])
    method = build_method(run, data)
    start_as_torch_does(method)
    found = {"recipe": options.recipe, "steps": method.steps, "clips": len(method.clips), "random_init": recall(method)}
    before = cpu_seconds()
    course = Course(options.output / f"overfit-{options.recipe}.jsonl")
    optimize(method, Watch(WatchConfig(), method, course, clips=50))
    found |= {"cpu_minutes": round((cpu_seconds() - before) / 60, 1), "trained": recall(method)}
    print(json.dumps(found))  # noqa: T201


def plot(folder: Path) -> None:
    """Draw the loss curves of the runs in a folder to overfit.png in it."""
    from matplotlib.figure import Figure

    logs = sorted(folder.glob("overfit-*.jsonl"))
    figure = Figure(figsize=(3.2 * len(logs), 2.6), layout="constrained")
    for axes, log in zip(figure.subplots(1, len(logs), squeeze=False)[0], logs, strict=True):
        lines = [json.loads(line) for line in log.read_text().splitlines()][1:]  # the first meets an untrained queue
        axes.plot([line["step"] for line in lines], [line["loss"] for line in lines])
        axes.set(title=log.stem.removeprefix("overfit-"), xlabel="update", ylabel="loss")
    figure.savefig(folder / "overfit.png", dpi=100)


def start_as_torch_does(method: MomentumContrast[object]) -> None:
    """Draw the weights of all layers as their constructors do, and copy them to the key encoders."""
    torch.manual_seed(method.config.seed)
    for name, query in method.queries.items():
        for part in query.modules():
            if isinstance(part, torch.nn.Linear | torch.nn.Conv2d):
                part.reset_parameters()
            elif isinstance(part, MaskedBatchNorm | JointBatchNorm | torch.nn.modules.batchnorm._BatchNorm):
                torch.nn.init.ones_(part.weight)
        method.keys[name].encoder.load_state_dict(query.state_dict())


def cpu_seconds() -> float:
    """CPU time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@torch.no_grad()
def recall(method: MomentumContrast[object]) -> float:
    """Share of clips, in percent, whose second view is nearest to the first; mean over several draws of the views."""
    encoders = method.eval().trained()
    hits = []
    method.random.manual_seed(12345)
    index, formats = torch.arange(len(method.clips)), len(method.clips.formats)
    augmentation = method.normal if hasattr(method, "normal") else method.augmentation
    for draw in range(VIEWS):
        first = torch.full_like(index, draw % formats)
        second = (first + 1) % formats
        query, key = (
            F.normalize(embed(method, encoders, index, chosen, augmentation), dim=1) for chosen in (first, second)
        )
        hits.append(((query @ key.T).argmax(dim=1) == index).float().mean())
    method.random.manual_seed(method.config.seed)
    return round(100 * float(torch.stack(hits).mean()), 1)


def embed(
    method: MomentumContrast[object],
    encoders: dict[str, PoseEncoder],
    index: Tensor,
    formats: Tensor,
    augmentation: object,
) -> Tensor:
    """One augmented view of every clip, by all encoders: [n, d]."""
    view = method.view(DrawnClips(method.clips, index), formats, augmentation)
    return torch.cat([F.normalize(each.encode(view.batch)[view.rows], dim=1) for each in encoders.values()], dim=1)


if __name__ == "__main__":
    main()
