"""Joints that sit in each other's slots: bone lengths judged against the template, and against slots undone.

For each way in which slots usually slide (one joint left out, one put in, all rolled by one) the distances between
joints are read as if it had happened. If that makes the bones much more plausible, it probably did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from msclr.doctor.finding import Finding
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.anatomy import mirror, point
from msclr.skeletons.spec import SkeletonSpec

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

FRAMES = 40
ENOUGH_GAIN = 1.1  # untouched recordings stay below 1.05 (UI-PRMD, CMU, MSR-like Kinect), slid ones reach 5 to 20
IMPLAUSIBLE = 0.62  # mean cost of a bone; untouched recordings stay below 0.51
SAME_PLACE = 1e-3


@dataclass(frozen=True, eq=False)
class Bones:
    """Pairs of joints with a known distance [k], that distance in metres, and the same pair of the other side."""

    first: Indices
    second: Indices
    length: Array
    twin: Indices


def slid_joints(sequence: PoseSequence) -> list[Finding]:
    """Judge the bone lengths of every person."""
    bones = _bones(sequence.skeleton)
    if sequence.dims != 3 or len(bones.first) < 6:
        return []
    for person in range(sequence.num_persons):
        text = _judge(sequence, person, bones)
        if text is not None:
            who = "" if sequence.num_persons == 1 else f" (person {sequence.person_ids[person]})"
            advice = f"; check that the joints come in the order of {sequence.skeleton.id}"
            return [Finding("slid", "error", text + who + advice)]
    return []


def _judge(sequence: PoseSequence, person: int, bones: Bones) -> str | None:
    frames = np.flatnonzero(sequence.valid[person].any(axis=1))
    frames = frames[:: max(1, len(frames) // FRAMES)]
    zero = (sequence.positions[person, frames] == 0).all(axis=-1)
    zero &= zero.sum(axis=1, keepdims=True) > 1  # one joint at the origin is what the others are relative to
    known = sequence.valid[person, frames] & ~zero
    usable = known.mean(axis=0) > 0.5
    frames = frames[known[:, usable].all(axis=1)]
    if len(frames) == 0 or usable.sum() < 6:
        return None
    places = sequence.positions[person, frames].astype(np.float64)
    distance = np.linalg.norm(places[:, :, None] - places[:, None], axis=-1)  # t j j
    middle = np.median(distance, axis=0)
    spread = np.median(np.abs(distance - middle), axis=0)
    slots = np.arange(sequence.num_joints)
    cost, good = _cost(middle, spread, usable, bones, slots)
    if good.sum() < 6:
        return None
    gain, words = max(
        (float((cost - undone)[good & both].sum()), words)
        for words, order in _slides(sequence.skeleton)
        for undone, both in [_cost(middle, spread, usable, bones, order)]
    )
    if gain > ENOUGH_GAIN:
        return f"joints seem to be in each other's places: bones fit better if {words}"
    if cost[good].mean() > IMPLAUSIBLE:
        return "bone lengths are those of no person"
    return None


def _cost(
    middle: Array, spread: Array, usable: npt.NDArray[np.bool_], bones: Bones, order: Indices
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """[k] how implausible each pair's distance is when joint i is read from slot order[i]; [k] where that is known."""
    first, second = order[bones.first], order[bones.second]
    good = (first >= 0) & (second >= 0) & usable[first] & usable[second]
    if not good.any():
        return np.zeros(len(first)), good
    lengths = middle[first, second] + SAME_PLACE * float(np.median(middle[usable][:, usable])) + 1e-12
    ratio = np.where(good, np.log(lengths / bones.length), np.nan)
    scale = float(np.nanmedian(ratio))
    misfit = np.abs(ratio - scale)
    asymmetry = np.nan_to_num(np.abs(ratio - ratio[bones.twin]))
    changing = spread[first, second] / (np.exp(scale) * bones.length)
    cost = 0.5 * np.minimum(misfit, 1.5) + 0.5 * np.minimum(asymmetry, 1.5) + 2 * np.minimum(changing, 0.5)
    return np.where(good, cost, 0.0), good


def _slides(spec: SkeletonSpec) -> Iterator[tuple[str, Indices]]:
    """Yield usual accidents, in words, and the slot that each joint would then be in (-1: none)."""
    joints = np.arange(spec.num_joints)
    for k in range(spec.num_joints - 1):
        name = spec.joints[k]
        left_out = np.where(joints > k, joints - 1, joints)
        left_out[k] = -1
        yield f"{name!r} was left out and what follows moved up by one", left_out
        put_in = np.where(joints >= k, joints + 1, joints)
        put_in[-1] = -1
        yield f"everything from {name!r} on moved down by one", put_in
    yield "all joints moved up by one", np.roll(joints, 1)
    yield "all joints moved down by one", np.roll(joints, -1)


@lru_cache(maxsize=256)
def _bones(spec: SkeletonSpec) -> Bones:
    names = spec.anatomy
    points = [point(name) if name else None for name in names]
    pairs = {(child, parent) for child, parent in spec.edges}
    for i, one in enumerate(points):
        for j, other in enumerate(points[:i]):
            if one and other and (one.segment == other.segment or _across(one.name, other.name)):
                pairs.add((i, j))
    chosen, lengths = [], []
    for i, j in sorted(pairs):
        one, other = points[i], points[j]
        if one and other and (far := float(np.linalg.norm(np.subtract(one.position, other.position)))) > 0.05:
            chosen.append((i, j))
            lengths.append(far)
    index: dict[frozenset[int | None], int] = {frozenset(pair): k for k, pair in enumerate(chosen)}
    twins = [spec.anatomical_index(mirror(name)) if name else None for name in names]
    twin = [index.get(frozenset((twins[i], twins[j])), k) for k, (i, j) in enumerate(chosen)]
    both = np.array(chosen, np.int64).reshape(-1, 2)
    return Bones(both[:, 0], both[:, 1], np.array(lengths), np.array(twin, np.int64))


def _across(one: str, other: str) -> bool:
    return mirror(one) == other and any(stem in one for stem in ("hip", "shoulder", "asis"))
