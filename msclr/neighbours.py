"""Compare vectors, and find the nearest of many: exact, on any device, the same answer every time."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from msclr.errors import PoseError, PoseTypeError

Vectors: TypeAlias = Tensor | npt.NDArray[np.floating]

QUERY_ROWS, GALLERY_ROWS = 1024, 16_384  # 128 MiB of scores at a time
TEMPERATURE = 0.1  # of votes
NOBODY = -1  # fills the end of a ranking that has fewer classes


class SearchResult(NamedTuple):
    """The nearest vectors of each query, nearest first.

    Attributes:
        indices: [n, k] int64, rows of the vectors searched.
        scores: [n, k] float32, cosine similarities.
    """

    indices: Tensor
    scores: Tensor


def similarity(a: Vectors, b: Vectors) -> Tensor:
    """Say how much alike each vector of one set is to each of another: 1 same direction, 0 unrelated, -1 opposite.

    Args:
        a: [n, dim] vectors of any length and floating type.
        b: [m, dim] vectors.

    Returns:
        [n, m] float32 cosine similarities; a vector of zeros is unrelated (0) to all.

    Raises:
        PoseError: If shapes do not fit, or a row has NaN or infinite values.
        PoseTypeError: If something else than numbers is given.

    Example:
        >>> import torch
        >>> similarity(torch.tensor([[3.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])).tolist()
        [[1.0, 0.0, -1.0]]
    """
    left, right = as_rows(a, "a"), as_rows(b, "b")
    check_same_dim(left, right)
    return _scores(unit_rows(left), unit_rows(right.to(left.device)))


def search(query: Vectors, vectors: Vectors, k: int = 5) -> SearchResult:
    """Find the k vectors most like each query.

    The search is exact and compares piece by piece, so that memory does not grow with the number of vectors.

    Args:
        query: [n, dim] vectors.
        vectors: [m, dim] vectors to search.
        k: How many to return for each query, 1 to m.

    Returns:
        Indices and cosine similarities, both [n, k], nearest first; of equally near vectors the lower index first.

    Raises:
        PoseError: If k is out of range, shapes do not fit, or a row has NaN or infinite values.
        PoseTypeError: If something else than numbers is given.

    Example:
        >>> import torch
        >>> found = search(torch.tensor([[1.0, 0.1]]), torch.eye(2), k=2)
        >>> found.indices.tolist()
        [[0, 1]]
    """
    questions, gallery = as_rows(query, "query"), as_rows(vectors, "vectors")
    check_same_dim(questions, gallery)
    check_k(k, len(gallery))
    gallery = gallery.to(questions.device)
    blocks = [_nearest(unit_rows(rows), gallery, k) for rows in torch.split(questions, QUERY_ROWS)]
    if not blocks:
        empty = torch.zeros(0, k, device=questions.device)
        return SearchResult(empty.to(torch.int64), empty)
    return SearchResult(torch.cat([block.indices for block in blocks]), torch.cat([block.scores for block in blocks]))


def elect(found: SearchResult, classes: Tensor, num_classes: int) -> Tensor:
    """Let the neighbours of each query vote for their classes; a vote weighs exp(similarity / 0.1).

    Args:
        found: The k nearest of n queries.
        classes: int64, the class number of each vector that was searched.
        num_classes: How many classes there are.

    Returns:
        int64 [n], the class of each query; of classes with equally many votes that of the nearest neighbour.

    Source: the code of SkeleMixCLR.

    Example:
        >>> import torch
        >>> elect(SearchResult(torch.tensor([[2, 0, 1]]), torch.tensor([[0.9, 0.8, 0.8]])), torch.tensor([1, 1, 0]), 2)
        tensor([0])
    """
    return rank_votes(classes[found.indices], found.scores, num_classes)[:, 0]


def rank_votes(labels: Tensor, similarities: Tensor, count: int, temperature: float = TEMPERATURE) -> Tensor:
    """Rank the classes that neighbours vote for, of equally many votes the one with the nearer neighbour first.

    Args:
        labels: [m, k] int64, classes of the neighbours, the nearest first.
        similarities: [m, k] cosines.
        count: Number of classes.
        temperature: A vote weighs exp(similarity / temperature).

    Returns:
        [m, count] int64 classes; `NOBODY` for those without a vote.

    Example:
        >>> import torch
        >>> rank_votes(torch.tensor([[2, 0, 0]]), torch.tensor([[0.9, 0.9, 0.9]]), 3).tolist()
        [[0, 2, -1]]
    """
    places = torch.arange(labels.shape[1], device=labels.device).expand_as(labels)
    weights = ((similarities.double() - 1) / temperature).exp()  # -1: the same votes, and no overflow
    votes = weights.new_zeros(len(labels), count).scatter_add_(1, labels, weights)
    nearest = torch.full((len(labels), count), labels.shape[1], device=labels.device).scatter_reduce(
        1, labels, places, "amin"
    )
    by_nearness = nearest.sort(dim=1, stable=True).indices
    order = by_nearness.gather(1, votes.gather(1, by_nearness).sort(dim=1, descending=True, stable=True).indices)
    return torch.where(nearest.gather(1, order) < labels.shape[1], order, NOBODY)


def as_rows(values: Vectors, name: str) -> Tensor:
    """Return vectors as a floating tensor [n, dim]; refuse other shapes and rows that are not finite."""
    if not isinstance(values, Tensor | np.ndarray):
        raise PoseTypeError(f"{name} is a {type(values).__name__}", expected="a tensor or an array [n, dim]")
    if isinstance(values, np.ndarray) and values.dtype.kind not in "fiu":
        raise PoseTypeError(f"{name} of type {values.dtype}", expected="real numbers")
    rows = torch.as_tensor(values)
    if rows.is_complex() or rows.dtype == torch.bool:
        raise PoseTypeError(f"{name} of type {rows.dtype}", expected="real numbers")
    if rows.dim() != 2 or rows.shape[1] == 0:
        raise PoseError(
            f"{name} of shape {tuple(rows.shape)}", expected="[n, dim]", remedy="vector[None] for a single one"
        )
    rows = rows if rows.is_floating_point() else rows.float()
    finite = [part.detach().isfinite().all(dim=1) for part in torch.split(rows, GALLERY_ROWS)]
    bad = (~torch.cat(finite)).nonzero()[:, 0].tolist()
    if bad:
        listed = ", ".join(map(str, bad[:10])) + (", ..." if len(bad) > 10 else "")
        raise PoseError(
            f"{len(bad)} of {len(rows)} rows of {name} have NaN or infinite values: {listed}",
            expected="finite vectors",
            remedy="leave out the clips that could not be embedded",
        )
    return rows


def check_k(k: int, count: int) -> None:
    """Refuse a number of nearest vectors that is not 1 to `count`."""
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= count:
        raise PoseError(f"k={k!r} for {count} vectors", expected="1 to the number of vectors", remedy="a smaller k")


def check_same_dim(left: Tensor, right: Tensor) -> None:
    """Refuse vectors of different lengths."""
    if left.shape[1] != right.shape[1]:
        raise PoseError(
            f"vectors of length {left.shape[1]} against vectors of length {right.shape[1]}",
            expected="the same length",
            remedy="embed both with the same model",
        )


def unit_rows(rows: Tensor) -> Tensor:
    """Scale rows to length 1, in float64 where the device has it: equal rows then get equal scores everywhere."""
    rows = rows.to(torch.float32 if rows.device.type == "mps" else torch.float64)
    return torch.nn.functional.normalize(rows, dim=1)


def _scores(left: Tensor, right: Tensor) -> Tensor:
    return (left @ right.T).float().clamp(-1, 1)


def _nearest(query: Tensor, gallery: Tensor, k: int) -> SearchResult:
    indices = torch.zeros(len(query), 0, dtype=torch.int64, device=query.device)
    scores = torch.zeros(len(query), 0, device=query.device)
    for start in range(0, len(gallery), GALLERY_ROWS):
        found = top(_scores(query, unit_rows(gallery[start : start + GALLERY_ROWS])), k)
        # What was found before has lower indices and stands first: a stable sort keeps the order of ties.
        scores, order = torch.cat((scores, found.scores), dim=1).sort(dim=1, descending=True, stable=True)
        indices = torch.cat((indices, found.indices + start), dim=1).gather(1, order)
        scores, indices = scores[:, :k], indices[:, :k]
    return SearchResult(indices, scores)


def top(scores: Tensor, k: int) -> SearchResult:
    """Return the k (or all) highest scores of each row [n, m], highest first, of equal ones the lower index first."""
    k = min(k, scores.shape[1])
    values, places = scores.topk(k, dim=1)
    places = places.sort(dim=1).values
    tied = (scores >= values[:, -1:]).sum(dim=1) > k
    if bool(tied.any()):  # topk may have taken any of the equal ones at the border
        places[tied] = scores[tied].sort(dim=1, descending=True, stable=True).indices[:, :k].sort(dim=1).values
    values, order = scores.gather(1, places).sort(dim=1, descending=True, stable=True)
    return SearchResult(places.gather(1, order), values)
