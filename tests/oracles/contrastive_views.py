"""AimCLR, SkeleMixCLR, inter-skeleton contrast and CrosSCLR in plain loops, written from their formulas."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from oracles.contrastive import moco, nce_one, unit

Array = NDArray[np.float64]


def log_softmax(logits: Sequence[float]) -> list[float]:
    largest = max(logits)
    log_total = largest + math.log(sum(math.exp(x - largest) for x in logits))
    return [x - log_total for x in logits]


def cosines(query: Array, others: Sequence[Array]) -> list[float]:
    return [sum(float(a) * float(b) for a, b in zip(unit(query), unit(other), strict=True)) for other in others]


def largest(values: Sequence[float], count: int) -> set[int]:
    return set(sorted(range(len(values)), key=lambda n: -values[n])[:count])


def cross_entropy(target: Array, student: Array, keys: Sequence[Array], queue: Sequence[Array], heat: float) -> float:
    """H(p(target), p(student)) with p the softmax over keys and queue."""
    entries = [*keys, *queue]
    wanted = log_softmax([x / heat for x in cosines(target, entries)])
    found = log_softmax([x / heat for x in cosines(student, entries)])
    return -sum(math.exp(w) * f for w, f in zip(wanted, found, strict=True))


def aimclr(
    queries: Array,
    extremes: Array,
    drops: Array,
    keys: Sequence[Sequence[Array]],
    queue: Array,
    *,
    temperature: float,
    topk: int | None = None,
    targets: Array | None = None,
) -> tuple[float, float]:
    """Instance term (mined if topk is given) and D3M, means over rows; keys[i] are all keys of row i.

    `targets` are the queries that set the distribution, where they shall be told apart from `queries`.
    """
    targets = queries if targets is None else targets
    first, second = [], []
    for q, e, d, own, t in zip(queries, extremes, drops, keys, targets, strict=True):
        mined = set().union(*(largest(cosines(view, list(queue)), topk) for view in (q, e, d))) if topk else set()
        positives = [*own, *(queue[n] for n in sorted(mined))]
        rest = [queue[n] for n in range(len(queue)) if n not in mined]
        first.append(nce_one(q, positives, rest, temperature))
        second.append(sum(cross_entropy(t, view, own, list(queue), temperature) for view in (e, d)) / 2)
    return float(np.mean(first)), float(np.mean(second))


def skelemix(
    queries: Array,
    keys: Array,
    trimmed: Array,
    truncated: Array,
    partner: NDArray[np.int64],
    queue: Array,
    *,
    temperature: float,
    weight: float,
    reduction: str,
    trimmed_negatives: Array | None = None,
    truncated_negatives: Array | None = None,
) -> float:
    """The negatives are given apart where they shall be constants beside changing views."""
    trimmed_negatives = trimmed if trimmed_negatives is None else trimmed_negatives
    truncated_negatives = truncated if truncated_negatives is None else truncated_negatives
    mixes = []
    for r in range(len(trimmed)):
        for_p, for_c = [], []
        for i in range(len(queries)):
            for_p.append(
                nce_one(trimmed[r][i], [keys[partner[r][i]]], [*queue, truncated_negatives[r][i]], temperature)
            )
            for_c.append(nce_one(truncated[r][i], [keys[i]], [*queue, trimmed_negatives[r][i]], temperature))
        mixes.append(weight * 0.5 * (sum(for_p) / len(for_p) + sum(for_c) / len(for_c)))
    return moco(queries, keys, queue, temperature) + sum(mixes) / (1 if reduction == "sum" else len(mixes))


def inter_skeleton(q: Array, r: Array, k: Array, l: Array, queue_s1: Array, queue_s2: Array, heat: float) -> float:  # noqa: E741
    return moco(q, l, queue_s2, heat) + moco(r, k, queue_s1, heat)


def crosclr(
    queries: Mapping[str, Array],
    keys: Mapping[str, Array],
    queues: Mapping[str, Array],
    *,
    temperature: float,
    topk: int | None = None,
    context: bool = True,
) -> float:
    """The sum over streams: InfoNCE, or knowledge mining if topk is given."""
    if topk is None:
        return sum(moco(queries[u], keys[u], queues[u], temperature) for u in queries)
    total = 0.0
    for u in queries:
        partners = [v for v in queries if v != u]
        for v in partners:
            rows = []
            for i in range(len(queries[u])):
                of_u = cosines(queries[u][i], list(queues[u]))
                of_v = cosines(queries[v][i], list(queues[v]))
                marks = largest(of_v, topk)
                logits = [cosines(queries[u][i], [keys[u][i]])[0], *of_u]
                mask = [1, *(int(n in marks) for n in range(len(of_u)))]
                if context:
                    logits += [a * b for a, b in zip(of_u, of_v, strict=True)]
                    mask += mask[1:]
                shares = log_softmax([x / temperature for x in logits])
                rows.append(-sum(s * m for s, m in zip(shares, mask, strict=True)) / sum(mask))
            total += sum(rows) / len(rows) / len(partners)
    return total


def slope(function: Callable[[Array], float], at: Array, step: float = 1e-5) -> Array:
    """The gradient by central differences."""
    gradient = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        values = []
        for sign in (1, -1):
            moved = at.copy()
            moved[place] += sign * step
            values.append(function(moved))
        gradient[place] = (values[0] - values[1]) / (2 * step)
    return gradient
