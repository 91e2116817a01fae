"""Persons are followed by where they are, not by where the list has them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msclr.errors import PoseError
from msclr.poses.tracking import bounding_diagonal, track_persons


def crowd(persons: int, frames: int, seed: int) -> np.ndarray:
    """[t, p, j, c]: persons 300 apart who move by at most 6 a frame."""
    rng = np.random.default_rng(seed)
    shape = rng.uniform(0, 80, size=(1, persons, 8, 2))
    steps = rng.uniform(-6, 6, size=(frames, persons, 1, 2)).cumsum(axis=0)
    return shape + np.arange(persons)[None, :, None, None] * 300 + steps


@given(persons=st.integers(1, 5), seed=st.integers(0, 10**6))
@settings(max_examples=25)
def test_shuffling_the_lists_only_shuffles_the_answer(persons, seed):
    poses = crowd(persons, 10, seed)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(persons) for _ in poses]
    orders[0] = np.arange(persons)
    found = track_persons([frame[order] for frame, order in zip(poses, orders, strict=True)])
    for order, tracks in zip(orders, found, strict=True):
        np.testing.assert_array_equal(tracks, order)


@pytest.mark.parametrize("seed", range(5))
def test_the_assignment_is_the_cheapest_of_all(seed):
    rng = np.random.default_rng(seed)
    before, after = rng.uniform(0, 20, size=(4, 6, 2)), rng.uniform(0, 20, size=(4, 6, 2))
    _, tracks = track_persons([before, after])
    cost = np.zeros((4, 4))
    for row, column in np.ndindex(4, 4):
        scale = max(bounding_diagonal(before[row : row + 1])[0], bounding_diagonal(after[column : column + 1])[0])
        cost[row, column] = np.linalg.norm(before[row] - after[column], axis=1).mean() / scale
    best = min(sum(min(cost[order[c], c], 1) for c in range(4)) for order in itertools.permutations(range(4)))
    assert sum(cost[track, c] if track < 4 else 1.0 for c, track in enumerate(tracks)) == pytest.approx(best)


def test_beyond_the_gate_a_new_track_begins():
    pose = np.random.default_rng(0).uniform(0, 10, size=(1, 5, 2))
    size = float(bounding_diagonal(pose)[0])
    near, far = (track_persons([pose, pose + np.array([factor * size, 0])]) for factor in (0.9, 1.1))
    assert [int(tracks[0]) for tracks in near] == [0, 0]
    assert [int(tracks[0]) for tracks in far] == [0, 1]


@pytest.mark.parametrize(("gap", "same"), [(30, True), (31, False)])
def test_a_person_may_be_away_for_thirty_frames(gap, same):
    pose = np.random.default_rng(0).uniform(0, 10, size=(1, 5, 2))
    found = track_persons([pose, *[pose[:0]] * gap, pose])
    assert (int(found[-1][0]) == 0) is same


def test_only_common_joints_count():
    pose = np.random.default_rng(0).uniform(0, 10, size=(1, 6, 2))
    first, second = pose.copy(), pose.copy()
    first[0, 0] = np.nan
    second[0, 1] = np.nan
    assert [int(tracks[0]) for tracks in track_persons([first, second])] == [0, 0]
    first[0, 3:], second[0, :3] = np.nan, np.nan
    assert [int(tracks[0]) for tracks in track_persons([first, second])] == [0, 1]


def test_too_many_tracks_are_refused():
    frames = [np.full((1, 3, 2), 1000.0 * frame) + np.eye(3)[:, :2] for frame in range(5)]
    with pytest.raises(PoseError, match="over 3 tracks"):
        track_persons(frames, maximum_tracks=3)
