from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.ensembles import naive_fusion

from msclr.errors import PoseError, PoseTypeError
from msclr.evaluate import THREE_STREAMS, Accuracy, Scores, fuse, missing_samples

CLASSES = ("walk", "run", "jump")
STREAMS = ("joint", "bone", "motion")


def random_parts(ids, seed=0, parts=STREAMS, lacking=()):
    """Scores as {part: {sample: {class: score}}}; `lacking` names (part, sample) pairs."""
    rng = np.random.default_rng(seed)
    scores = {name: {sample: dict(zip(CLASSES, rng.normal(size=3), strict=True)) for sample in ids} for name in parts}
    for name, sample in lacking:
        del scores[name][sample]
    return scores


def as_scores(part, seed=None):
    """The same scores in arrays, samples and classes shuffled if there is a seed."""
    ids, classes = list(part), list(CLASSES)
    if seed is not None:
        random.Random(seed).shuffle(ids)
        random.Random(seed + 1).shuffle(classes)
    values = np.array([[part[sample][label] for label in classes] for sample in ids]).reshape(-1, 3)
    return Scores(ids, values, classes)


def as_dicts(scores):
    rows = scores.values.tolist()
    return {sample: dict(zip(scores.classes, row, strict=True)) for sample, row in zip(scores.ids, rows, strict=True)}


def equal(found, expected, tolerance=1e-12):
    assert found.keys() == expected.keys()
    for sample, row in expected.items():
        assert found[sample] == pytest.approx(row, abs=tolerance, rel=tolerance)


def test_published_weights_give_the_weighted_sum_of_a_join_by_hand():
    parts = random_parts("abcdefgh")
    fused = fuse({name: as_scores(part, 3) for name, part in parts.items()}, weights=THREE_STREAMS)
    by_hand = {
        sample: {
            label: 0.6 * parts["joint"][sample][label]
            + 0.6 * parts["bone"][sample][label]
            + 0.4 * parts["motion"][sample][label]
            for label in CLASSES
        }
        for sample in "abcdefgh"
    }
    equal(as_dicts(fused.scores), by_hand)
    assert fused.missing == {}


def test_without_weights_the_mean_is_taken():
    parts = random_parts("abc")
    fused = as_dicts(fuse({name: as_scores(part, 5) for name, part in parts.items()}).scores)
    for sample in "abc":
        for label in CLASSES:
            mean = sum(parts[name][sample][label] for name in STREAMS) / 3
            assert fused[sample][label] == pytest.approx(mean, abs=1e-12)


@settings(max_examples=40)
@given(st.data())
def test_any_order_and_any_missing_samples_equal_the_naive_join(data):
    ids = [f"clip {number}" for number in range(data.draw(st.integers(1, 6)))]
    pairs = [(name, sample) for name in STREAMS[1:] for sample in ids]
    lacking = data.draw(st.lists(st.sampled_from(pairs), unique=True))
    weights = {name: data.draw(st.floats(0.1, 3.0)) for name in STREAMS}
    parts = random_parts(ids, data.draw(st.integers(0, 99)), lacking=lacking)
    plain = {name: as_scores(part) for name, part in parts.items()}
    order = data.draw(st.permutations(STREAMS))
    shuffled = {name: as_scores(parts[name], data.draw(st.integers(0, 99))) for name in order}
    found = fuse(shuffled, weights=weights, missing="skip")
    equal(as_dicts(found.scores), naive_fusion(parts, weights), 1e-9)
    again = as_dicts(fuse(plain, weights=weights, missing="skip").scores)
    assert as_dicts(found.scores) == again  # to the last bit
    assert {(name, sample) for name, samples in found.missing.items() for sample in samples} == set(lacking)


def test_a_skipped_sample_keeps_the_scale_of_the_others():
    row = {"a": {"walk": 2.0, "run": 1.0, "jump": 0.0}}
    part, nothing = as_scores(row), as_scores({})
    whole = fuse({"joint": part, "bone": part}, weights={"joint": 0.6, "bone": 0.4}).scores
    half = fuse({"joint": part, "bone": nothing}, weights={"joint": 0.6, "bone": 0.4}, missing="skip").scores
    assert torch.allclose(whole.values, half.values, atol=1e-15)


def test_the_samples_wanted_come_in_the_order_asked_for():
    parts = {name: as_scores(part, 1) for name, part in random_parts("abcd").items()}
    fused = fuse(parts, ids=["d", "a"])
    assert fused.scores.ids == ("d", "a")
    assert torch.equal(fused.scores.values, fuse(parts).scores.take(["d", "a"]).values)
    with pytest.raises(PoseError, match="part 'joint' lacks 1 of 2 samples: 'new'"):
        fuse(parts, ids=["a", "new"])


def test_a_sample_that_only_a_part_of_weight_0_has_is_refused():
    parts = random_parts("ab", parts=("joint", "bone"), lacking=[("joint", "b")])
    scores = {name: as_scores(part) for name, part in parts.items()}
    with pytest.raises(PoseError, match="'b' in no part that counts"):
        fuse(scores, weights={"joint": 1.0, "bone": 0.0}, missing="skip")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"joint": 1.0}, "weights of 'joint'; expected one for each of 'joint', 'bone', 'motion'"),
        ({"joint": 1.0, "bone": 1.0, "motion": 1.0, "more": 1.0}, "'more'"),
        ({"joint": -0.1, "bone": 1.0, "motion": 1.0}, "at least 0"),
        ({"joint": float("nan"), "bone": 1.0, "motion": 1.0}, "finite"),
        ({"joint": 0.0, "bone": 0.0, "motion": 0.0}, "one above 0"),
        ([0.6, 0.6, 0.4], "a mapping from the names of the parts"),
    ],
)
def test_weights_that_cannot_be_meant_are_refused(weights, message):
    parts = {name: as_scores(part) for name, part in random_parts("ab").items()}
    with pytest.raises((PoseError, PoseTypeError), match=message):
        fuse(parts, weights=weights)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "no parts"),
        ([], "a mapping from names to Scores"),
        ({"joint": torch.eye(2)}, "part 'joint' is a Tensor"),
        ({"joint": Scores(["a"], torch.eye(1)), "bone": Scores(["a"], torch.eye(1), ["walk"])}, "the same classes"),
        ({"joint": Scores(["a"], torch.eye(1, 2)), "bone": Scores(["a"], torch.eye(1, 3))}, "3 features"),
    ],
)
def test_what_is_no_scores_of_the_same_columns_is_refused(parts, message):
    with pytest.raises((PoseError, PoseTypeError), match=message):
        fuse(parts)


def test_features_of_one_length_are_fused_too():
    fused = fuse({"a": Scores(["x"], torch.tensor([[1.0, 3.0]])), "b": Scores(["x"], torch.tensor([[3.0, 5.0]]))})
    assert fused.scores.classes is None
    assert fused.scores.values.tolist() == [[2.0, 4.0]]


def test_missing_samples_are_listed_by_part():
    parts = {name: as_scores(part) for name, part in random_parts("abc", lacking=[("bone", "a")]).items()}
    assert missing_samples(parts) == {"bone": ("a",)}
    assert missing_samples(parts, ["a", "z"]) == {"joint": ("z",), "bone": ("a", "z"), "motion": ("z",)}


def test_accuracy_counts_by_id_and_knows_unseen_classes():
    scores = Scores(["b", "a", "c"], torch.tensor([[3.0, 2, 1], [1, 3, 2], [2, 2, 0]]), CLASSES)
    labels = {"a": "jump", "b": "walk", "c": "swim"}
    assert scores.accuracy(labels) == Accuracy(correct=1, count=3, unseen=1)
    assert scores.accuracy(labels, top=2) == Accuracy(correct=2, count=3, unseen=1)
    assert scores.predictions() == {"b": "walk", "a": "run", "c": "walk"}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"a": "walk"}, "no label of 'b'"),
        ({"a": "walk", "b": "run", "z": "run"}, "no scores of 'z'"),
    ],
)
def test_accuracy_over_other_samples_than_were_scored_is_refused(labels, message):
    with pytest.raises(PoseError, match=message):
        Scores(["a", "b"], torch.eye(2), ["walk", "run"]).accuracy(labels)


def test_top_beyond_the_classes_is_refused():
    with pytest.raises(PoseError, match="top=3"):
        Scores(["a"], torch.eye(1, 2), ["walk", "run"]).accuracy({"a": "walk"}, top=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a"], torch.eye(2)), "2 rows and 1 ids"),
        (("ab", torch.eye(2)), "one text for the ids"),
        ((["a", 1], torch.eye(2)), "id 1 is a int"),
        ((["a", "b"], torch.eye(2), ["walk"]), "2 columns and 1 classes"),
        ((["a", "b"], torch.eye(2), ["walk", "walk"]), "classes that come twice: 'walk'"),
        ((["a", "b"], torch.tensor([[0.0, 1.0], [0.0, float("nan")]])), "NaN or infinite values of 'b'"),
        ((["a"], np.array([[np.inf]])), "NaN or infinite values of 'a'"),
        ((["a"], np.array([["x"]])), "real numbers"),
        ((["a"], torch.zeros(1)), "of shape"),
    ],
)
def test_scores_that_contradict_themselves_are_refused(arguments, message):
    with pytest.raises((PoseError, PoseTypeError), match=message):
        Scores(*arguments)


def test_features_have_no_predictions():
    features = Scores(["a"], torch.eye(1))
    for ask in (features.predictions, lambda: features.accuracy({"a": "x"}), lambda: features.with_classes(["x"])):
        with pytest.raises(PoseError, match="features, whose columns have no classes"):
            ask()


def test_take_lists_what_is_not_there():
    with pytest.raises(PoseError, match="no scores of 'y', 'z'"):
        Scores(["a"], torch.eye(1)).take(["a", "y", "z"])
