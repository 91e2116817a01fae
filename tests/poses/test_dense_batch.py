from __future__ import annotations

import pytest
import torch

from msclr import get_skeleton
from msclr.errors import PoseError
from msclr.poses.batch import PoseBatch


def block(name: str, clips: int, persons: int, frames: int = 6, seed: int = 0):
    random = torch.Generator().manual_seed(seed)
    spec = get_skeleton(name)
    shape = (clips, persons, frames, spec.num_joints)
    positions = torch.randn(*shape, 3, generator=random)
    return spec, positions, torch.rand(shape, generator=random) > 0.2, torch.zeros(clips, dtype=torch.bool)


def two_blocks():
    first, second = block("coco_17", 3, 2), block("kinect_v2_25", 2, 3, seed=1)
    first[2][1, 0] = False
    first[2][2] = False
    return [first, second]


def test_absent_persons_take_no_room_unless_they_are_kept():
    blocks = two_blocks()
    batch = PoseBatch.from_dense(blocks)
    assert batch.clip.tolist() == [0, 0, 1, 3, 3, 3, 4, 4, 4]
    assert batch.slot.tolist() == [0, 1, 1, 0, 1, 2, 0, 1, 2]
    assert (batch.num_clips, batch.num_slots) == (5, 3)
    kept = PoseBatch.from_dense(blocks, keep_absent=True)
    assert kept.num_persons == 3 * 2 + 2 * 3
    assert int(kept.valid.sum()) == int(batch.valid.sum())


@pytest.mark.parametrize("keep_absent", [False, True])
def test_packing_follows_the_rows_of_the_batch(keep_absent):
    blocks = two_blocks()
    batch = PoseBatch.from_dense(blocks, keep_absent=keep_absent)
    assert torch.equal(batch.pack([valid for _, _, valid, _ in blocks]), batch.valid)
    seen = [torch.where(valid[..., None], positions, 0.0) for _, positions, valid, _ in blocks]
    assert torch.equal(batch.pack(seen), batch.positions)
    every_third = batch.pack([values[:, :, ::3] for values in seen])
    assert torch.equal(every_third, batch.positions[:, ::3])


def test_nobody_anywhere_is_a_batch_of_clips_without_persons():
    spec, positions, valid, flat = block("coco_17", 3, 2)
    batch = PoseBatch.from_dense([(spec, positions.double(), torch.zeros_like(valid), flat)])
    assert (batch.num_clips, batch.num_persons, batch.positions.shape) == (3, 0, (0, 6, 3))
    assert batch.positions.dtype == torch.float64
    assert batch.pack([valid]).shape == (0, 6)


def test_wrong_shapes_are_named():
    spec, positions, valid, flat = block("coco_17", 3, 2)
    with pytest.raises(PoseError, match=r"block of 'coco_17'.*expected \[b, p, 6, 17, 3\]"):
        PoseBatch.from_dense([(spec, positions[..., :2], valid, flat)])
    with pytest.raises(PoseError, match="flat"):
        PoseBatch.from_dense([(spec, positions, valid, flat[:2])])
    with pytest.raises(PoseError, match="empty batch"):
        PoseBatch.from_dense([])
    batch = PoseBatch.from_dense([(spec, positions, valid, flat)])
    with pytest.raises(PoseError, match="values of 2 clips"):
        batch.pack([valid[:2]])
    with pytest.raises(PoseError, match="values of 16 joints"):
        batch.pack([valid[..., :16]])
