"""Streams and conventions whose samples are in different order, missing, or there twice."""

from __future__ import annotations

import pytest
import torch

from msclr.errors import PoseError
from msclr.evaluate import LogisticProtocol, Scores, fit_ensemble, fuse, held_out_scores, learn_weights

CLASSES = ("walk", "run")


def stream(ids, seed=0):
    """Logits that say "walk" of ids that begin with w, whatever the order."""
    generator = torch.Generator().manual_seed(seed)
    noise = {name: torch.rand(2, generator=generator) / 2 for name in sorted(ids)}
    rows = [noise[name] + torch.tensor([1.0, 0.0] if name.startswith("w") else [0.0, 1.0]) for name in ids]
    return Scores(ids, torch.stack(rows), CLASSES)


IDS = ["w1", "w2", "r1", "r2", "r3"]
LABELS = {name: "walk" if name.startswith("w") else "run" for name in IDS}


def test_f12_streams_in_different_sample_order_are_joined_by_id():
    in_order = fuse({"joint": stream(IDS), "bone": stream(IDS, 1)}).scores
    turned = fuse({"joint": stream(IDS), "bone": stream(IDS[::-1], 1)}).scores
    assert turned.ids == in_order.ids
    assert torch.equal(turned.values, in_order.values)
    assert turned.accuracy(LABELS).value == 1
    by_position = stream(IDS).values + stream(IDS[::-1], 1).values
    wrong = Scores(IDS, by_position, CLASSES).accuracy(LABELS)
    assert wrong.value < 1  # so the order is one that matters


def test_f12_missing_samples_are_listed():
    with pytest.raises(PoseError, match="part 'bone' lacks 2 of 5 samples: 'w2', 'r3'") as caught:
        fuse({"joint": stream(IDS), "bone": stream(["r1", "w1", "r2"])})
    assert 'missing="skip"' in str(caught.value)


def test_f12_both_sides_of_a_mismatch_are_listed():
    with pytest.raises(PoseError, match=r"part 'joint' lacks 1 of 5 .*'r3'; part 'bone' lacks 1 of 5 .*'w1'"):
        fuse({"joint": stream(IDS[:-1]), "bone": stream(IDS[1:])})


def test_f12_of_many_missing_samples_the_first_are_listed_and_the_rest_counted():
    many = [f"w{number:05}" for number in range(5000)]
    with pytest.raises(PoseError, match=r"lacks 4999 of 5000 samples: 'w00001', .*'w00010' and 4989 more"):
        fuse({"joint": stream(many), "bone": stream(many[:1])})


def test_f12_skipped_samples_are_reported_and_averaged_over_the_parts_that_have_them():
    joint, bone = stream(IDS), stream(["r1", "w1", "r2"], 1)
    fused = fuse({"joint": joint, "bone": bone}, missing="skip")
    assert fused.missing == {"bone": ("w2", "r3")}
    assert torch.allclose(fused.scores.take(["w2", "r3"]).values, joint.take(["w2", "r3"]).values, atol=1e-15)
    both = (joint.take(["r1"]).values + bone.take(["r1"]).values) / 2
    assert torch.allclose(fused.scores.take(["r1"]).values, both, atol=1e-15)


def test_f12_the_same_sample_twice_is_refused():
    with pytest.raises(PoseError, match="1 ids come twice: 'w1'"):
        stream(["w1", "r1", "w1"])


def test_f12_different_classes_are_refused_and_the_same_in_another_order_are_not():
    joint = stream(["w1", "r1"])
    other = Scores(["w1", "r1"], torch.eye(2), ["walk", "swim"])
    with pytest.raises(PoseError, match=r"'swim' only here, 'run' only there .here part 'bone', there part 'joint'"):
        fuse({"joint": joint, "bone": other})
    turned = Scores(joint.ids, joint.values.flip(1), CLASSES[::-1])
    assert fuse({"joint": joint, "bone": turned}).scores.predictions() == {"w1": "walk", "r1": "run"}


@pytest.mark.parametrize(
    "fit",
    [
        lambda parts: learn_weights(parts, LABELS),
        lambda parts: fit_ensemble(parts, LABELS, protocol=LogisticProtocol()),
        lambda parts: held_out_scores(parts, LABELS, folds=2, protocol=LogisticProtocol()),
    ],
)
def test_f12_missing_training_samples_are_listed(fit):
    with pytest.raises(PoseError, match=r"part 'bone' lacks .*'r3'"):
        fit({"joint": stream(IDS), "bone": stream(IDS[:-1])})


def test_f12_a_test_sample_in_the_fitting_set_is_refused():
    with pytest.raises(PoseError, match="test samples in the fitting set: 'r2'"):
        learn_weights({"joint": stream(IDS)}, LABELS, test=["r2", "elsewhere"])
