"""The anatomical vocabulary covers every registered joint and describes one plausible, symmetric person."""

from __future__ import annotations

import itertools
import json
import math
from importlib import resources

import numpy as np
import pytest

from msclr.errors import UnknownJointError
from msclr.skeletons import anatomy


def registered_names() -> list[str]:
    text = resources.files("msclr.skeletons").joinpath("builtin.json").read_text(encoding="utf-8")
    return sorted({name for entry in json.loads(text).values() for name in entry["joints"]})


def test_every_registered_joint_is_in_the_vocabulary() -> None:
    names = registered_names()
    assert len(names) >= 308
    assert [name for name in names if name not in anatomy.vocabulary()] == []


def test_template_is_symmetric() -> None:
    for name, entry in anatomy.vocabulary().items():
        twin = anatomy.point(anatomy.mirror(name))
        assert anatomy.mirror(twin.name) == name
        if entry.side == "centre":
            assert twin is entry
            continue
        assert twin.position == (-entry.position[0], entry.position[1], entry.position[2])
        assert (twin.part, twin.segment) == (anatomy.mirror(entry.part), anatomy.mirror(entry.segment))
        assert {entry.side, twin.side} == {"left", "right"}


def test_midline_points_lie_on_the_midline_and_left_points_on_the_left() -> None:
    for name, entry in anatomy.vocabulary().items():
        if entry.side == "left":
            assert entry.position[0] > 0, name
        elif entry.side == "centre" and entry.segment != "right_hand" and name != "back_asymmetry_marker":
            assert entry.position[0] == 0, name


def test_joints_without_a_side_stand_on_the_right_hand() -> None:
    assert anatomy.point("wrist").position == anatomy.point("right_wrist").position
    assert anatomy.point("index_tip").position == anatomy.point("right_index_tip").position
    assert (anatomy.point("index_tip").side, anatomy.point("index_tip").part) == ("centre", "right_arm")


def test_parts_and_segments_are_consistent() -> None:
    parts, segments = set(), set()
    for name, entry in anatomy.vocabulary().items():
        assert entry.name == name
        assert entry.side == ("centre" if anatomy.mirror(name) == name else name.split("_")[0])
        for group in (entry.part, entry.segment):
            if group.startswith(("left_", "right_")) and entry.side != "centre":
                assert group.startswith(entry.side), name
        parts.add(entry.part)
        segments.add(entry.segment)
    assert parts == set(anatomy.PARTS)
    assert segments == set(anatomy.SEGMENTS) == set(anatomy.SEGMENT_BONES)


@pytest.mark.parametrize(
    ("name", "part", "segment"),
    [
        ("left_shoulder", "left_arm", "torso"),
        ("left_clavicle", "trunk", "torso"),
        ("right_hip", "right_leg", "pelvis"),
        ("right_knee", "right_leg", "right_thigh"),
        ("left_wrist", "left_arm", "left_forearm"),
        ("left_index_tip", "left_arm", "left_hand"),
        ("right_heel", "right_leg", "right_foot"),
        ("neck", "trunk", "torso"),
        ("right_ear", "head", "head"),
        ("left_asis_marker", "trunk", "pelvis"),
    ],
)
def test_part_and_segment_of_known_points(name: str, part: str, segment: str) -> None:
    assert (anatomy.point(name).part, anatomy.point(name).segment) == (part, segment)


@pytest.mark.parametrize(
    "rising",
    [
        "ground_root left_big_toe left_ankle left_knee pelvis spine_base spine1 spine2 spine3 spine4 spine5 spine6 "
        "spine7 thorax neck neck2 neck3 neck4 upper_neck head head_end head_top",
        "pelvis spine_navel spine_mid spine_chest thorax",
        "left_hand_tip left_hand left_wrist left_elbow left_shoulder",
        "left_pinky_tip left_pinky_dip left_pinky_pip left_pinky_mcp left_pinky_cmc left_wrist",
        "left_index_tip left_index_dip left_index_pip left_index_mcp left_index_cmc left_wrist",
        "chin mouth_bottom lip_bottom lip_top mouth_top nose_middle nose left_eye left_eyebrow_3 head_top",
        "chin left_contour_8 left_contour_7 left_contour_6 left_contour_5 left_contour_4 left_contour_3 left_contour_1",
    ],
)
def test_heights_rise_in_anatomical_order(rising: str) -> None:
    heights = [anatomy.point(name).position[1] for name in rising.split()]
    assert heights == sorted(set(heights))


def test_proportions_are_those_of_an_adult() -> None:
    def length(*names: str) -> float:
        places = [anatomy.point(name).position for name in names]
        return sum(math.dist(a, b) for a, b in itertools.pairwise(places))

    assert 1.65 < anatomy.point("head_top").position[1] - anatomy.point("ground_root").position[1] < 1.8
    assert length("left_hip", "left_knee") == pytest.approx(0.42, abs=0.03)
    assert length("left_knee", "left_ankle") == pytest.approx(0.41, abs=0.03)
    assert length("left_shoulder", "left_elbow") == pytest.approx(0.29, abs=0.03)
    assert length("left_elbow", "left_wrist") == pytest.approx(0.25, abs=0.03)
    assert length("left_wrist", "left_middle_tip") == pytest.approx(0.19, abs=0.02)
    assert anatomy.point("left_thumb_tip").position[2] > anatomy.point("left_pinky_tip").position[2]
    assert anatomy.point("left_toe_end").position[2] > anatomy.point("left_heel").position[2]
    assert np.isfinite([entry.position for entry in anatomy.vocabulary().values()]).all()


def test_segment_bones_name_distinct_points_of_the_vocabulary() -> None:
    for segment, bones in anatomy.SEGMENT_BONES.items():
        assert bones, segment
        for start, end in bones:
            assert math.dist(anatomy.point(start).position, anatomy.point(end).position) > 0.05, (segment, start, end)
        twin = tuple((anatomy.mirror(start), anatomy.mirror(end)) for start, end in bones)
        if segment.startswith("left_"):
            assert anatomy.SEGMENT_BONES[anatomy.mirror(segment)] == twin


def test_virtual_points_land_on_the_template() -> None:
    far = []
    for name, combinations in anatomy.VIRTUAL_POINTS.items():
        for terms in combinations:
            assert sum(weight for _, weight in terms) == pytest.approx(1.0), (name, terms)
            assert name not in dict(terms)
            sources = np.array([anatomy.point(source).position for source, _ in terms])
            placed = np.array([weight for _, weight in terms]) @ sources
            distance = float(np.linalg.norm(placed - anatomy.point(name).position))
            if distance > 0.06:
                far.append((name, terms, round(distance, 3)))
    assert far == []


def test_virtual_points_are_symmetric() -> None:
    for name, combinations in anatomy.VIRTUAL_POINTS.items():
        if anatomy.mirror(name) != name:
            mirrored = tuple(tuple((anatomy.mirror(n), w) for n, w in terms) for terms in combinations)
            assert anatomy.VIRTUAL_POINTS[anatomy.mirror(name)] == mirrored


def test_unknown_name_proposes_the_nearest() -> None:
    with pytest.raises(UnknownJointError, match="left_knee") as caught:
        anatomy.point("left_kneee")
    assert len(str(caught.value.remedy).split(", ")) == 3
    with pytest.raises(UnknownJointError):
        anatomy.point("")


def test_vocabulary_is_read_only_and_built_once() -> None:
    assert anatomy.vocabulary() is anatomy.vocabulary()
    with pytest.raises(TypeError):
        anatomy.vocabulary()["left_knee"] = anatomy.point("nose")  # type: ignore[index]
