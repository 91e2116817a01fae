"""Classification and retrieval of awkward collections."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from msclr.errors import PoseError
from msclr.evaluate import knn_accuracy, linear_accuracy
from msclr.neighbours import search


def test_f10_more_neighbours_than_vectors():
    with pytest.raises(PoseError, match="k=4 for 3 vectors"):
        knn_accuracy(torch.eye(3), "abc", torch.eye(3), "abc", k=4)


@pytest.mark.parametrize("accuracy", [knn_accuracy, linear_accuracy])
def test_f10_one_class(accuracy):
    with pytest.raises(PoseError, match="all 3 training labels are 'walk'; expected at least two classes"):
        accuracy(torch.eye(3), ["walk"] * 3, torch.eye(3), ["walk"] * 3)


@pytest.mark.parametrize("accuracy", [knn_accuracy, linear_accuracy])
def test_f10_a_class_without_training_clip_counts_as_wrong(accuracy):
    test = torch.eye(3) + 0.01
    found = accuracy(torch.eye(3), ["a", "b", "c"], test, ["a", "new", "c"])
    assert (found.correct, found.count, found.unseen) == (2, 3, 1)


def test_f10_ties_go_the_same_way_every_time():
    bank = torch.ones(50, 8)
    labels = [str(row) for row in range(50)]
    query = torch.ones(4, 8) + torch.tensor([0.1] + [0.0] * 7)
    assert search(query, bank, 3).indices.tolist() == [[0, 1, 2]] * 4
    assert knn_accuracy(bank, labels, query, ["0"] * 4, k=50).value == 1


def test_f10_duplicates_between_train_and_test_are_warned_of():
    train = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    test = torch.cat((train[:2] * 3, -train[2:6]))
    with pytest.warns(UserWarning, match="2 of 6 test vectors are also training vectors"):
        knn_accuracy(train, list(range(20)), test, list(range(6)))


def test_f11_constant_features_one_clip_per_class_and_gaps_in_labels():
    train = np.array([[1.0, 0.0, 7.0], [0.0, 1.0, 7.0], [-1.0, -1.0, 7.0]])
    found = linear_accuracy(train, [3, 900, 17], train * [0.9, 0.9, 1.0], [3, 900, 17])
    assert found.value == 1


def test_f11_features_of_very_different_scale():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=80)
    points = rng.normal(size=(80, 2)) * [1e6, 1e-6]
    points[:, 1] += labels * 1e-5
    assert linear_accuracy(points[:60], labels[:60], points[60:], labels[60:]).value == 1
