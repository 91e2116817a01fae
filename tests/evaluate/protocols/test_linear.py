from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles.ensembles import naive_sgd
from oracles.splits import points
from sklearn.linear_model import LogisticRegression

from msclr.evaluate import ISC_PROTOCOL, SgdProtocol
from msclr.evaluate.protocols import LinearBySteps, LinearToOptimum, Split

BRIEF = SgdProtocol(learning_rate=0.5, epochs=6, milestones=(4,), batch_size=7, test_every=2)


def by_hand(split, training, epochs, seed):
    """Accuracy after some epochs, from steps taken one by one over the clips in the order of their names."""
    split = split.train_rows(sorted(range(len(split.train)), key=lambda row: split.train_ids[row]))
    count = len(split.train)
    generator = torch.Generator().manual_seed(seed)
    start = (training.deviation * torch.randn(4, 5, generator=generator)).numpy()
    full = count - count % training.batch_size if training.drop_last else count
    orders = [torch.randperm(count, generator=generator).tolist()[:full] for _ in range(epochs)]
    rates = [training.learning_rate_of(epoch + 1) for epoch in range(epochs)]
    codes = split.train_labels.tolist()
    weight, bias = naive_sgd(split.train.numpy(), codes, start, np.zeros(4), orders, rates, 0.9, training.batch_size)
    guesses = (split.test.numpy() @ weight.T + bias).argmax(axis=1)
    return 100 * np.mean(guesses == split.test_labels.numpy())


@pytest.mark.parametrize("training", [BRIEF, replace(BRIEF, drop_last=False, test_every=1)])
def test_last_and_best_epoch_equal_steps_by_hand(training):
    split = points(noise=1.5)
    numbers = LinearBySteps(training).run(split, seed=3).numbers
    tested = {epoch: by_hand(split, training, epoch, 3) for epoch in range(1, 7) if training.tests_after(epoch)}
    assert numbers["top-1"] == pytest.approx(tested[6])
    assert numbers["best top-1"] == pytest.approx(max(tested.values()))
    assert LinearBySteps(training).run(split, seed=3).facts["best epoch"] == max(tested, key=tested.get)


def test_the_seed_draws_start_and_order():
    split = points(noise=1.5, test=200)
    runs = [LinearBySteps(BRIEF).run(split, seed=seed).predictions for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_published_trainings_have_their_names():
    assert LinearBySteps().name == "linear-sgd"
    assert LinearBySteps(ISC_PROTOCOL).name == "linear-isc"


def test_to_the_optimum_equals_logistic_regression_on_standardised_features():
    split = points(seed=1, train=60, test=80)
    mean, deviation = split.train.mean(dim=0), split.train.std(dim=0, correction=0)
    model = LogisticRegression(max_iter=5000, tol=1e-8).fit((split.train - mean) / deviation, split.train_labels)
    expected = model.predict((split.test - mean) / deviation)
    found = LinearToOptimum().run(split).predictions
    same = [found[name] == split.classes[code] for name, code in zip(split.test_ids, expected, strict=True)]
    assert np.mean(same) >= 1 - 1.01 / 80


@pytest.mark.parametrize("protocol", [LinearToOptimum(), LinearBySteps(BRIEF)])
def test_classes_without_training_clips_are_never_predicted(protocol):
    split = points(names=["a", "b", "c", "d"])
    split = Split(**{**vars(split), "classes": ("a", "b", "unused", "d", "c")})
    outcome = protocol.run(split.train_rows((split.train_labels != 1).nonzero()[:, 0]))
    assert set(outcome.predictions.values()) <= {"a", "unused", "d"}
    assert outcome.facts["unseen"] == int((split.test_labels == 1).sum()) > 0
