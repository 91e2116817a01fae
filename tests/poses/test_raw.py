from __future__ import annotations

import numpy as np
import pytest
import torch

from msclr import PoseSequence, get_skeleton
from msclr.errors import PoseError
from msclr.poses.raw import common_joints, raw_pose_vectors


def clip(skeleton="coco_17", frames=20, seed=0, persons=1):
    spec = get_skeleton(skeleton)
    rng = np.random.default_rng(seed)
    poses = rng.normal(size=(persons, 1, spec.num_joints, spec.dims))
    poses = poses + 0.3 * rng.normal(size=(persons, frames, spec.num_joints, spec.dims))
    return PoseSequence.from_array(poses, spec, unit="normalized")


def test_raw_poses_do_not_change_with_place_size_and_direction_of_the_person():
    original = clip("kinect_v2_25")
    angle = 1.1
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    moved = original.replace(positions=(original.positions @ turn.T * 3 + 5).astype(np.float32))
    vectors = raw_pose_vectors([original, moved])
    assert vectors[1].numpy() == pytest.approx(vectors[0].numpy(), abs=1e-4)
    assert vectors.norm(dim=1).tolist() == pytest.approx([1, 1])
    assert not np.allclose(*raw_pose_vectors([original, moved], facing=False), atol=1e-2)


def test_raw_poses_have_zeros_for_missing_joints_and_persons():
    one, two = clip(), clip(persons=2, seed=1)
    valid = one.valid.copy()
    valid[:, :, 4] = False
    one = one.replace(valid=valid, positions=np.where(valid[..., None], one.positions, 0).astype(np.float32))
    first, second = raw_pose_vectors([one, two], frames=6).reshape(2, 2, 6, 17, 2)
    assert not first[1].any()
    assert not first[0, :, 4].any()
    assert first[0, :, 5].all()
    assert second.all()


def test_raw_poses_of_several_conventions_need_common_joints():
    mixed = [clip("coco_17"), clip("jhmdb_15")]
    with pytest.raises(PoseError, match="clip 1 is jhmdb_15 in 2D, clip 0 coco_17 in 2D"):
        raw_pose_vectors(mixed)
    names = common_joints(*(pose.skeleton for pose in mixed))
    assert set(names) == {f"{side}_{joint}" for side in ("left", "right") for joint in JOINTS}
    assert raw_pose_vectors(mixed, frames=4, joints=names).shape == (2, 4 * 12 * 2)
    with pytest.raises(PoseError, match="jhmdb_15 has no left_ear"):
        raw_pose_vectors(mixed, joints=["left_ear"])
    with pytest.raises(PoseError, match="no clips"):
        raw_pose_vectors([])


JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")


def test_common_joints_follow_the_joints_not_their_order():
    pose = clip("coco_17")
    backwards = list(range(17))[::-1]
    spec = pose.skeleton
    mirrored = get_skeleton("movenet_17")
    assert common_joints(spec, mirrored) == tuple(spec.anatomy)
    vectors = raw_pose_vectors([pose], joints=[str(spec.anatomy[joint]) for joint in backwards], frames=5)
    expected = raw_pose_vectors([pose], frames=5).reshape(5, 17, 2)
    assert torch.allclose(vectors.reshape(5, 17, 2).flip(1), expected, atol=1e-6)
    with pytest.raises(PoseError, match="no joints in common: coco_17, mediapipe_hand_21"):
        common_joints(spec, get_skeleton("mediapipe_hand_21"))
