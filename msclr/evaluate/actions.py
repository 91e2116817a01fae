"""Action recognition with frozen vectors, on labelled sets with fixed splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from msclr.evaluate.contest import Contest, VectorSets, judge
from msclr.evaluate.knn import check_task, count_duplicates, vote
from msclr.evaluate.linear import classify
from msclr.evaluate.report import Scores, TaskResult
from msclr.io.collection import ClipCollection, read_collection
from msclr.poses.raw import raw_pose_vectors

PART = "actions"
METRICS = ("1-NN", "linear")
SETS = (
    ("nwucla", "split"),
    ("utdmhad", "split"),
    ("hdm05", "split"),
    ("h36m", "split"),
    ("jhmdb", "split1"),
    ("body25_instruments", "split"),
    ("coco17_custom16", "split"),
    ("mediapipe_signs", "split"),
    ("tennis_movenet", "split"),
)


def action_tasks(
    contest: Contest, folder: Path, *, limit: int | None = None, progress: Callable[[str], None] = lambda text: None
) -> list[TaskResult]:
    """Classify every action set in a data folder by 1-NN and by logistic regression.

    Args:
        contest: The encoders.
        folder: Data folder; sets that are not in its `actions` folder are left out.
        limit: Most clips of each side of a split, for a quick look.
        progress: Told the name of each set.
    """
    results = []
    for name, split in SETS:
        path = folder / "actions" / f"{name}.npz"
        if path.is_file():
            progress(f"{PART}: {name}")
            results.extend(_set(contest, read_collection(path), name, split, limit))
    return results


def spread(indices: npt.NDArray[np.intp], limit: int | None) -> list[int]:
    """Return all indices, or `limit` of them evenly spread."""
    if limit is not None and limit < len(indices):
        indices = indices[np.linspace(0, len(indices) - 1, limit).round().astype(int)]
    return [int(index) for index in indices]


def _set(contest: Contest, clips: ClipCollection, name: str, split: str, limit: int | None) -> list[TaskResult]:
    sides = np.array(clips.column(split))
    labels = clips.column("label")
    train, test = (spread(np.flatnonzero(sides == side), limit) for side in ("train", "test"))
    chosen = [clips[index] for index in train + test]
    raw = raw_pose_vectors(chosen)
    known, wanted = [labels[index] for index in train], [labels[index] for index in test]

    def answers(vectors: Tensor) -> VectorSets:
        """Say for each test clip whether 1-NN and logistic regression are right."""
        asked = check_task(vectors[: len(train)], known, vectors[len(train) :], wanted)
        return [vote(asked, k=1) == asked.test_codes, classify(asked) == asked.test_codes]

    right = [answers(vectors[0]) for vectors in contest.embed(chosen)]
    right_raw = answers(raw)

    def task(title: str, members: Sequence[int]) -> TaskResult:
        places = torch.tensor(members)

        def score(correct: VectorSets) -> Scores:
            return {
                metric: float(of_metric[places].double().mean())
                for metric, of_metric in zip(METRICS, correct, strict=True)
            }

        facts: dict[str, float] = {
            "train": len(train),
            "test": len(members),
            "classes": len(set(known)),
            "duplicates": count_duplicates(raw[: len(train)], raw[len(train) :][places]),
            "chance": 1 / len(set(known)),
        }
        return judge(PART, title, facts, score, right, right_raw)

    tasks = [task(name, range(len(test)))]
    if "dup_of_train" in clips.columns:
        copied = clips.column("dup_of_train")
        tasks.append(task(f"{name} without copies", [i for i, index in enumerate(test) if copied[index] != "True"]))
    return tasks
