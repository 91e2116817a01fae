"""Hands, faces, whole bodies and 3D of OpenPose, in files laid out as OpenPose 1.7 writes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from msclr.errors import FileFormatError, PoseError
from msclr.io.registry import read, write
from msclr.poses.convert import convert
from msclr.skeletons.registry import get_skeleton

STEMS = {"body": "pose", "face": "face", "left_hand": "hand_left", "right_hand": "hand_right"}
SIZES = {"body": 25, "face": 70, "left_hand": 21, "right_hand": 21}


def table(joints: int, dims: int = 2, *, seed: int = 0, offset: float = 100.0) -> np.ndarray:
    """Coordinates and score of each joint."""
    random = np.random.default_rng([seed, joints, dims])
    return np.column_stack([random.uniform(1, 60, (joints, dims)) + offset, random.uniform(0.1, 0.9, joints)]).round(3)


def person(flat: dict[str, np.ndarray] | None = None, space: dict[str, np.ndarray] | None = None, id: int = -1) -> str:
    """All nine fields in OpenPose's order, six significant digits, no blanks; lists that were not asked for are []."""
    fields = [f'"person_id":[{id}]']
    for ending, given in (("2d", flat or {}), ("3d", space or {})):
        for part in ("body", "face", "left_hand", "right_hand"):
            numbers = ",".join(f"{value:.6g}" for value in given[part].ravel()) if part in given else ""
            fields.append(f'"{STEMS[part]}_keypoints_{ending}":[{numbers}]')
    return "{" + ",".join(fields) + "}"


def write_frames(folder: Path, frames: list[list[str]]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, people in enumerate(frames):
        text = '{"version":1.3,"people":[' + ",".join(people) + "]}"
        (folder / f"video_{number:012d}_keypoints.json").write_text(text)
    return folder


FLAT = {part: table(size) for part, size in SIZES.items()}
SPACE = {part: table(size, 3, seed=1) for part, size in SIZES.items()}


def assert_reads(clip, expected: np.ndarray) -> None:
    np.testing.assert_allclose(clip.positions[0, 0], expected[:, :-1], rtol=1e-5)
    np.testing.assert_allclose(clip.confidence[0, 0], expected[:, -1], rtol=1e-5)


@pytest.mark.parametrize(
    ("variant", "part", "skeleton"),
    [
        (None, "body", "openpose_body25_25"),
        ("body", "body", "openpose_body25_25"),
        ("left_hand", "left_hand", "left_hand_21"),
        ("right_hand", "right_hand", "right_hand_21"),
        ("face", "face", "openpose_face_70"),
    ],
)
@pytest.mark.parametrize("dims", [2, 3])
def test_each_part_is_read_by_name(tmp_path, variant, part, skeleton, dims):
    folder = write_frames(tmp_path / "clip", [[person(FLAT, SPACE)]])
    clip = read(folder, variant=variant if dims == 2 else f"{variant or 'body'} 3d")
    assert (clip.skeleton.id, clip.dims) == (skeleton, dims)
    assert (clip.unit, clip.up) == (("px", "-y") if dims == 2 else ("unknown", "unknown"))
    assert_reads(clip, (FLAT if dims == 2 else SPACE)[part])


def test_2d_comes_first_and_3d_alone_is_taken(tmp_path):
    both = write_frames(tmp_path / "both", [[person(FLAT, SPACE)]])
    space = write_frames(tmp_path / "space", [[person(space=SPACE)]])
    assert [read(both).dims, read(both, variant="3d").dims, read(space).dims] == [2, 3, 3]
    with pytest.raises(FileFormatError, match=r"no body in 2D, but face_keypoints_3d, .*pose_keypoints_3d"):
        read(space, variant="2d")


def test_frames_that_differ_in_dimensions_need_a_choice(tmp_path):
    folder = write_frames(tmp_path / "clip", [[person(FLAT, SPACE)], [person(space=SPACE)]])
    with pytest.raises(FileFormatError, match=r"25 joints in 3D after 25 joints in 2D.*variant='2d' or variant='3d'"):
        read(folder)
    assert read(folder, variant="3d").valid[0, :, 0].tolist() == [True, True]
    assert read(folder, variant="2d").valid[0, :, 0].tolist() == [True, False]


def test_a_left_hand_is_never_a_right_one(tmp_path):
    folder = write_frames(tmp_path / "clip", [[person({"body": FLAT["body"], "left_hand": FLAT["left_hand"]})]])
    left = read(folder, variant="left_hand")
    assert all(joint.startswith("left_") for joint in left.skeleton.joints)
    with pytest.raises(FileFormatError, match=r"no right hand, but hand_left_keypoints_2d, pose_keypoints_2d"):
        read(folder, variant="right_hand")


def test_hands_without_a_body_say_how_to_be_read(tmp_path):
    folder = write_frames(tmp_path / "clip", [[person({"left_hand": FLAT["left_hand"]})]])
    with pytest.raises(FileFormatError, match=r"no body, but hand_left_keypoints_2d.*another variant: body, left_hand"):
        read(folder)
    assert read(folder, variant="left_hand").num_persons == 1


@pytest.mark.parametrize("body", [15, 18, 25, 135])
def test_the_whole_body_is_put_together_by_joint_names(tmp_path, body):
    flat = {**FLAT, "body": table(body)}
    if body == 135:
        flat = {"body": flat["body"]}
    clip = read(write_frames(tmp_path / "clip", [[person(flat)]]), variant="whole_body")
    whole = get_skeleton("coco_wholebody_133")
    assert clip.skeleton == whole
    alone = read(tmp_path / "clip")
    for joint, name in enumerate(whole.joints):
        if name in alone.skeleton.joints:
            np.testing.assert_array_equal(
                clip.positions[0, 0, joint], alone.positions[0, 0, alone.skeleton.index(name)]
            )
        elif joint < 23:
            assert not clip.valid[0, 0, joint]  # feet that COCO 18 does not have, the face of MPI 15
    if body != 135:
        np.testing.assert_allclose(clip.positions[0, 0, 23:91], flat["face"][:68, :2], rtol=1e-5)
        np.testing.assert_allclose(clip.positions[0, 0, 91:112], flat["left_hand"][:, :2], rtol=1e-5)
        np.testing.assert_allclose(clip.positions[0, 0, 112:], flat["right_hand"][:, :2], rtol=1e-5)
    else:
        np.testing.assert_array_equal(clip.positions[0, 0, 91], clip.positions[0, 0, 9])


def test_what_was_not_looked_for_is_masked_in_a_whole_body(tmp_path):
    clip = read(write_frames(tmp_path / "clip", [[person({"body": FLAT["body"]})]]), variant="whole_body")
    assert clip.valid[0, 0, :23].all()
    assert np.flatnonzero(clip.valid[0, 0, 23:]).tolist() == [91 - 23, 112 - 23]  # the roots of the hands are wrists


def test_body_135_has_hands_and_face_in_one_list(tmp_path):
    body = table(135)
    folder = write_frames(tmp_path / "clip", [[person({"body": body})]])
    clip = read(folder)
    assert (clip.skeleton.id, clip.skeleton.num_joints) == ("openpose_body135_135", 135)
    assert_reads(clip, body)
    assert_reads(read(folder, variant="left_hand"), np.vstack([body[9], body[25:45]]))
    assert_reads(read(folder, variant="right_hand"), np.vstack([body[10], body[45:65]]))
    assert_reads(read(folder, variant="face"), body[65:])


def test_body_135_is_mirrored_and_converted_by_its_names(tmp_path):
    clip = read(write_frames(tmp_path / "clip", [[person({"body": table(135)})]]))
    spec = clip.skeleton
    assert len(spec.pairs) == (135 - len([j for j in spec.joints if not j.startswith(("left_", "right_"))])) // 2
    smaller = convert(clip, "coco_17")
    np.testing.assert_array_equal(smaller.positions[0, 0], clip.positions[0, 0, :17])


@pytest.mark.parametrize("variant", ["left_hand", "face", "body", "whole_body"])
def test_what_was_read_is_written_and_read_again(tmp_path, variant):
    clip = read(write_frames(tmp_path / "clip", [[person(FLAT)]]), variant=variant)
    write(clip, tmp_path / "clip.npz")
    again = read(tmp_path / "clip.npz")
    assert again.skeleton == clip.skeleton
    np.testing.assert_array_equal(again.positions, clip.positions)


def test_25b_is_read_by_name(tmp_path):
    clip = read(write_frames(tmp_path / "clip", [[person(FLAT)]]), skeleton="openpose_body25b_25")
    assert clip.skeleton.joints[1] == "left_eye"
    assert_reads(clip, FLAT["body"])


def test_hands_stay_with_their_bodies(tmp_path):
    """Two people cross hands while one hand is lost for a while: by the hands alone they would be exchanged."""
    random = np.random.default_rng(3)
    bodies = [table(25, offset=100.0), table(25, seed=1, offset=700.0)]
    frames, truth = [], []
    for frame in range(12):
        people = []
        for who, place in enumerate((400.0 + 20 * frame, 620.0 - 20 * frame)):
            hand = table(21, seed=10 + who, offset=place)
            if who == 0 and 3 <= frame < 7:
                hand = np.zeros((21, 3))  # not found
            people.append((who, person({"body": bodies[who], "left_hand": hand})))
            truth.append((who, frame, hand))
        frames.append([people[index][1] for index in (random.permutation(2) if frame else (0, 1))])
    clip = read(write_frames(tmp_path / "clip", frames), variant="left_hand")
    assert clip.num_persons == 2
    for who, frame, hand in truth:
        if hand.any():
            np.testing.assert_allclose(clip.positions[who, frame], hand[:, :2], rtol=1e-5)
        else:
            assert not clip.valid[who, frame].any()


@pytest.mark.parametrize("variant", ["foot", "left_hand right_hand", "2d 3d", "Left_Hand"])
def test_variants_that_are_none(tmp_path, variant):
    folder = write_frames(tmp_path / "clip", [[person(FLAT)]])
    with pytest.raises(PoseError, match=r"variant=.*expected at most one word of each of: 'body', 'left_hand'"):
        read(folder, variant=variant)


def test_files_of_version_1_0_have_names_without_2d(tmp_path):
    people = [{"pose_keypoints": table(18).ravel().tolist(), "hand_left_keypoints": table(21).ravel().tolist()}]
    (tmp_path / "a_keypoints.json").write_text(json.dumps({"version": 1.0, "people": people}))
    assert read(tmp_path / "a_keypoints.json").skeleton.id == "openpose_coco_18"
    assert_reads(read(tmp_path / "a_keypoints.json", variant="left_hand"), table(21))
