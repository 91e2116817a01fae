from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from oracles.splits import points

from msclr.errors import PoseError
from msclr.evaluate import SgdProtocol
from msclr.evaluate.linear_head import train_heads
from msclr.evaluate.protocols import (
    ConventionTransfer,
    FewLabels,
    LinearBySteps,
    LinearToOptimum,
    NearestNeighbours,
    between_conventions,
    between_sets,
    linear,
)


def test_shared_classes_are_found_by_name_whatever_their_place():
    source = points(seed=1, names=["walk", "run", "sit", "box"])
    target = points(seed=2, names=["sit", "hop", "run", "climb"])
    split = between_sets(source, target)
    assert split.classes == ("run", "sit")
    for side, origin in (("train", source), ("test", target)):
        names = dict(zip(getattr(origin, f"{side}_ids"), getattr(origin, f"{side}_labels").tolist(), strict=True))
        found = [split.classes[label] for label in getattr(split, f"{side}_labels")]
        assert found == [origin.classes[names[name]] for name in getattr(split, f"{side}_ids")]
        assert len(found) == sum(origin.classes[label] in ("run", "sit") for label in names.values())
    row = split.test_ids[0]
    assert torch.equal(split.test[0], target.test[target.test_ids.index(row)])


def test_a_set_is_transferred_to_itself_unchanged():
    split = points()
    again = between_sets(split, split)
    assert torch.equal(again.train_labels, split.train_labels)
    assert NearestNeighbours().run(again).numbers == NearestNeighbours().run(split).numbers


def test_classes_of_other_names_are_named():
    source, target = points(names=["walk", "run", "sit", "box"]), points(names=["gait", "run", "x", "y"])
    with pytest.raises(PoseError, match="1 classes shared"):
        between_sets(source, target)
    assert between_sets(source, target, {"gait": "walk"}).classes == ("run", "walk")
    with pytest.raises(PoseError, match="names for 'gallop'"):
        between_sets(source, target, {"gallop": "run"})
    with pytest.raises(PoseError, match="after naming; expected each once"):
        between_sets(source, target, {"gait": "run"})


def test_the_probe_of_one_convention_is_tested_on_the_other():
    kinect = points(seed=1)
    coco = replace(kinect, train=-2 * kinect.train + 1, test=-kinect.test)
    numbers = ConventionTransfer().run({"kinect": kinect, "coco": coco}).numbers
    mixed = replace(kinect, test=coco.test)
    assert numbers["kinect > coco"] == LinearToOptimum().run(mixed).numbers["top-1"]
    assert numbers["coco > kinect"] == LinearToOptimum().run(replace(coco, test=kinect.test)).numbers["top-1"]
    assert numbers["coco > kinect"] != numbers["kinect > coco"]
    assert numbers["kinect > kinect"] == LinearToOptimum().run(kinect).numbers["top-1"]
    assert numbers["across"] == (numbers["kinect > coco"] + numbers["coco > kinect"]) / 2
    assert numbers["within"] == (numbers["kinect > kinect"] + numbers["coco > coco"]) / 2
    assert numbers["across"] < numbers["within"]


@pytest.mark.parametrize(
    "protocol", [LinearToOptimum(), LinearBySteps(SgdProtocol(0.5, epochs=3, test_every=1)), FewLabels(50)]
)
def test_a_classifier_is_trained_once_for_each_convention_with_the_numbers_of_one_for_each_pair(protocol, monkeypatch):
    views = {f"view {seed}": points(seed=seed) for seed in (1, 2, 3)}
    apart = {
        f"{first} > {second}": protocol.run(between_conventions(views[first], views[second]), seed=5).numbers["top-1"]
        for first in views
        for second in views
    }
    trained = []
    monkeypatch.setattr(
        linear, "train_heads", lambda *given, **more: trained.append(given) or train_heads(*given, **more)
    )
    numbers = ConventionTransfer(protocol).run(views, seed=5).numbers
    assert len(trained) == 3
    assert {pair: numbers[pair] for pair in apart} == apart
    assert len(set(apart.values())) > 1


def test_conventions_may_order_their_classes_differently():
    kinect = points(seed=1)
    reversed_codes = {side: 3 - getattr(kinect, side) for side in ("train_labels", "test_labels")}
    coco = replace(kinect, classes=kinect.classes[::-1], **reversed_codes)
    numbers = ConventionTransfer(NearestNeighbours()).run({"kinect": kinect, "coco": coco}).numbers
    assert len(set(numbers.values())) == 1


def test_a_clip_trained_on_in_one_convention_is_not_tested_on_in_another():
    kinect = points()
    leaking = replace(kinect, test_ids=(*kinect.test_ids[:-1], "train 5"))
    with pytest.raises(PoseError, match=r"1 clips are trained on in one convention and tested on .*'train 5'"):
        between_conventions(kinect, leaking)
    with pytest.raises(PoseError, match="expected the same classes"):
        between_conventions(kinect, points(classes=5))
    with pytest.raises(PoseError, match="1 views; expected at least two"):
        ConventionTransfer().run({"kinect": kinect})
