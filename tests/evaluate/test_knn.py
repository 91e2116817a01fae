from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from oracles.retrieval import naive_vote
from sklearn.neighbors import KNeighborsClassifier

from msclr.errors import PoseError
from msclr.evaluate import Accuracy, count_duplicates, knn_accuracy


def task(seed=0, classes=4, train=40, test=25, dim=5):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, dim))
    labels = rng.integers(classes, size=train + test)
    points = centres[labels] + 0.8 * rng.normal(size=(train + test, dim))
    return points[:train], labels[:train], points[train:], labels[train:]


@pytest.mark.parametrize("k", [1, 2, 5, 40])
def test_knn_equals_votes_counted_one_by_one(k):
    train, known, test, wanted = task()
    predicted = [naive_vote(row, train, known.tolist(), k) for row in test]
    expected = sum(int(guess == truth) for guess, truth in zip(predicted, wanted, strict=True))
    found = knn_accuracy(train, known, test, wanted, k)
    assert found == Accuracy(expected, len(wanted))
    assert 0.3 < float(found) < 1


@pytest.mark.parametrize("k", [1, 7])
def test_knn_equals_scikit_learn(k):
    train, known, test, wanted = task(seed=3)
    model = KNeighborsClassifier(k, metric="cosine", weights=lambda distances: np.exp((1 - distances) / 0.1))
    model.fit(train, known)
    assert knn_accuracy(train, known, test, wanted, k).value == pytest.approx(model.score(test, wanted))


def test_knn_takes_text_tensors_and_lists_of_labels_alike():
    train, known, test, wanted = task()
    expected = knn_accuracy(train, known, test, wanted, 3)
    names = [f"class {label}" for label in known], [f"class {label}" for label in wanted]
    assert knn_accuracy(train, names[0], test, names[1], 3) == expected
    assert knn_accuracy(train, torch.tensor(known), torch.tensor(test), wanted.tolist(), 3) == expected


def test_knn_does_not_change_with_the_names_or_order_of_classes():
    train, known, test, wanted = task()
    expected = knn_accuracy(train, known, test, wanted, 5)
    assert knn_accuracy(train, 9 - known, test, 9 - wanted, 5) == expected


def test_nearest_neighbour_decides_a_tie_of_votes():
    train = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.1]])
    for labels in (["b", "a", "c"], ["a", "b", "c"]):
        assert knn_accuracy(train, labels, train[:1] + 0.01, labels[:1], k=2).correct == 1


def test_duplicates_are_counted_whatever_their_length():
    train, _, test, _ = task()
    test[:3] = train[5:8] * 2
    assert count_duplicates(train, test) == 3


def test_leak_check_can_be_switched_off():
    train, known, _, _ = task()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert knn_accuracy(train, known, train, known, check_leaks=False).value == 1
    with pytest.warns(UserWarning, match="40 of 40 test vectors are also training vectors"):
        knn_accuracy(train, known, train, known)


def test_knn_refuses_labels_that_do_not_match():
    train, known, test, wanted = task()
    with pytest.raises(PoseError, match="25 test vectors and 24 labels"):
        knn_accuracy(train, known, test, wanted[1:])
    with pytest.raises(PoseError, match="no test vectors"):
        knn_accuracy(train, known, test[:0], [])
    with pytest.raises(PoseError, match="no training vectors"):
        knn_accuracy(train[:0], [], test, wanted)
