from __future__ import annotations

import pytest
import torch
from augment.random_clips import assert_equal, one_by_one, random_clips, seeded
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import augmentations as oracle

from msclr import SkeletonSpec, get_skeleton, list_skeletons
from msclr.augment import Flip, JointJitter
from msclr.errors import ConfigError
from msclr.skeletons.published import published_graphs


@pytest.mark.parametrize("id", list_skeletons())
def test_flip_is_the_mirror_image_in_every_convention(id):
    clips = random_clips(id, clips=2, frames=2)
    spec = clips.skeleton
    right = [oracle.mirrored(x, v, spec.joints, spec.pairs) for x, v in one_by_one(clips)]
    flipped = Flip()(clips, generator=seeded())
    assert_equal(flipped, right)
    again = Flip()(flipped, generator=seeded())
    assert torch.equal(again.positions, clips.positions)
    assert torch.equal(again.valid, clips.valid)


@pytest.mark.parametrize(("id", "table"), [("kinect_v2_25", oracle.KINECT_FLIP), ("smpl_24", oracle.SMPL_FLIP)])
def test_legacy_flip_permutes_by_the_published_table_and_mirrors_nothing(id, table):
    clips = random_clips(id)
    flipped = Flip(legacy=True)(clips, generator=seeded())
    assert_equal(flipped, [(x[:, :, table], v[:, :, table]) for x, v in one_by_one(clips)])
    assert not torch.equal(flipped.positions, Flip()(clips, generator=seeded()).positions)


def test_legacy_flip_leaves_the_hands_of_smpl_and_the_corrected_one_does_not():
    clips = random_clips("smpl_24", known=1.0)
    hands = [get_skeleton("smpl_24").index(name) for name in ("left_hand", "right_hand")]
    legacy = Flip(legacy=True)(clips, generator=seeded()).positions[..., hands, :]
    corrected = Flip()(clips, generator=seeded()).positions[..., hands, :]
    assert torch.equal(legacy, clips.positions[..., hands, :])
    assert torch.equal(corrected[..., 1:], clips.positions[..., hands[::-1], 1:])


def test_every_published_format_has_its_own_legacy_table():
    for published in published_graphs():
        clips = random_clips(published.skeleton, clips=1, frames=1)
        flipped = Flip(legacy=True)(clips, generator=seeded())
        assert torch.equal(flipped.positions, clips.positions[..., list(published.flip), :])


def test_legacy_flip_of_other_conventions_takes_their_pairs():
    clips = random_clips("coco_17", dims=2)
    flipped = Flip(legacy=True)(clips, generator=seeded())
    assert torch.equal(flipped.positions[..., 5, :], clips.positions[..., 6, :])


def test_a_convention_whose_x_is_vertical_is_mirrored_in_y():
    lying = SkeletonSpec("lying", ("left_hip", "right_hip", "neck"), (2, 2, -1), up="+x")
    clips = random_clips(lying, known=1.0)
    flipped = Flip()(clips, generator=seeded()).positions
    assert torch.equal(flipped[..., 2, :], clips.positions[..., 2, :] * torch.tensor([1.0, -1.0, 1.0]))


@settings(max_examples=20)
@given(
    id=st.sampled_from(["kinect_v2_25", "coco_17", "mediapipe_hand_21"]),
    dims=st.sampled_from([2, 3]),
    legacy=st.booleans(),
    known=st.sampled_from([0.02, 0.8]),
    seed=st.integers(0, 2**31),
)
def test_joint_jitter_loses_or_displaces(id, dims, legacy, known, seed):
    clips = random_clips(id, clips=4, frames=3, dims=dims, known=known, seed=seed)
    step = JointJitter(legacy=legacy)
    drawn = step.draw(clips, seeded(seed))
    numbers = zip(drawn["joints"].numpy(), drawn["lost"].tolist(), drawn["matrix"].double().numpy(), strict=True)
    right = [
        oracle.joint_jitter(x, v, joints, lost, matrix, legacy=legacy)
        for (x, v), (joints, lost, matrix) in zip(one_by_one(clips), numbers, strict=True)
    ]
    assert_equal(step.apply(clips, drawn), right)


def test_lost_joints_become_unknown_and_in_legacy_known_zeros():
    clips = random_clips(known=1.0, frames=4)
    corrected, legacy = (JointJitter(lost=1.0, legacy=old)(clips, generator=seeded()) for old in (False, True))
    assert torch.equal(corrected.positions, legacy.positions)
    assert legacy.valid.all()
    assert (corrected.valid.sum(dim=-1) == 10).all()


def test_a_person_with_one_known_joint_keeps_it():
    clips = random_clips("coco_17", clips=50, known=0.0)
    valid = clips.valid.clone()
    valid[..., 3] = True
    alone = clips.cleared(clips.positions + 1, valid)
    assert torch.equal(JointJitter(lost=1.0)(alone, generator=seeded()).valid, valid)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_joints_and_all_joints_can_be_displaced(share):
    clips = random_clips(known=1.0)
    moved = JointJitter(share, lost=0.0)(clips, generator=seeded()).positions != clips.positions
    assert bool(moved.all()) if share else not moved.any()


def test_shares_out_of_bounds_are_refused():
    for wrong in ({"share": 1.1}, {"share": -0.1}, {"lost": 2.0}, {"lost": float("nan")}):
        with pytest.raises(ConfigError):
            JointJitter(**wrong)
