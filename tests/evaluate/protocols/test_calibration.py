from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles.splits import points
from torch.nn import functional as F

from msclr.errors import ConfigError, PoseError
from msclr.evaluate.protocols import Calibration
from msclr.evaluate.protocols.calibration import expected_calibration_error, fit_temperature, reliability


def naive_error(confidence, correct, bins):
    """Expected calibration error, clip by clip."""
    total = 0.0
    for number in range(bins):
        inside = [i for i, c in enumerate(confidence) if number / bins < c <= (number + 1) / bins]
        if inside:
            gap = np.mean([correct[i] for i in inside]) - np.mean([confidence[i] for i in inside])
            total += len(inside) / len(confidence) * abs(gap)
    return total


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_calibration_error_equals_adding_up_clip_by_clip(bins):
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1, size=200)
    correct = rng.random(200) < confidence**2
    found = reliability(torch.from_numpy(confidence), torch.from_numpy(correct), bins)
    assert expected_calibration_error(found) == pytest.approx(100 * naive_error(confidence, correct, bins))
    assert sum(each.count for each in found) == 200
    assert (found[0].lower, found[-1].upper) == (0, 1)


def test_confidences_on_the_bounds_are_in_a_bin():
    found = reliability(torch.tensor([0.0, 0.5, 1.0]), torch.tensor([True, True, False]), 2)
    assert [each.count for each in found] == [2, 1]


def test_the_temperature_undoes_a_scale():
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(4000, 3)))
    codes = torch.multinomial(logits.softmax(dim=1), 1, generator=torch.Generator().manual_seed(0))[:, 0]
    found = fit_temperature(logits, codes)
    assert found == pytest.approx(1, abs=0.1)
    assert fit_temperature(7 * logits, codes) == pytest.approx(7 * found, rel=1e-4)
    loss = [float(F.cross_entropy(logits / (found * factor), codes)) for factor in (0.99, 1, 1.01)]
    assert loss[1] == min(loss)


def test_the_temperature_changes_confidence_but_no_answer():
    split = points(train=200, test=300, noise=2)
    outcome = Calibration(regularisation=1e-4).run(split)
    assert outcome.facts["held out"] == 40
    assert outcome.facts["NLL scaled"] < outcome.facts["NLL"]
    assert outcome.facts["temperature"] > 1
    assert outcome.numbers["ECE scaled"] < outcome.numbers["ECE"]
    within = sum(each.count * each.accuracy for each in outcome.reliability) / 300
    assert within == pytest.approx(outcome.numbers["top-1"])


def test_classes_of_one_clip_stay_in_training():
    split = points(train=40)
    lone = split.train_rows([row for row, label in enumerate(split.train_labels.tolist()) if label or row < 4])
    outcome = Calibration().run(lone)
    assert "class 0" in {*outcome.classes}
    assert outcome.facts["unseen"] == 0
    with pytest.raises(PoseError, match="one training clip of each class"):
        Calibration().run(split.train_rows(range(4)))


@pytest.mark.parametrize("values", [{"bins": 0}, {"held_out": 0.0}, {"held_out": 1.0}, {"regularisation": 0.0}])
def test_values_out_of_bounds_are_refused(values):
    with pytest.raises(ConfigError, match="at least 1 bin"):
        Calibration(**values)
