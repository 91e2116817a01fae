"""Can each published system learn 200 clips by heart? Retrieval of a second augmentation, before and after training.

    MSCLR_DATA=... OMP_NUM_THREADS=1 python tests/benchmarks/overfit.py skeletonclr -o docs/runs
    python tests/benchmarks/overfit_curves.py docs/runs      # draws the curves of all runs there

The clips are 200 recordings of two conventions, in turn the one least like those taken so far (overfit_clips.py): of
UI-PRMD, 100 as the Kinect saw them, 100 as Vicon did, seen in one convention of 15 joints, the multi-format system's
in two; for inter-skeleton contrast of CMU, as long as clips of NTU RGB+D are, in its own 25 joints. All have 16 frames,
or 8 where the 2s-AGCN is trained. Each clip is augmented twice, independently, as for training; the query is one, the
gallery holds the other one of all 200 clips, for the multi-format system in the other convention. What is compared are
the vectors that users get, before the projection head; those after it are reported beside. Systems with several
encoders use all, joined.

The augmentations are those of the papers, scaled to the shorter clips. Optimisation is for a short run: negatives are
the other keys of the same batch, a faster key encoder, no dropout, a lower rate, and weights that start as torch draws
them (the published start spreads out over thousands of updates only). Long runs compute in bfloat16. Inter-skeleton
contrast keeps its published start; matrices are updated by Muon (torch 2.9 or later), projection heads stay as they are
drawn, so that features have to learn what projections would, and the recurrent network has a quarter of its width.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time

import torch
from overfit_clips import repetitions, windows, write
from torch import Tensor
from torch.nn import functional as F

from msclr.augment.pipeline import Augmentation
from msclr.augment.temporal import CropResize
from msclr.losses.infonce import unit_rows
from msclr.losses.queue import NegativeQueue
from msclr.models.normalise import JointBatchNorm, MaskedBatchNorm
from msclr.train.course import Course
from msclr.train.engine import started
from msclr.train.loop import optimize
from msclr.train.methods.build import build_method
from msclr.train.methods.isc import InterSkeletonContrast
from msclr.train.methods.momentum import MomentumContrast
from msclr.train.methods.skelemix import SkeleMixCLR
from msclr.train.runs import load_run
from msclr.train.watch.config import WatchConfig
from msclr.train.watch.watch import Watch

SEEN_AS, OTHER, PUBLISHED = "humaneva_15", "nite2_15", "kinect_v2_25"
BATCH, DRAWS = 50, 5
MATRICES = 2, 4  # axes of the weights of linear and recurrent layers, and of convolutions
FASTER = 5  # the rate of matrices beside that of vectors
COMMON = (
    "clips.persons=1",
    "clips.split=null",
    "clips.preparation=cros",
    f"schedule.batch_size={BATCH}",
    "schedule.learning_rate=0.015",
    "schedule.gamma=0.3",
    "schedule.epochs=100000",
    f"contrast.queue_size={BATCH}",
    "contrast.exclude_same_clip=true",
    "contrast.momentum=0.9",
)
ST_GCN = (f'encoders.0.skeletons=["{SEEN_AS}"]', "encoders.0.dropout=0.0")
NO_MINING = "contrast.mine_after=1000000"
HALF = "runtime.precision=bf16"
PAIR = (
    HALF,
    "clips.preparation=isc",
    "encoders.0.hidden=256",
    "encoders.0.persons=1",
    "encoders.1.persons=1",
    f"schedule.batch_size={2 * BATCH}",
    "schedule.learning_rate=0.0008",
    f"contrast.queue_size={2 * BATCH}",
    "contrast.projection=512",
)
CHANGES = {
    "skeletonclr": (*ST_GCN, "steps=2500", "schedule.milestones=[400,550]"),
    "aimclr": (*ST_GCN, NO_MINING, HALF, "steps=2400", "schedule.milestones=[500,560]"),
    "ms-aimclr": (
        f'encoders.0.skeletons=["{SEEN_AS}", "{OTHER}"]',
        "encoders.0.dropout=0.0",
        NO_MINING,
        HALF,
        "pairs=cross",
        "steps=2700",
        "schedule.milestones=[285,320]",  # an epoch is twice as long
    ),
    "crosclr": (*ST_GCN, NO_MINING, "steps=240", "schedule.milestones=[44]"),
    "skelemix": (*ST_GCN, HALF, "steps=1380", "schedule.milestones=[285,320]"),
    "isc": (*PAIR, "steps=800", "schedule.milestones=[320]"),
    "isc-image": (
        *PAIR,
        "encoders.1.face=hcn",
        "encoders.1.dropout=0.0",
        "steps=1600",
        "schedule.milestones=[640]",
    ),
}


def main() -> None:
    """Train one system and print a line of JSON with what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("system", choices=CHANGES, help="isc-image: sequence and image instead of sequence and graph")
    parser.add_argument("-o", "--output", type=Path, default=Path("overfit"))
    parser.add_argument("--set", dest="changes", action="append", default=[])
    parser.add_argument("--every", type=int, default=0, help="also measure retrieval after every so many updates")
    parser.add_argument("--adamw", action="store_true", help="ISC: AdamW for matrices, too")
    parser.add_argument("--heads", action="store_true", help="ISC: heads learn as well")
    options = parser.parse_args()
    method = prepared(options.system, options.changes, adamw=options.adamw, heads=options.heads)
    found = {"system": options.system, "steps": method.steps, "clips": len(method.clips), "random_init": recall(method)}
    watch(method, options.every)
    before = process_time()
    course = Course(options.output / f"overfit-{options.system}.jsonl")
    with started(method.config.runtime, "cpu") as engine:
        optimize(method, Watch(WatchConfig(), method, course, clips=method.config.schedule.batch_size), engine)
    found |= {"cpu_minutes": round((process_time() - before) / 60, 1), "trained": recall(method)}
    print(json.dumps(found))


def prepared(
    system: str, changes: Sequence[str], *, adamw: bool = False, heads: bool = False
) -> MomentumContrast[object]:
    """Choose the clips and build what is trained on them."""
    recipe = system.removesuffix("-image")
    frames = 8 if system == "isc" else 16
    formats = {"ms-aimclr": (SEEN_AS, OTHER), "isc": (PUBLISHED,)}.get(recipe, (SEEN_AS,))
    entries = json.dumps([{"skeleton": each, "file": f"{each}.npz"} for each in formats])
    lengths = ["clips", "encoders.0", *(["encoders.1"] if recipe == "isc" else [])]
    common = [*COMMON, f"clips.formats={entries}", *(f"{each}.frames={frames}" for each in lengths)]
    run = load_run(recipe, [*common, *CHANGES[system], *changes])
    clips = (windows if recipe == "isc" else repetitions)(formats[0], frames)
    with tempfile.TemporaryDirectory() as folder:
        for skeleton in formats:
            write(Path(folder) / f"{skeleton}.npz", skeleton, clips)
        method = build_method(run, Path(folder))
    set_up(method, adamw=adamw, heads=heads)
    return method


def set_up(method: MomentumContrast[object], *, adamw: bool, heads: bool) -> None:
    """Make a method learn from short clips in a short run, see above."""
    shorten(method)
    if isinstance(method, InterSkeletonContrast):
        for branch in method.queries.values():
            branch.head.requires_grad_(heads)
        method.optimizer = lambda **_: matrices_apart(method, () if adamw else MATRICES)
    else:
        start_as_torch_does(method)
    method.contrast.register_forward_pre_hook(fresh_negatives, with_kwargs=True)


def shorten(method: MomentumContrast[object]) -> None:
    """Bring augmentations that count frames to the length of these clips."""
    frames = method.config.encoders[0].frames
    if isinstance(method, SkeleMixCLR):
        units, least, most = 64 / frames, *method.mix.length
        method.mix = replace(method.mix, length=(max(1, round(least / units)), round(most / units)))
    if isinstance(method, InterSkeletonContrast):
        crop, *others = method.augmentation.steps
        if isinstance(crop, CropResize):
            method.augmentation = replace(method.augmentation, steps=(replace(crop, frames=frames), *others))


def matrices_apart(method: MomentumContrast[object], axes: Sequence[int]) -> torch.optim.Optimizer:
    """AdamW for vectors, and for the matrices of layers Muon, whose updates are as large in every direction."""
    schedule = method.config.schedule
    weights = [each for each in method.queries.parameters() if each.requires_grad]
    matrices = [each for each in weights if each.dim() in axes]
    optimizer = torch.optim.AdamW(
        [each for each in weights if each.dim() not in axes], weight_decay=schedule.weight_decay
    )
    if not matrices:
        return optimizer
    flat = [torch.nn.Parameter(each.data.flatten(1)) for each in matrices]  # the same memory
    muon = torch.optim.Muon(flat, weight_decay=schedule.weight_decay, adjust_lr_fn="match_rms_adamw")

    def step(*_: object) -> None:
        for view, matrix in zip(flat, matrices, strict=True):
            view.grad, matrix.grad = matrix.grad.flatten(1), None
        for group in muon.param_groups:
            group["lr"] = FASTER * optimizer.param_groups[0]["lr"]
        muon.step()

    optimizer.register_step_post_hook(step)
    return optimizer


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


def fresh_negatives(loss: torch.nn.Module, views: tuple[object, ...], options: dict[str, Tensor]) -> None:
    """Put the keys of a batch into the queues before the loss, which leaves out those of the clip itself."""
    queues = [part for part in loss.modules() if isinstance(part, NegativeQueue)]
    keys = [view for view in flat(views) if view.is_floating_point() and not view.requires_grad]
    for queue, key in zip(queues, keys, strict=True):
        queue.enqueue(unit_rows(key), options["sample_ids"])


def flat(views: object) -> Iterator[Tensor]:
    """All tensors in lists and mappings of them."""
    if isinstance(views, Tensor):
        yield views
    elif isinstance(views, Mapping | Sequence):
        for each in views.values() if isinstance(views, Mapping) else views:
            yield from flat(each)


def watch(method: MomentumContrast[object], every: int) -> None:
    """Print retrieval after every so many updates, with the CPU minutes so far."""
    update = method.after_update

    def updated(step: int) -> None:
        update(step)
        if every and (step + 1) % every == 0:
            print(step + 1, round(process_time() / 60, 2), recall(method, draws=2), flush=True)
            method.train()

    method.after_update = updated


@torch.no_grad()
def recall(method: MomentumContrast[object], draws: int = DRAWS) -> dict[str, float]:
    """Share of clips, in percent, whose second view is nearest to the first; mean over several draws of the views."""
    method.eval()
    before = method.random.get_state()
    method.random.manual_seed(12345)
    index, formats = torch.arange(len(method.clips)), len(method.clips.formats)
    augmentation = method.normal if hasattr(method, "normal") else method.augmentation
    hits: dict[str, list[Tensor]] = {}
    for draw in range(draws):
        first = torch.full_like(index, draw % formats)
        views = [embedded(method, each % formats, augmentation) for each in (first, first + 1)]
        for name in views[0]:
            query, key = (view[name] for view in views)
            hits.setdefault(name, []).append(((query @ key.T).argmax(dim=1) == index).float().mean())
    method.random.set_state(before)
    return {name: round(100 * float(torch.stack(found).mean()), 1) for name, found in hits.items()}


def embedded(method: MomentumContrast[object], formats: Tensor, augmentation: Augmentation) -> dict[str, Tensor]:
    """One augmented view of every clip, by all encoders and each, before and after the head: unit rows [n, d]."""
    index = torch.arange(len(method.clips))
    view = method.view(method.clips.draw(index, method.random), formats, augmentation)
    found: dict[str, list[Tensor]] = {"features": [], "projections": []}
    for branch in method.queries.values():
        features = branch.encoder.encode(view.batch)[view.rows]
        found["features"].append(F.normalize(features, dim=1))
        found["projections"].append(F.normalize(branch.head(features), dim=1))
    joined = {name: F.normalize(torch.cat(parts, dim=1), dim=1) for name, parts in found.items()}
    alone = dict(zip(method.queries, found["features"], strict=True)) if len(method.queries) > 1 else {}
    return joined | {f"features of {name}": rows for name, rows in alone.items()}


if __name__ == "__main__":
    main()
