from __future__ import annotations

import numpy as np
import pytest
import torch
from augment.random_clips import assert_equal, one_by_one, random_clips, seeded
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import augmentations as oracle

from msclr.augment import AxisMask, GaussianNoise, Rotation, Shear
from msclr.errors import ConfigError

SIZES = {
    "clips": st.integers(0, 3),
    "persons": st.integers(1, 2),
    "frames": st.integers(0, 5),
    "dims": st.sampled_from([2, 3]),
    "seed": st.integers(0, 2**31),
}


@settings(max_examples=15)
@given(**SIZES)
def test_shear_is_a_matrix_per_clip(**sizes):
    clips = random_clips("coco_17", **sizes)
    drawn = Shear(0.7).draw(clips, seeded(sizes["seed"]))
    matrices = drawn["matrix"].double().numpy()
    right = [(oracle.linear(x, m), v) for (x, v), m in zip(one_by_one(clips), matrices, strict=True)]
    assert_equal(Shear(0.7).apply(clips, drawn), right)


@settings(max_examples=15)
@given(**SIZES)
def test_rotation_turns_about_x_then_y_then_z(**sizes):
    clips = random_clips("coco_17", **sizes)
    drawn = Rotation().draw(clips, seeded(sizes["seed"]))
    angles = drawn["degrees"].double().numpy()
    right = [(oracle.rotation(x, a), v) for (x, v), a in zip(one_by_one(clips), angles, strict=True)]
    assert_equal(Rotation().apply(clips, drawn), right)


@settings(max_examples=15)
@given(**SIZES)
def test_axis_mask_sets_one_axis_to_zero(**sizes):
    clips = random_clips("coco_17", **sizes)
    drawn = AxisMask().draw(clips, seeded(sizes["seed"]))
    axes = drawn["axis"].tolist()
    right = [(oracle.axis_mask(x, axis), v) for (x, v), axis in zip(one_by_one(clips), axes, strict=True)]
    assert_equal(AxisMask().apply(clips, drawn), right)


@settings(max_examples=15)
@given(**SIZES)
def test_noise_goes_to_known_joints_only(**sizes):
    clips = random_clips("coco_17", **sizes)
    drawn = GaussianNoise(0.1).draw(clips, seeded(sizes["seed"]))
    amounts = drawn["noise"].double().numpy()
    right = [(oracle.noise(x, v, amount), v) for (x, v), amount in zip(one_by_one(clips), amounts, strict=True)]
    assert_equal(GaussianNoise(0.1).apply(clips, drawn), right)


def test_half_types_stay_and_are_near_the_exact_result():
    exact = random_clips(dtype=torch.float32)
    for dtype in (torch.float16, torch.bfloat16):
        clips = exact.to(dtype=dtype)
        for step in (Shear(), Rotation(), GaussianNoise(), AxisMask()):
            result = step(clips, generator=seeded())
            assert result.positions.dtype == dtype
            right = step(exact, generator=seeded()).positions
            np.testing.assert_allclose(result.positions.float(), right, atol=0.05, rtol=0.05)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Shear(-1),
        lambda: Shear(float("nan")),
        lambda: Shear(float("inf")),
        lambda: Rotation(main=400),
        lambda: Rotation(other=-1),
        lambda: GaussianNoise(-0.1),
    ],
)
def test_amounts_out_of_bounds_are_refused(wrong):
    with pytest.raises(ConfigError):
        wrong()
