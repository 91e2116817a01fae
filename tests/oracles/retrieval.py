"""Cosine search, nearest-neighbour votes and retrieval scores, one number at a time."""

from __future__ import annotations

import math


def naive_cosine(a, b):
    product = sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    size = math.sqrt(sum(float(x) ** 2 for x in a)) * math.sqrt(sum(float(y) ** 2 for y in b))
    return product / size if size > 0 else 0.0


def naive_order(query, gallery):
    """Indices of the gallery, most similar first, of equal ones the lower first."""
    scores = [naive_cosine(query, row) for row in gallery]
    return sorted(range(len(gallery)), key=lambda index: (-round(scores[index], 7), index)), scores


def naive_vote(query, train, labels, k):
    order, scores = naive_order(query, train)
    votes: dict[object, float] = {}
    for index in order[:k]:
        votes[labels[index]] = votes.get(labels[index], 0.0) + math.exp(scores[index] / 0.1)
    best = max(votes.values())
    return next(labels[index] for index in order[:k] if votes[labels[index]] >= best * (1 - 1e-12))


def naive_retrieval(query, gallery, correct, rank):
    """Recall at a rank and mean average precision over the queries with an answer."""
    recalls, precisions = [], []
    for row, right in zip(query, correct, strict=True):
        if not any(right):
            continue
        order, _ = naive_order(row, gallery)
        hits = [bool(right[index]) for index in order]
        recalls.append(any(hits[:rank]))
        found, total = 0, 0.0
        for place, hit in enumerate(hits, start=1):
            if hit:
                found += 1
                total += found / place
        precisions.append(total / found)
    return sum(recalls) / len(recalls), sum(precisions) / len(precisions)
