"""Hands with a side, OpenPose's face and BODY_135."""

from __future__ import annotations

import numpy as np
import pytest

from msclr.skeletons.part_skeletons import hand_skeleton, openpose_body135, openpose_face
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec

# The mirror images of the 68 iBUG points, right side of the face first, written from the published figure.
FACE_PAIRS = [
    *((point, 16 - point) for point in range(8)),
    *((17 + point, 26 - point) for point in range(5)),
    (31, 35),
    (32, 34),
    *((36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)),
    *((48, 54), (49, 53), (50, 52), (59, 55), (58, 56), (60, 64), (61, 63), (67, 65)),
    (68, 69),
]
FACE_CENTRE = [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]


def expected_flip(joints: int, pairs: list[tuple[int, int]]) -> list[int]:
    order = list(range(joints))
    for first, second in pairs:
        order[first], order[second] = second, first
    return order


def test_the_face_is_mirrored_as_the_68_points_are():
    assert len(FACE_PAIRS) * 2 + len(FACE_CENTRE) == 70
    face = openpose_face()
    assert list(face.flip_index) == expected_flip(70, FACE_PAIRS)
    assert all(face.joints[right].startswith("right_") for right, _ in FACE_PAIRS)
    assert [face.joints[point] for point in (8, 30, 33, 51)] == ["chin", "nose_bridge_4", "nose_middle", "mouth_top"]


def test_body_135_is_25b_then_hands_then_the_face():
    whole = openpose_body135()
    body = get_skeleton("openpose_body25b_25")
    assert whole.joints[:25] == body.joints
    assert whole.joints[25:45] == hand_skeleton("left").joints[1:]
    assert whole.joints[45:65] == hand_skeleton("right").joints[1:]
    assert whole.joints[65:] == openpose_face().joints
    assert list(whole.flip_index[65:]) == [65 + point for point in expected_flip(70, FACE_PAIRS)]
    assert list(whole.flip_index[25:65]) == [*range(45, 65), *range(25, 45)]
    assert whole.flip_index[:25] == body.flip_index


@pytest.mark.parametrize("spec", [hand_skeleton("left"), hand_skeleton("right"), openpose_face(), openpose_body135()])
def test_each_is_one_tree_and_survives_json(spec):
    assert len(spec.roots) == 1
    assert len(spec.edges) == spec.num_joints - 1
    assert SkeletonSpec.from_json(spec.to_json()) == spec


def test_hands_have_the_fingers_of_the_registered_hand_and_a_side():
    hand = get_skeleton("mediapipe_hand_21")
    left, right = hand_skeleton("left"), hand_skeleton("right")
    assert left.parents == right.parents == hand.parents
    assert [name.removeprefix("left_") for name in left.joints] == list(hand.joints)
    assert not set(left.anatomy) & set(right.anatomy)
    assert None not in left.anatomy
    np.testing.assert_array_equal(left.flip_index, range(21))


def test_fingers_hang_from_the_wrists_of_the_body():
    whole = openpose_body135()
    for side in ("left", "right"):
        assert whole.parents[whole.index(f"{side}_thumb_cmc")] == whole.index(f"{side}_wrist")
        assert whole.parents[whole.index(f"{side}_pinky_tip")] == whole.index(f"{side}_pinky_dip")
