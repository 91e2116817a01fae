from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import standing_person

from msclr.errors import PoseError
from msclr.poses.gaps import FRAMES, fill_gaps
from msclr.poses.sequence import PoseSequence


def naive(sequence: PoseSequence, longest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joint by joint, with numpy's own interpolation."""
    positions, valid = sequence.positions.copy(), sequence.valid.copy()
    confidence = sequence.confidence.copy()
    for person in range(sequence.num_persons):
        for joint in range(sequence.num_joints):
            known = np.flatnonzero(sequence.valid[person, :, joint])
            for start, stop in pairwise(known):
                inside = np.arange(start + 1, stop)
                if len(inside) > longest:
                    continue
                valid[person, inside, joint] = True
                for axis in range(sequence.dims):
                    own = positions[person, :, joint, axis]
                    own[inside] = np.interp(inside, [start, stop], own[[start, stop]])
                own = confidence[person, :, joint]
                own[inside] = np.interp(inside, [start, stop], own[[start, stop]])
    return positions, valid, confidence


def damaged(seed: int, share: float, persons: int = 2, dims: int = 3, fps: float | None = 30.0) -> PoseSequence:
    random = np.random.default_rng(seed)
    clip = standing_person("coco_17", frames=20, persons=persons, seed=seed, dims=dims, fps=fps)
    valid = random.random(clip.valid.shape) >= share
    confidence = (random.random(clip.valid.shape) * valid).astype(np.float32)
    positions = np.where(valid[..., None], clip.positions, np.float32(0))
    return clip.replace(positions=positions, valid=valid, confidence=confidence)


@given(seed=st.integers(0, 99), share=st.floats(0, 1), longest=st.integers(0, 20), dims=st.sampled_from([2, 3]))
def test_equals_interpolation_joint_by_joint(seed, share, longest, dims):
    clip = damaged(seed, share, dims=dims)
    filled = fill_gaps(clip, frames=longest)
    positions, valid, confidence = naive(clip, longest)
    assert np.array_equal(filled.valid, valid)
    assert np.allclose(filled.positions, positions, atol=1e-5)
    assert np.allclose(filled.confidence, confidence, atol=1e-6)
    assert np.array_equal(filled.positions[clip.valid], clip.positions[clip.valid])
    assert np.array_equal(fill_gaps(filled, frames=longest).valid, filled.valid)


def test_what_is_whole_stays_the_same_object():
    clip = standing_person("coco_17")
    assert fill_gaps(clip) is clip


def test_ends_and_joints_that_are_never_known_stay_unknown():
    clip = standing_person("coco_17", frames=12)
    valid = clip.valid.copy()
    valid[:, :3, 0] = valid[:, -2:, 1] = valid[:, :, 2] = False
    assert np.array_equal(fill_gaps(clip.replace(valid=valid), frames=12).valid, valid)


@pytest.mark.parametrize(
    ("fps", "limits", "longest"),
    [
        (30.0, {}, 15),
        (10.0, {}, 5),
        (None, {}, FRAMES),
        (10.0, {"seconds": 0.39}, 3),
        (None, {"frames": 2}, 2),
        (30.0, {"frames": 0}, 0),
        (30.0, {"seconds": 0}, 0),
    ],
)
def test_the_longest_gap_that_is_filled(fps, limits, longest):
    clip = standing_person("coco_17", frames=60, fps=fps)
    for gap in (longest, longest + 1):
        valid = clip.valid.copy()
        valid[0, 5 : 5 + gap, 4] = False
        whole = fill_gaps(clip.replace(valid=valid), **limits).valid.all()
        assert whole == (gap <= longest)


@pytest.mark.parametrize(
    ("fps", "limits", "message"),
    [
        (30.0, {"seconds": 1.0, "frames": 3}, "both given"),
        (30.0, {"frames": -1}, "gaps of -1"),
        (30.0, {"seconds": float("nan")}, "gaps of nan"),
        (30.0, {"seconds": float("inf")}, "gaps of inf"),
        (None, {"seconds": 1.0}, "frame rate is unknown"),
    ],
)
def test_bad_limits(fps, limits, message):
    with pytest.raises(PoseError, match=message):
        fill_gaps(standing_person("coco_17", fps=fps), **limits)


def test_a_recording_of_nothing():
    clip = standing_person("coco_17").frames(0, 0)
    assert fill_gaps(clip).num_frames == 0
    assert fill_gaps(standing_person("coco_17").persons([])).num_persons == 0
