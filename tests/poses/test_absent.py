from __future__ import annotations

import torch
from strategies import standing_person

from msclr.poses.absent import fill_slots
from msclr.poses.batch import PoseBatch


def test_every_clip_gets_its_empty_slots_in_its_own_convention():
    clips = [
        standing_person("smpl_24", frames=8, persons=2),
        standing_person("kinect_v2_25", frames=8),
        standing_person("smpl_24", frames=8),
        standing_person("smpl_24", frames=8, persons=3),
    ]
    batch = PoseBatch.from_sequences(clips)
    filled = fill_slots(batch, 2)
    assert sorted(zip(filled.clip.tolist(), filled.slot.tolist(), strict=True)) == [
        (0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2),
    ]  # fmt: skip
    assert [group.persons for group in filled.groups] == [7, 2]
    assert filled.groups[1].start == 7 * 24
    assert len(filled.positions) == 7 * 24 + 2 * 25
    assert int(filled.valid.sum()) == int(batch.valid.sum())
    assert torch.equal(filled.positions[filled.valid].sum(dim=0), batch.positions[batch.valid].sum(dim=0))
    added = [index for index, pair in enumerate(zip(filled.clip.tolist(), filled.slot.tolist(), strict=True))
             if pair in {(1, 1), (2, 1)}]  # fmt: skip
    assert len(added) == 2
    for group in filled.groups:
        block = filled.positions[group.rows].reshape(group.persons, -1)
        for person in set(added) & set(range(group.members.start, group.members.stop)):
            assert not block[person - group.first_person].any()


def test_a_full_batch_stays_what_it_is():
    batch = PoseBatch.from_sequences([standing_person("smpl_24", frames=8, persons=2)])
    assert fill_slots(batch, 2) is batch
