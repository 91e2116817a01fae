"""Exact search in a hurry: a scan in single precision, then the few rows that may be among the nearest, exactly."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor

from msclr.neighbours import SearchResult, search, unit_rows
from msclr.poses.threads import one_thread

SCAN_ROWS = {"cpu": 4096, "cuda": 2**18}  # on a CPU what fits its cache as float32
SCORES_AT_ONCE = 2**24
FEW = 8  # queries for which a piece is too little work to share among threads


def nearest(query: Tensor, vectors: Tensor, scales: Tensor, k: int) -> SearchResult:
    """Find the k rows most like each query, as `msclr.neighbours.search` would.

    Args:
        query: [m, dim] vectors of any length.
        vectors: [n, dim] float32 or float16, about unit length.
        scales: [n] float32, what brings them to unit length.
        k: 1 to n.

    Returns:
        Indices and scores [m, k].

    Example:
        >>> nearest(torch.tensor([[1.0, 0.1]]), torch.eye(2), torch.ones(2), 1).indices.tolist()
        [[0]]
    """
    indices = torch.zeros(len(query), k, dtype=torch.int64, device=vectors.device)
    scores = torch.zeros(len(query), k, device=vectors.device)
    slack = 2 * _error(vectors.shape[1])
    at_once = max(1, SCORES_AT_ONCE // len(vectors))
    for start in range(0, len(query), at_once):
        block = query[start : start + at_once]
        rough = _scan(unit_rows(block).float(), vectors, scales)  # n m
        least = rough.topk(k, dim=0).values[-1] - slack
        for row in range(len(block)):
            # No row below can be among the k nearest, however the scan was rounded.
            chosen = (rough[:, row] >= least[row]).nonzero()[:, 0]
            found = search(block[row : row + 1], vectors[chosen], k)
            indices[start + row] = chosen[found.indices[0]]
            scores[start + row] = found.scores[0]
    return SearchResult(indices, scores)


def _scan(units: Tensor, vectors: Tensor, scales: Tensor) -> Tensor:
    """Return the rounded cosines [n, m] of all rows."""
    scores = units.new_empty(len(vectors), len(units))
    across = units.T.contiguous()
    step = SCAN_ROWS.get(vectors.device.type, 2**16)
    with one_thread() if len(units) < FEW else nullcontext():
        for start in range(0, len(vectors), step):
            rows = slice(start, start + step)
            torch.matmul(vectors[rows].float(), across, out=scores[rows])
    return scores.mul_(scales[:, None])


def _error(dim: int) -> float:
    """Bound the error of a cosine of the scan: `dim` products of unit vectors, summed in any order, and its rounding.

    Source: Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1.
    """
    unit = 2.0**-24 if torch.get_float32_matmul_precision() == "highest" else 2.0**-9
    return (dim + 16) * unit
