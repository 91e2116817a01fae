from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from strategies import standing_person

from msclr.augment.clips import Clips, pack
from msclr.models.streams import batch_in_stream
from msclr.poses.absent import fill_slots
from msclr.poses.batch import PoseBatch

FAR = torch.device("meta")  # where nobody can look


def recordings():
    return [
        standing_person("smpl_24", frames=6, persons=2),
        standing_person("coco_17", dims=2, frames=6),
        standing_person("smpl_24", frames=6, seed=1),
    ]


def of(batch):
    return [each.tolist() for each in (batch.clip, batch.slot, batch.flat)]


def told(batch):
    known = batch.roster()
    return [each.tolist() for each in (known.clip, known.slot, known.flat)]


def dense_views():
    random = torch.Generator().manual_seed(0)
    views = []
    for recording, dims in zip(recordings()[:2], (3, 2), strict=True):
        shape = (3, 2, 6, recording.skeleton.num_joints)
        valid = torch.ones(shape, dtype=torch.bool)
        valid[1, 0] = valid[2] = False
        views.append(Clips(torch.randn(*shape, dims, generator=random), valid, recording.skeleton))
    return views


@pytest.mark.parametrize(
    "change",
    [
        lambda batch: batch,
        lambda batch: batch.to(dtype=torch.float64).to(batch.clip.device),
        lambda batch: batch_in_stream(batch, "motion"),
        lambda batch: fill_slots(batch, 3),
        lambda batch: fill_slots(batch_in_stream(batch, "bone"), 2).to(dtype=torch.float16),
        lambda batch: replace(batch, valid=torch.ones_like(batch.valid)),
    ],
)
def test_whose_the_persons_are_is_known_wherever_a_batch_goes(change):
    here = PoseBatch.from_sequences(recordings())
    there = change(here.to(FAR))
    assert there.clip.device == there.slot.device == there.flat.device == FAR
    assert told(there) == of(change(here))


def test_clips_packed_on_a_device_are_known_if_those_who_are_there_are():
    views = dense_views()
    here = pack(views)
    who = [clips.valid.any(dim=3).any(dim=2) for clips in views]
    there = pack([clips.to(FAR) for clips in views], there=who)
    assert there.clip.device == FAR
    assert told(there) == of(here) == [[0, 0, 1, 3, 3, 4], [0, 1, 1, 0, 1, 1], [False] * 3 + [True] * 3]
    assert there.pack([clips.valid.to(FAR) for clips in views]).shape == here.pack([view.valid for view in views]).shape


def test_nobody_believes_what_was_told_of_another_batch():
    there = PoseBatch.from_sequences(recordings()).to(FAR)
    others = replace(there, clip=there.clip.flip(0))
    assert others.told is there.told
    assert others.roster().clip is others.clip
    back = replace(PoseBatch.from_sequences(recordings()), clip=torch.tensor([5, 5, 5, 5]))
    assert told(back)[0] == told(back.to(FAR))[0] == [5] * 4
