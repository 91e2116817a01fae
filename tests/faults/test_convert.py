"""Conversions that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from msclr.errors import ConversionError
from msclr.poses.convert import convert, convertible
from msclr.poses.sequence import PoseSequence


def test_a14_convert_between_specs_with_no_common_joint() -> None:
    hand = PoseSequence.from_array(np.ones((3, 21, 3)), "mediapipe_hand_21", source="hand.npz")
    with pytest.raises(ConversionError, match=r"(?s)hand\.npz.*coco_17.*mediapipe_hand_21") as caught:
        convert(hand, "coco_17")
    assert isinstance(caught.value, ValueError)


def test_a14_partial_overlap_is_converted_and_reported() -> None:
    body = PoseSequence.from_array(np.random.default_rng(0).normal(size=(3, 13, 2)), "penn_action_13")
    report = convertible(body.skeleton, "coco_17")
    assert {"left_ear", "right_ear"} <= set(report.impossible) | set(report.derived)
    found = convert(body, "coco_17")
    impossible = [found.skeleton.index(name) for name in report.impossible]
    assert impossible
    assert not found.valid[..., impossible].any()
    assert np.delete(found.valid, impossible, axis=-1).all()
