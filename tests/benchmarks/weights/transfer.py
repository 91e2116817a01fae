"""Probe transfer: a classifier trained on one convention, tested on another."""

from __future__ import annotations

from pathlib import Path

from weights.cells import Found, Tasks
from weights.entrants import Entrants, comparable
from weights.probes import Probes, ground
from weights.sets import View, seen_in

SETS = ("nwucla", "utdmhad", "h36m")
RECORDED = "as recorded"
VIEWS = {
    "SMPL-X 42, 3D": View("metrabs_smplx_42", 3),
    "MHAD markers, 3D": View("metrabs_berkeley_mhad_43", 3),
    "COCO, 2D": View("coco_17", 2),
    "BODY_25, 2D": View("openpose_body25_25", 2),
}


def measure(entrants: Entrants, folder: Path, name: str, *, limit: int | None = None) -> Found:
    """Train on clips as recorded and test on the same split in another convention, the other way round, and within.

    Args:
        entrants: Who competes; raw poses by the joints and dimensions that both conventions have.
        folder: The data folder.
        name: The action set, in its usual split, without test clips that are copies of training clips.
        limit: Most clips of each side, for a quick look.
    """
    own = ground(entrants, folder / "actions" / f"{name}.npz", limit)
    sides = {RECORDED: (own.known, own.right)}
    for title, view in VIEWS.items():
        sides[title] = (entrants.describe(seen_in(own.train, view)), entrants.describe(seen_in(own.test, view)))
    probes = Probes(own.train.labels)
    tasks: Tasks = {}
    for trained, tested in [(RECORDED, RECORDED), *_pairs()]:
        pairs = [comparable(*each) for each in zip(sides[trained][0], sides[tested][1], strict=True)]
        fitting = [pair for pair in pairs if pair is not None]
        if len(fitting) == len(pairs):
            tasks[f"{trained} > {tested}"] = probes.told(entrants, fitting, own.test.labels)
    return Found(tasks, own.facts)


def _pairs() -> list[tuple[str, str]]:
    """Within each view, from what was recorded, and back."""
    return [pair for view in VIEWS for pair in ((view, view), (RECORDED, view), (view, RECORDED))]
