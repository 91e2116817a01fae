"""Robustness: classifiers trained on clean clips, tested on damaged ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np

from msclr.evaluate.data.labelled import LabelledClips, LazyClips
from msclr.poses.sequence import PoseSequence
from weights.cells import Found, Tasks
from weights.damage import DAMAGES
from weights.entrants import Entrants
from weights.probes import ground

SETS = ("nwucla", "utdmhad")


def measure(entrants: Entrants, folder: Path, name: str, kind: str, *, limit: int | None = None) -> Found:
    """Test probes that were trained on clean clips by clips with growing damage.

    Args:
        entrants: Who competes.
        folder: The data folder.
        name: The action set, in its usual split, without test clips that are copies of training clips.
        kind: One of `DAMAGES`.
        limit: Most clips of each side, for a quick look.
    """
    own, damage = ground(entrants, folder / "actions" / f"{name}.npz", limit), DAMAGES[kind]
    tasks: Tasks = {}
    for level in damage.levels:
        clean = level == damage.clean
        rows = own.right if clean else entrants.describe(damaged(own.test, kind, level), keep=False)
        tasks[f"{level:g}"] = own.accuracy(rows, own.test.labels)
    return Found(tasks, own.facts)


def damaged(data: LabelledClips, kind: str, level: float) -> LabelledClips:
    """Return the same clips, damaged when they are read; each draws by its name."""

    def read(place: int) -> PoseSequence:
        name = data.ids[place]
        random = np.random.default_rng((crc32(kind.encode()), crc32(name.encode())))
        return DAMAGES[kind].apply(data.clips[name], level, random)

    return replace(data, name=f"{data.name}, {kind} {level:g}", clips=LazyClips(data.ids, read), digest=None)
