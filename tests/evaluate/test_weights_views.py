from __future__ import annotations

import numpy as np
import pytest
import torch
from labelled_sets import labelled, swing
from weights import units
from weights.damage import DAMAGES, jitter
from weights.entrants import Coordinates, comparable
from weights.matrix import IMAGE, MARKERS, MOST, ONE_CAMERA, SPACE, kind_of
from weights.sets import LEGS, View, held_out, photographed, seen_in
from weights_folder import networks, shuffled

from msclr import get_skeleton, read
from msclr.poses.canonical import unify
from msclr.poses.convert import convert
from msclr.poses.raw import common_joints, raw_pose_vectors
from msclr.samples import sample_paths
from msclr.skeletons.anatomy import point


def test_a_thousand_clips_are_in_no_training_split(data_root):
    data = held_out(data_root, MOST)
    assert len(data) == MOST
    with np.load(data_root / "actions" / "h36m.npz") as file:
        names = file["seq_name"] if "seq_name" in file else file["names"]
        side = dict(zip(names.tolist(), file["split"].tolist(), strict=True))
    known = [name for name in data.ids if name in side]
    assert {side[name] for name in known} == {"test"}
    assert len(known) == sum(each == "test" for each in side.values())
    with np.load(data_root / "mocap" / "bandai_NONCOMMERCIAL.npz") as file:
        assert set(data.ids) - set(known) <= set(file["names"].tolist())
    assert max(data.clips[name].num_frames for name in data.ids[::50]) <= 100


def test_conventions_are_twelve_at_least_and_in_their_own_dimensions():
    assert len({*SPACE, *IMAGE}) >= 12
    assert {get_skeleton(name).dims for name in SPACE} == {3}
    assert {get_skeleton(name).dims for name in IMAGE} == {2}
    assert {kind_of(f"{a} > {b}")[0] for a in (*SPACE, *IMAGE) for b in (*SPACE, *IMAGE) if a != b} == {
        "3D-3D",
        "3D-2D",
        "2D-2D, two cameras",
    }
    assert kind_of(f"{ONE_CAMERA}coco_17 > mpii_16") == ("2D-2D, one camera", False)
    assert kind_of(f"{MARKERS[0]} > coco_17") == ("3D-2D", True)


def test_an_upper_body_has_no_knees_and_nothing_below():
    data = labelled(skeleton="kinect_v2_25")
    clip = seen_in(data, View("smpl_24", 3, body="upper")).clips[data.ids[0]]
    whole = seen_in(data, View("smpl_24", 3)).clips[data.ids[0]]
    below = [name is not None and point(name).segment in LEGS for name in clip.skeleton.anatomy]
    assert sum(below) == 6
    assert not clip.valid[:, :, below].any()
    assert np.array_equal(clip.valid[:, :, np.logical_not(below)], whole.valid[:, :, np.logical_not(below)])
    assert "left_hip" in {name for name, known in zip(clip.skeleton.anatomy, clip.valid[0, 0], strict=True) if known}


def test_a_camera_is_drawn_by_the_name_of_the_clip_and_its_number():
    data = labelled(skeleton="kinect_v2_25")
    other, name = shuffled(data), data.ids[0]
    first, again = (seen_in(each, View("coco_17", 2)).clips[name].positions for each in (data, other))
    assert np.array_equal(first, again)
    for view in (View("coco_17", 2, 1), View("openpose_body25_25", 2)):
        assert seen_in(data, view).sha256 != seen_in(data, View("coco_17", 2)).sha256
    moved = seen_in(data, View("coco_17", 2, 1)).clips[name].positions
    assert np.abs(moved - first).max() > 0.1
    shared = seen_in(data, View("openpose_body25_25", 2)).clips[name]
    nose, same = shared.skeleton.index("nose"), get_skeleton("coco_17").index("nose")
    assert np.abs(shared.positions[0, :, nose] - first[0, :, same]).max() < 0.5  # the camera of the other convention


def test_nobody_walks_into_the_camera():
    clip = swing("quick", 0, "kinect_v2_25")
    path = np.linspace(0, 60, clip.num_frames)[:, None] * np.array([0.0, 0.0, 1.0])
    runs = clip.replace(positions=(clip.positions + path[None, :, None]).astype(np.float32))
    assert np.isfinite(photographed(runs, (0, 1)).positions).all()


@pytest.mark.parametrize(
    ("first", "second"), [("kinect_v2_25", "smpl_24"), ("mpii_16", "h36m_17"), ("coco_17", "jhmdb_15")]
)
def test_raw_poses_are_compared_by_the_joints_that_both_have(first, second):
    data = labelled(2, 1, skeleton="kinect_v2_25")
    views = [seen_in(data, View(name, get_skeleton(name).dims)) for name in (first, second)]
    sides = comparable(*(Coordinates().describe(view)[0] for view in views))
    clips = [[view.clips[name] for name in view.ids] for view in views]
    joints = common_joints(clips[0][0].skeleton, clips[1][0].skeleton)
    dims = min(clips[0][0].dims, clips[1][0].dims)
    for found, side in zip(sides, clips, strict=True):
        assert torch.allclose(found, raw_pose_vectors(side, joints=joints, dims=dims), atol=1e-5)


def test_raw_poses_leave_out_joints_that_one_side_never_saw():
    data = labelled(2, 1, skeleton="kinect_v2_25")
    full, upper = (
        Coordinates().describe(seen_in(data, View("h36m_17", 3, body=body)))[0] for body in ("full", "upper")
    )
    left, right = comparable(upper, full)
    assert left.shape == right.shape == (len(data), 32 * 13 * 3)
    assert comparable(full, Coordinates().describe(seen_in(data, View("plug_in_gait_39", 3)))[0]) is None


def test_networks_describe_clips_in_the_order_of_the_data(tmp_path):
    data, entrants = labelled(2, 1, skeleton="kinect_v2_25"), networks(tmp_path)
    for _ in range(2):  # computed, and from the disk
        rows = entrants.describe(shuffled(data))
        for found, encoder in zip(rows, entrants.contest.encoders, strict=True):
            clips = [data.clips[name] for name in shuffled(data).ids]
            assert torch.allclose(found.values, encoder.embed(clips), atol=1e-5)
    assert len(list((tmp_path / "features").iterdir())) == 3
    assert entrants.told([1, 2, 3]) == {"model": [1], "random init": [2, 3]}
    assert entrants.identity != networks(seed=1).identity


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_dose_of_nothing_changes_nothing(kind):
    clip, damage = swing("quick", 0, "kinect_v1_20").replace(fps=30.0), DAMAGES[kind]
    level = clip.num_frames if damage.clean is None else damage.clean
    same = damage.apply(clip, level, random())
    assert np.allclose(same.positions, clip.positions, atol=1e-6)
    assert np.array_equal(same.valid, clip.valid)
    worst = damage.apply(clip, damage.levels[-1] if damage.levels[-1] != damage.clean else damage.levels[0], random())
    assert worst.positions.shape != clip.positions.shape or not np.allclose(worst.positions, clip.positions, atol=1e-3)
    assert worst.valid.any()
    assert not worst.positions[~worst.valid].any()


def test_larger_doses_lose_what_smaller_ones_do_and_as_much_as_they_say():
    clip = swing("quick", 0, "kinect_v1_20", frames=200)
    for kind, most in (("missing-joints", 0.0), ("lost-detections", 0.02)):
        lost = [~DAMAGES[kind].apply(clip, level, random()).valid for level in DAMAGES[kind].levels]
        for less, more, level in zip(lost, lost[1:], DAMAGES[kind].levels[1:], strict=False):
            assert not (less & ~more).any()
            assert more.mean() == pytest.approx(level, abs=most)
    assert (lost[-1].any(axis=1) != lost[-1].all(axis=1)).all()  # here and there, no joint throughout
    kept = DAMAGES["dropped-frames"].apply(clip, 0.75, random())
    assert kept.num_frames == 50
    assert {frame.tobytes() for frame in kept.positions[0]} <= {frame.tobytes() for frame in clip.positions[0]}
    assert DAMAGES["dropped-frames"].apply(clip.frames(0, 5), 0.9, random()).num_frames == 2


def test_jitter_is_in_torso_lengths_whatever_the_unit():
    clip = read(sample_paths()["uiprmd_deep_squat_kinect"])
    for scale in (1.0, 1000.0):
        scaled = clip.replace(positions=(clip.positions * scale).astype(np.float32))
        noise = (jitter(scaled, 0.1, random()).positions - scaled.positions) / scale
        hips, shoulders = (
            clip.positions[0][:, [clip.skeleton.anatomy.index(f"{side}_{name}") for side in ("left", "right")]].mean(
                axis=1
            )
            for name in ("hip", "shoulder")
        )
        torso = np.median(np.linalg.norm(hips - shoulders, axis=-1))
        assert noise.std() == pytest.approx(0.1 * torso, rel=0.05)


def test_turned_clips_face_the_viewer_again_and_exchanged_sides_are_exchanged():
    clip = read(sample_paths()["uiprmd_deep_squat_kinect"])
    turned = DAMAGES["yaw"].apply(clip, 135.0, random())
    assert np.abs(turned.positions - clip.positions).max() > 0.5
    assert np.allclose(unify(turned).positions, unify(clip).positions, atol=1e-3)
    swapped = DAMAGES["sides"].apply(clip, 1.0, random())
    left, right = clip.skeleton.index(clip.skeleton.pairs[0][0]), clip.skeleton.index(clip.skeleton.pairs[0][1])
    assert np.array_equal(swapped.positions[:, :, left], clip.positions[:, :, right])
    fast = DAMAGES["speed"].apply(clip, 2.0, random())
    assert (fast.num_frames, fast.fps) == (round(clip.num_frames / 2), clip.fps)
    assert DAMAGES["length"].apply(clip, 300.0, random()).num_frames == 300


def test_what_becomes_of_a_wrong_unit_is_counted():
    squat = convert(read(sample_paths()["uiprmd_deep_squat_kinect"]), "kinect_v2_25")
    data = labelled(1, 0).only(["slow_train_0"])
    data = type(data)("squat", ("squat",), ("squat",), {"squat": squat})

    def fates(true, declared):
        return units.fates_of([units.declared_as(data, true, declared).clips["squat"]])[0]

    assert fates("m", "m") == {"refused": [0.0], "named by the doctor": [0.0], "neither": [100.0]}
    assert fates("mm", "m") == {"refused": [100.0], "named by the doctor": [100.0], "neither": [0.0]}
    assert fates("mm", "cm") == {"refused": [0.0], "named by the doctor": [100.0], "neither": [0.0]}
    assert fates("in", "cm") == {"refused": [0.0], "named by the doctor": [0.0], "neither": [100.0]}
