from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles.retrieval import naive_vote
from oracles.splits import points, shuffled
from sklearn.neighbors import KNeighborsClassifier

from msclr.errors import ConfigError
from msclr.evaluate.protocols import NearestNeighbours
from msclr.neighbours import elect, rank_votes, search


@pytest.mark.parametrize("k", [1, 2, 10, 40])
def test_predictions_equal_votes_counted_one_by_one(k):
    split = points()
    outcome = NearestNeighbours(k).run(split)
    names = [split.classes[label] for label in split.train_labels]
    for row, name in zip(split.test.numpy(), split.test_ids, strict=True):
        assert outcome.predictions[name] == naive_vote(row, split.train.numpy(), names, k)
    assert 30 < outcome.numbers["top-1"] < 100


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.1), (10, 0.1), (20, 0.07), (40, 0.5)])
def test_accuracy_equals_scikit_learn(k, temperature):
    split = points(seed=3, classes=7, train=70, test=60)
    model = KNeighborsClassifier(k, metric="cosine", weights=lambda distances: np.exp((1 - distances) / temperature))
    model.fit(split.train, split.train_labels)
    outcome = NearestNeighbours(k, temperature).run(split)
    assert outcome.numbers["top-1"] == pytest.approx(100 * model.score(split.test, split.test_labels))


def test_top_5_equals_scikit_learn():
    split = points(seed=3, classes=9, train=90, test=80, noise=2)
    model = KNeighborsClassifier(40, metric="cosine", weights=lambda distances: np.exp((1 - distances) / 0.1))
    shares = model.fit(split.train, split.train_labels).predict_proba(split.test)
    best = np.argsort(-shares, axis=1, kind="stable")[:, :5]
    expected = 100 * np.mean((best == split.test_labels.numpy()[:, None]).any(axis=1))
    assert NearestNeighbours(40).run(split).numbers["top-5"] == pytest.approx(expected)
    assert expected < 100


def test_one_neighbour_has_no_top_5():
    assert "top-5" not in NearestNeighbours(1).run(points(classes=9)).numbers


def test_classes_without_a_vote_are_in_no_ranking():
    assert rank_votes(torch.tensor([[3, 1]]), torch.tensor([[0.5, 0.5]]), 4).tolist() == [[3, 1, -1, -1]]


def test_the_first_of_the_ranking_is_the_one_elected():
    split = points(noise=2)
    found = search(split.test, split.train, 20)
    ranking = rank_votes(split.train_labels[found.indices], found.scores, 4)
    assert torch.equal(ranking[:, 0], elect(found, split.train_labels, 4))


def test_small_temperatures_do_not_overflow():
    assert NearestNeighbours(5, 1e-4).run(points()).predictions == NearestNeighbours(1).run(points()).predictions


def test_the_order_of_clips_changes_nothing():
    split = points()
    assert NearestNeighbours(10).run(shuffled(split)).predictions == NearestNeighbours(10).run(split).predictions


@pytest.mark.parametrize("values", [{"k": 0}, {"temperature": 0.0}, {"temperature": float("nan")}])
def test_values_out_of_bounds_are_refused(values):
    with pytest.raises(ConfigError, match="k of at least 1, a temperature above 0"):
        NearestNeighbours(**values)
