from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from msclr import PoseSequence, SkeletonSpec, get_skeleton
from msclr.errors import PoseError
from msclr.poses.streams import bone_stream, joint_stream, motion_stream, stream
from msclr.skeletons.published import published_graph

LEG = SkeletonSpec("leg", ("hip", "knee", "ankle"), (-1, 0, 1))


def recording(seed=0, frames=6, joints=3, persons=2):
    random = np.random.default_rng(seed)
    return random.normal(size=(persons, frames, joints, 3)), random.random((persons, frames, joints)) > 0.3


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(0, 5))
def test_streams_equal_the_naive_loops(seed, frames):
    positions, valid = recording(seed, frames)
    positions[~valid] = np.nan
    bones, bones_known = bone_stream(positions, valid, LEG)
    motion, motion_known = motion_stream(positions, valid)
    joints, joints_known = joint_stream(positions, valid)
    for person, frame, joint in np.ndindex(valid.shape):
        here, place = positions[person, frame, joint], (person, frame, joint)
        parent = LEG.parents[joint] if joint else joint
        both = valid[place] and valid[person, frame, parent]
        assert bones_known[place] == both
        np.testing.assert_array_equal(bones[place], here - positions[person, frame, parent] if both else 0)
        both = frame + 1 < frames and valid[place] and valid[person, frame + 1, joint]
        assert motion_known[place] == both
        np.testing.assert_array_equal(motion[place], positions[person, frame + 1, joint] - here if both else 0)
        assert joints_known[place] == valid[place]
        np.testing.assert_array_equal(joints[place], here if valid[place] else 0)


@pytest.mark.parametrize("make", [lambda x, v: bone_stream(x, v, LEG), motion_stream, joint_stream])
def test_tensors_give_the_same_with_gradients_and_batches(make):
    positions, valid = recording()
    expected, expected_known = make(positions, valid)
    tensor = torch.from_numpy(positions)[None].requires_grad_()
    known_before = torch.from_numpy(valid)[None]
    values, known = make(tensor, known_before.clone())
    np.testing.assert_allclose(values[0].detach().numpy(), expected)
    np.testing.assert_array_equal(known[0].numpy(), expected_known)
    (gradient,) = torch.autograd.grad(values.sum(), tensor)
    assert torch.isfinite(gradient).all()


def test_inputs_stay_as_they_were():
    positions, valid = recording()
    before = positions.copy(), valid.copy()
    for values, known in (motion_stream(positions, valid), bone_stream(positions, valid, LEG)):
        values += 1
        known |= True
    np.testing.assert_array_equal(positions, before[0])
    np.testing.assert_array_equal(valid, before[1])


def test_bones_add_up_to_the_joint_positions():
    spec = get_skeleton("smpl_24")
    positions = np.random.default_rng(1).normal(size=(1, 2, 24, 3))
    bones, _ = bone_stream(positions, np.ones((1, 2, 24), bool), spec)
    for joint in range(24):
        total, here = np.zeros((1, 2, 3)), joint
        while here != -1:
            total, here = total + bones[:, :, here], spec.parents[here]
        np.testing.assert_allclose(total, positions[:, :, joint] - positions[:, :, spec.roots[0]], atol=1e-12)


def test_published_marker_bones_let_the_last_entry_win_and_leave_joints_without_one_at_zero():
    graph = published_graph("berkeley_mhad_43")
    positions = np.random.default_rng(1).normal(size=(1, 2, 43, 3))
    bones, known = bone_stream(positions, np.ones((1, 2, 43), bool), graph.bones)
    expected = np.zeros_like(positions)
    for joint, origin in graph.bones:
        expected[:, :, joint] = positions[:, :, joint] - positions[:, :, origin]
    np.testing.assert_array_equal(bones, expected)
    assert (expected == 0).all(axis=(0, 1, 3)).sum() == 14
    assert known.all()


def test_a_recording_keeps_its_facts_and_takes_the_lower_confidence():
    positions, _ = recording(frames=3, persons=1)
    scores = np.array([[[0.9, 0.5, 0.7], [0.8, 0.0, 0.6], [1.0, 0.4, 0.5]]])
    clip = PoseSequence.from_array(positions, LEG, fps=25, confidence=scores, unit="mm", meta={"label": "1"})
    assert stream(clip, "joint") is clip
    bones = stream(clip, "bone")
    np.testing.assert_allclose(bones.confidence[0], [[0.9, 0.5, 0.5], [0.8, 0, 0], [1.0, 0.4, 0.4]], rtol=1e-6)
    motion = stream(clip, "motion")
    np.testing.assert_allclose(motion.confidence[0], [[0.8, 0, 0.6], [0.8, 0, 0.5], [0, 0, 0]], rtol=1e-6)
    for made in (bones, motion):
        assert made.positions.dtype == np.float32
        assert (made.fps, made.unit, made.meta, made.skeleton) == (25, "mm", {"label": "1"}, LEG)
        np.testing.assert_array_equal(made.confidence > 0, made.valid)
    assert stream(clip, "bone", [(2, 0)]).positions[0, 0, 1].tolist() == [0, 0, 0]


def test_motion_of_a_moving_camera_is_constant():
    clip = PoseSequence.from_array(
        np.broadcast_to(np.arange(1, 6)[:, None, None] * np.array([1.0, 2, 3]), (5, 3, 3)), LEG
    )
    motion = stream(clip, "motion")
    np.testing.assert_array_equal(motion.positions[0, :-1], np.broadcast_to([1.0, 2, 3], (4, 3, 3)))
    assert not motion.valid[0, -1].any()
    assert not motion.positions[0, -1].any()


@pytest.mark.parametrize(
    "call",
    [
        lambda x, v: motion_stream(x, v[..., :2]),
        lambda x, v: motion_stream(x[0, 0], v[0, 0]),
        lambda x, v: bone_stream(x, v, get_skeleton("coco_17")),
        lambda x, v: bone_stream(x, v, [(3, 0)]),
        lambda x, v: bone_stream(x, v, [(0, -1)]),
        lambda x, v: stream(PoseSequence.from_array(x, LEG), "bones"),
    ],
)
def test_what_does_not_fit_is_refused(call):
    with pytest.raises(PoseError):
        call(*recording())
