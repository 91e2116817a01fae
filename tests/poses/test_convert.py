"""Conversion between conventions: against a naive oracle, the template, and symmetries of space and body."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.conversion import apply_naively
from scipy.spatial.transform import Rotation

from msclr.errors import ConversionError, PoseError
from msclr.poses.convert import conversion_map, convert, convertible, project
from msclr.poses.joint_map import JointMap
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.anatomy import point
from msclr.skeletons.registry import get_skeleton, list_skeletons
from msclr.skeletons.spec import SkeletonSpec

BODIES = ("kinect_v2_25", "coco_17", "cmu_asf_31", "plug_in_gait_39", "smplx_55", "openpose_body25_25", "h36m_17")
PAIRS = [(source, target) for source in BODIES for target in BODIES if source != target]


def spec_3d(name: str) -> SkeletonSpec:
    return get_skeleton(name).replace(dims=3, unit="m", up="+y")


def template(spec: SkeletonSpec) -> np.ndarray:
    return np.array([point(name).position for name in spec.anatomy if name is not None], np.float32)


def poses(spec: SkeletonSpec, seed: int, frames: int = 6) -> np.ndarray:
    """Bodies with every joint displaced by some centimetres."""
    rng = np.random.default_rng(seed)
    moved = template(spec) + rng.normal(scale=0.05, size=(frames, spec.num_joints, 3))
    return moved.astype(np.float32)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_template_lands_on_template(source: str, target: str) -> None:
    given, wanted = spec_3d(source), spec_3d(target)
    found, valid = conversion_map(given, wanted).apply(template(given)[None], np.ones((1, given.num_joints), bool))
    assert valid.mean() > 0.5
    assert np.linalg.norm(found - template(wanted), axis=-1)[valid].max() < 0.06
    assert np.median(np.linalg.norm(found - template(wanted), axis=-1)[valid]) < 0.005


@pytest.mark.parametrize(("source", "target"), PAIRS[::4])
@pytest.mark.parametrize("dims", [2, 3])
def test_equals_naive_oracle(source: str, target: str, dims: int) -> None:
    given = spec_3d(source)
    joint_map = conversion_map(given, spec_3d(target))
    positions = poses(given, 0)[..., :dims]
    valid = np.random.default_rng(1).uniform(size=positions.shape[:-1]) < 0.9
    found, known = joint_map.apply(positions, valid)
    wanted, wanted_known = apply_naively(joint_map, positions, valid)
    assert 0 < known.sum() < known.size
    np.testing.assert_array_equal(known, wanted_known)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@given(
    pair=st.sampled_from(PAIRS),
    seed=st.integers(0, 1000),
    scale=st.floats(0.1, 1000),
    shift=st.tuples(*[st.floats(-3, 3)] * 3),
)
@settings(max_examples=25)
def test_follows_rigid_motion_and_scale(
    pair: tuple[str, str], seed: int, scale: float, shift: tuple[float, float, float]
) -> None:
    given_spec = spec_3d(pair[0])
    joint_map = conversion_map(given_spec, spec_3d(pair[1]))
    turn = Rotation.random(random_state=seed).as_matrix()
    positions = poses(given_spec, seed)
    valid = np.ones(positions.shape[:-1], bool)
    moved = ((positions + np.array(shift)) @ turn.T * scale).astype(np.float32)
    first, known = joint_map.apply(positions, valid)
    second, _ = joint_map.apply(moved, valid)
    wanted = (first + np.array(shift)) @ turn.T * scale
    assert np.abs(second - wanted)[known].max() < 2e-4 * scale


@pytest.mark.parametrize(("source", "target"), PAIRS[::3])
def test_mirroring_commutes(source: str, target: str) -> None:
    given, wanted = spec_3d(source), spec_3d(target)
    # Markers that one side has alone have no mirror image, and stand in the way of no other joint.
    lonely = ["back_asymmetry_marker" in str(name) for name in wanted.anatomy]
    joint_map = conversion_map(given, wanted)
    positions = poses(given, 2)
    valid = np.ones(positions.shape[:-1], bool)
    flip = np.array([-1, 1, 1], np.float32)
    first, known = joint_map.apply(positions, valid)
    second, _ = joint_map.apply(positions[:, list(given.flip_index)] * flip, valid)
    difference = np.abs(first[:, list(wanted.flip_index)] * flip - second)[known]
    keep = np.broadcast_to(~np.array(lonely), known.shape)[known]
    assert difference[keep].max() < 1e-5


def test_copied_joints_survive_a_round_trip_bit_by_bit() -> None:
    kinect = PoseSequence.from_array(poses(spec_3d("kinect_v2_25"), 3) * 997, "kinect_v2_25")
    back = convert(convert(kinect, "smpl_24"), "kinect_v2_25")
    shared = [name for name in kinect.skeleton.joints if name in get_skeleton("smpl_24").anatomy]
    assert len(shared) == 17
    for name in shared:
        joint = kinect.skeleton.index(name)
        np.testing.assert_array_equal(back.positions[:, :, joint], kinect.positions[:, :, joint])


def test_same_convention_is_identity() -> None:
    clip = PoseSequence.from_array(poses(spec_3d("smplx_55"), 4), "smplx_55", fps=30, person_ids=["a"], meta={"k": "v"})
    same = convert(clip, "smplx_55")
    np.testing.assert_array_equal(same.positions, clip.positions)
    assert (same.fps, same.person_ids, same.meta, same.skeleton) == (30, ("a",), {"k": "v"}, clip.skeleton)


def test_missing_joints_propagate_and_their_values_do_not() -> None:
    kinect = get_skeleton("kinect_v2_25")
    valid = np.ones((1, 6, 25), bool)
    valid[:, 2, kinect.index("left_hip")] = False
    clip = PoseSequence.from_array(poses(kinect, 5)[None], kinect, valid=valid)
    found = convert(clip, "plug_in_gait_39")
    touched = conversion_map(kinect, found.skeleton).uses[:, kinect.index("left_hip")]
    assert touched[found.skeleton.index("left_asis_marker")]
    assert not touched[found.skeleton.index("left_elbow_marker")]
    np.testing.assert_array_equal(found.valid[0, 2], ~touched)
    assert found.valid[0, [0, 1, 3, 4, 5]].all()
    assert (found.positions[~found.valid] == 0).all()


def test_invalid_nan_reaches_nothing() -> None:
    kinect = get_skeleton("kinect_v2_25")
    positions = torch.tensor(poses(kinect, 6))
    valid = torch.ones(positions.shape[:-1], dtype=torch.bool)
    positions[1, 3], valid[1, 3] = torch.nan, False
    found, _ = conversion_map(kinect, get_skeleton("coco_17")).apply(positions, valid)
    assert found.isfinite().all()


def test_confidence_is_the_least_of_what_was_used() -> None:
    coco = get_skeleton("coco_17")
    confidence = np.random.default_rng(0).uniform(0.1, 1, size=(1, 4, 17)).astype(np.float32)
    clip = PoseSequence.from_array(np.random.default_rng(1).normal(size=(1, 4, 17, 2)), coco, confidence=confidence)
    found = convert(clip, "openpose_body25_25")
    assert found.confidence is not None
    pelvis = found.confidence[..., found.skeleton.index("pelvis")]
    hips = confidence[..., [coco.index("left_hip"), coco.index("right_hip")]]
    np.testing.assert_array_equal(pelvis, hips.min(axis=-1))
    assert (found.confidence[~found.valid] == 0).all()


def test_torch_equals_numpy_in_any_batch_and_grad_stays_finite() -> None:
    given, wanted = spec_3d("h36m_17"), spec_3d("plug_in_gait_39")
    joint_map = conversion_map(given, wanted)
    positions = poses(given, 7)
    valid = np.ones(positions.shape[:-1], bool)
    from_numpy, _ = joint_map.apply(positions, valid)
    batch = torch.tensor(positions)[None, :, None].expand(3, 6, 2, 17, 3).clone().requires_grad_(True)
    found, known = joint_map.apply(batch, torch.ones(3, 6, 2, 17, dtype=torch.bool))
    np.testing.assert_allclose(found[1, :, 1].detach().numpy(), from_numpy, atol=1e-5)
    assert known.all()
    degenerate = torch.zeros(1, 17, 3, requires_grad=True)
    collapsed, _ = joint_map.apply(degenerate, torch.ones(1, 17, dtype=torch.bool))
    (collapsed.sum() + found.sum()).backward()
    assert batch.grad is not None
    assert batch.grad.isfinite().all()
    assert degenerate.grad is not None
    assert degenerate.grad.isfinite().all()


def test_autocast_keeps_full_precision() -> None:
    given = spec_3d("kinect_v2_25")
    joint_map = conversion_map(given, spec_3d("h36m_17"))
    positions, valid = torch.tensor(poses(given, 8)), torch.ones(6, 25, dtype=torch.bool)
    wanted, _ = joint_map.apply(positions, valid)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, _ = joint_map.apply(positions, valid)
    assert torch.equal(found, wanted)


def test_2d_maps_commute_with_orthographic_views() -> None:
    source = get_skeleton("coco_17")
    joint_map = conversion_map(source, get_skeleton("kinect_v2_25"))
    assert (joint_map.offsets == 0).all()
    positions = poses(source, 9)
    valid = np.ones(positions.shape[:-1], bool)
    in_space, _ = joint_map.apply(positions, valid)
    view = Rotation.from_euler("yx", [40, 10], degrees=True).as_matrix()[:2].astype(np.float32)
    in_image, _ = joint_map.apply(positions @ view.T, valid)
    np.testing.assert_allclose(in_image, in_space @ view.T, atol=1e-5)


def test_dims_unit_and_up_stay_those_of_the_sequence() -> None:
    clip = PoseSequence.from_array(poses(spec_3d("smpl_24"), 10) * 100, "smpl_24", unit="cm", up="+z")
    found = convert(clip, "coco_17")
    assert (found.dims, found.unit, found.up) == (3, "cm", "+z")
    assert (found.skeleton.dims, found.skeleton.joints) == (3, get_skeleton("coco_17").joints)


def test_report_accounts_for_every_joint() -> None:
    for source in ("coco_17", "kinect_v2_25", "mediapipe_pose_33"):
        for target in list_skeletons():
            report = convertible(source, target)
            counted = [*report.copied, *report.derived, *report.impossible]
            assert sorted(counted) == sorted(get_skeleton(target).joints)
    text = str(convertible("coco_17", "kinect_v2_25"))
    assert "impossible (6): left_foot" in text
    assert "dropped (5): nose" in text


def test_what_cannot_be_seen_is_impossible() -> None:
    fingers = convertible("coco_17", "mediapipe_hand_21")
    assert not fingers.copied
    assert not fingers.derived
    tips = convertible("h36m_17", "coco_wholebody_133")
    assert {"left_index_tip", "right_thumb_tip", "left_pinky_pip"} <= set(tips.impossible)
    legs = SkeletonSpec("legs", ("left_hip", "right_hip", "left_ankle", "right_ankle"), (-1, 0, 0, 1))
    assert {"left_knee", "left_shoulder", "neck"} <= set(convertible(legs, "kinect_v2_25").impossible)


def test_unnamed_joints_are_copied_by_their_own_name() -> None:
    first = SkeletonSpec("first", ("pelvis", "tail"), (-1, 0))
    second = SkeletonSpec("second", ("tail", "pelvis", "wing"), (1, -1, 1))
    assert conversion_map(first, second).status == ("copied", "copied", "impossible")


def test_bad_shapes_are_refused() -> None:
    joint_map = conversion_map(get_skeleton("coco_17"), get_skeleton("jhmdb_15"))
    with pytest.raises(PoseError, match="16 joints"):
        joint_map.apply(np.zeros((2, 16, 2), np.float32), np.ones((2, 16), bool))
    with pytest.raises(PoseError):
        joint_map.apply(np.zeros((2, 17, 4), np.float32), np.ones((2, 17), bool))
    nothing = np.zeros((2, 3), np.float32)
    with pytest.raises(ConversionError, match="one state for each"):
        JointMap(nothing, nothing, nothing, nothing, ("copied",))


def test_projection_sees_left_and_right_as_a_camera_does() -> None:
    spec = get_skeleton("kinect_v2_25")
    clip = PoseSequence.from_array(template(spec)[None], spec)
    left, right = spec.index("left_shoulder"), spec.index("right_shoulder")
    front, back, side = (project(clip, yaw=yaw).positions[0, 0] for yaw in (0, 180, 90))
    assert front[left, 0] - front[right, 0] == pytest.approx(0.36, abs=1e-5)
    assert back[left, 0] - back[right, 0] == pytest.approx(-0.36, abs=1e-5)
    assert side[left, 0] == pytest.approx(side[right, 0], abs=1e-5)
    assert side[spec.index("left_foot"), 0] < side[spec.index("left_ankle"), 0]
    assert project(clip).up == "+y"
    near = project(clip, yaw=90, distance=2.0).positions[0, 0]
    tall = near[spec.index("left_hip"), 1] - near[spec.index("left_knee"), 1]
    assert tall > near[spec.index("right_hip"), 1] - near[spec.index("right_knee"), 1]
    with pytest.raises(PoseError, match="camera"):
        project(clip, distance=0.01)


def test_projection_honours_the_upward_axis() -> None:
    spec = get_skeleton("kinect_v2_25")
    upright = template(spec)[None]
    z_up = upright[..., [0, 2, 1]] * np.array([1, -1, 1], np.float32)
    first = project(PoseSequence.from_array(upright, spec), yaw=30)
    second = project(PoseSequence.from_array(z_up, spec, up="+z"), yaw=30)
    np.testing.assert_allclose(first.positions, second.positions, atol=1e-6)
