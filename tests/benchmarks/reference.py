"""The published system beside the bundled model: MS-AimCLR at its full width, on mocap in three producers' joints.

    export MSCLR_DATA=... OMP_NUM_THREADS=1 PYTHONPATH=tests/benchmarks
    python tests/benchmarks/reference.py -o reference

As published: ten blocks of 16 to 256 channels with a graph and a normalisation for each of Kinect v2, SMPL-X 42 and
MHAD 43, 50 frames, AimCLR's three views and losses, query and key in formats drawn at random. Not as published: windows
of CMU, converted to the three formats, in common coordinates; and what a short run asks for, as in `overfit.py`:
batches of 48, other keys of a batch as negatives, no mining, weights as torch draws them, a lower rate.

Judged by frozen vectors of the sets of `python -m claims`, all clips converted to Kinect v2: accuracy, and how often a
repetition is found among those of another sensor.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from claims.arms import DERIVED, MHAD, NTU, SMPLX, Arm
from claims.clips import ACTIONS, UIPRMD, know_sensors, parts_of, write_recordings
from claims.judging import FOUND, KNN, LINEAR, OWN, TOGETHER, across, classified, judge_raw, split_in
from claims.training import train
from pages import spread, table

from msclr.hub.card import ModelCard
from msclr.hub.load import load_pretrained
from msclr.hub.save import save_pretrained
from msclr.models.base import PoseEncoder
from msclr.models.config import PerSkeletonConfig
from msclr.train.runs import load_run

UPDATES, SEEDS = 400, 3
ARM = Arm(
    "ms-aimclr",
    DERIVED,
    (NTU, SMPLX, MHAD),
    UPDATES,
    "ms-aimclr",
    (
        "encoders.0.hidden=16",
        "encoders.0.dim=256",
        "encoders.0.frames=50",
        "clips.frames=50",
        "contrast.mine_after=1000000",
        "runtime.precision=bf16",
    ),
)
TRAINING = (
    "updates of 48 clips by the script `tests/benchmarks/reference.py`, seed 0, bfloat16: MS-AimCLR as published "
    "(AimCLR's three views and losses, query and key in formats drawn at random), but in common coordinates, with the "
    "other keys of a batch as negatives, without mining, from the weights that torch draws, at a rate of 0.015."
)
CARD = ModelCard(
    ARM.name,
    PerSkeletonConfig(skeletons=ARM.formats),
    licence="apache-2.0",
    summary="The published ST-GCN of MS-CLR at its full width, trained for half an hour: a point of reference, not a "
    "model to use. `msclr-base` is better in every mean below.",
    data=["windows of 3 s of `mocap/cmu_daz.npz`, converted to the three conventions"],
    terms=[text for text in load_run("msclr-base").acknowledgements if text.startswith("CMU")],
)


def main() -> None:
    """Train, judge and print a table; models that are there are not trained again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("reference"))
    parser.add_argument("--updates", type=int, default=UPDATES)
    parser.add_argument("--most", type=int, default=500, help="clips of a side of a set")
    parser.add_argument("--save", type=Path, help="where to put a copy of the model, with the table on its card")
    options = parser.parse_args()
    data = Path(os.environ["MSCLR_DATA"])
    know_sensors(data)
    arm = replace(ARM, updates=options.updates)
    write_recordings(arm, data, options.output / "data")
    runs = [(arm, 0), *((replace(arm, name="random init", updates=0), seed) for seed in range(SEEDS))]
    rows: dict[str, list[PoseEncoder]] = {}
    for each, seed in runs:
        folder = options.output / f"{each.name.replace(' ', '-')}-{seed}"
        if not folder.exists():
            train(each, seed, options.output / "data", folder)
        rows.setdefault(each.name, []).append(load_pretrained(folder / "encoder"))
    rows["msclr-base"] = [load_pretrained()]
    measured = judged_by_all(rows, data, options.most)
    print(measured)
    if options.save is not None:
        (trained,) = rows[ARM.name]
        card = replace(CARD, config=trained.config, training=f"{options.updates} {TRAINING}", measured=measured)
        save_pretrained(trained, options.save, name=ARM.name, card=card, licence=card.licence)


def judged_by_all(rows: Mapping[str, list[PoseEncoder]], data: Path, most: int) -> str:
    """Return the table: sensors, then both protocols by set, and their means."""
    lines = [["UI-PRMD, another sensor", FOUND, *map(spread, across_sensors(rows, data, most).values())]]
    found = {name: judged(rows, name, data, most) for name in ACTIONS}
    for protocol in (KNN, LINEAR):
        lines += [[name, protocol, *map(spread, numbers[protocol].values())] for name, numbers in found.items()]
        columns = zip(*(numbers[protocol].values() for numbers in found.values()), strict=True)  # models, sets, seeds
        means = [[fmean(of) for of in zip(*column, strict=True)] for column in columns]
        lines.append(["**mean**", protocol, *map(spread, means)])
    return table(["set", "protocol", *rows, "raw poses"], lines, texts=2)


def judged(
    rows: Mapping[str, list[PoseEncoder]], name: str, folder: Path, most: int
) -> dict[str, dict[str, list[float]]]:
    """Return for both protocols the figures of all models by a set."""
    (part,) = parts_of(name, folder, most)
    found: dict[str, dict[str, list[float]]] = {KNN: {}, LINEAR: {}}
    for title, encoders in rows.items():
        for encoder in encoders:
            for protocol, views in classified({NTU: split_in(part, encoder, NTU)}).items():
                found[protocol].setdefault(title, []).append(views[NTU])
    for protocol, views in judge_raw([part])[part.title].items():
        found[protocol]["raw poses"] = list(views.values())
    return found


def across_sensors(rows: Mapping[str, list[PoseEncoder]], folder: Path, most: int) -> dict[str, list[float]]:
    """Return how often all models find a repetition among those of another sensor."""
    parts = parts_of(UIPRMD, folder, most)
    found: dict[str, list[float]] = {}
    for title, encoders in rows.items():
        for encoder in encoders:
            sensors = {part.title: split_in(part, encoder, NTU) for part in parts}
            found.setdefault(title, []).append(across({NTU: sensors})[FOUND][NTU])
    found["raw poses"] = [judge_raw(parts)[TOGETHER][FOUND][OWN]]
    return found


if __name__ == "__main__":
    main()
