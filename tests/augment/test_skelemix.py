from __future__ import annotations

import numpy as np
import pytest
import torch
from augment.random_clips import assert_equal, one_by_one, random_clips, seeded
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import augmentations as oracle

from msclr import SkeletonSpec, get_skeleton, list_skeletons
from msclr.augment import Clips, SkeleMix, body_parts
from msclr.errors import ConfigError, PoseError


@settings(max_examples=20)
@given(
    id=st.sampled_from(["kinect_v2_25", "coco_17", "mediapipe_hand_21"]),
    count=st.integers(2, 5),
    units=st.integers(3, 6),
    stride=st.sampled_from([1, 3, 4]),
    per_clip=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_mixing_pastes_values_and_mask_of_the_partner(id, count, units, stride, per_clip, seed):
    clips = random_clips(id, clips=count, frames=units * stride, seed=seed)
    mix = SkeleMix(length=(1, 3), stride=stride, partner_per_clip=per_clip, region_per_clip=per_clip)
    drawn = mix.draw(clips, seeded(seed))
    mixed = mix.apply(clips, drawn)
    single = one_by_one(clips)
    right = [
        oracle.skelemix(
            single,
            row,
            int(drawn["partner"][row]),
            drawn["joints"][row].numpy(),
            int(drawn["start"][row]),
            int(drawn["length"][row]),
            stride,
        )
        for row in range(count)
    ]
    assert_equal(mixed.clips, [(x, v) for x, v, _ in right])
    np.testing.assert_array_equal(mixed.pasted_frames, np.stack([pasted for *_, pasted in right]))
    np.testing.assert_array_equal(mixed.pasted, mixed.pasted_frames[:, ::stride])
    assert torch.equal(mixed.partner, drawn["partner"])


def test_the_mask_fits_the_last_map_of_the_encoder():
    for frames in (44, 50, 64, 47):
        mixed = SkeleMix()(random_clips(clips=2, frames=frames), generator=seeded())
        assert mixed.pasted.shape == (2, (frames + 3) // 4, 25)
        assert mixed.pasted_frames.shape == (2, frames, 25)
        spread = mixed.pasted.repeat_interleave(4, dim=1)[:, :frames]
        assert torch.equal(spread, mixed.pasted_frames)


def test_the_last_unit_is_reached():
    clips = random_clips(clips=2, frames=64)
    generator = seeded()
    last = [bool(SkeleMix()(clips, generator=generator).pasted[:, -1].any()) for _ in range(60)]
    assert any(last)
    assert not all(last)


def test_two_clips_swap_and_one_is_refused():
    mixed = SkeleMix()(random_clips(clips=2, frames=64), generator=seeded())
    assert mixed.partner.tolist() == [1, 0]
    with pytest.raises(PoseError, match="batch of 1 clip"):
        SkeleMix()(random_clips(clips=1, frames=64), generator=seeded())
    nothing = SkeleMix()(random_clips(clips=0, frames=64), generator=seeded())
    assert nothing.clips.num_clips == len(nothing.partner) == len(nothing.pasted) == 0


def test_short_clips_are_refused():
    with pytest.raises(PoseError, match="43 frames; expected at least 44"):
        SkeleMix()(random_clips(clips=2, frames=43), generator=seeded())


def test_the_kinect_has_the_published_parts():
    ours = {frozenset(joint + 1 for joint in part) for part in body_parts(get_skeleton("kinect_v2_25"))}
    assert ours == {frozenset(part) for part in oracle.KINECT_PARTS}


@pytest.mark.parametrize("id", list_skeletons())
def test_parts_of_every_convention_cover_each_joint_once_and_pairs_alike(id):
    spec = get_skeleton(id)
    parts = body_parts(spec)
    assert sorted(joint for part in parts for joint in part) == list(range(spec.num_joints))
    assert 2 <= len(parts) <= 6
    mirrored = {frozenset(spec.flip_index[joint] for joint in part) for part in parts}
    assert mirrored == {frozenset(part) for part in parts}
    clips = random_clips(spec, clips=2, persons=1, frames=44, dims=2)
    touched = SkeleMix()(clips, generator=seeded()).pasted[0].any(dim=0)
    chosen = [bool(touched[list(part)].all()) for part in parts]
    assert touched.sum() == sum(len(part) for part, whole in zip(parts, chosen, strict=True) if whole)
    assert 1 <= sum(chosen) < len(parts)


def test_conventions_of_one_part_are_divided_at_their_first_fork():
    chain = SkeletonSpec("chain", ("a", "b", "c"), (-1, 0, 1), pairs=())
    assert body_parts(chain) == ((0, 1, 2),)
    fork = SkeletonSpec("fork", ("a", "b", "c", "d", "e"), (-1, 0, 1, 1, 3), pairs=())
    assert body_parts(fork) == ((0, 1), (2,), (3, 4))
    forest = SkeletonSpec("forest", ("a", "b", "c"), (-1, 0, -1), pairs=(), allow_forest=True)
    assert body_parts(forest) == ((0, 1), (2,))
    mixed = SkeleMix()(random_clips(chain, clips=2, frames=64), generator=seeded())
    assert mixed.pasted.any(dim=1).all()


@pytest.mark.parametrize("region", ["parts", "joints"])
def test_ablations_paste_zeros_or_noise_under_the_own_mask(region):
    clips = random_clips(clips=3, frames=64, known=0.7)
    zeros = SkeleMix(content="zeros", region=region)(clips, generator=seeded())
    noisy = SkeleMix(content="gaussian", region=region, sigma=100.0)(clips, generator=seeded())
    for mixed in (zeros, noisy):
        assert torch.equal(mixed.clips.valid, clips.valid)
        assert mixed.partner.tolist() == [0, 1, 2]
        outside = ~mixed.pasted_frames[:, None, :, :, None]
        assert torch.equal(mixed.clips.positions * outside, clips.positions * outside)
        assert not mixed.clips.positions[~clips.valid].any()
        assert mixed.pasted.any()
    inside = zeros.pasted_frames[:, None] & clips.valid
    assert not zeros.clips.positions[inside].any()
    inside = noisy.pasted_frames[:, None] & clips.valid
    assert 80 < noisy.clips.positions[inside].std() < 120


def test_an_absent_partner_makes_joints_unknown():
    clips = random_clips(clips=2, frames=64, known=1.0)
    valid = clips.valid.clone()
    valid[1] = False
    mixed = SkeleMix()(Clips(clips.positions, valid, clips.skeleton), generator=seeded())
    assert torch.equal(~mixed.clips.valid[0, 0], mixed.pasted_frames[0])
    assert torch.equal(mixed.clips.valid[1, 0], mixed.pasted_frames[1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"parts": (3, 2)},
        {"parts": (0, 2)},
        {"parts": (2, 6)},
        {"length": (0, 3)},
        {"stride": 0},
        {"content": "ones"},
        {"region": "heads"},
        {"sigma": -1.0},
    ],
)
def test_settings_out_of_bounds_are_refused(wrong):
    with pytest.raises(ConfigError):
        SkeleMix(**wrong)


def test_numbers_of_another_batch_are_refused():
    drawn = SkeleMix().draw(random_clips(clips=3, frames=64), seeded())
    with pytest.raises(PoseError, match="drawn for 3 clips; expected 2"):
        SkeleMix().apply(random_clips(clips=2, frames=64), drawn)
