"""Can each published system learn 200 clips by heart? Retrieval of a second augmentation, before and after training.

    MSCLR_DATA=... OMP_NUM_THREADS=1 python tests/benchmarks/overfit.py skeletonclr -o docs/runs
    python tests/benchmarks/overfit_curves.py docs/runs      # draws the curves of all runs there

The clips are 200 recordings of UI-PRMD: 100 as the Kinect saw them, 100 as Vicon did, in turn the one that is least
like those taken so far, where clips are compared by what the augmentations leave alone (see `choose`). All are seen in
one convention of 15 joints, the multi-format system's in two; clips have 16 frames. Each clip is augmented twice,
independently, as for training; the query is one, the gallery holds the other one of all 200 clips, for the multi-format
system in the other convention. What is compared are the vectors that users get, before the projection head; those after
it are reported beside. Systems with several encoders use all, joined.

The augmentations are those of the papers, scaled to the shorter clips. Optimisation is for a short run: negatives are
the other keys of the same batch, a faster key encoder, no dropout, a lower rate, and weights that start as torch draws
them (the published start spreads out over thousands of updates only). Long runs compute in bfloat16. The width of the
recurrent network is reduced.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from msclr import convert, get_skeleton
from msclr.augment.pipeline import Augmentation
from msclr.augment.temporal import CropResize, MirrorCrop
from msclr.io.collection import read_collection
from msclr.losses.infonce import unit_rows
from msclr.losses.queue import NegativeQueue
from msclr.models.normalise import JointBatchNorm, MaskedBatchNorm
from msclr.poses.cros_line import cros_line
from msclr.poses.sequence import PoseSequence
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

FILES = {"kinect": "uiprmd_kinect_PDDL", "vicon": "uiprmd_viconjc_PDDL"}
SEEN_AS, OTHER = "humaneva_15", "nite2_15"
CLIPS, FRAMES, BATCH, DRAWS = 200, 16, 50, 5
COMMON = (
    "clips.persons=1",
    "clips.split=null",
    "clips.preparation=cros",
    f"clips.frames={FRAMES}",
    f"encoders.0.frames={FRAMES}",
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
    "isc": (
        HALF,
        "clips.preparation=isc",
        "clips.frames=24",  # its crops keep at least as many frames as the networks see
        "encoders.0.hidden=128",
        "encoders.1.face=hcn",
        "encoders.1.dropout=0.0",
        *(
            f"encoders.{number}.{change}"
            for number in (0, 1)
            for change in (f"skeleton={SEEN_AS}", f"frames={FRAMES}", "persons=1")
        ),
        "steps=5200",
        "schedule.learning_rate=0.0006",
        "schedule.milestones=[1050,1200]",
    ),
}


def main() -> None:
    """Train one system and print a line of JSON with what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", choices=CHANGES)
    parser.add_argument("-o", "--output", type=Path, default=Path("overfit"))
    parser.add_argument("--set", dest="changes", action="append", default=[])
    parser.add_argument("--every", type=int, default=0, help="also measure retrieval after every so many updates")
    options = parser.parse_args()
    method = prepared(options.recipe, options.changes)
    found = {"recipe": options.recipe, "steps": method.steps, "clips": len(method.clips), "random_init": recall(method)}
    watch(method, options.every)
    before = process_time()
    course = Course(options.output / f"overfit-{options.recipe}.jsonl")
    with started(method.config.runtime, "cpu") as engine:
        optimize(method, Watch(WatchConfig(), method, course, clips=BATCH), engine)
    found |= {"cpu_minutes": round((process_time() - before) / 60, 1), "trained": recall(method)}
    print(json.dumps(found))


def prepared(recipe: str, changes: Sequence[str]) -> MomentumContrast[object]:
    """Choose the clips and build what is trained on them."""
    formats = (SEEN_AS, OTHER) if recipe == "ms-aimclr" else (SEEN_AS,)
    entries = json.dumps([{"skeleton": each, "file": f"{each}.npz"} for each in formats])
    run = load_run(recipe, [*COMMON, f"clips.formats={entries}", *CHANGES[recipe], *changes])
    with tempfile.TemporaryDirectory() as folder:
        recordings = chosen_recordings(Path(os.environ["MSCLR_DATA"]) / "mocap")
        for skeleton in formats:
            write(Path(folder) / f"{skeleton}.npz", skeleton, recordings)
        method = build_method(run, Path(folder))
    set_up(method)
    return method


def chosen_recordings(folder: Path) -> dict[str, PoseSequence]:
    """Read the recordings of both sensors and choose among them: recordings by name."""
    files = {sensor: read_collection(folder / f"{file}.npz") for sensor, file in FILES.items()}
    rows = choose([torch.stack([spans(recording) for recording in clips]) for clips in files.values()])
    sensors = list(files)
    return {f"{sensors[side]}_{files[sensors[side]].names[row]}": files[sensors[side]][row] for side, row in rows}


def choose(sides: Sequence[Tensor]) -> list[tuple[int, int]]:
    """Take clips of each side in turn, each time the one least like those taken so far: (side, row).

    How much two clips are alike is the overlap of their spans, at the shift in time that makes it largest.

    Args:
        sides: Spans by shift, [n, s, d, 3] each.
    """
    middle = sides[0].shape[1] // 2
    chosen = [(0, 0)]
    overlaps = [torch.zeros(len(side)) for side in sides]
    while len(chosen) < CLIPS:
        newest = sides[chosen[-1][0]][chosen[-1][1]]
        for side, overlap in zip(sides, overlaps, strict=True):
            for shifts, still in ((side, newest[middle, None, None]), (side[:, middle, None], newest)):
                common = torch.linalg.matrix_norm(shifts.mT @ still).square()
                torch.maximum(overlap, common.flatten(1).amax(dim=1), out=overlap)
        next_side = len(chosen) % len(sides)
        chosen.append((next_side, int(overlaps[next_side].argmin())))
    return chosen


def spans(recording: PoseSequence) -> Tensor:
    """What shear leaves alone of a clip: the space that x, y and z span over joints and times, [shifts, t j, 3].

    At every shift in time that the crop can make.
    """
    clip = torch.tensor(cros_line(convert(recording, SEEN_AS), frames=FRAMES).positions[0])  # t j c
    reach = FRAMES // MirrorCrop().ratio
    longer = torch.cat((clip[:reach].flip(0), clip, clip[-reach:].flip(0)))
    return torch.linalg.qr(longer.unfold(0, FRAMES, 1).movedim(3, 1).flatten(1, 2))[0]


def write(path: Path, skeleton: str, recordings: Mapping[str, PoseSequence]) -> None:
    """Write recordings, converted, as a prepared data set."""
    converted = [convert(each, skeleton) for each in recordings.values()]
    np.savez(
        path,
        joints=np.concatenate([each.positions[0] for each in converted]),
        score=np.concatenate([each.valid[0] for each in converted]),
        offsets=np.cumsum([0, *(each.num_frames for each in converted)]),
        names=list(recordings),
        skeleton=skeleton,
        joint_names=get_skeleton(skeleton).joints,
        fps=converted[0].fps,
        up=converted[0].up,
    )


def set_up(method: MomentumContrast[object]) -> None:
    """Make a method learn from short clips in a short run, see above."""
    shorten(method)
    if isinstance(method, InterSkeletonContrast):
        parameters, schedule = method.queries.parameters(), method.config.schedule
        method.optimizer = lambda **_: torch.optim.AdamW(
            parameters, schedule.learning_rate, weight_decay=schedule.weight_decay
        )
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
    hits: dict[str, list[Tensor]] = {"features": [], "projections": []}
    for draw in range(draws):
        first = torch.full_like(index, draw % formats)
        views = [embedded(method, each % formats, augmentation) for each in (first, first + 1)]
        for name, found in hits.items():
            query, key = (view[name] for view in views)
            found.append(((query @ key.T).argmax(dim=1) == index).float().mean())
    method.random.set_state(before)
    return {name: round(100 * float(torch.stack(found).mean()), 1) for name, found in hits.items()}


def embedded(method: MomentumContrast[object], formats: Tensor, augmentation: Augmentation) -> dict[str, Tensor]:
    """One augmented view of every clip, by all encoders, before and after the projection head: unit rows [n, d]."""
    index = torch.arange(len(method.clips))
    view = method.view(method.clips.draw(index, method.random), formats, augmentation)
    found: dict[str, list[Tensor]] = {"features": [], "projections": []}
    for branch in method.queries.values():
        features = branch.encoder.encode(view.batch)[view.rows]
        found["features"].append(F.normalize(features, dim=1))
        found["projections"].append(F.normalize(branch.head(features), dim=1))
    return {name: F.normalize(torch.cat(parts, dim=1), dim=1) for name, parts in found.items()}


if __name__ == "__main__":
    main()
