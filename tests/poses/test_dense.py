from __future__ import annotations

import numpy as np
import pytest
import torch
from strategies import standing_person

from msclr import PoseSequence, SkeletonSpec, get_skeleton
from msclr.errors import PoseError, SkeletonError
from msclr.poses.batch import PoseBatch
from msclr.poses.dense import dense, same_joints

KINECT = get_skeleton("kinect_v2_25")


def test_every_known_joint_is_in_its_place_and_everything_else_is_zero():
    clips = [
        standing_person("kinect_v2_25", persons=2, frames=9),
        standing_person("kinect_v2_25", frames=5, seed=3),
    ]
    valid = clips[0].valid.copy()
    valid[1, 3:6, 7] = False
    clips[0] = clips[0].replace(valid=valid)
    values = dense(PoseBatch.from_sequences(clips), slots=3).numpy()
    assert values.shape == (2, 3, 9, 25, 3)
    for place in np.ndindex(values.shape[:4]):
        clip, person, frame, joint = place
        recording = clips[clip]
        inside = person < recording.num_persons and frame < recording.num_frames
        seen = inside and recording.valid[person, frame, joint]
        expected = recording.positions[person, frame, joint] if seen else np.zeros(3)
        np.testing.assert_array_equal(values[place], expected)


def test_a_second_person_alone_stays_second():
    clip = standing_person("kinect_v2_25", persons=2, frames=4)
    valid = clip.valid.copy()
    valid[0] = False
    values = dense(PoseBatch.from_sequences([clip.replace(valid=valid)]))
    assert not values[0, 0].any()
    np.testing.assert_array_equal(values[0, 1].numpy(), clip.positions[1])


def test_gradients_reach_known_joints_only():
    positions = torch.ones(1, 4, 25, 3, requires_grad=True)
    valid = torch.ones(1, 4, 25, dtype=torch.bool)
    valid[0, 1, 2] = False
    batch = PoseBatch.from_blocks([(KINECT, positions, valid, torch.tensor([False]))])
    dense(batch).sum().backward()
    assert torch.equal(positions.grad, valid[..., None].expand_as(positions).to(positions))


def test_another_convention_is_refused():
    batch = PoseBatch.from_sequences([standing_person("kinect_v2_25"), standing_person("coco_17", dims=2)])
    with pytest.raises(SkeletonError, match="'kinect_v2_25' only"):
        dense(batch)
    with pytest.raises(SkeletonError, match=r"17 joints in the convention 'coco_17'.*expected the 25 joints"):
        dense(PoseBatch.from_sequences([standing_person("coco_17", dims=2)]), skeleton=KINECT)


def test_a_third_person_is_refused():
    clips = [standing_person("kinect_v2_25"), standing_person("kinect_v2_25", persons=3)]
    with pytest.raises(PoseError, match="clip 1: somebody in person slot 2; expected slots 0 to 1"):
        dense(PoseBatch.from_sequences(clips))


def test_nobody_gives_zeros_where_the_convention_is_known():
    batch = PoseBatch.from_sequences([PoseSequence.from_array(np.zeros((0, 4, 25, 3)), "kinect_v2_25")])
    assert dense(batch, skeleton=KINECT).shape == (1, 2, 4, 25, 3)
    with pytest.raises(PoseError, match="nobody in it; expected skeleton="):
        dense(batch)


def test_the_same_joints_under_another_name_are_the_same_convention():
    assert same_joints(KINECT, SkeletonSpec.from_names("ours", KINECT.joints, KINECT.parents))
    turned = SkeletonSpec.from_names("turned", KINECT.joints[::-1])
    assert not same_joints(KINECT, turned)
