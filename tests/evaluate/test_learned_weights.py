from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.ensembles import naive_cross_entropy, naive_fusion
from scipy.optimize import minimize

from msclr.errors import PoseError
from msclr.evaluate import THREE_STREAMS, Scores, fuse, learn_weights

CLASSES = ("walk", "run", "jump", "sit")
STREAMS = ("joint", "bone", "motion")


def fitting_set(seed=0, count=200, clarity=(1.0, 0.7, 0.4), scale=(1.0, 1.0, 1.0)):
    """Logits of three streams, each as clear about the classes as asked for, and labels."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(len(CLASSES), size=count)
    ids = [f"clip{number}" for number in range(count)]
    parts = {}
    for name, signal, factor in zip(STREAMS, clarity, scale, strict=True):
        logits = rng.normal(size=(count, len(CLASSES)))
        logits[np.arange(count), codes] += signal
        order = rng.permutation(count)
        parts[name] = Scores([ids[row] for row in order], factor * logits[order], CLASSES)
    return parts, {name: CLASSES[code] for name, code in zip(ids, codes, strict=True)}


def loss(parts, labels, weights):
    plain = {
        name: {
            sample: dict(zip(part.classes, row, strict=True))
            for sample, row in zip(part.ids, part.values.tolist(), strict=True)
        }
        for name, part in parts.items()
    }
    return naive_cross_entropy(naive_fusion(plain, weights), labels)


@pytest.mark.parametrize("scale", [(1.0, 1.0, 1.0), (100.0, 1.0, 0.01)])
def test_learned_weights_are_the_optimum_that_a_general_solver_finds(scale):
    parts, labels = fitting_set(scale=scale)
    learned = learn_weights(parts, labels)
    assert learned.loss == pytest.approx(loss(parts, labels, learned.weights), abs=1e-12)
    codes = torch.tensor([CLASSES.index(labels[name]) for name in labels])
    logits = torch.stack([parts[name].take(labels).values for name in STREAMS])

    def objective(vector):
        weights = torch.from_numpy(vector / np.array(scale))
        return float(torch.nn.functional.cross_entropy(torch.einsum("p,pnk->nk", weights, logits), codes))

    found = minimize(objective, np.ones(3), bounds=[(0, None)] * 3, method="L-BFGS-B", options={"ftol": 1e-14})
    assert learned.loss <= found.fun + 1e-12
    assert np.array(scale) * [learned.weights[name] for name in STREAMS] == pytest.approx(found.x, abs=1e-3)
    assert learned.samples == len(labels)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(8, 60))
def test_learned_weights_fit_at_least_as_well_as_the_fixed_ones(seed, count):
    parts, labels = fitting_set(seed, count)
    if len(set(labels.values())) < 2:
        return
    learned = learn_weights(parts, labels)
    assert all(weight >= 0 for weight in learned.weights.values())
    for fixed in (THREE_STREAMS, dict.fromkeys(STREAMS, 1 / 3), {"joint": 1.0, "bone": 0.0, "motion": 0.0}):
        others = {name: max(weight, 1e-300) for name, weight in fixed.items()}
        assert learned.loss <= loss(parts, labels, others) + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_a_stream_of_noise_gets_next_to_no_weight(seed):
    parts, labels = fitting_set(seed, count=4000, clarity=(1.5, 1.0, 0.0))
    weights = learn_weights(parts, labels).weights
    assert weights["motion"] < 0.05 * weights["bone"]
    assert weights["joint"] > weights["bone"] > 0.5


def test_a_stream_that_says_the_opposite_gets_weight_0():
    parts, labels = fitting_set(clarity=(1.5, 1.0, -1.0))
    assert learn_weights(parts, labels).weights["motion"] == 0


def test_a_stream_that_says_the_same_of_all_classes_gets_weight_0():
    parts, labels = fitting_set()
    parts["motion"] = Scores(parts["motion"].ids, torch.full((200, 4), 7.0), CLASSES)
    weights = learn_weights(parts, labels).weights
    assert weights["motion"] == 0
    assert weights["joint"] > 0


def test_equal_streams_share_their_weight():
    parts, labels = fitting_set()
    weights = learn_weights({"one": parts["joint"], "two": parts["joint"]}, labels).weights
    alone = learn_weights({"one": parts["joint"]}, labels).weights
    assert weights["one"] == pytest.approx(weights["two"], rel=1e-4)
    assert weights["one"] + weights["two"] == pytest.approx(alone["one"], rel=1e-6)


@pytest.mark.parametrize("strength", [1.0, 1e-3, 1e4])
def test_classes_that_separate_give_finite_weights(strength):
    ids = [f"clip{number}" for number in range(8)]
    codes = torch.arange(8) % 4
    joint = Scores(ids, strength * torch.nn.functional.one_hot(codes).double(), CLASSES)
    bone = Scores(ids, torch.randn(8, 4, generator=torch.Generator().manual_seed(0)), CLASSES)
    labels = {name: CLASSES[code] for name, code in zip(ids, codes.tolist(), strict=True)}
    learned = learn_weights({"joint": joint, "bone": bone}, labels)
    assert all(np.isfinite(weight) for weight in learned.weights.values())
    assert learned.loss < 1e-3
    assert fuse({"joint": joint, "bone": bone}, weights=learned.weights).scores.accuracy(labels).value == 1


def test_order_of_samples_parts_and_classes_changes_nothing():
    parts, labels = fitting_set()
    turned = {
        name: Scores(part.ids[::-1], part.values.flip(0).flip(1), CLASSES[::-1])
        for name, part in reversed(list(parts.items()))
    }
    first = learn_weights(parts, labels)
    again = learn_weights(turned, dict(reversed(list(labels.items()))))
    assert {name: pytest.approx(weight, rel=1e-9) for name, weight in first.weights.items()} == again.weights
    same_classes = {name: Scores(part.ids[::-1], part.values.flip(0), CLASSES) for name, part in parts.items()}
    assert learn_weights(same_classes, labels).weights == first.weights  # to the last bit


def test_samples_outside_the_fitting_set_play_no_part():
    parts, labels = fitting_set()
    few = {name: labels[name] for name in list(labels)[:50]}
    only = {name: part.take(few) for name, part in parts.items()}
    assert learn_weights(parts, few) == learn_weights(only, few)
    assert learn_weights(parts, few).weights != learn_weights(parts, labels).weights


def test_skipped_samples_are_reported():
    parts, labels = fitting_set()
    without = {**parts, "bone": parts["bone"].take(name for name in parts["bone"].ids if name != "clip7")}
    learned = learn_weights(without, labels, missing="skip")
    assert (learned.left_out, learned.samples) == ({"bone": ("clip7",)}, 199)
    rest = {name: label for name, label in labels.items() if name != "clip7"}
    assert learned.weights == learn_weights(parts, rest).weights


def test_fitting_sets_that_say_nothing_are_refused():
    parts, labels = fitting_set()
    with pytest.raises(PoseError, match="200 samples of 1 classes"):
        learn_weights(parts, dict.fromkeys(labels, "walk"))
    with pytest.raises(PoseError, match="labels 'swim'"):
        learn_weights(parts, {**labels, "clip0": "swim"})
    with pytest.raises(PoseError, match="no part tells the classes"):
        learn_weights({"joint": Scores(["a", "b"], torch.eye(2).flip(0), ["x", "y"])}, {"a": "x", "b": "y"})
    with pytest.raises(PoseError, match="features, whose columns"):
        learn_weights({"joint": Scores(["a", "b"], torch.eye(2))}, {"a": "x", "b": "y"})
