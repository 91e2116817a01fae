"""Classification and retrieval of awkward collections."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles.splits import points, shuffled

from msclr.errors import PoseError, TrainingError
from msclr.evaluate import SgdProtocol, knn_accuracy, linear_accuracy
from msclr.evaluate.protocols import (
    VIEW_PROTOCOLS,
    Calibration,
    FewLabels,
    LinearBySteps,
    LinearToOptimum,
    NearestNeighbours,
    Split,
    contents_of,
    warn_of_leaks,
)
from msclr.io.collection import read_collection
from msclr.neighbours import search

LINEAR = [LinearToOptimum(), LinearBySteps(SgdProtocol(learning_rate=0.5, epochs=40))]


def test_f10_more_neighbours_than_vectors():
    with pytest.raises(PoseError, match="k=4 for 3 vectors"):
        knn_accuracy(torch.eye(3), "abc", torch.eye(3), "abc", k=4)
    with pytest.raises(PoseError, match="k=41 for 40 vectors"):
        NearestNeighbours(41).run(points())


@pytest.mark.parametrize("accuracy", [knn_accuracy, linear_accuracy])
def test_f10_one_class(accuracy):
    with pytest.raises(PoseError, match="all 3 training labels are 'walk'; expected at least two classes"):
        accuracy(torch.eye(3), ["walk"] * 3, torch.eye(3), ["walk"] * 3)
    with pytest.raises(PoseError, match="all 3 training clips are 'walk'; expected at least two classes"):
        Split.of(torch.eye(3), ["walk"] * 3, torch.eye(3), ["run"] * 3)


@pytest.mark.parametrize("accuracy", [knn_accuracy, linear_accuracy])
def test_f10_a_class_without_training_clip_counts_as_wrong(accuracy):
    test = torch.eye(3) + 0.01
    found = accuracy(torch.eye(3), ["a", "b", "c"], test, ["a", "new", "c"])
    assert (found.correct, found.count, found.unseen) == (2, 3, 1)


@pytest.mark.parametrize("protocol", [NearestNeighbours(1), *LINEAR])
def test_f10_a_class_without_training_clip_counts_as_wrong_in_every_number(protocol):
    split = Split.of(torch.eye(3), ["a", "b", "c"], torch.eye(3) + 0.01, ["a", "new", "c"])
    outcome = protocol.run(split)
    assert outcome.numbers["top-1"] == pytest.approx(200 / 3)
    assert outcome.numbers["mean recall"] == pytest.approx(200 / 3)
    assert outcome.recall == {"a": 100, "c": 100, "new": 0}
    assert outcome.facts["unseen"] == 1
    assert outcome.confusion[:, split.classes.index("new")].sum() == 0


def test_f10_ties_go_the_same_way_every_time():
    bank = torch.ones(50, 8)
    labels = [str(row) for row in range(50)]
    query = torch.ones(4, 8) + torch.tensor([0.1] + [0.0] * 7)
    assert search(query, bank, 3).indices.tolist() == [[0, 1, 2]] * 4
    assert knn_accuracy(bank, labels, query, ["0"] * 4, k=50).value == 1
    outcome = NearestNeighbours(50).run(Split.of(bank, labels, query, ["0"] * 4))
    assert set(outcome.predictions.values()) == {"0"}


def test_f10_duplicates_between_train_and_test_are_warned_of():
    train = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    test = torch.cat((train[:2] * 3, -train[2:6]))
    with pytest.warns(UserWarning, match="2 of 6 test vectors are also training vectors"):
        knn_accuracy(train, list(range(20)), test, list(range(6)))
    with pytest.warns(UserWarning, match="2 of 6 test clips are copies of training clips"):
        warn_of_leaks(Split.of(train, range(20), test, range(6)))


def test_f10_the_94_copies_among_the_test_clips_of_nwucla_are_warned_of(data_root):
    clips = read_collection(data_root / "actions" / "nwucla.npz")
    side = np.array(clips.column("split"))
    train, test = (np.flatnonzero(side == name).tolist() for name in ("train", "test"))
    chosen = {clips.names[row]: clips[row] for row in (*train, *test)}
    names, labels = list(chosen), clips.column("label")
    middles = np.stack([clip.positions.mean(axis=(0, 1)).ravel() for clip in chosen.values()])  # of each joint
    split = Split.of(
        middles[: len(train)],
        [labels[row] for row in train],
        middles[len(train) :],
        [labels[row] for row in test],
        train_ids=names[: len(train)],
        test_ids=names[len(train) :],
    )
    marked = clips.column("dup_of_train")
    copied = {clips.names[row] for row in test if marked[row] == "True"}
    assert len(copied) == 94
    blind = replace(split, train=torch.randn(len(train), 8), test=torch.randn(len(test), 8))
    for leaking, contents in ((split, None), (blind, contents_of(chosen))):
        with pytest.warns(UserWarning, match="94 of 463 test clips are copies of training clips"):
            assert set(warn_of_leaks(leaking, contents)) == copied
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert warn_of_leaks(split.without_test(copied), contents_of(chosen)) == {}


def test_f11_constant_features_one_clip_per_class_and_gaps_in_labels():
    train = np.array([[1.0, 0.0, 7.0], [0.0, 1.0, 7.0], [-1.0, -1.0, 7.0]])
    found = linear_accuracy(train, [3, 900, 17], train * [0.9, 0.9, 1.0], [3, 900, 17])
    assert found.value == 1


def test_f11_features_of_very_different_scale():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=80)
    points = rng.normal(size=(80, 2)) * [1e6, 1e-6]
    points[:, 1] += labels * 1e-5
    assert linear_accuracy(points[:60], labels[:60], points[60:], labels[60:]).value == 1


@pytest.mark.parametrize("protocol", LINEAR)
def test_f11_constant_features_give_one_class_to_all(protocol):
    split = points()
    outcome = protocol.run(replace(split, train=split.train * 0 + 3, test=split.test * 0 + 3))
    assert len(set(outcome.predictions.values())) == 1


@pytest.mark.parametrize("protocol", LINEAR)
def test_f11_one_clip_of_each_class_is_enough(protocol):
    split = Split.of(torch.eye(4), "abcd", torch.eye(4) * 0.9 + 0.05, "abcd")
    assert protocol.run(split).numbers["top-1"] == 100
    assert FewLabels(1, protocol).run(split).facts["train"] == 4


def test_f11_one_clip_of_each_class_leaves_none_to_calibrate_on():
    with pytest.raises(PoseError, match="one training clip of each class: none can be held out"):
        Calibration().run(Split.of(torch.eye(4), "abcd", torch.eye(4), "abcd"))


@pytest.mark.parametrize("protocol", LINEAR)
def test_f11_gaps_in_labels_are_no_classes(protocol):
    split = Split.of(torch.eye(2), ["a", "z"], torch.eye(2), ["a", "z"])
    gaps = replace(
        split,
        classes=tuple(f"class {number}" for number in range(900)),
        train_labels=torch.tensor([3, 899]),
        test_labels=torch.tensor([3, 899]),
    )
    outcome = protocol.run(gaps)
    assert (outcome.numbers["top-1"], set(outcome.recall)) == (100, {"class 3", "class 899"})
    assert "top-5" not in outcome.numbers


def test_f11_unscaled_features_are_learned_or_refused():
    split = points()
    wide = replace(split, train=split.train * 1e6, test=split.test * 1e6)
    assert LinearToOptimum().run(wide).predictions == LinearToOptimum().run(split).predictions
    huge = replace(split, train=split.train * 1e30, test=split.test * 1e30)
    with pytest.raises(TrainingError, match="not finite after 100 epochs at learning rate 3"):
        LinearBySteps().run(huge)


@pytest.mark.parametrize("name", [name for name in VIEW_PROTOCOLS if name != "convention-transfer"])
def test_f12_views_in_another_order_of_samples(name):
    several = dict.fromkeys(("joint", "bone", "motion"), points(classes=6, train=60, noise=1.5))
    mixed = {view: shuffled(split, seed) for seed, (view, split) in enumerate(several.items())}
    first, again = (VIEW_PROTOCOLS[name].run(views) for views in (several, mixed))
    assert again.numbers == pytest.approx(first.numbers)
    assert again.predictions == first.predictions


def test_f12_views_that_lack_samples():
    several = dict.fromkeys(("kinect", "coco"), points(classes=6, train=60, noise=1.5))
    lost = {"test 0", "test 4", "test 9"}
    fewer = {**several, "coco": several["coco"].without_test(lost)}
    whole, part = (VIEW_PROTOCOLS["ensemble"].run(views) for views in (several, fewer))
    assert part.facts["lacking in coco"] == 3
    assert part.predictions == whole.predictions
