from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.published_lines import cros, half_pixel
from strategies import standing_person

from msclr import PoseSequence, read
from msclr.errors import PoseError, SkeletonError
from msclr.io.ntu import read_bodies
from msclr.poses.cros_line import cros_line, first_bodies, known_length, prepare_array, resize_time, turn_each_frame


def bodies(seed=0, frames=37, second=True):
    clip = np.random.default_rng(seed).normal(size=(2, frames, 25, 3))
    if not second:
        clip[1] = 0
    return clip


@settings(max_examples=30)
@given(st.integers(0, 99), st.integers(1, 90), st.sampled_from([1, 7, 50, 64]))
def test_resizing_equals_half_pixel_interpolation(seed, length, frames):
    values = np.random.default_rng(seed).normal(size=length)
    np.testing.assert_allclose(resize_time(values[None], frames)[0], half_pixel(list(values), frames), atol=1e-12)


def test_resizing_by_hand():
    # 3 frames to 4: the new ones stand at -0.125, 0.625, 1.375 and 2.125
    assert resize_time(np.array([[0.0, 8.0, 24.0]]), 4).tolist() == [[0.0, 5.0, 14.0, 24.0]]
    # 5 to 2: at 0.75 and 3.25
    assert resize_time(np.array([[0.0, 4.0, 0.0, 8.0, 16.0]]), 2).tolist() == [[3.0, 10.0]]
    assert resize_time(np.array([[7.0]]), 3).tolist() == [[7.0, 7.0, 7.0]]


def test_resizing_to_the_same_length_changes_nothing():
    clip = bodies()
    np.testing.assert_array_equal(resize_time(clip, 37), clip)


def test_resizing_from_or_to_nothing_is_refused():
    for length, frames in ((0, 50), (5, 0)):
        with pytest.raises(PoseError, match="expected at least 1 of both"):
            resize_time(np.zeros((1, length)), frames)


@pytest.mark.parametrize("frames", [50, 64])
@pytest.mark.parametrize("second", [True, False])
def test_the_line_equals_the_naive_one(frames, second):
    clip = bodies(second=second)
    clip[1, 20:] = 0
    clip = np.concatenate((clip, np.zeros((2, 11, 25, 3))), axis=1)
    expected = cros(clip.transpose(1, 2, 3, 0), frames).transpose(3, 0, 1, 2)
    got = prepare_array(clip, frames=frames)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert not got[:, :, 20].any()
    assert got[1].any() == second


def test_only_as_many_frames_count_as_person_1_is_in():
    clip = bodies(frames=10)
    clip[0, 4] = 0
    assert known_length(clip) == 9
    other = clip.copy()
    other[:, 9] = 7  # frame 4 counts, though it is empty, and the last one does not
    np.testing.assert_array_equal(prepare_array(clip), prepare_array(other))


def test_shoulders_point_along_x_when_they_stay_on_one_side():
    clip = bodies()
    clip[:, :, 8] = clip[:, :, 4] + np.random.default_rng(1).uniform(0.2, 1, size=(2, 37, 3)) * (-1, 1, 1)
    for depth in (1, -1):
        turned = turn_each_frame(clip * (1, 1, depth))
        line = turned[:, :, 8] - turned[:, :, 4]
        np.testing.assert_allclose(line[..., 2], 0, atol=2e-2)  # the 1e-4 turns a little too little
        assert (line[..., 0] > 0).all()
        np.testing.assert_allclose(np.linalg.norm(turned, axis=-1), np.linalg.norm(clip, axis=-1))


def test_the_first_two_bodies_of_each_frame_count_in_file_order():
    positions = np.arange(12.0).reshape(3, 4, 1, 1) + 1
    present = np.array([[1, 0, 0, 0], [1, 1, 0, 1], [1, 1, 0, 0]], bool)
    chosen = first_bodies(positions, present)[..., 0, 0]
    assert chosen.tolist() == [[1, 6, 0, 8], [5, 10, 0, 0]]


def test_a_recording_goes_the_same_way_as_an_array():
    clip = bodies(frames=40).astype(np.float32)
    clip[1, 30:] = np.nan
    recording = PoseSequence.from_array(clip, "kinect_v2_25", fps=30)
    got = cros_line(recording, frames=64)
    expected = prepare_array(np.nan_to_num(clip), frames=64)
    assert (got.num_frames, got.num_persons, got.unit, got.up, got.fps) == (64, 2, "m", "+y", 48.0)
    before_the_end = 30 * 64 // 40 - 1
    np.testing.assert_allclose(got.positions[0], expected[0], atol=1e-6)
    left_later = np.linalg.norm(got.positions[1, :before_the_end] - expected[1, :before_the_end], axis=-1)
    assert left_later.max() < 1e-5
    assert not got.valid[1, 49:].any()


def test_real_recordings_go_the_same_way_as_their_files(data_root):
    compared = 0
    for path in sorted((data_root / "raw" / "ntu").glob("*.skeleton")):
        recording = read(path)
        if recording.valid.all():  # in the other one the bodies change places when the second one comes
            got, expected = cros_line(recording), prepare_array(read_bodies(path))
            np.testing.assert_allclose(got.positions, expected[: got.num_persons], atol=1e-5)
            compared += 1
    assert compared == 12


def test_millimetres_and_another_up_axis_make_no_difference():
    clip = standing_person("kinect_v2_25", frames=20)
    high = np.stack((clip.positions[..., 0], -clip.positions[..., 2], clip.positions[..., 1]), axis=-1)
    other = PoseSequence.from_array(high * 1000, "kinect_v2_25", unit="mm", up="+z")
    np.testing.assert_allclose(cros_line(other).positions, cros_line(clip).positions, atol=1e-5)


def test_a_missing_joint_does_not_move_the_others():
    clip = standing_person("kinect_v2_25", frames=20, persons=1)
    valid = clip.valid.copy()
    valid[0, 5:9, [4, 11]] = False
    lying = clip.positions.copy()
    lying[~valid] = 1e4
    plain, holes = cros_line(clip), cros_line(clip.replace(positions=lying, valid=valid))
    assert 0 < (~holes.valid).sum() < 20
    assert np.isfinite(holes.positions).all()
    assert np.abs(holes.positions).max() < 3
    np.testing.assert_allclose(holes.positions[0, :8], plain.positions[0, :8], atol=1e-6)


def test_persons_who_never_meet_share_a_slot():
    clip = np.full((2, 10, 25, 3), np.nan)
    clip[0, :5], clip[1, 5:] = bodies(1, 5)[0], bodies(2, 5)[0]
    got = cros_line(PoseSequence.from_array(clip, "kinect_v2_25"))
    assert got.num_persons == 1
    assert got.valid.all()


def test_what_the_line_cannot_do_is_refused():
    with pytest.raises(PoseError, match="a 2D recording; expected 3D"):
        cros_line(standing_person("coco_17", dims=2))
    with pytest.raises(PoseError, match="person 1 is in none of the frames"):
        prepare_array(np.zeros((2, 5, 25, 3)))
    clip = standing_person("kinect_v2_25", frames=6)
    with pytest.raises(PoseError, match="no joint is known in any of 6 frames"):
        cros_line(clip.replace(valid=np.zeros_like(clip.valid)))
    valid = clip.valid.copy()
    valid[:, :, 20] = False
    with pytest.raises(PoseError, match="joint 'thorax' is not known in any frame"):
        cros_line(clip.replace(valid=valid))
    hand = standing_person("mediapipe_hand_21")
    with pytest.raises(SkeletonError, match="has no trunk"):
        cros_line(hand)
