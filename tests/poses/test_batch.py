from __future__ import annotations

import numpy as np
import pytest
import torch
from strategies import standing_person

from msclr import MsclrError
from msclr.models.base import PersonVectors
from msclr.poses.batch import PoseBatch
from msclr.poses.sequence import PoseSequence


def test_rows_hold_what_the_clips_hold():
    clips = [
        standing_person("kinect_v2_25", persons=2, frames=9),
        standing_person("coco_17", dims=2, frames=12),
        standing_person("kinect_v2_25", frames=5, seed=3),
    ]
    batch = PoseBatch.from_sequences(clips)
    assert batch.positions.shape == (25 * 3 + 17, 12, 3)
    assert batch.clip.tolist() == [0, 0, 2, 1]
    assert batch.slot.tolist() == [0, 1, 0, 0]
    assert batch.flat.tolist() == [False, False, False, True]
    assert batch.person_mask.tolist() == [[True, True], [True, False], [True, False]]
    for group in batch.groups:
        rows = batch.positions[group.rows].reshape(group.persons, group.skeleton.num_joints, 12, 3)
        for person, clip, slot in zip(rows, batch.clip[group.members], batch.slot[group.members], strict=True):
            expected = clips[clip].positions[slot].swapaxes(0, 1)
            frames, dims = clips[clip].num_frames, clips[clip].dims
            assert np.array_equal(person[:, :frames, :dims].numpy(), expected)
            assert (person[:, frames:] == 0).all()
            assert (person[..., dims:] == 0).all()


def test_absent_persons_take_no_room():
    clip = standing_person("coco_17", persons=3)
    valid = clip.valid.copy()
    valid[1] = False
    batch = PoseBatch.from_sequences([clip.replace(valid=valid)])
    assert batch.num_persons == 2
    assert batch.slot.tolist() == [0, 2]
    assert PersonVectors.of(torch.ones(2, 4), batch).scatter().sum(-1).tolist() == [[4, 0, 4]]


def test_nan_never_gets_in():
    spec = standing_person("coco_17").skeleton
    positions = torch.ones(1, 4, 17, 3)
    positions[0, 2, 5] = torch.nan
    batch = PoseBatch.from_blocks([(spec, positions, torch.ones(1, 4, 17, dtype=torch.bool), torch.tensor([False]))])
    assert batch.positions.isfinite().all()
    assert not batch.valid[5, 2]


def test_a_batch_of_nobody_has_no_rows():
    nobody = PoseSequence.from_array(np.zeros((0, 4, 17, 2)), "coco_17")
    batch = PoseBatch.from_sequences([nobody])
    assert (batch.num_persons, batch.num_clips, len(batch.positions)) == (0, 1, 0)


def test_empty_batches_and_clips_are_errors():
    with pytest.raises(MsclrError, match="empty batch"):
        PoseBatch.from_sequences([])
    with pytest.raises(MsclrError, match="0 frames"):
        PoseBatch.from_sequences([standing_person("coco_17").frames(0, 0)])
