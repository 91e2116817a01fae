from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles.retrieval import naive_retrieval
from oracles.splits import points

from msclr.evaluate.protocols import ClassRetrieval, Split
from msclr.evaluate.protocols.ranking import chance_of_order


def test_numbers_equal_counting_one_by_one():
    split = points(noise=2, train=30, test=12)
    right = split.test_labels.numpy()[:, None] == split.train_labels.numpy()
    numbers = ClassRetrieval().run(split).numbers
    for rank in (1, 5, 10):
        recall, precision = naive_retrieval(split.test.numpy(), split.train.numpy(), right, rank)
        assert numbers[f"R@{rank}"] == pytest.approx(100 * recall)
        assert numbers["mAP"] == pytest.approx(100 * precision)
    assert numbers["R@1"] < 100


def test_queries_of_unseen_classes_are_left_out_and_counted():
    split = Split.of(np.eye(2), "ab", np.eye(3)[:, :2] + 0.1, "abz")
    outcome = ClassRetrieval().run(split)
    assert outcome.numbers["R@1"] == 100
    assert outcome.facts == {"queries": 2, "unanswerable": 1}


def test_many_queries_are_scored_in_parts(monkeypatch):
    split = points(noise=2, train=30, test=25)
    whole = ClassRetrieval().run(split)
    monkeypatch.setattr("msclr.evaluate.protocols.ranking.ROWS", 7)
    parts = ClassRetrieval().run(split)
    assert parts.numbers == pytest.approx(whole.numbers)
    assert parts.facts == whole.facts


def test_chance_is_what_random_features_score_on_average():
    split = points(train=24, test=400)
    generator = torch.Generator().manual_seed(0)
    runs = []
    for _ in range(40):
        random = {side: torch.randn(count, 8, generator=generator) for side, count in (("train", 24), ("test", 400))}
        runs.append(ClassRetrieval().run(Split(**{**vars(split), **random})).numbers)
    for name, value in ClassRetrieval().chance(split).items():
        assert np.mean([run[name] for run in runs]) == pytest.approx(value, abs=1.5)


def test_chance_equals_the_mean_over_all_orders():
    found = chance_of_order(torch.tensor([1]), 3, ranks=(1, 2, 9))
    assert found == pytest.approx({"R@1": 100 / 3, "R@2": 200 / 3, "R@9": 100, "mAP": 100 * (1 + 1 / 2 + 1 / 3) / 3})
    everything = chance_of_order(torch.tensor([3]), 3)
    assert everything == pytest.approx({"R@1": 100, "R@5": 100, "R@10": 100, "mAP": 100})
