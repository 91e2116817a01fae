"""Retrieval of training clips by test clips: whether those of the same class come first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from msclr.evaluate.protocols.protocol import Outcome, Protocol
from msclr.evaluate.protocols.split import Split
from msclr.evaluate.retrieval import RetrievalScores, retrieval

RANKS = (1, 5, 10)
ROWS = 1024


@dataclass(frozen=True)
class ClassRetrieval(Protocol):
    """Sort the training clips by cosine similarity to each test clip; those of its class are the right answers.

    Args:
        ranks: Ranks at which to report recall.

    Example:
        >>> split = Split.of(torch.eye(2), ["walk", "run"], torch.tensor([[1.0, 0.2]]), ["walk"])
        >>> dict(ClassRetrieval(ranks=(1,)).run(split).numbers)
        {'R@1': 100.0, 'mAP': 100.0}
    """

    ranks: tuple[int, ...] = RANKS

    @property
    def name(self) -> str:
        """Name in tables."""
        return "retrieval"

    def run(self, split: Split, *, seed: int = 0) -> Outcome:
        """Ask for each test clip; test clips of classes without training clip are left out and counted.

        Raises:
            PoseError: If no test clip has a class of training clips.
        """
        found = retrieve(split.test, split.train, split.test_labels, split.train_labels, self.ranks)
        return Outcome(in_per_cent(found), {"queries": found.queries, "unanswerable": found.unanswerable})

    def chance(self, split: Split) -> Mapping[str, float]:
        """Return what a random order scores on average."""
        count = len(split.train)
        answers = torch.bincount(split.train_labels, minlength=len(split.classes))[split.test_labels]
        return chance_of_order(answers[answers > 0], count, self.ranks)


def retrieve(query: Tensor, gallery: Tensor, asked: Tensor, known: Tensor, ranks: tuple[int, ...]) -> RetrievalScores:
    """Score retrieval by keys, in parts, so that a large set needs no table of all pairs.

    Args:
        query: [n, d] features.
        gallery: [m, d] features.
        asked: [n] int64 keys; the right answers of a query are the vectors of its key.
        known: [m] int64 keys.
        ranks: Ranks of the recalls.

    Raises:
        PoseError: If no query has a right answer.

    Example:
        >>> found = retrieve(torch.eye(2), torch.eye(2), torch.tensor([3, 4]), torch.tensor([3, 5]), (1,))
        >>> found.recall, found.unanswerable
        ({1: 1.0}, 1)
    """
    answerable = torch.isin(asked, known)
    rows = answerable.nonzero()[:, 0] if bool(answerable.any()) else torch.arange(len(asked))
    parts = [
        retrieval(query[some], gallery, asked[some, None] == known, ranks=ranks) for some in torch.split(rows, ROWS)
    ]
    count = sum(part.queries for part in parts)
    return RetrievalScores(
        recall={rank: sum(part.queries * part.recall[rank] for part in parts) / count for rank in ranks},
        mean_average_precision=sum(part.queries * part.mean_average_precision for part in parts) / count,
        queries=count,
        unanswerable=len(asked) - count,
    )


def in_per_cent(found: RetrievalScores) -> dict[str, float]:
    """Return retrieval scores under their names in tables."""
    numbers = {f"R@{rank}": 100 * recall for rank, recall in found.recall.items()}
    return {**numbers, "mAP": 100 * found.mean_average_precision}


def chance_of_order(answers: Tensor, count: int, ranks: tuple[int, ...] = RANKS) -> dict[str, float]:
    """Return what retrieval in random order scores on average, per cent.

    Args:
        answers: [q] int64, the right answers of each query, at least one each.
        count: Size of the gallery.
        ranks: Ranks of the recalls.

    Example:
        >>> chance_of_order(torch.tensor([1, 1]), 4, ranks=(1, 2))
        {'R@1': 25.0, 'R@2': 50.0, 'mAP': 52.08333333333333}
    """
    right = answers.double()
    numbers = {}
    for rank in ranks:
        missed = torch.ones_like(right)
        for place in range(min(rank, count)):  # no answer among the first `rank`
            missed *= (count - right - place).clamp_min(0) / (count - place)
        numbers[f"R@{rank}"] = 100 * float((1 - missed).mean())
    harmonic = float((1 / torch.arange(1, count + 1, dtype=torch.float64)).sum())
    others = (right - 1) / max(count - 1, 1)  # chance that another place holds an answer
    numbers["mAP"] = 100 * float(((harmonic + others * (count - harmonic)) / count).mean())
    return numbers
