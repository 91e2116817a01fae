from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch
from oracles.splits import points

from msclr.evaluate.protocols import find_leaks, warn_of_leaks


def leaking():
    """Test clips 3 and 7 are training clips 5 and 2, at other lengths and with rounding."""
    split = points()
    test = split.test.clone()
    test[3] = split.train[5] * 3 + 1e-7
    test[7] = split.train[2]
    return replace(split, test=test)


def test_copies_are_found_by_their_features_whatever_the_length():
    assert find_leaks(leaking()) == {"test 3": "train 5", "test 7": "train 2"}


def test_copies_are_found_by_content_when_features_differ():
    contents = {"train 1": "aa", "train 4": "bb", "test 0": "bb", "test 2": "cc"}
    assert find_leaks(points(), contents) == {"test 0": "train 4"}


def test_a_clip_of_the_same_name_on_both_sides_is_a_leak():
    split = points()
    assert find_leaks(replace(split, test_ids=("train 8", *split.test_ids[1:]))) == {"train 8": "train 8"}


def test_similar_features_are_no_copies():
    split = points()
    near = split.train[:25] + 1e-3 * torch.randn(25, 5, generator=torch.Generator().manual_seed(0))
    assert find_leaks(replace(split, test=near)) == {}


def test_features_of_zeros_are_no_copies():
    split = points()
    assert find_leaks(replace(split, train=split.train * 0, test=split.test * 0)) == {}


def test_leaks_are_warned_of_by_name():
    with pytest.warns(UserWarning, match="2 of 25 test clips are copies of training clips: .*'test 3 = train 5'"):
        found = warn_of_leaks(leaking())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert warn_of_leaks(leaking().without_test(found)) == {}
