"""A wrong unit: is it refused, named by the doctor, or without effect?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch.nn import functional as F

from msclr.doctor import unit
from msclr.errors import PoseError
from msclr.evaluate.data.labelled import LabelledClips, LazyClips
from msclr.poses.canonical import unify
from msclr.poses.sequence import PoseSequence
from msclr.poses.threads import one_thread
from msclr.skeletons.spec import METRES_PER_UNIT
from weights.cells import Found, Metrics, Tasks
from weights.entrants import Entrants
from weights.probes import Ground, ground

UNKNOWN = "unknown"
REFUSED, NAMED, NEITHER, COSINE = "refused", "named by the doctor", "neither", "least cosine"
CAUGHT = "caught"


def measure(entrants: Entrants, folder: Path, name: str, *, limit: int | None = None) -> Found:
    """Declare units that are not those of the numbers, and look what becomes of the test clips.

    Tasks are "true as declared". Of each: how many clips are refused when they are to be embedded, how many the doctor
    names, how many neither; of those not refused the accuracy of probes, and the least cosine between the vector and
    that of the clip with the right unit, times 100: 100 says that the unit had no effect.

    Args:
        entrants: Who competes.
        folder: The data folder, whose recordings in 3D are in metres.
        name: The action set, as in `robustness.measure`.
        limit: Most clips of each side, for a quick look.
    """
    own = ground(entrants, folder / "actions" / f"{name}.npz", limit)
    tasks: Tasks = {}
    for true, declared in itertools.product(METRES_PER_UNIT, (*METRES_PER_UNIT, UNKNOWN)):
        if declared == true:
            continue
        wrong = declared_as(own.test, true, declared)
        fates, taken = fates_of([wrong.clips[each] for each in wrong.ids])
        tasks[f"{true} as {declared}"] = {CAUGHT: fates}
        if taken:
            tasks[f"{true} as {declared}"] |= _effects(own, wrong, taken)
    return Found(tasks, {"clips": len(own.test)})


def fates_of(clips: Sequence[PoseSequence]) -> tuple[dict[str, list[float]], list[int]]:
    """Say of how many clips, in per cent, the unit is refused, named by the doctor, or neither.

    Returns:
        The shares, and the places of the clips that are not refused.
    """
    taken = [place for place, clip in enumerate(clips) if not refused(clip)]
    named = [bool(unit(clip)) for clip in clips]
    missed = [place for place in taken if not named[place]]
    counts = {REFUSED: len(clips) - len(taken), NAMED: sum(named), NEITHER: len(missed)}
    return {name: [round(100 * count / len(clips), 2)] for name, count in counts.items()}, taken


def refused(clip: PoseSequence) -> bool:
    """Say whether a clip cannot be embedded for its size."""
    try:
        with one_thread():
            unify(clip)
    except PoseError:
        return True
    return False


def declared_as(data: LabelledClips, true: str, declared: str) -> LabelledClips:
    """Return clips in metres with coordinates in one unit, declared to be in another.

    Example:
        >>> from labelled_sets import labelled
        >>> data = labelled(skeleton="kinect_v2_25")
        >>> clip, wrong = (each.clips[data.ids[0]] for each in (data, declared_as(data, "mm", "in")))
        >>> round(float(wrong.positions[0, 0, 0, 0] / clip.positions[0, 0, 0, 0])), wrong.unit
        (1000, 'in')
    """

    def read(place: int) -> PoseSequence:
        clip = data.clips[data.ids[place]]
        return clip.replace(positions=(clip.positions / METRES_PER_UNIT[true]).astype(np.float32), unit=declared)

    return replace(data, clips=LazyClips(data.ids, read), digest=None)


def _effects(own: Ground, wrong: LabelledClips, taken: Sequence[int]) -> Metrics:
    """The accuracy of the clips that are not refused, and how far off their vectors are."""
    kept = wrong.only([wrong.ids[place] for place in taken])
    rows = own.entrants.describe(kept, keep=False)
    cosines = [
        100 * float(F.cosine_similarity(found.values, right.values[list(taken)]).min())
        for found, right in zip(rows, own.right, strict=True)
    ]
    return {COSINE: own.entrants.told(cosines), **own.accuracy(rows, kept.labels)}
