"""Can each published system learn 200 clips by heart? Retrieval of a second augmentation, before and after training.

    MSCLR_DATA=... python tests/benchmarks/overfit.py skeletonclr [-o docs/runs]

The clips are 200 repetitions of UI-PRMD, recorded by Vicon (joint centres) and by a Kinect at once. Each clip is
augmented twice, independently, as for training; the query is one, the gallery holds the other one of all 200 clips. The
multi-format system is asked for the clip in the other convention. Systems with several encoders use all, joined.
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
from msclr.train.loop import optimize
from msclr.train.methods.build import build_method
from msclr.train.methods.momentum import MomentumContrast
from msclr.train.runs import load_run

VICON, KINECT = "uiprmd_viconjc_PDDL", "uiprmd_kinect_PDDL"
CLIPS, VIEWS = 200, 5
COMMON = (
    f"clips.limit={CLIPS}",
    "clips.persons=1",
    "clips.preparation=cros",
    "schedule.batch_size=50",
    "schedule.milestones=[]",
    "schedule.epochs=100000",
    "contrast.queue_size=1024",
    "contrast.exclude_same_clip=true",
    "contrast.momentum=0.99",
    f"clips.formats.0.file={VICON}.npz",
    f"clips.formats.0.skeleton={VICON}",
)
GRAPH = (f'encoders.0.skeletons=["{VICON}"]',)
CHANGES = {
    "skeletonclr": (*GRAPH, "steps=400"),
    "aimclr": (*GRAPH, "steps=250", "contrast.mine_after=10000"),
    "ms-aimclr": (
        f'encoders.0.skeletons=["{VICON}", "{KINECT}"]',
        f"clips.formats.1.file={KINECT}.npz",
        f"clips.formats.1.skeleton={KINECT}",
        "steps=250",
        "pairs=cross",
        "contrast.mine_after=10000",
    ),
    "crosclr": (*GRAPH, "steps=130", "contrast.mine_after=10000"),
    "skelemix": (*GRAPH, "steps=130"),
    "isc": (
        "clips.preparation=isc",
        f"encoders.0.skeleton={VICON}",
        f"encoders.1.skeleton={VICON}",
        "encoders.0.hidden=128",
        "steps=150",
    ),
}


def main() -> None:
    """Train one system and print a line of JSON with what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", choices=CHANGES)
    parser.add_argument("-o", "--output", type=Path, default=Path("overfit"))
    parser.add_argument("--set", dest="changes", action="append", default=[])
    options = parser.parse_args()
    data = Path(os.environ["MSCLR_DATA"]) / "mocap"
    for name in (VICON, KINECT):
        register_skeleton(read_collection(data / f"{name}.npz").skeleton)
    run = load_run(options.recipe, [*COMMON, *CHANGES[options.recipe], *options.changes])
    method = build_method(run, data)
    found = {"recipe": options.recipe, "steps": method.steps, "clips": len(method.clips), "random_init": recall(method)}
    before = cpu_seconds()
    log = options.output / f"overfit-{options.recipe}.jsonl"
    optimize(method, log, device="cpu", progress=False)
    found |= {"cpu_minutes": round((cpu_seconds() - before) / 60, 1), "trained": recall(method)}
    print(json.dumps(found))  # noqa: T201


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
    view = method.view(index, formats, augmentation)
    return torch.cat([F.normalize(each.encode(view.batch)[view.rows], dim=1) for each in encoders.values()], dim=1)


if __name__ == "__main__":
    main()
