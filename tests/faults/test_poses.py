"""Faults B01 to B16 as far as the door of PoseSequence is concerned."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pose_door import poses, refused, take

from msclr import get_skeleton


@pytest.mark.parametrize("place", [np.s_[2, 1, 0], np.s_[2, 1], np.s_[2], np.s_[:, 3]])
def test_b01_nan_is_the_same_as_marked_invalid(place):
    array, known = poses(), np.ones((5, 4), bool)
    joint_place = place[:2] if isinstance(place, tuple) else place
    known[joint_place] = False
    marked = take(array, valid=known)
    array[place] = np.nan
    made = take(array)
    np.testing.assert_array_equal(made.valid[0], known)
    np.testing.assert_array_equal(made.positions, marked.positions)
    assert np.isfinite(made.positions).all()


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e30, -1e30, 1e300, 2e8])
def test_b02_infinite_and_absurd_coordinates(value):
    array = poses(2, 5, 4, 3)
    array[1, 3, 2, 1] = value
    refused("clip.npz", "frame 3", "person 1", "'c'", "coordinate y", array=array, source="clip.npz")
    refused("frame 3", "person 1", "'c'", array=torch.from_numpy(array))


def test_b03_frames_without_any_joint_are_masked():
    array = poses()
    array[1:3] = np.nan
    made = take(array)
    assert made.num_frames == 5
    np.testing.assert_array_equal(made.valid[0].any(axis=1), [True, False, False, True, True])


def test_b09_wrong_joint_count():
    refused("17 joints", "25 joints of 'kinect_v2_25'", "coco_17", array=poses(5, 17, 3), skeleton="kinect_v2_25")
    refused("no known skeleton has that many", array=poses(5, 999, 3), skeleton="kinect_v2_25")
    refused("0 joints", array=poses(5, 0, 3))


def test_b10_wrong_number_of_coordinates():
    refused("2D coordinates for the 3D skeleton", "dims=2", array=poses(5, 25, 2), skeleton="kinect_v2_25")
    refused("4 coordinates", "confidence=", array=poses(5, 4, 4))
    refused("1 coordinates", array=poses(5, 4, 1))
    refused(
        "3 values per joint for the 2D skeleton 'coco_17'", "confidence=", array=poses(5, 17, 3), skeleton="coco_17"
    )
    flat = get_skeleton("kinect_v2_25").replace(dims=2, unit="px", up="-y")
    assert take(poses(5, 25, 2), flat).dims == 2
    assert take(poses(5, 17, 3), "coco_17", unit="m").dims == 3


@pytest.mark.parametrize(
    ("shape", "layout"), [((5, 4, 2, 3), None), ((3, 5, 4, 1), None), ((3, 5, 4), None), ((2, 3, 5, 4), None)]
)
def test_b11_permuted_axes(shape, layout):
    refused("layout=", str(shape), array=poses(*shape), layout=layout)


def test_b11_wrong_number_of_axes():
    for shape in ((4, 3), (2, 2, 5, 4, 3), (), (12,)):
        refused(str(shape), "layout=", array=np.ones(shape))
    refused("2 clips", array=poses(2, 3, 5, 4, 1), layout="n c t v m")


def test_b13_zeros_that_mean_missing():
    array = poses(10, 4, 2)
    array[:3, 1:3] = 0
    with pytest.warns(UserWarning, match="15 % of the joints are exactly zero.*zeros_are_missing=True"):
        kept = take(array)
    assert kept.valid.all()
    dropped = take(array, zeros_are_missing=True)
    assert dropped.valid.sum() == 40 - 6
    assert not dropped.valid[0, :3, 1:3].any()
    # Whoever says what is missing is not warned: warnings are errors here.
    known = (array != 0).any(axis=-1)
    np.testing.assert_array_equal(take(array, valid=known).valid[0], known)
    np.testing.assert_array_equal(take(array, confidence=known.astype(float)).valid[0], known)


def test_b13_a_joint_with_one_zero_coordinate_is_there():
    array = poses(10, 4, 2)
    array[:, :, 0] = 0
    assert take(array, zeros_are_missing=True).valid.all()


def test_b13_the_joint_that_coordinates_are_relative_to_is_no_missing_joint():
    array = poses(10, 4, 3)
    array -= array[:, 1:2]
    assert take(array).valid.all()
    array[3, 2] = 0
    array[4:7, 1] = 1
    with pytest.warns(UserWarning, match="exactly zero"):
        take(array)


def test_b13_an_absent_second_person_warns():
    array = poses(2, 10, 4, 3)
    array[1] = 0
    with pytest.warns(UserWarning, match="50 %"):
        take(array)
    assert not take(array, zeros_are_missing=True).valid[1].any()


def test_b15_confidences():
    scores = np.full((5, 4), 0.5)
    for value, place in ((1.2, 0), (-0.1, 1), (np.inf, 2), (-np.inf, 3)):
        bad = scores.copy()
        bad[place, 1] = value
        refused("confidences", "0 to 1", confidence=bad)
    scores[1, 1] = 1.08
    with pytest.warns(UserWarning, match="clipped"):
        assert take(poses(), confidence=scores).confidence.max() == 1
    scores[1, 1] = np.nan
    made = take(poses(), confidence=scores)
    assert not made.valid[0, 1, 1]
    assert made.confidence[0, 1, 1] == 0
    assert made.valid.sum() == 19
    refused("confidence of shape", confidence=np.ones((5, 3)))
    refused("shape", confidence=np.ones((5, 4, 1)))
    refused("(4,)", confidence=np.ones(4))


@pytest.mark.parametrize("fps", [0, -30, np.nan, np.inf, 1e9, "30", True, [30], -0.0])
def test_b16_impossible_frame_rates(fps):
    refused("frame rate", repr(fps), fps=fps)


@pytest.mark.parametrize("fps", [None, 30, 29.97, np.float32(25), np.int64(60), 1e-3])
def test_b16_possible_frame_rates(fps):
    made = take(poses(), fps=fps).fps
    assert made is None if fps is None else type(made) is float
