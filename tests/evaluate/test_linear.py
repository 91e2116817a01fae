from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from msclr.errors import MissingExtraError
from msclr.evaluate import linear_accuracy


def task(seed=0, classes=4, train=60, test=30, dim=5):
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=train + test)
    points = rng.normal(size=(classes, dim))[labels] + rng.normal(size=(train + test, dim))
    return points[:train], labels[:train], points[train:], labels[train:]


@pytest.mark.parametrize("regularisation", [1.0, 100.0])
def test_linear_equals_logistic_regression_on_features_standardised_by_hand(regularisation):
    train, known, test, wanted = task()
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    model = LogisticRegression(C=1 / regularisation, max_iter=5000).fit((train - mean) / deviation, known)
    expected = model.score((test - mean) / deviation, wanted)
    found = linear_accuracy(train, known, test, wanted, regularisation=regularisation)
    assert found.value == pytest.approx(expected, abs=1.01 / len(wanted))
    assert 0.3 < found.value < 1


def test_linear_does_not_depend_on_the_scale_of_each_dimension():
    train, known, test, wanted = task()
    scale = np.array([1e-4, 1.0, 1e5, 3.0, 50.0])
    assert linear_accuracy(train * scale + 7, known, test * scale + 7, wanted) == linear_accuracy(
        train, known, test, wanted
    )


def test_linear_finds_a_line_where_one_exists():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(200, 3))
    labels = np.where(points @ [1, 2, -1] > 0, "above", "below")
    assert linear_accuracy(points[:150], labels[:150], points[150:], labels[150:]).value > 0.9


def test_linear_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    train, known, test, wanted = task()
    with pytest.raises(MissingExtraError, match=r'pip install "msclr\[evaluate\]"'):
        linear_accuracy(train, known, test, wanted)


def test_linear_with_more_dimensions_than_clips_equals_plain_logistic_regression():
    train, known, test, wanted = task(train=30, test=60, dim=80)
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    model = LogisticRegression(max_iter=5000, tol=1e-8).fit((train - mean) / deviation, known)
    expected = model.score((test - mean) / deviation, wanted)
    found = linear_accuracy(train, known, test, wanted)
    assert found.value == pytest.approx(expected, abs=1.01 / 60)
