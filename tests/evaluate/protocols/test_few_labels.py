from __future__ import annotations

import warnings
from collections import Counter

import pytest
import torch
from oracles.splits import points, shuffled

from msclr.errors import ConfigError
from msclr.evaluate.protocols import FewLabels, LinearToOptimum, NearestNeighbours, draw_labelled


def unequal():
    """Classes of 30, 12, 5 and 1 training clips."""
    split = points(train=120, test=40)
    sizes = {0: 30, 1: 12, 2: 5, 3: 1}
    kept = [row for place, size in sizes.items() for row in (split.train_labels == place).nonzero()[:size, 0].tolist()]
    return split.train_rows(kept)


@pytest.mark.parametrize(("percent", "counts"), [(1, [1] * 4), (10, [3, 1, 1, 1]), (20, [6, 2, 1, 1])])
def test_each_class_keeps_its_rounded_share_and_one_clip_at_least(percent, counts):
    drawn = draw_labelled(unequal(), percent, seed=0)
    assert [Counter(drawn.train_labels.tolist())[place] for place in range(4)] == counts


def test_all_labels_are_all_clips():
    split = unequal()
    assert draw_labelled(split, 100, seed=0).train_ids == split.train_ids


def test_every_encoder_gets_the_same_clips_whatever_its_features_and_order():
    split = unequal()
    other = shuffled(split.train_rows(range(len(split.train))), seed=5)
    other = type(split)(**{**vars(other), "train": torch.randn(48, 9), "test": torch.randn(40, 9)})
    assert set(draw_labelled(split, 20, 1).train_ids) == set(draw_labelled(other, 20, 1).train_ids)
    assert set(draw_labelled(split, 20, 1).train_ids) != set(draw_labelled(split, 20, 2).train_ids)


def test_a_smaller_share_is_part_of_a_larger_one():
    small, large = (set(draw_labelled(unequal(), percent, 3).train_ids) for percent in (10, 50))
    assert small < large


def test_numbers_are_those_of_the_protocol_on_the_drawn_clips():
    split = unequal()
    assert FewLabels(20).run(split, seed=4).numbers == LinearToOptimum().run(draw_labelled(split, 20, 4)).numbers
    nearest = FewLabels(20, NearestNeighbours(1)).run(split, seed=4)
    assert nearest.predictions == NearestNeighbours(1).run(draw_labelled(split, 20, 4)).predictions


def test_one_clip_each_of_many_classes_is_no_cause_for_a_warning():
    split = points(classes=30, train=120, noise=0.1)  # scikit-learn takes more than ten classes in twenty for numbers
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = FewLabels(1).run(split)
    assert outcome.facts["train"] == 30
    assert outcome.numbers["top-1"] > 50


@pytest.mark.parametrize("percent", [0, 101, float("nan")])
def test_shares_out_of_bounds_are_refused(percent):
    with pytest.raises(ConfigError, match="above 0, at most 100"):
        FewLabels(percent)
