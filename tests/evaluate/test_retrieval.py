from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.retrieval import naive_retrieval
from sklearn.metrics import average_precision_score

from msclr.errors import PoseError
from msclr.evaluate import retrieval, same
from msclr.neighbours import similarity


@settings(max_examples=25)
@given(
    queries=st.integers(1, 6),
    size=st.integers(1, 15),
    rank=st.integers(1, 20),
    seed=st.integers(0, 99),
    tied=st.booleans(),
)
def test_retrieval_equals_counting_one_by_one(queries, size, rank, seed, tied):
    rng = np.random.default_rng(seed)
    query, gallery = rng.normal(size=(queries, 3)), rng.normal(size=(size, 3))
    gallery = gallery.round() if tied else gallery
    correct = rng.random((queries, size)) < 0.3
    correct[0, -1] = True
    recall, precision = naive_retrieval(query, gallery, correct, rank)
    scores = retrieval(query, gallery, correct, ranks=(rank,))
    assert scores.recall[rank] == pytest.approx(recall)
    assert scores.mean_average_precision == pytest.approx(precision)
    assert scores.queries == correct.any(axis=1).sum()
    assert scores.queries + scores.unanswerable == queries


def test_mean_average_precision_equals_scikit_learn_without_ties():
    rng = np.random.default_rng(0)
    query, gallery, correct = rng.normal(size=(20, 4)), rng.normal(size=(30, 4)), rng.random((20, 30)) < 0.3
    expected = np.mean(
        [average_precision_score(right, row) for right, row in zip(correct, similarity(query, gallery), strict=True)]
    )
    assert retrieval(query, gallery, correct).mean_average_precision == pytest.approx(expected)


def test_recall_grows_with_the_rank_and_ends_at_one():
    rng = np.random.default_rng(0)
    scores = retrieval(rng.normal(size=(30, 4)), rng.normal(size=(30, 4)), np.eye(30, dtype=bool), ranks=(1, 5, 10, 99))
    recalls = [scores.recall[rank] for rank in (1, 5, 10, 99)]
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.5
    assert recalls[-1] == 1


def test_queries_without_answer_do_not_count_but_are_counted():
    correct = torch.tensor([[True, False], [False, False]])
    scores = retrieval(torch.eye(2), torch.eye(2), correct, ranks=(1,))
    assert (scores.recall, scores.queries, scores.unanswerable) == ({1: 1.0}, 1, 1)
    with pytest.raises(PoseError, match="none of 2 queries"):
        retrieval(torch.eye(2), torch.eye(2), torch.zeros(2, 2, dtype=torch.bool))


def test_retrieval_refuses_answers_of_another_shape_or_type():
    for wrong in (torch.ones(2, 3, dtype=torch.bool), torch.ones(2, 2)):
        with pytest.raises(PoseError, match=r"expected bool of shape \(2, 2\)"):
            retrieval(torch.eye(2), torch.eye(2), wrong)
    with pytest.raises(PoseError, match="ranks"):
        retrieval(torch.eye(2), torch.eye(2), torch.eye(2, dtype=torch.bool), ranks=(0,))


def test_same_compares_keys_of_any_kind():
    left, right = [("a", 1), ("b", 2)], [("b", 2), ("a", 1), ("a", 2)]
    assert same(left, right).tolist() == [[x == y for y in right] for x in left]
