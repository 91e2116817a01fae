from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import standing_person

from msclr import MsclrError, get_skeleton, list_skeletons
from msclr.poses.canonical import hold, root_path, torso_length, turn_up, unify
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.landmarks import landmarks


def turned_about_y(positions: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    rotation = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return positions @ rotation.T


@given(
    scale=st.floats(0.01, 100),
    yaw=st.floats(-180, 180),
    shift=st.tuples(*[st.floats(-5, 5)] * 3),
    seed=st.integers(0, 5),
)
def test_scale_place_and_facing_do_not_matter(scale, yaw, shift, seed):
    clip = standing_person("kinect_v2_25", persons=2, seed=seed)
    moved = clip.replace(
        positions=(turned_about_y(clip.positions, yaw) * scale + shift).astype(np.float32), unit="unknown"
    )
    assert np.allclose(unify(clip).positions, unify(moved).positions, atol=2e-3)


@pytest.mark.parametrize("up", ["+x", "-x", "+y", "-y", "+z", "-z"])
def test_turning_up_is_a_rotation_that_brings_the_axis_up(up):
    axis = np.zeros(3, np.float32)
    axis["xyz".index(up[1])] = 1 if up[0] == "+" else -1
    assert turn_up(torch.tensor(axis), up).tolist() == [0, 1, 0]
    matrix = turn_up(torch.eye(3), up)
    assert torch.allclose(matrix @ matrix.T, torch.eye(3))
    assert torch.linalg.det(matrix).round() == 1


def test_declared_axes_give_the_same_result():
    clip = standing_person("kinect_v2_25")
    x, y, z = np.moveaxis(clip.positions, -1, 0)
    z_up = clip.replace(positions=np.stack((x, -z, y), -1), up="+z")
    y_down = clip.replace(positions=np.stack((x, -y, -z), -1), up="-y")
    for other in (z_up, y_down):
        assert np.allclose(unify(other).positions, unify(clip).positions, atol=1e-5)


def test_image_and_space_agree_on_left_and_right():
    """Somebody who faces the camera has the left hand on the right of the picture."""
    space = unify(standing_person("kinect_v2_25"))
    flat = standing_person("coco_17", dims=2)
    image = unify(flat.replace(positions=flat.positions * [1, -1] * 100, up="-y", unit="px"))
    for clip in (space, image):
        left, right = clip.skeleton.index("left_shoulder"), clip.skeleton.index("right_shoulder")
        assert (clip.positions[0, :, left, 0] > clip.positions[0, :, right, 0]).all()
        head = clip.skeleton.index("nose" if "nose" in clip.skeleton.joints else "head")
        assert (clip.positions[0, :, head, 1] > 0).all()


def test_torso_has_length_one_and_two_persons_keep_their_distance():
    clip = standing_person("kinect_v2_25", persons=2)
    result = unify(clip, facing=False)
    marks = landmarks(clip.skeleton)
    lengths = torso_length(torch.tensor(result.positions), torch.tensor(result.valid), marks)
    assert torch.allclose(lengths, torch.ones(2), atol=0.1)
    before = np.linalg.norm(clip.positions[0] - clip.positions[1], axis=-1).mean()
    after = np.linalg.norm(result.positions[0] - result.positions[1], axis=-1).mean()
    torso = torso_length(torch.tensor(clip.positions), torch.tensor(clip.valid), marks).median()
    assert after == pytest.approx(before / float(torso), rel=1e-3)


@pytest.mark.parametrize("name", list_skeletons())
def test_every_convention_is_scaled_alike(name):
    """The template in any convention comes out person-sized, so that conventions can be compared at all."""
    clip = standing_person(name)
    spec = get_skeleton(name)
    lower, upper = spec.anatomical_index("left_knee"), spec.anatomical_index("left_shoulder")
    result = unify(clip.replace(unit="unknown"))
    if lower is not None and upper is not None:
        distance = np.linalg.norm(result.positions[0, :, upper] - result.positions[0, :, lower], axis=-1).mean()
        assert 1.4 < distance < 2.4
    assert np.isfinite(result.positions).all()


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1.0), ("m", 1000.0), ("m", 0.01)])
def test_an_implausible_unit_is_an_error(unit, factor):
    clip = standing_person("kinect_v2_25")
    with pytest.raises(MsclrError, match=r"m tall.*unit"):
        unify(clip.replace(positions=clip.positions * np.float32(factor), unit=unit))


def test_a_point_is_no_body():
    with pytest.raises(MsclrError, match="same point"):
        unify(PoseSequence.from_array(np.ones((5, 25, 3)), "kinect_v2_25", unit="unknown"))


def test_zero_length_bones_fall_back_to_other_bones():
    clip = standing_person("kinect_v2_25")
    positions = clip.positions.copy()
    hips = [clip.skeleton.index(name) for name in ("left_hip", "right_hip", "pelvis")]
    shoulders = [clip.skeleton.index(name) for name in ("left_shoulder", "right_shoulder", "thorax", "neck")]
    positions[:, :, shoulders] = positions[:, :, hips[:1]]
    positions[:, :, hips] = positions[:, :, hips[:1]]
    assert np.abs(unify(clip.replace(positions=positions, unit="unknown")).positions).max() < 5


def test_missing_joints_stay_missing_and_do_not_count():
    clip = standing_person("kinect_v2_25")
    valid = clip.valid.copy()
    valid[0, 5, 3] = False
    spoiled = clip.positions.copy()
    spoiled[0, 5, 3] = 77.0
    clean, dirty = (unify(clip.replace(positions=each, valid=valid)) for each in (clip.positions, spoiled))
    assert np.array_equal(clean.positions, dirty.positions)
    assert (clean.positions[0, 5, 3] == 0).all()


def test_root_is_held_where_it_is_unknown():
    path = torch.tensor([[9.0], [1.0], [9.0], [2.0]])
    known = torch.tensor([False, True, False, True])
    assert hold(path, known)[:, 0].tolist() == [1.0, 1.0, 1.0, 2.0]


def test_root_without_hips_is_below_the_shoulders():
    full = unify(standing_person("coco_17"))
    valid = full.valid.copy()
    for name in ("left_hip", "right_hip"):
        valid[:, :, full.skeleton.index(name)] = False
    marks = landmarks(full.skeleton)
    seen = root_path(torch.tensor(full.positions), torch.tensor(full.valid), marks)
    guessed = root_path(torch.tensor(full.positions), torch.tensor(valid), marks)
    assert (seen - guessed).abs().max() < 0.35
