from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from torch.nn import functional as F

from msclr.errors import ConfigError, PoseError
from msclr.evaluate import (
    LogisticProtocol,
    Scores,
    SgdProtocol,
    fit_ensemble,
    fuse,
    held_out_scores,
    learn_weights,
    linear_accuracy,
)
from msclr.models.heads import ConventionHeads

BRIEF = SgdProtocol(learning_rate=0.5, epochs=6, milestones=(4,), batch_size=7, drop_last=False)


def task(seed=0, count=40, classes=3, noise=(0.6, 1.0), dims=(4, 5)):
    """Features of two formats under ids, in order, and labels."""
    rng = np.random.default_rng(seed)
    codes = np.arange(count) % classes
    ids = [f"clip{number:03}" for number in range(count)]
    features = {}
    for name, deviation, dim in zip(("kinect", "vicon"), noise, dims, strict=True):
        points = rng.normal(size=(classes, dim))[codes] + deviation * rng.normal(size=(count, dim))
        features[name] = Scores(ids, points)
    return features, {name: f"class{code}" for name, code in zip(ids, codes, strict=True)}


def shuffled(scores, seed):
    order = list(scores.ids)
    random.Random(seed).shuffle(order)
    return scores.take(order)


def test_losses_summed_over_formats_train_the_same_heads_as_each_by_itself():
    features, labels = task()
    ensemble = fit_ensemble(features, labels, protocol=BRIEF)
    with torch.random.fork_rng():
        heads = ConventionHeads(4, 3, ["kinect", "vicon"])
        heads.heads[1] = type(heads.heads[0])(5, 3)
    generators = {}
    for name, head in zip(("kinect", "vicon"), heads.heads, strict=True):
        generators[name] = torch.Generator().manual_seed(0)
        with torch.no_grad():
            head.layer.weight.copy_(0.02 * torch.randn(head.layer.weight.shape, generator=generators[name]))
            head.layer.bias.zero_()
    optimiser = torch.optim.SGD(heads.parameters(), lr=0.5, momentum=0.9)
    codes = torch.tensor([int(labels[name][-1]) for name in sorted(labels)])
    for epoch in range(6):
        optimiser.param_groups[0]["lr"] = 0.5 if epoch < 4 else 0.05
        orders = {name: torch.randperm(40, generator=generator) for name, generator in generators.items()}
        for start in range(0, 40, 7):
            chosen = {name: order[start : start + 7] for name, order in orders.items()}
            logits = heads({name: features[name].values.float()[rows] for name, rows in chosen.items()})
            loss = sum(F.cross_entropy(logits[name], codes[rows]) for name, rows in chosen.items())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    together = heads({name: each.values.float() for name, each in features.items()})
    for name, scores in ensemble.scores(features).items():
        assert torch.allclose(scores.values.float(), together[name], atol=1e-4)
    fused = heads.fused({name: each.values.float() for name, each in features.items()})
    assert torch.allclose(ensemble.predict(features).scores.values.float(), fused, atol=1e-4)


@pytest.mark.parametrize("combine", ["losses", "logits"])
@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_heads_give_the_probabilities_of_scikit_learn(classes, combine):
    features, labels = task(classes=classes)
    ensemble = fit_ensemble(features, labels, protocol=LogisticProtocol(), combine=combine)
    wanted = [labels[name] for name in sorted(labels)]
    if combine == "logits":
        points = torch.cat([features[name].values for name in features], dim=1).numpy()
        found = {"both": (points, ensemble.predict(features).scores)}
    else:
        found = {name: (features[name].values.numpy(), ensemble.scores(features)[name]) for name in features}
    for points, scores in found.values():
        scaled = (points - points.mean(axis=0)) / points.std(axis=0)
        model = LogisticRegression(max_iter=1000).fit(scaled, wanted)
        assert scores.classes == tuple(model.classes_)
        assert scores.values.softmax(dim=1).numpy() == pytest.approx(model.predict_proba(scaled), abs=1e-9)


def test_one_part_with_logistic_heads_scores_as_linear_accuracy_does():
    features, labels = task(count=90, noise=(1.5, 1.0))
    train, test = list(labels)[:60], list(labels)[60:]
    kinect = features["kinect"]
    ensemble = fit_ensemble({"kinect": kinect}, {name: labels[name] for name in train}, protocol=LogisticProtocol())
    fused = ensemble.predict({"kinect": kinect.take(test)})
    expected = linear_accuracy(
        kinect.take(train).values, [labels[n] for n in train], kinect.take(test).values, [labels[n] for n in test]
    )
    assert fused.scores.accuracy({name: labels[name] for name in test}) == expected
    assert 0.5 < expected.value < 1


@pytest.mark.parametrize("protocol", [BRIEF, LogisticProtocol()])
@pytest.mark.parametrize("combine", ["losses", "logits"])
def test_shuffled_parts_give_the_same_ensemble_to_the_last_bit(protocol, combine):
    features, labels = task()
    turned = {name: shuffled(each, seed) for seed, (name, each) in enumerate(features.items())}
    mixed = dict(sorted(labels.items(), key=lambda item: item[0][::-1]))
    first = fit_ensemble(features, labels, protocol=protocol, combine=combine)
    again = fit_ensemble(turned, mixed, protocol=protocol, combine=combine)
    one, two = first.predict(features).scores, again.predict(turned).scores
    assert one.ids != two.ids
    assert torch.equal(one.values, two.take(one.ids).values)


@settings(max_examples=15)
@given(st.sets(st.integers(0, 39), max_size=39), st.integers(0, 99))
def test_missing_formats_are_left_out_of_the_mean_and_reported(gone, seed):
    features, labels = task()
    ensemble = fit_ensemble(features, labels, protocol=LogisticProtocol())
    present = [name for place, name in enumerate(features["vicon"].ids) if place not in gone]
    test = {"kinect": shuffled(features["kinect"], seed), "vicon": shuffled(features["vicon"].take(present), seed)}
    fused = ensemble.predict(test)
    alone, other = (ensemble.scores(features)[name] for name in ("kinect", "vicon"))
    for name in labels:
        rows = [each.take([name]).values[0] for each in (alone, other) if each is alone or name in present]
        expected = sum(rows) / len(rows)
        assert torch.allclose(fused.scores.take([name]).values[0], expected, atol=1e-10)
    assert {name: set(ids) for name, ids in fused.missing.items()} == (
        {"vicon": set(labels) - set(present)} if gone else {}
    )


def test_a_format_that_no_recording_has_is_reported_for_all():
    features, labels = task()
    ensemble = fit_ensemble(features, labels, protocol=BRIEF)
    fused = ensemble.predict({"kinect": features["kinect"]})
    assert torch.allclose(fused.scores.values, ensemble.scores(features)["kinect"].values, atol=1e-12)
    assert set(fused.missing["vicon"]) == set(labels)
    with pytest.raises(PoseError, match="part 'vicon' lacks 40 of 40"):
        ensemble.predict({"kinect": features["kinect"]}, missing="error")


def test_training_samples_that_a_format_lacks_are_left_out_of_its_head_only():
    features, labels = task()
    partial = {**features, "vicon": features["vicon"].take(list(labels)[:30])}
    ensemble = fit_ensemble(partial, labels, protocol=BRIEF, missing="skip")
    assert ensemble.left_out == {"vicon": tuple(list(labels)[30:])}
    whole = fit_ensemble(features, labels, protocol=BRIEF)
    part = fit_ensemble(features, {name: labels[name] for name in list(labels)[:30]}, protocol=BRIEF)
    assert torch.equal(ensemble.heads["kinect"].weight, whole.heads["kinect"].weight)
    assert torch.equal(ensemble.heads["vicon"].weight, part.heads["vicon"].weight)
    shared = fit_ensemble(partial, labels, protocol=BRIEF, missing="skip", combine="logits")
    assert set(shared.left_out) == {"kinect", "vicon"}


def test_samples_without_a_label_are_not_trained_on():
    features, labels = task()
    known = {name: labels[name] for name in list(labels)[:20]}
    with_more = fit_ensemble(features, known, protocol=BRIEF)
    only = fit_ensemble({name: each.take(known) for name, each in features.items()}, known, protocol=BRIEF)
    assert torch.equal(with_more.heads["vicon"].weight, only.heads["vicon"].weight)


def test_held_out_scores_come_from_heads_that_never_saw_the_sample():
    features, labels = task(count=30)
    folds = {name: place % 3 for place, name in enumerate(sorted(labels, key=lambda name: name[::-1]))}
    found = held_out_scores(features, labels, folds=folds, protocol=LogisticProtocol())
    for number in range(3):
        training = {name: label for name, label in labels.items() if folds[name] != number}
        held = [name for name in labels if folds[name] == number]
        expected = fit_ensemble(features, training, protocol=LogisticProtocol()).scores(
            {name: each.take(held) for name, each in features.items()}
        )
        for part in features:
            assert torch.allclose(found[part].take(held).values, expected[part].values, atol=1e-12)
    assert all(set(part.ids) == set(labels) for part in found.values())


def test_folds_hold_each_class_evenly_and_do_not_depend_on_order():
    features, labels = task(count=30)
    first = held_out_scores(features, labels, folds=5, protocol=BRIEF)
    turned = {name: shuffled(each, 1) for name, each in features.items()}
    again = held_out_scores(turned, dict(reversed(labels.items())), folds=5, protocol=BRIEF)
    for part in features:
        assert torch.equal(first[part].take(labels).values, again[part].take(labels).values)
    other = held_out_scores(features, labels, folds=5, seed=1, protocol=BRIEF)
    assert not torch.equal(first["kinect"].take(labels).values, other["kinect"].take(labels).values)


def test_a_format_of_noise_that_fits_its_training_samples_gets_next_to_no_weight():
    features, labels = task(count=240, noise=(0.4, 1.0), dims=(6, 200))
    noise = torch.randn(240, 200, generator=torch.Generator().manual_seed(0))
    features["vicon"] = Scores(features["vicon"].ids, noise)
    protocol = LogisticProtocol()
    in_sample = fit_ensemble(features, labels, protocol=protocol).scores(features)
    assert in_sample["vicon"].accuracy(labels).value > 0.95  # nothing but overfitting
    weights = learn_weights(held_out_scores(features, labels, protocol=protocol), labels).weights
    assert weights["vicon"] < 0.05 * weights["kinect"]
    assert learn_weights(in_sample, labels).weights["vicon"] > weights["vicon"]


def test_learned_weights_go_into_the_ensemble():
    features, labels = task()
    ensemble = fit_ensemble(features, labels, protocol=LogisticProtocol())
    weights = {"kinect": 0.8, "vicon": 0.3}
    expected = fuse(ensemble.scores(features), weights=weights).scores.values
    assert torch.equal(ensemble.predict(features, weights=weights).scores.values, expected)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda f, la: fit_ensemble({}, la), PoseError, "features of no part"),
        (lambda f, la: fit_ensemble(f, dict.fromkeys(la, "x")), PoseError, "40 training samples of 1 classes"),
        (lambda f, la: fit_ensemble(f, la, combine="both"), ConfigError, "combine='both'"),
        (
            lambda f, la: fit_ensemble({**f, "vicon": f["vicon"].take(["clip000", "clip001"])}, la, missing="skip"),
            PoseError,
            "part 'vicon' has no training sample of 'class2'",
        ),
        (lambda f, la: held_out_scores(f, la, folds=1), ConfigError, "folds=1"),
        (lambda f, la: held_out_scores(f, la, folds={}), ConfigError, "no fold of 'clip000'"),
        (lambda f, la: held_out_scores(f, la, folds=dict.fromkeys(la, 3)), ConfigError, "1 folds"),
        (
            lambda f, la: held_out_scores(f, {**la, "clip000": "lonely"}, folds=2),
            PoseError,
            "has no training sample of 'lonely'",
        ),
        (lambda f, la: fit_ensemble(f, la, protocol=BRIEF).predict({}), ConfigError, "features of no part"),
        (
            lambda f, la: fit_ensemble(f, la, protocol=BRIEF).predict({"smpl": f["vicon"]}),
            ConfigError,
            "no head for 'smpl'",
        ),
        (
            lambda f, la: fit_ensemble(f, la, protocol=BRIEF).predict({"kinect": f["vicon"]}),
            PoseError,
            "features of length 5; expected 4",
        ),
    ],
)
def test_what_cannot_be_trained_or_asked_is_refused(change, kind, message):
    with pytest.raises(kind, match=message):
        change(*task())
