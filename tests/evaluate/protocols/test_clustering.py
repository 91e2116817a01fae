from __future__ import annotations

import itertools

import numpy as np
import pytest
from oracles.splits import points, shuffled
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from msclr.errors import ConfigError, PoseError
from msclr.evaluate.protocols import Clustering, Split


def test_numbers_equal_scikit_learn_and_the_best_of_all_namings():
    split = points(test=60, noise=1)
    rows = split.test.double().numpy()
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    order = sorted(range(60), key=lambda row: split.test_ids[row])
    clusters = KMeans(4, n_init=10, random_state=7).fit_predict(rows[order])
    truth = split.test_labels.numpy()[order]
    best = max(np.mean(np.array(naming)[clusters] == truth) for naming in itertools.permutations(range(4)))
    numbers = Clustering().run(split, seed=7).numbers
    assert numbers["NMI"] == pytest.approx(100 * normalized_mutual_info_score(truth, clusters))
    assert numbers["ARI"] == pytest.approx(100 * adjusted_rand_score(truth, clusters))
    assert numbers["cluster accuracy"] == pytest.approx(100 * best)
    assert numbers["ARI"] < 100


def test_the_order_of_clips_and_the_names_of_classes_change_nothing():
    split = points(test=60, noise=1)
    renamed = Split(**{**vars(split), "classes": ("z", "y", "x", "w")})
    first = Clustering().run(split, seed=1).numbers
    assert Clustering().run(shuffled(split), seed=1).numbers == pytest.approx(first)
    assert Clustering().run(renamed, seed=1).numbers == pytest.approx(first)


def test_there_are_as_many_clusters_as_classes_among_the_test_clips():
    split = points(classes=6, train=60, test=80)
    split = split.test_rows((split.test_labels < 3).nonzero()[:, 0])
    assert Clustering().run(split).facts["clusters"] == 3


def test_equal_features_tell_nothing():
    split = points()
    numbers = Clustering().run(Split(**{**vars(split), "test": split.test * 0 + 1})).numbers
    assert (numbers["NMI"], numbers["ARI"]) == (0, 0)


def test_one_class_is_refused():
    split = points()
    with pytest.raises(PoseError, match="test clips are 'class 2'; expected at least two classes"):
        Clustering().run(split.test_rows((split.test_labels == 2).nonzero()[:, 0]))
    with pytest.raises(ConfigError, match="starts=0"):
        Clustering(starts=0)
