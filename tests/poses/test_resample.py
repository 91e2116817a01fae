from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import standing_person

from msclr import MsclrError
from msclr.poses.resample import resample, sample_at


def evenly(length: int, frames: int) -> torch.Tensor:
    return torch.linspace(0, length - 1, frames, dtype=torch.float64)


@given(length=st.integers(1, 40), frames=st.integers(1, 40), seed=st.integers(0, 9))
def test_interpolation_equals_numpy(length, frames, seed):
    values = np.random.default_rng(seed).normal(size=(length, 3, 2))
    expected = np.empty((frames, 3, 2))
    for joint in range(3):
        for axis in range(2):
            expected[:, joint, axis] = np.interp(
                np.linspace(0, length - 1, frames), np.arange(length), values[:, joint, axis]
            )
    found, known = sample_at(torch.tensor(values), torch.ones(length, 3, dtype=torch.bool), evenly(length, frames))
    assert known.all()
    assert np.allclose(found.numpy(), expected)


@given(seed=st.integers(0, 50))
def test_unknown_joints_are_never_averaged_in(seed):
    random = np.random.default_rng(seed)
    valid = torch.tensor(random.random((12, 4)) < 0.6)
    clean = torch.tensor(random.normal(size=(12, 4, 3)))
    spoiled = torch.where(valid[..., None], clean, 1e6)
    first, known = sample_at(clean, valid, evenly(12, 29))
    second, known_too = sample_at(spoiled, valid, evenly(12, 29))
    assert torch.equal(known, known_too)
    assert torch.allclose(first, second)
    assert (first[~known] == 0).all()


def test_frame_rate_keeps_the_duration():
    clip = standing_person("coco_17", frames=31, fps=30.0)
    half = resample(clip, fps=15.0)
    assert (half.num_frames, half.fps) == (16, 15.0)
    assert np.allclose(half.positions[:, 3], clip.positions[:, 6], atol=1e-6)


@pytest.mark.parametrize("arguments", [{}, {"fps": 10.0, "frames": 3}, {"frames": 0}, {"fps": -1.0}])
def test_bad_arguments_are_errors(arguments):
    with pytest.raises(MsclrError):
        resample(standing_person("coco_17"), **arguments)


def test_unknown_frame_rate_is_an_error_only_when_needed():
    clip = standing_person("coco_17", fps=None)
    assert resample(clip, frames=7).fps is None
    with pytest.raises(MsclrError, match="frame rate"):
        resample(clip, fps=10.0)
