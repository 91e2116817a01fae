from __future__ import annotations

import numpy as np
import pytest
from oracles.published_lines import isc
from strategies import standing_person

from msclr import PoseSequence, read
from msclr.errors import PoseError, SkeletonError
from msclr.io.ntu import read_bodies
from msclr.poses.isc_line import central_frames, fill_frames, isc_line, most_moving, prepare_array, stand_up


def bodies(seed=0, frames=41, slots=3):
    random = np.random.default_rng(seed)
    return random.normal(size=(slots, frames, 25, 3)) * random.uniform(0.5, 2, size=(slots, 1, 1, 1))


@pytest.mark.parametrize("seed", range(4))
def test_the_line_equals_the_naive_one(seed):
    clip = bodies(seed, slots=4)
    clip[0, :7] = 0  # comes later
    clip[1, 30:] = 0  # goes earlier
    clip[2, 12:15] = 0  # a gap
    clip[3] = 0
    clip[1, 3, 9] = 0  # a missing joint
    got = prepare_array(clip, length=100)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, isc(clip, 100), atol=1e-6)


def test_one_person_leaves_the_second_slot_empty():
    got = prepare_array(bodies(slots=1))
    assert got.shape == (2, 300, 25, 3)
    assert not got[1].any()
    np.testing.assert_allclose(got[0, 41:82], got[0, :41], atol=1e-6)
    np.testing.assert_allclose(got[:, :, 1], 0, atol=1e-7)


def test_the_two_who_move_most_are_kept_and_the_first_four_compared():
    clip = np.stack([np.random.default_rng(slot).normal(size=(5, 25, 3)) * size for slot, size in enumerate((2, 1, 3))])
    np.testing.assert_array_equal(most_moving(clip), clip[[2, 0]])
    fifth = np.concatenate((clip, np.zeros((1, 5, 25, 3)), clip[2:] * 10))
    np.testing.assert_array_equal(prepare_array(fifth), prepare_array(clip))


def test_empty_frames_do_not_count_for_the_spread():
    near = np.random.default_rng(0).normal(size=(1, 6, 25, 3)) + 9
    far = np.random.default_rng(1).normal(size=(1, 6, 25, 3)) * 0.8 + 9
    far[:, ::2] = 0
    np.testing.assert_array_equal(most_moving(np.concatenate((far, near)), 1), near)


def test_a_person_alone_in_the_last_frame_stays_for_the_whole_clip():
    clip = np.zeros((1, 5, 1, 3))
    clip[0, 4] = 7
    assert (fill_frames(clip) == 7).all()


def test_the_first_frame_stands_upright_with_shoulders_along_x():
    turned = stand_up(bodies())[0, 0]
    line = turned[8] - turned[4]
    np.testing.assert_allclose(line / np.linalg.norm(line), (1, 0, 0), atol=1e-12)
    level = bodies()
    spine = level[0, 0, 1] - level[0, 0, 0]
    level[0, 0, 8] = level[0, 0, 4] + np.cross(spine, (0, 1, 0))
    turned = stand_up(level)[0, 0]
    np.testing.assert_allclose((turned[1] - turned[0])[:2], 0, atol=1e-12)
    assert turned[1, 2] > turned[0, 2]


@pytest.mark.parametrize("spine", [(0, 0, 1), (0, 0, -1)])
def test_a_spine_along_z_already_is_no_trouble(spine):
    clip = bodies()
    clip[0, 0, 1] = clip[0, 0, 0] + spine
    clip[0, 0, 8] = clip[0, 0, 4] + (-1, 0, 0)
    turned = stand_up(clip)
    np.testing.assert_allclose(turned[0, 0, 1] - turned[0, 0, 0], (0, 0, 1), atol=1e-9)
    np.testing.assert_allclose(turned[0, 0, 8] - turned[0, 0, 4], (1, 0, 0), atol=1e-9)
    distances = [np.linalg.norm(each[:, :, 3] - each[:, :, 17], axis=-1) for each in (clip, turned)]
    np.testing.assert_allclose(*distances)


def test_turning_does_not_depend_on_where_the_persons_stand():
    clip = bodies(slots=2)
    np.testing.assert_allclose(prepare_array(clip + np.array([3, -1, 2])), prepare_array(clip), atol=1e-5)


def test_longer_clips_lose_as_much_on_both_sides():
    assert central_frames(301) == slice(0, 300)
    assert central_frames(304) == slice(2, 302)
    clip = bodies(frames=310)
    np.testing.assert_array_equal(prepare_array(clip), prepare_array(clip[:, 5:305]))


def test_a_recording_goes_the_same_way_as_an_array():
    clip = bodies(frames=40, slots=3).astype(np.float32)
    clip[0, :6] = np.nan
    clip[2, 31:] = np.nan
    got = isc_line(PoseSequence.from_array(clip, "kinect_v2_25", fps=30))
    expected = prepare_array(np.nan_to_num(clip), length=40)
    np.testing.assert_allclose(got.positions, expected, atol=1e-5)
    assert got.valid.all()
    assert (got.unit, got.up, got.fps, got.num_frames) == ("m", "+z", 30, 40)


def test_real_recordings_go_the_same_way_as_their_files(data_root):
    compared = 0
    for path in sorted((data_root / "raw" / "ntu").glob("*.skeleton")):
        recording = read(path)
        if recording.valid.all():  # in the other one the bodies change places when the second one comes
            expected = prepare_array(read_bodies(path, 4), length=recording.num_frames)
            got = isc_line(recording)
            np.testing.assert_allclose(got.positions, expected[: got.num_persons], atol=1e-5)
            compared += 1
    assert compared == 12


def test_millimetres_and_another_up_axis_make_no_difference():
    clip = standing_person("kinect_v2_25", frames=20)
    high = np.stack((clip.positions[..., 0], -clip.positions[..., 2], clip.positions[..., 1]), axis=-1)
    other = PoseSequence.from_array(high * 1000, "kinect_v2_25", unit="mm", up="+z")
    np.testing.assert_allclose(isc_line(other).positions, isc_line(clip).positions, atol=1e-5)


def test_a_missing_joint_does_not_move_the_others():
    clip = standing_person("kinect_v2_25", frames=20)
    valid = clip.valid.copy()
    valid[0, 5:9, [1, 8]] = False
    lying = np.where(valid[..., None], clip.positions, np.float32(1e4))
    plain, holes = isc_line(clip), isc_line(clip.replace(positions=lying, valid=valid))
    np.testing.assert_array_equal(holes.valid, valid)
    for frames in (slice(0, 5), slice(9, 20)):
        np.testing.assert_allclose(holes.positions[:, frames], plain.positions[:, frames], atol=1e-5)
    assert np.abs(holes.positions).max() < 3


def test_what_the_line_cannot_do_is_refused():
    with pytest.raises(PoseError, match="nobody in any of the frames"):
        prepare_array(np.zeros((2, 5, 25, 3)))
    with pytest.raises(PoseError, match="a 2D recording; expected 3D"):
        isc_line(standing_person("coco_17", dims=2))
    with pytest.raises(SkeletonError, match="has none of the joints pelvis"):
        isc_line(standing_person("coco_17"))
    clip = standing_person("kinect_v2_25", frames=6)
    valid = clip.valid.copy()
    valid[:, :, 8] = False
    for known in (valid, np.zeros_like(valid)):
        with pytest.raises(PoseError, match="in no frame together"):
            isc_line(clip.replace(valid=known))
