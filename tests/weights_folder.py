"""A data folder with all that weights are measured on, tiny: people who swing their arms."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from labelled_sets import labelled, write_collection
from small_encoder import small_encoder
from weights.entrants import Networks

from msclr.evaluate.cache import FeatureCache
from msclr.evaluate.contest import Contest
from msclr.evaluate.data import LabelledClips

SENSORS = {
    "uiprmd_kinect_PDDL": "kinect_v2_25",
    "uiprmd_viconjc_PDDL": "h36m_17",
    "uiprmd_vicon_PDDL": "plug_in_gait_39",
}


def write_folder(folder: Path) -> Path:
    """Write the files that the parts read."""
    for name in ("actions", "mocap"):
        (folder / name).mkdir(parents=True)
    write_collection(folder / "actions" / "h36m.npz", labelled(4, 2, skeleton="h36m_17"))
    never = labelled(2, 0, skeleton="smpl_24")
    ids = tuple(f"never {name}" for name in never.ids)
    never = replace(
        never,
        ids=ids,
        clips=dict(zip(ids, never.clips.values(), strict=True)),
        columns={"description": never.labels},
        splits=(),
    )
    write_collection(folder / "mocap" / "bandai_NONCOMMERCIAL.npz", never)
    for name in ("nwucla", "utdmhad"):
        data = labelled(4, 3, skeleton="kinect_v1_20")
        copies = tuple(str(each == data.ids[4]) for each in data.ids)  # the first test clip
        write_collection(
            folder / "actions" / f"{name}.npz", replace(data, columns={**data.columns, "dup_of_train": copies})
        )
    for name, skeleton in SENSORS.items():
        write_collection(folder / "mocap" / f"{name}.npz", by_subject(skeleton))
    pairs = [
        {"file_a": "uiprmd_kinect_PDDL.npz", "name_a": name, "file_b": "uiprmd_viconjc_PDDL.npz", "name_b": name}
        for name in by_subject("h36m_17").ids[:5]
    ]
    (folder / "mocap" / "pairs.json").write_text(json.dumps(pairs))
    return folder


def by_subject(skeleton: str) -> LabelledClips:
    """Return exercises of UI-PRMD's subjects, every second one done wrong."""
    data = labelled(4, 2, skeleton=skeleton)
    places, sides = range(len(data)), data.columns["split"]
    tested = ("uiprmd_s09", "uiprmd_s10")
    subjects = tuple(tested[place % 2] if sides[place] == "test" else "uiprmd_s01" for place in places)
    quality = [("incorrectly", "correctly")[place % 2] for place in places]
    told = tuple(f"{label}, performed {how}" for label, how in zip(data.labels, quality, strict=True))
    return replace(data, columns={"subject": subjects, "description": told}, splits=())


def networks(cache: Path | None = None, name: str = "small", seed: int = 0) -> Networks:
    """Return a small network and two random twins."""
    contest = Contest(small_encoder(seed), (small_encoder(8), small_encoder(9)))
    return Networks(name, contest, None if cache is None else FeatureCache(cache))


def shuffled(data: LabelledClips) -> LabelledClips:
    """Return the same clips in another order."""
    order = np.random.default_rng(0).permutation(len(data))
    return data.only([data.ids[place] for place in order])
