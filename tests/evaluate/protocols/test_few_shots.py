from __future__ import annotations

import numpy as np
import pytest
from oracles.splits import points, shuffled

from msclr.errors import ConfigError, PoseError
from msclr.evaluate.protocols import FewShots


@pytest.mark.parametrize("shots", [1, 3])
def test_accuracy_and_interval_equal_nearest_means_by_hand(shots):
    split = points(classes=6, train=60, test=80, noise=1.5)
    protocol = FewShots(ways=4, shots=shots, queries=5, episodes=30)
    train, test = (rows.numpy() / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (split.train, split.test))
    shares = []
    for support, query in protocol.draw(split, seed=2):
        means = {int(split.train_labels[rows[0]]): train[rows.numpy()].mean(axis=0) for rows in support}
        right = []
        for row in (int(each) for rows in query for each in rows):
            nearest = min(means, key=lambda label: np.linalg.norm(test[row] - means[label]))
            right.append(nearest == split.test_labels[row])
        shares.append(np.mean(right))
    outcome = protocol.run(split, seed=2)
    assert outcome.numbers["top-1"] == pytest.approx(100 * np.mean(shares))
    assert outcome.facts["interval"] == pytest.approx(196 * np.std(shares, ddof=1) / np.sqrt(30), rel=1e-3)
    assert outcome.numbers["top-1"] < 100


def test_an_episode_has_its_ways_shots_and_queries_each_once():
    split = points(classes=6, train=60, test=80)
    for support, query in FewShots(ways=4, shots=3, queries=5, episodes=20).draw(split, seed=0):
        assert tuple(support.shape) == (4, 3)
        assert len(set(support.flatten().tolist())) == 12
        classes = [set(split.train_labels[rows].tolist()) for rows in support]
        assert all(len(each) == 1 for each in classes)
        assert len(set.union(*classes)) == 4
        for rows, each in zip(query, classes, strict=True):
            assert set(split.test_labels[rows].tolist()) == each
            assert len(set(rows.tolist())) == len(rows) <= 5


def test_the_order_of_clips_changes_nothing_and_the_seed_does():
    split = points(classes=6, train=60, test=80, noise=1.5)
    protocol = FewShots(ways=4, episodes=20)
    first = protocol.run(split, seed=1).numbers["top-1"]
    assert protocol.run(shuffled(split), seed=1).numbers["top-1"] == pytest.approx(first)
    assert protocol.run(split, seed=2).numbers["top-1"] != first


def test_more_ways_than_classes_are_refused():
    with pytest.raises(PoseError, match="4 classes have 1 training clips and a test clip; expected at least 5"):
        FewShots().run(points())
    with pytest.raises(PoseError, match="0 classes have 11 training clips"):
        FewShots(ways=2, shots=11).run(points())


@pytest.mark.parametrize("values", [{"ways": 1}, {"shots": 0}, {"queries": 0}, {"episodes": 1}])
def test_numbers_out_of_bounds_are_refused(values):
    with pytest.raises(ConfigError, match="at least"):
        FewShots(**values)
