"""Contrastive losses in plain loops, written from the formulas of MoCo, CrosSCLR and MS-CLR."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def unit(vector: Array) -> Array:
    length = math.sqrt(sum(float(x) ** 2 for x in vector))
    return vector / length if length > 0 else vector


def nce_one(query: Array, positives: Sequence[Array], negatives: Sequence[Array], temperature: float) -> float:
    """-(log softmax * mask).sum / mask.sum for one query, several positives in one softmax."""
    query = unit(query)
    logits = [float(query @ unit(other)) / temperature for other in (*positives, *negatives)]
    largest = max(logits)
    log_total = largest + math.log(sum(math.exp(x - largest) for x in logits))
    return -sum(logits[i] - log_total for i in range(len(positives))) / len(positives)


def moco(queries: Array, keys: Array, negatives: Array, temperature: float) -> float:
    return float(np.mean([nce_one(q, [k], list(negatives), temperature) for q, k in zip(queries, keys, strict=True)]))


def msclr(
    queries: Mapping[str, Array],
    keys: Mapping[str, Array],
    queue: Array,
    *,
    policy: str,
    temperature: float,
    in_batch: bool = False,
    sample_ids: Sequence[int] | None = None,
    queue_ids: Sequence[int] | None = None,
    valid: Sequence[bool] | None = None,
) -> float:
    """The objective for "cross", "all" and "multi"; "random" is "all" on what was drawn."""
    count = len(next(iter(queries.values())))
    losses = []
    for clip in range(count):
        if valid is not None and not valid[clip]:
            continue
        negatives = []
        for row, entry in enumerate(queue):
            same = (
                sample_ids is not None
                and queue_ids is not None
                and sample_ids[clip] >= 0
                and sample_ids[clip] == queue_ids[row]
            )
            if not same:
                negatives.append(entry)
        if in_batch:
            for embeddings in keys.values():
                for other in range(count):
                    same = other == clip
                    if sample_ids is not None and sample_ids[clip] >= 0 and sample_ids[clip] == sample_ids[other]:
                        same = True
                    if not same and (valid is None or valid[other]):
                        negatives.append(embeddings[other])
        for query_name, query in queries.items():
            if policy == "multi":
                positives = [key[clip] for key in keys.values()]
                losses.append(nce_one(query[clip], positives, negatives, temperature))
                continue
            for key_name, key in keys.items():
                if policy == "all" or query_name != key_name:
                    losses.append(nce_one(query[clip], [key[clip]], negatives, temperature))
    return sum(losses) / len(losses)


def alignment(pairs: Sequence[tuple[Array, Array]]) -> float:
    return float(np.mean([sum((unit(x) - unit(y)) ** 2) for x, y in pairs]))


def uniformity(views: Mapping[str, Array]) -> float:
    """Log mean of exp(-2 |x - y|^2) over pairs of embeddings of different clips."""
    rows = [(clip, unit(row)) for view in views.values() for clip, row in enumerate(view)]
    values = [math.exp(-2.0 * sum((x - y) ** 2)) for i, x in rows for j, y in rows if i != j]
    return math.log(sum(values) / len(values))
