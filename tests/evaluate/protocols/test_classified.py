from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles.splits import points, shuffled
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, recall_score, top_k_accuracy_score

from msclr.evaluate.protocols import Split
from msclr.evaluate.protocols.classified import chance_of_classes, classified, ranked


def scored(seed=0, classes=8, train=40, test=60):
    split = points(seed, classes=classes, train=train, test=test)
    scores = torch.from_numpy(np.random.default_rng(seed).normal(size=(test, classes)))
    return split, scores, classified(split, ranked(scores, torch.arange(classes)))


def test_numbers_equal_scikit_learn():
    split, scores, outcome = scored()
    truth, predicted = split.test_labels.numpy(), scores.argmax(dim=1).numpy()
    labels = range(8)
    assert outcome.numbers["top-1"] == pytest.approx(100 * np.mean(truth == predicted))
    assert outcome.numbers["top-5"] == pytest.approx(100 * top_k_accuracy_score(truth, scores, k=5, labels=labels))
    assert outcome.numbers["mean recall"] == pytest.approx(100 * balanced_accuracy_score(truth, predicted))
    assert outcome.confusion.tolist() == confusion_matrix(truth, predicted, labels=labels).tolist()
    recalls = recall_score(truth, predicted, labels=labels, average=None)
    assert [outcome.recall[name] for name in split.classes] == pytest.approx(list(100 * recalls))


def test_predictions_and_truth_stand_under_the_names_of_clips():
    split, scores, outcome = scored()
    assert outcome.predictions["test 7"] == split.classes[int(scores[7].argmax())]
    assert outcome.truth["test 7"] == split.classes[int(split.test_labels[7])]


def test_the_order_of_clips_changes_no_number():
    split, scores, outcome = scored()
    other = shuffled(split)
    rows = [split.test_ids.index(name) for name in other.test_ids]
    again = classified(other, ranked(scores[rows], torch.arange(8)))
    assert again.numbers == outcome.numbers
    assert again.predictions == outcome.predictions
    assert (again.confusion == outcome.confusion).all()


def test_five_classes_have_no_top_5():
    assert set(scored(classes=5)[2].numbers) == {"top-1", "mean recall"}


def test_classes_without_test_clips_have_no_recall():
    split = Split.of(np.eye(3), "abc", np.eye(3)[:2], "ab")
    outcome = classified(split, torch.tensor([[0], [2]]))
    assert outcome.recall == {"a": 100.0, "b": 0.0}
    assert outcome.numbers["mean recall"] == 50


def test_chance_is_what_random_rankings_score_on_average():
    split = points(classes=8, train=40, test=300)
    split = replace(split, test_labels=split.test_labels.clamp_max(6))
    generator = torch.Generator().manual_seed(0)
    seen = torch.tensor([0, 1, 2, 3, 4, 5, 7])
    split = split.train_rows([row for row, label in enumerate(split.train_labels.tolist()) if label != 6])
    runs = [classified(split, ranked(torch.rand(300, 7, generator=generator), seen)).numbers for _ in range(150)]
    expected = chance_of_classes(split)
    assert set(expected) == set(runs[0])
    for name, value in expected.items():
        assert np.mean([run[name] for run in runs]) == pytest.approx(value, abs=0.8)
