"""Fault list C08 and C09 for hands, faces and whole bodies, of OpenPose and MediaPipe."""

from __future__ import annotations

import json

import numpy as np
import pytest
from oracles.pose_files import write_openpose

from msclr.errors import FileFormatError, PoseError
from msclr.io.registry import read


def keypoints(joints: int, dims: int = 2) -> list[float]:
    table = np.random.default_rng(joints).uniform(10, 90, size=(joints, dims + 1))
    table[:, -1] = 0.5
    return [float(value) for value in table.ravel()]


@pytest.mark.parametrize(("joints", "skeleton"), [(18, "openpose_coco_18"), (25, "openpose_body25_25"), (135, "")])
@pytest.mark.parametrize("dims", [2, 3])
def test_c08_the_count_decides_the_convention(tmp_path, joints, skeleton, dims):
    people = [{"person_id": [-1], f"pose_keypoints_{dims}d": keypoints(joints, dims)}]
    clip = read(write_openpose(tmp_path / "clip", {0: people}))
    assert clip.skeleton.id == (skeleton or "openpose_body135_135")
    assert (clip.skeleton.num_joints, clip.dims) == (joints, dims)


@pytest.mark.parametrize(
    ("variant", "name", "count", "expected"),
    [
        ("left_hand", "hand_left_keypoints_2d", 20 * 3, r"63 \(left_hand_21\)"),
        ("right_hand 3d", "hand_right_keypoints_3d", 21 * 3, r"84 \(right_hand_21\)"),
        ("face", "face_keypoints_2d", 68 * 3, r"210 \(openpose_face_70\)"),
        ("whole_body", "face_keypoints_2d", 70 * 2, r"210 \(openpose_face_70\)"),
        ("3d", "pose_keypoints_3d", 25 * 3, r"100 \(openpose_body25_25\)"),
    ],
)
def test_c08_counts_that_a_part_does_not_have(tmp_path, variant, name, count, expected):
    person = {"pose_keypoints_2d": keypoints(25), name: [1.0] * count}
    folder = write_openpose(tmp_path / "clip", {0: [person]})
    with pytest.raises(FileFormatError, match=rf"people\[0\].{name}: {count} values; expected .*{expected}"):
        read(folder, variant=variant)


@pytest.mark.parametrize("variant", ["left_hand", "face", "whole_body", "3d"])
def test_c08_nobody_in_a_frame_or_in_any(tmp_path, variant):
    person = {
        "pose_keypoints_2d": keypoints(25),
        "pose_keypoints_3d": keypoints(25, 3),
        "hand_left_keypoints_2d": keypoints(21),
        "face_keypoints_2d": keypoints(70),
    }
    clip = read(write_openpose(tmp_path / "clip", {0: [person], 1: [], 3: [person]}), variant=variant)
    assert clip.valid.any(axis=2).tolist() == [[True, False, False, True]]
    assert read(write_openpose(tmp_path / "nobody", {0: [], 1: []}), variant=variant).num_persons == 0


def test_c08_what_only_one_person_has(tmp_path):
    with_hand = {"person_id": [4], "pose_keypoints_2d": keypoints(25), "hand_left_keypoints_2d": keypoints(21)}
    without = {"person_id": [2], "pose_keypoints_2d": keypoints(25), "hand_left_keypoints_2d": []}
    clip = read(write_openpose(tmp_path / "clip", {0: [without, with_hand]}), variant="left_hand")
    assert clip.person_ids == ("4",)


def test_c08_a_part_of_a_single_file_without_a_name(tmp_path):
    (tmp_path / "frame.json").write_text(json.dumps({"people": [{"face_keypoints_2d": keypoints(70)}]}))
    assert read(tmp_path / "frame.json", variant="face").skeleton.id == "openpose_face_70"
    with pytest.raises(PoseError, match="variant='hands'"):
        read(tmp_path / "frame.json", variant="hands")


HAND = [{"x": 0.01 * joint, "y": 0.5, "z": 0.0} for joint in range(21)]


@pytest.mark.parametrize("variant", ["left_hand", "left_hand world"])
@pytest.mark.parametrize("nobody", [None, [], {}, {"hand_landmarks": [], "handedness": []}, {"pose_landmarks": None}])
def test_c09_no_hand_in_a_frame(tmp_path, nobody, variant):
    kind = "hand_world_landmarks" if "world" in variant else "hand_landmarks"
    seen = {kind: [HAND], "handedness": ["Left"]}
    (tmp_path / "a.json").write_text(json.dumps([seen, nobody, seen]))
    clip = read(tmp_path / "a.json", variant=variant)
    assert clip.valid.any(axis=2).tolist() == [[True, False, True]]


def test_c09_a_hand_is_never_taken_for_the_other(tmp_path):
    frames = [{"hand_landmarks": [HAND], "handedness": ["Right"]}, {"hand_landmarks": [HAND], "handedness": ["Left"]}]
    (tmp_path / "a.json").write_text(json.dumps(frames))
    left, right = (read(tmp_path / "a.json", variant=f"{side}_hand") for side in ("left", "right"))
    assert left.valid.any(axis=2).tolist() == [[False, True]]
    assert right.valid.any(axis=2).tolist() == [[True, False]]
    assert not set(left.skeleton.joints) & set(right.skeleton.joints)
    for remedy in (None, "world", "image"):
        with pytest.raises(FileFormatError, match="'left_hand' or 'right_hand'"):
            read(tmp_path / "a.json", variant=remedy)
