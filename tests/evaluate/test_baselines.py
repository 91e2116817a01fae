from __future__ import annotations

import numpy as np
import pytest
import torch

from msclr import PoseSequence, get_skeleton
from msclr.errors import PoseError
from msclr.evaluate import common_joints, random_encoder, raw_pose_vectors
from msclr.evaluate.windows import prepare
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig


def clip(skeleton="coco_17", frames=20, seed=0, persons=1, fps=None):
    spec = get_skeleton(skeleton)
    rng = np.random.default_rng(seed)
    poses = rng.normal(size=(persons, 1, spec.num_joints, spec.dims))
    poses = poses + 0.3 * rng.normal(size=(persons, frames, spec.num_joints, spec.dims))
    return PoseSequence.from_array(poses, spec, unit="normalized", fps=fps)


def encoder(**changes):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fields = {"channels": (8, 8), "strides": (1, 2), "dim": 8, "frames": 16, "maximum_frames": 30, **changes}
        return build_encoder(EncoderConfig(**fields)).eval()


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


def test_random_encoders_depend_on_the_seed_alone():
    model = encoder()
    state = torch.random.get_rng_state()
    first, again, other = random_encoder(model, 1), random_encoder(model, 1), random_encoder(model, 2)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not first.training
    clips = [clip()]
    assert torch.equal(first.embed(clips), again.embed(clips))
    assert not torch.allclose(first.embed(clips), other.embed(clips), atol=1e-3)


def test_prepared_clips_embed_as_the_clips_do():
    model = encoder()
    clips = [
        clip(frames=frames, seed=frames, fps=fps) for frames, fps in ((12, None), (95, None), (1, None), (70, 5.0))
    ]
    prepared = prepare(model, clips)
    assert prepared.clip.tolist() == [0, 1, 1, 1, 1, 2, 3, 3]
    expected = model.embed(clips)
    assert prepared.embed(model).numpy() == pytest.approx(expected.numpy(), abs=1e-5)
    assert prepared.take([3, 1]).embed(model).numpy() == pytest.approx(expected[[3, 1]].numpy(), abs=1e-5)


def test_prepared_clips_leave_out_windows_without_a_known_joint():
    model = encoder()
    gone = clip(frames=60)
    valid = gone.valid.copy()
    valid[:, 30:] = False
    gone = gone.replace(valid=valid, positions=np.where(valid[..., None], gone.positions, 0).astype(np.float32))
    prepared = prepare(model, [gone])
    assert len(prepared.windows) == 1
    assert prepared.embed(model).numpy() == pytest.approx(model.embed([gone]).numpy(), abs=1e-5)


def test_preparing_leaves_the_number_of_threads():
    before = torch.get_num_threads()
    prepare(encoder(), [clip()])
    assert torch.get_num_threads() == before
