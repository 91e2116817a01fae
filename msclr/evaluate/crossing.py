"""Recordings of one motion in two joint conventions: does each find the other?"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from msclr.errors import MissingFileError, PoseError
from msclr.evaluate.actions import spread
from msclr.evaluate.card_tables import Scores, TaskResult
from msclr.evaluate.contest import Contest, VectorSets, judge
from msclr.evaluate.retrieval import retrieval, same
from msclr.io.collection import ClipCollection, read_collection
from msclr.poses.raw import common_joints, raw_pose_vectors
from msclr.poses.sequence import PoseSequence

SENSORS, PAIRS = "two sensors (UI-PRMD s09, s10)", "two skeletons (CMU pairs)"
HELD_OUT = ("uiprmd_s09", "uiprmd_s10")
KINECT = "uiprmd_kinect_PDDL"
VICON = (("Vicon joint centres", "uiprmd_viconjc_PDDL"), ("Vicon markers", "uiprmd_vicon_PDDL"))


def sensor_tasks(
    contest: Contest, folder: Path, *, limit: int | None = None, progress: Callable[[str], None] = lambda text: None
) -> list[TaskResult]:
    """Look for each repetition of held-out subjects among those another sensor recorded, in both directions.

    Args:
        contest: The encoders.
        folder: Data folder with `mocap/uiprmd_*.npz`.
        limit: Most repetitions of each sensor, for a quick look.
        progress: Told the name of each file.
    """
    results = []
    kinect, kinect_names, kinect_labels = _repetitions(folder, KINECT, limit)
    seen_by_kinect = contest.embed(kinect)
    for title, file in VICON:
        progress(f"{SENSORS}: {title}")
        vicon, names, labels = _repetitions(folder, file, limit)
        embedded = [(left[0], right[0]) for left, right in zip(seen_by_kinect, contest.embed(vicon), strict=True)]
        raw = raw_in_common(kinect, vicon)
        sizes = {"Kinect": len(kinect), "Vicon": len(vicon)}
        keys, kinds = (kinect_names, names), (kinect_labels, labels)
        results += both_ways(SENSORS, "Kinect", title, sizes, keys, embedded, raw, kinds)
    return results


def pair_tasks(
    contest: Contest, folder: Path, *, limit: int | None = None, progress: Callable[[str], None] = lambda text: None
) -> list[TaskResult]:
    """Look for each recording that exists in two skeleton files (`mocap/pairs.json`) among the others' second versions.

    Args:
        contest: The encoders.
        folder: Data folder.
        limit: Most pairs, for a quick look.
        progress: Told what is being done.
    """
    progress(PAIRS)
    path = folder / "mocap" / "pairs.json"
    if not path.is_file():
        raise MissingFileError("no such file", where=str(path), expected="a list of pairs of recordings")
    pairs = json.loads(path.read_text(encoding="utf-8"))
    pairs = [pairs[index] for index in spread(np.arange(len(pairs)), limit)]
    files = {str(pair[side]) for pair in pairs for side in ("file_a", "file_b")}
    collections = {file: read_collection(folder / "mocap" / file) for file in sorted(files)}
    first, second = ([_named(collections, pair, side) for pair in pairs] for side in "ab")
    keys = [list(range(len(pairs))) for _ in range(2)]
    raw = raw_in_common(first, second)
    return both_ways(
        PAIRS, "first", "second", {"pairs": len(pairs)}, (keys[0], keys[1]), contest.embed(first, second), raw
    )


def both_ways(
    part: str,
    left: str,
    right: str,
    facts: Scores,
    keys: tuple[Sequence[Hashable], Sequence[Hashable]],
    embedded: Sequence[VectorSets],
    raw: VectorSets | None,
    kinds: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
) -> list[TaskResult]:
    """Score retrieval from the first set of vectors into the second, and from the second into the first.

    Args:
        part, left, right: Names of the part and of the two sets.
        facts: Sizes, for the table.
        keys: Clips of equal keys are the same motion.
        embedded: Two vector sets for each encoder.
        raw: Two vector sets of the raw poses, or None if the sets have no joints in common.
        kinds: Classes of the clips; if given, a first answer of the right class is counted too.
    """

    def score(source: int) -> Callable[[VectorSets], Scores]:
        target = 1 - source

        def of(vectors: VectorSets) -> Scores:
            scores = find(vectors[source], vectors[target], same(keys[source], keys[target]))
            if kinds is not None:
                likeness = same(kinds[source], kinds[target])
                scores["same class R@1"] = retrieval(vectors[source], vectors[target], likeness, ranks=(1,)).recall[1]
            return scores

        return of

    return [
        judge(part, f"{start} to {end}", facts, score(source), embedded, raw)
        for source, start, end in ((0, left, right), (1, right, left))
    ]


def find(query: Tensor, gallery: Tensor, correct: Tensor) -> dict[str, float]:
    """Return the retrieval scores that the tables show."""
    scores = retrieval(query, gallery, correct, ranks=(1, 10))
    return {"R@1": scores.recall[1], "R@10": scores.recall[10]}


def raw_in_common(first: Sequence[PoseSequence], second: Sequence[PoseSequence]) -> VectorSets | None:
    """Describe two sets of clips by the joints that all of them have; None if there are none."""
    both = [*first, *second]
    try:
        joints = common_joints(*{clip.skeleton: None for clip in both})
    except PoseError:
        return None
    vectors = raw_pose_vectors(both, joints=joints, dims=min(clip.dims for clip in both))
    return vectors[: len(first)], vectors[len(first) :]


def _repetitions(folder: Path, file: str, limit: int | None) -> tuple[list[PoseSequence], list[str], list[str]]:
    clips = read_collection(folder / "mocap" / f"{file}.npz")
    chosen = spread(np.flatnonzero(np.isin(clips.column("subject"), HELD_OUT)), limit)
    labels = clips.column("label")
    return (
        [clips[index] for index in chosen],
        [clips.names[index] for index in chosen],
        [labels[index] for index in chosen],
    )


def _named(collections: dict[str, ClipCollection], pair: dict[str, object], side: str) -> PoseSequence:
    clips = collections[str(pair[f"file_{side}"])]
    return clips[clips.names.index(str(pair[f"name_{side}"]))]
