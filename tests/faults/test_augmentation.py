"""Fault cases of augmentations."""

from __future__ import annotations

import pytest
import torch
from augment.random_clips import random_clips, seeded

from msclr import MsclrError
from msclr.augment import Clips, SkeleMix, pack, recipe, recipes


def test_e04_a_clip_that_is_not_finite_does_not_touch_the_others():
    good = random_clips(clips=4, frames=64, known=1.0)
    positions = good.positions.clone()
    positions[2] = float("nan")
    bad = Clips(positions, good.valid, good.skeleton)
    for name in recipes():
        first, second = (recipe(name)(clips, generator=seeded()) for clips in (good, bad))
        others = [0, 1, 3]
        assert torch.equal(first.positions[others], second.positions[others])
        assert second.positions.isfinite().all()
        assert not second.valid[2].any()


@pytest.mark.parametrize("per_clip", [False, True])
def test_e07_mixing_one_clip_is_refused_and_two_swap(per_clip):
    mix = SkeleMix(partner_per_clip=per_clip, region_per_clip=per_clip)
    with pytest.raises(MsclrError, match="a batch of 1 clip, which has no partner; expected at least 2"):
        mix(random_clips(clips=1, frames=64), generator=seeded())
    for seed in range(20):
        assert mix(random_clips(clips=2, frames=64), generator=seeded(seed)).partner.tolist() == [1, 0]


@pytest.mark.parametrize("name", recipes())
def test_e08_clips_of_nobody_stay_empty(name):
    clips = random_clips(frames=64, known=0.0)
    view = recipe(name)(clips, generator=seeded())
    assert not view.valid.any()
    assert not view.positions.any()
    assert pack([view]).num_persons == 0
