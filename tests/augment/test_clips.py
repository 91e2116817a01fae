from __future__ import annotations

import pytest
import torch
from augment.random_clips import random_clips
from strategies import standing_person

from msclr import get_skeleton
from msclr.augment import Clips, pack
from msclr.errors import PoseError, PoseTypeError
from msclr.poses.batch import PoseBatch


def test_unknown_coordinates_become_zero_and_infinite_ones_unknown():
    positions = torch.ones(1, 1, 2, 17, 2)
    positions[0, 0, 0, 3, 1] = float("nan")
    positions[0, 0, 1, 4, 0] = float("inf")
    valid = torch.ones(1, 1, 2, 17, dtype=torch.bool)
    valid[0, 0, 1, 5] = False
    clips = Clips(positions, valid, get_skeleton("coco_17"))
    assert (~clips.valid).nonzero().tolist() == [[0, 0, 0, 3], [0, 0, 1, 4], [0, 0, 1, 5]]
    assert clips.positions.sum() == 2 * (2 * 17 - 3)
    assert positions[0, 0, 0, 3].isnan().any()
    assert valid.sum() == 2 * 17 - 1


@pytest.mark.parametrize(
    ("positions", "valid", "error"),
    [
        (torch.zeros(1, 1, 2, 17, 2, dtype=torch.int64), torch.ones(1, 1, 2, 17, dtype=torch.bool), PoseTypeError),
        (torch.zeros(1, 1, 2, 17, 2), torch.ones(1, 1, 2, 17), PoseTypeError),
        (torch.zeros(1, 2, 17, 2), torch.ones(1, 2, 17, dtype=torch.bool), PoseError),
        (torch.zeros(1, 1, 2, 17, 4), torch.ones(1, 1, 2, 17, dtype=torch.bool), PoseError),
        (torch.zeros(1, 1, 2, 17, 2), torch.ones(1, 1, 3, 17, dtype=torch.bool), PoseError),
        (torch.zeros(1, 1, 2, 18, 2), torch.ones(1, 1, 2, 18, dtype=torch.bool), PoseError),
        (torch.zeros(1, 1, 2, 17, 2, device="meta"), torch.ones(1, 1, 2, 17, dtype=torch.bool), PoseError),
    ],
)
def test_tensors_that_do_not_fit_are_refused(positions, valid, error):
    with pytest.raises(error, match="Clips"):
        Clips(positions, valid, get_skeleton("coco_17"))


def test_recordings_side_by_side_pack_as_they_do_alone():
    long = standing_person("kinect_v2_25", frames=20, persons=2)
    short = standing_person("kinect_v2_25", frames=12, seed=1)
    clips = Clips.from_sequences([short, long])
    assert clips.positions.shape == (2, 2, 20, 25, 3)
    assert not clips.valid[0, 1].any()
    assert not clips.valid[0, 0, 12:].any()
    ours, right = pack([clips]), PoseBatch.from_sequences([short, long])
    assert torch.equal(ours.positions, right.positions)
    assert torch.equal(ours.valid, right.valid)
    assert (ours.clip.tolist(), ours.slot.tolist()) == (right.clip.tolist(), right.slot.tolist())
    assert (ours.num_clips, ours.num_slots, ours.groups) == (right.num_clips, right.num_slots, right.groups)


def test_conventions_and_dimensions_pack_together():
    kinect, coco = random_clips(known=1.0), random_clips("coco_17", clips=2, persons=1, dims=2, known=1.0)
    batch = pack([kinect, coco])
    assert [group.skeleton.id for group in batch.groups] == ["kinect_v2_25", "coco_17"]
    assert batch.clip.tolist() == [0, 0, 1, 1, 2, 2, 3, 4]
    assert batch.flat.tolist() == [False] * 6 + [True] * 2
    assert batch.person_mask.tolist() == [[True, True]] * 3 + [[True, False]] * 2


def test_packing_absent_people_gives_nobody():
    batch = pack([random_clips(known=0.0)])
    assert (batch.num_persons, batch.num_clips) == (0, 3)


def test_what_cannot_stand_side_by_side_is_refused():
    with pytest.raises(PoseError, match="no recordings"):
        Clips.from_sequences([])
    with pytest.raises(PoseError, match="one convention"):
        Clips.from_sequences([standing_person("kinect_v2_25"), standing_person("h36m_17")])
    with pytest.raises(PoseError, match="an empty batch"):
        pack([])
    with pytest.raises(PoseError, match=r"expected \[b, p, 3, 25, 3\]"):
        pack([random_clips(frames=3), random_clips(frames=4)])


def test_to_changes_type_and_select_takes_some():
    clips = random_clips(dtype=torch.float32).to(dtype=torch.float64)
    assert clips.positions.dtype == torch.float64
    some = clips.select(torch.tensor([True, False, True]))
    assert torch.equal(some.positions, clips.positions[[0, 2]])
    assert torch.equal(some.valid, clips.valid[[0, 2]])
