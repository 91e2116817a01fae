"""Retrieval: whether the right answers come first when a gallery is sorted by similarity to a query."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from msclr.errors import PoseError
from msclr.neighbours import Vectors, as_rows, similarity

ROWS = 1024


@dataclass(frozen=True)
class RetrievalScores:
    """How well a retrieval did, averaged over the queries that have an answer.

    Args:
        recall: For each rank r, the share of queries with a right answer among the first r.
        mean_average_precision: Mean over queries of the mean precision at each right answer.
        queries: Number of queries averaged over.
        unanswerable: Queries left out because the gallery holds no right answer.
    """

    recall: Mapping[int, float]
    mean_average_precision: float
    queries: int
    unanswerable: int


def retrieval(
    query: Vectors,
    gallery: Vectors,
    correct: Tensor | npt.NDArray[np.bool_],
    *,
    ranks: Sequence[int] = (1, 5, 10),
) -> RetrievalScores:
    """Sort a gallery by cosine similarity to each query, and say how early the right answers come.

    Args:
        query: [n, dim] vectors.
        gallery: [m, dim] vectors.
        correct: [n, m] bool, the right answers of each query; see `same`.
        ranks: Ranks at which to report recall; a rank beyond the gallery means all of it.

    Returns:
        Recall at each rank and mean average precision; of equally similar vectors the lower index comes first.

    Raises:
        PoseError: If shapes do not fit, no query has a right answer, or a row is not finite.

    Example:
        >>> import torch
        >>> query, gallery = torch.eye(2), torch.tensor([[1.0, 0.1], [1.0, 0.2]])
        >>> retrieval(query, gallery, torch.eye(2, dtype=torch.bool), ranks=(1,)).recall
        {1: 1.0}
    """
    questions, answers = as_rows(query, "query").detach(), as_rows(gallery, "gallery").detach()
    right = torch.as_tensor(correct)
    if right.dtype != torch.bool or right.shape != (len(questions), len(answers)):
        raise PoseError(
            f"correct is {right.dtype} of shape {tuple(right.shape)}",
            expected=f"bool of shape ({len(questions)}, {len(answers)})",
        )
    if any(rank < 1 for rank in ranks):
        raise PoseError(f"ranks {tuple(ranks)}", expected="at least 1")
    right = right.to(questions.device)
    answerable = right.any(dim=1)
    if not bool(answerable.any()):
        raise PoseError(f"none of {len(questions)} queries has a right answer", expected="at least one query with one")
    first, precision = _measure(questions[answerable], answers, right[answerable])
    return RetrievalScores(
        recall={rank: float((first < rank).double().mean()) for rank in ranks},
        mean_average_precision=float(precision.mean()),
        queries=len(first),
        unanswerable=len(questions) - len(first),
    )


def same(query_keys: Sequence[Hashable], gallery_keys: Sequence[Hashable]) -> Tensor:
    """Mark the pairs whose keys (names, labels) are equal: [n, m] bool.

    Example:
        >>> same(["walk", "run"], ["run", "run", "walk"]).int().tolist()
        [[0, 0, 1], [1, 1, 0]]
    """
    number: dict[Hashable, int] = {}
    left = torch.tensor([number.setdefault(key, len(number)) for key in query_keys])
    right = torch.tensor([number.setdefault(key, len(number)) for key in gallery_keys])
    return left[:, None] == right[None, :]


def _measure(query: Tensor, gallery: Tensor, correct: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rank of the first right answer [n] (0 is the best) and the average precision [n] of each query."""
    firsts, precisions = [], []
    for rows, right in zip(torch.split(query, ROWS), torch.split(correct, ROWS), strict=True):
        order = similarity(rows, gallery).sort(dim=1, descending=True, stable=True).indices
        hits = right.gather(1, order)
        firsts.append(hits.int().argmax(dim=1))
        share = hits.cumsum(dim=1) / torch.arange(1, hits.shape[1] + 1, device=hits.device)
        precisions.append((share * hits).sum(dim=1) / hits.sum(dim=1))
    return torch.cat(firsts), torch.cat(precisions)
