"""Producers' joint names resolve to the registered anatomical points by rules alone."""

from __future__ import annotations

import functools
import json
import random
from importlib import resources
from typing import NotRequired, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msclr.skeletons.anatomy import mirror, vocabulary
from msclr.skeletons.names import resolve_name, resolve_names, tree_from_anatomy


class Entry(TypedDict):
    joints: list[str]
    parents: list[int]
    source_names: NotRequired[list[str]]


@functools.cache
def builtin() -> dict[str, Entry]:
    text = resources.files("msclr.skeletons").joinpath("builtin.json").read_text(encoding="utf-8")
    entries: dict[str, Entry] = json.loads(text)
    return entries


def named_points(*sources: str) -> list[str | None]:
    return [guess.name for guess in resolve_names(sources)]


def test_rules_resolve_the_names_of_the_registered_producers() -> None:
    hits = total = 0
    for entry in builtin().values():
        sources = entry.get("source_names") or []
        for guess, joint in zip(resolve_names(sources), entry["joints"], strict=False):
            if guess.source == "Site" or "EndSite" in guess.source:
                continue
            total += 1
            hits += guess.name == joint
    assert total > 1800
    assert hits / total >= 0.986  # the rest: Penn's exchanged sides, JTA's spine from the top, a few heads and necks


@pytest.mark.parametrize(
    "id", ["kinect_v2_25", "openpose_body25_25", "smpl_24", "smplx_144", "mixamo_65", "cmu_asf_31"]
)
def test_whole_conventions_resolve_without_a_miss(id: str) -> None:
    entry = builtin()[id]
    assert named_points(*entry["source_names"]) == entry["joints"]


@pytest.mark.parametrize("id", ["coco_wholebody_133", "mediapipe_pose_33", "plug_in_gait_39", "xsens_23", "lafan1_22"])
def test_more_conventions_resolve_without_a_miss(id: str) -> None:
    entry = builtin()[id]
    assert named_points(*entry["source_names"]) == entry["joints"]


def test_every_point_resolves_to_itself() -> None:
    for name in vocabulary():
        guess = resolve_name(name)
        assert (guess.name, guess.confidence, guess.rule) == (name, 1.0, "exact")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("LKnee", "left_knee"),
        ("r_wrist", "right_wrist"),
        ("KneeLeft", "left_knee"),
        ("SHOULDER_LEFT", "left_shoulder"),
        ("lhip", "left_hip"),
        ("Left ankle", "left_ankle"),
        ("left-elbow", "left_elbow"),
        ("leftknee", "left_knee"),
        ("ankleright", "right_ankle"),
        ("RightElbow_jnt", "right_elbow"),
        ("joint_LeftKnee", "left_knee"),
        ("J_Bip_L_UpperArm", "left_shoulder"),
        ("mixamorig:LeftForeArm", "left_elbow"),
        ("Bip01 L Forearm", "left_elbow"),
        ("Bip001 R Thigh", "right_hip"),
        ("Character1_LeftUpLeg", "left_hip"),
        ("rig|body:r_eye", "right_eye"),
        ("DEF-forearm.R", "right_elbow"),
        ("index_02_l", "left_index_pip"),
        ("LeftThumbDistal", "left_thumb_ip"),
        ("Bip01 R Finger21", "right_middle_pip"),
        ("LASI", "left_asis_marker"),
        ("face-30", "nose_bridge_4"),
        ("LINDEX_FINGER_TIP", "left_index_tip"),
    ],
)
def test_one_name_alone(source: str, name: str) -> None:
    assert resolve_name(source).name == name


@pytest.mark.parametrize(
    "source", ["", "  ", "___", "7", "L", "left", "tail", "sword", "IK_Hand_L", "calf_twist_01_l", "左"]
)
def test_what_is_no_joint_stays_unknown(source: str) -> None:
    guess = resolve_name(source)
    assert (guess.source, guess.name, guess.confidence) == (source, None, 0.0)
    assert guess.rule


def test_bone_named_rigs() -> None:
    assert named_points(
        "Hips", "LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand", "LeftUpLeg", "LeftLeg", "LeftFoot"
    ) == [
        *("pelvis", "left_clavicle", "left_shoulder", "left_elbow", "left_wrist", "left_hip", "left_knee", "left_ankle")
    ]
    assert named_points(
        "hip", "abdomen", "chest", "lCollar", "lShldr", "lForeArm", "lHand", "rThigh", "rShin", "rFoot"
    ) == [
        *("pelvis", "spine1", "spine2", "left_clavicle", "left_shoulder", "left_elbow", "left_wrist"),
        *("right_hip", "right_knee", "right_ankle"),
    ]
    assert named_points(
        "root", "pelvis", "spine_01", "spine_02", "clavicle_l", "upperarm_l", "hand_l", "ball_l", "foot_l"
    ) == [
        *("ground_root", "pelvis", "spine1", "spine2", "left_clavicle", "left_shoulder", "left_wrist", "left_toe_base"),
        "left_foot",
    ]


def test_joint_named_skeletons_keep_their_shoulders_and_hands() -> None:
    names = [
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "left_hand",
        "left_hip",
        "left_knee",
        "left_ankle",
        "left_foot",
    ]
    assert named_points(*names) == names


def test_asf_bones_are_named_at_their_end() -> None:
    assert named_points("lhipjoint", "lfemur", "ltibia", "lfoot", "lclavicle", "lhumerus", "lradius") == [
        *("left_hip", "left_knee", "left_ankle", "left_toe_base", "left_shoulder", "left_elbow", "left_wrist")
    ]


def test_two_names_of_one_point_leave_it_to_the_surer() -> None:
    first, second = resolve_names(["left_knee", "LeftKnee"])
    assert (first.name, second.name) == ("left_knee", None)
    assert "left_knee" in second.rule


@given(
    st.lists(st.one_of(st.sampled_from(["Hips", "LeftArm", "lHand", "Spine1", "face-3", "R"]), st.text(max_size=12)))
)
@settings(deadline=None, max_examples=50)
def test_any_text_is_taken_and_no_point_given_twice(sources: list[str]) -> None:
    guesses = resolve_names(sources)
    assert [guess.source for guess in guesses] == sources
    found = [guess.name for guess in guesses if guess.name is not None]
    assert len(found) == len(set(found))
    assert set(found) <= set(vocabulary())


@given(st.sampled_from([id for id, entry in builtin().items() if entry.get("source_names")]), st.integers(0, 9))
@settings(deadline=None, max_examples=20)
def test_order_of_the_names_does_not_matter(id: str, seed: int) -> None:
    sources = sorted(set(builtin()[id]["source_names"]))
    shuffled = random.Random(seed).sample(sources, len(sources))
    before = {guess.source: guess for guess in resolve_names(sources)}
    assert {guess.source: guess for guess in resolve_names(shuffled)} == before


def test_sides_are_treated_alike() -> None:
    for source, other in (
        ("lShldr", "rShldr"),
        ("LeftHandIndex2", "RightHandIndex2"),
        ("ToeL", "ToeR"),
        ("lwri", "rwri"),
    ):
        left, right = resolve_name(source).name, resolve_name(other).name
        assert left is not None
        assert mirror(left) == right


def test_guessed_trees_are_trees_close_to_the_published_ones() -> None:
    same = total = 0
    for id, entry in builtin().items():
        parents = tree_from_anatomy(entry["joints"])
        assert parents.count(-1) == 1, id
        for joint in range(len(parents)):
            above, steps = joint, 0
            while above != -1 and steps <= len(parents):
                above, steps = parents[above], steps + 1
            assert above == -1, (id, entry["joints"][joint])
        same += sum(ours == theirs for ours, theirs in zip(parents, entry["parents"], strict=True))
        total += len(parents)
    assert same / total > 0.95


@pytest.mark.parametrize(
    ("names", "parents"),
    [
        ((), ()),
        ((None,), (-1,)),
        ((None, None), (-1, 0)),
        (("left_wrist", "left_shoulder"), (1, -1)),
        (("left_ankle", "right_ankle"), (-1, 0)),
        (("pelvis", "pelvis", "left_hip"), (-1, 0, 0)),
        (("nose", "left_shoulder", "left_hip", None), (-1, 0, 1, 0)),
    ],
)
def test_guessed_trees_of_odd_skeletons(names: tuple[str | None, ...], parents: tuple[int, ...]) -> None:
    assert tree_from_anatomy(names) == parents


@given(st.lists(st.one_of(st.none(), st.sampled_from(sorted(vocabulary()))), min_size=1, max_size=20))
@settings(deadline=None, max_examples=100)
def test_any_choice_of_points_gives_one_tree(names: list[str | None]) -> None:
    parents = tree_from_anatomy(names)
    assert parents.count(-1) == 1
    for joint in range(len(names)):
        above, steps = joint, 0
        while above != -1 and steps <= len(names):
            above, steps = parents[above], steps + 1
        assert above == -1
