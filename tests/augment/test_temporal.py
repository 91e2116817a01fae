from __future__ import annotations

import numpy as np
import pytest
import torch
from augment.random_clips import assert_equal, one_by_one, random_clips, seeded
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import augmentations as oracle
from torch.nn import functional as F

from msclr import get_skeleton
from msclr.augment import Clips, CropResize, GaussianBlur, MirrorCrop, TimeReversal
from msclr.errors import ConfigError, PoseError


@settings(max_examples=20)
@given(frames=st.integers(1, 40), ratio=st.integers(1, 8), seed=st.integers(0, 2**31))
def test_mirror_crop_continues_clips_by_their_mirror_image(frames, ratio, seed):
    clips = random_clips("coco_17", frames=frames, seed=seed)
    step = MirrorCrop(ratio)
    drawn = step.draw(clips, seeded(seed))
    starts = drawn["start"].tolist()
    right = [
        (oracle.mirror_crop(x, start, ratio), oracle.mirror_crop(v, start, ratio))
        for (x, v), start in zip(one_by_one(clips), starts, strict=True)
    ]
    assert_equal(step.apply(clips, drawn), right)


def test_time_reversal_twice_is_nothing():
    clips = random_clips()
    once = TimeReversal()(clips, generator=seeded())
    np.testing.assert_array_equal(once.positions[:, :, 0], clips.positions[:, :, -1])
    twice = TimeReversal()(once, generator=seeded())
    assert torch.equal(twice.positions, clips.positions)
    assert torch.equal(twice.valid, clips.valid)


@settings(max_examples=20)
@given(
    frames=st.integers(1, 20),
    kernel=st.sampled_from([1, 3, 15]),
    legacy=st.booleans(),
    dims=st.sampled_from([2, 3]),
    seed=st.integers(0, 2**31),
)
def test_blur_is_the_weighted_mean_or_as_published_the_sum(frames, kernel, legacy, dims, seed):
    clips = random_clips("coco_17", clips=2, persons=1, frames=frames, dims=dims, seed=seed)
    step = GaussianBlur(kernel, legacy=legacy)
    drawn = step.draw(clips, seeded(seed))
    sigmas = drawn["sigma"].double().tolist()
    right = [
        (oracle.blur(x, v, sigma, kernel, legacy=legacy), v)
        for (x, v), sigma in zip(one_by_one(clips), sigmas, strict=True)
    ]
    assert_equal(step.apply(clips, drawn), right)


def test_blur_of_long_clips_has_no_seams():
    clips = random_clips("coco_17", clips=1, persons=1, frames=150)
    drawn = {"sigma": torch.tensor([2.0])}
    x, v = one_by_one(clips)[0]
    assert_equal(GaussianBlur().apply(clips, drawn), [(oracle.blur(x, v, 2.0, 15, legacy=False), v)])


def test_blur_leaves_a_person_who_stands_still_alone_and_legacy_enlarges_it():
    known = torch.rand(4, 1, 50, 17, generator=seeded()) < 0.7
    still = torch.randn(4, 1, 1, 17, 3, generator=seeded(), dtype=torch.float64).expand(-1, -1, 50, -1, -1)
    clips = Clips(still, known, get_skeleton("coco_17"))
    drawn = {"sigma": torch.full((4,), 2.0)}
    torch.testing.assert_close(GaussianBlur().apply(clips, drawn).positions, clips.positions)
    everything = Clips(still, torch.ones_like(known), get_skeleton("coco_17"))
    gain = GaussianBlur(legacy=True).apply(everything, drawn).positions / everything.positions
    assert gain[:, :, 25].mean() == pytest.approx(2.5 * 2.0, rel=0.01)
    assert gain[:, :, 0].mean() < 0.7 * gain[:, :, 25].mean()


@settings(max_examples=25)
@given(
    frames=st.integers(1, 30),
    size=st.integers(1, 12),
    lowest=st.floats(0, 1),
    known=st.sampled_from([0.3, 0.8, 1.0]),
    seed=st.integers(0, 2**31),
)
def test_crop_resize_interpolates_what_is_known(frames, size, lowest, known, seed):
    clips = random_clips("coco_17", clips=2, frames=frames, known=known, seed=seed)
    step = CropResize(lowest, 1.0, size)
    drawn = step.draw(clips, seeded(seed))
    pairs = zip(drawn["start"].tolist(), drawn["length"].tolist(), strict=True)
    right = [
        oracle.crop_resize(x, v, start, length, size)
        for (x, v), (start, length) in zip(one_by_one(clips), pairs, strict=True)
    ]
    assert_equal(step.apply(clips, drawn), right)


@pytest.mark.parametrize("length", [10, 64, 100, 128, 300])
def test_crop_resize_of_known_joints_is_the_resize_of_images(length):
    clips = random_clips("coco_17", clips=2, persons=1, frames=300, known=1.0)
    drawn = {"start": torch.tensor([0, 300 - length]), "length": torch.full((2,), length)}
    result = CropResize().apply(clips, drawn).positions
    for row, start in enumerate(drawn["start"].tolist()):
        image = clips.positions[row, :, start : start + length].reshape(1, 1, length, -1)
        right = F.interpolate(image, size=(64, image.shape[-1]), mode="bilinear", align_corners=False)
        torch.testing.assert_close(result[row], right.reshape(1, 64, 17, 3))


def test_crop_resize_leaves_the_empty_end_of_clips_out():
    clips = random_clips("coco_17", clips=200, frames=100, known=1.0, dtype=torch.float32)
    valid = clips.valid.clone()
    valid[:, :, 70:] = False
    ended = Clips(clips.positions, valid, clips.skeleton)
    drawn = CropResize().draw(ended, seeded())
    assert (drawn["length"] >= 64).all()
    assert (drawn["start"] + drawn["length"]).max() == 70
    assert CropResize()(ended, generator=seeded()).valid.all()


def test_absent_clips_stay_absent():
    clips = random_clips(known=0.0)
    for step in (CropResize(), MirrorCrop(), GaussianBlur(), TimeReversal()):
        result = step(clips, generator=seeded())
        assert not result.valid.any()
        assert not result.positions.any()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: MirrorCrop(0),
        lambda: GaussianBlur(kernel=4),
        lambda: GaussianBlur(lowest=0.0),
        lambda: GaussianBlur(lowest=2.0, highest=1.0),
        lambda: CropResize(0.5, 0.1),
        lambda: CropResize(0.5, 1.5),
        lambda: CropResize(frames=0),
    ],
)
def test_numbers_out_of_bounds_are_refused(wrong):
    with pytest.raises(ConfigError):
        wrong()


def test_crop_of_no_frames_is_refused():
    with pytest.raises(PoseError, match="0 frames"):
        CropResize()(random_clips(frames=0), generator=seeded())
