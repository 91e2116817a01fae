"""Faults B01 to B20 as far as the door of PoseSequence is concerned."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from msclr import PoseSequence, SkeletonSpec, get_skeleton
from msclr.errors import PoseError, PoseTypeError

FOUR = SkeletonSpec("four", ("a", "b", "c", "d"), (-1, 0, 1, 2))


def poses(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape or (5, 4, 3)) + 3


def take(array, skeleton=FOUR, **options):
    return PoseSequence.from_array(array, skeleton, **options)


def refused(*words, array=None, skeleton=FOUR, error=PoseError, **options):
    with pytest.raises(error) as caught:
        take(poses() if array is None else array, skeleton, **options)
    message = str(caught.value)
    assert all(word in message for word in words), message


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


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ">f8", ">f4", ">i2", "i4", "i8", "u1", "g"])
def test_b17_real_numbers_of_any_kind(dtype):
    array = np.round(poses() * 4)
    made = take(array.astype(dtype))
    assert made.positions.dtype == np.dtype("=f4")
    np.testing.assert_array_equal(made.positions[0], array.astype(dtype).astype(float))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int32, torch.uint8])
def test_b17_tensors_of_any_kind(dtype):
    array = torch.from_numpy(np.round(poses() * 4)).to(dtype)
    made = take(array)
    assert made.positions.dtype == np.float32
    np.testing.assert_array_equal(made.positions[0], array.double().numpy())


@pytest.mark.parametrize(
    "array",
    [
        poses().astype(complex),
        poses().astype(object),
        poses().astype(str),
        np.zeros((5, 4), dtype=[("x", "f4"), ("y", "f4"), ("z", "f4")]),
        np.zeros((5, 4, 3), dtype="M8[s]"),
        torch.zeros(5, 4, 3, dtype=torch.complex64),
        torch.zeros(5, 4, 3).to_sparse(),
        np.ma.masked_array(poses().astype(complex)),
        None,
        "poses",
        {"a": 1},
        b"poses",
        object(),
        iter([1.0]),
    ],
    ids=lambda array: f"{type(array).__name__} {getattr(array, 'dtype', '')}",
)
def test_b17_no_real_numbers(array):
    with pytest.raises(PoseTypeError):
        take(array)


def test_b17_float64_beyond_float32_is_infinite_not_a_warning():
    refused("frame 0", array=np.full((5, 4, 3), 1e200))


def awkward_arrays():
    base = np.round(poses() * 4).astype(np.float32)
    locked = base.copy()
    locked.setflags(write=False)
    doubled = np.repeat(np.repeat(base, 2, axis=0), 2, axis=2)
    return {
        "read-only": locked,
        "strided": doubled[::2, :, ::2],
        "backwards": base[::-1].copy()[::-1],
        "fortran": np.asfortranarray(base),
        "zero stride": np.broadcast_to(base[:1], (5, 4, 3)),
        "unaligned": np.frombuffer(b"\0" + base.tobytes(), dtype=np.uint8)[1:].view(np.float32).reshape(5, 4, 3),
    }


@pytest.mark.parametrize("kind", list(awkward_arrays()))
def test_b18_memory_of_any_form(kind):
    array = awkward_arrays()[kind]
    before = array.copy()
    made = take(array, zeros_are_missing=True)
    np.testing.assert_array_equal(made.positions[0], before)
    np.testing.assert_array_equal(array, before)
    assert made.positions.flags.c_contiguous
    assert not np.shares_memory(made.positions, array)


def test_b19_tensors_with_gradient_or_in_inference_mode():
    tensor = torch.from_numpy(poses()).requires_grad_()
    expected = take(tensor.detach().numpy())
    np.testing.assert_array_equal(take(tensor * 1).positions, expected.positions)
    with torch.inference_mode():
        np.testing.assert_array_equal(take(tensor * 1).positions, expected.positions)
    scores = torch.full((5, 4), 0.5, requires_grad=True)
    assert (take(tensor, confidence=scores, valid=torch.ones(5, 4, dtype=torch.bool)).confidence == 0.5).all()
    assert tensor.requires_grad


class Bridge:
    """What pandas and xarray objects are to numpy: something that can be made an array."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype)


def test_b20_masked_arrays_and_bridges():
    array = poses()
    mask = np.zeros(array.shape, bool)
    mask[2, 1, 0] = mask[3] = True
    masked = np.ma.masked_array(array, mask)
    made = take(masked)
    np.testing.assert_array_equal(made.valid[0], ~mask.any(axis=-1))
    np.testing.assert_array_equal(take(np.ma.masked_array(array)).positions, take(array).positions)
    whole_numbers = np.ma.masked_array(np.ones((5, 4, 3), int), mask)
    np.testing.assert_array_equal(take(whole_numbers).valid, made.valid)
    np.testing.assert_array_equal(masked.mask, mask)
    np.testing.assert_array_equal(take(Bridge(array)).positions, take(array).positions)
    np.testing.assert_array_equal(take(array.tolist()).positions, take(array).positions)
    np.testing.assert_array_equal(take(tuple(map(tuple, array))).positions, take(array).positions)


def test_b20_pandas_and_xarray():
    array = poses()
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(array.reshape(5, 12))
    refused("(5, 12)", array=frame)
    np.testing.assert_array_equal(take(frame.to_numpy().reshape(5, 4, 3)).positions, take(array).positions)
    xarray = pytest.importorskip("xarray")
    np.testing.assert_array_equal(take(xarray.DataArray(array)).positions, take(array).positions)


def ragged():
    lists = [poses().tolist() for _ in range(6)]
    del lists[0][2][1][2]
    del lists[1][3][0]
    lists[2][1] = 5.0
    lists[3][4][3][1] = "left"
    lists[4][0][1][2] = 10**400
    lists[5][1][1] = [[1.0], [2.0], [3.0]]
    return list(zip(lists, ("[2][1]", "[3]", "[1]", "[4][3][1]", "[0][1][2]", "[1][1]"), strict=True))


@pytest.mark.parametrize(("array", "place"), ragged())
def test_b20_ragged_lists_name_the_first_bad_index(array, place):
    refused(place, array=array)


def test_b20_endless_nesting():
    array: list[object] = []
    for _ in range(100_000):
        array = [array]
    refused(array=array)
    circular: list[object] = [1.0]
    circular.append(circular)
    refused(array=circular)
    while array:
        array = array.pop()


def test_b20_none_in_lists_is_no_number():
    array = poses().tolist()
    array[1][1] = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(array=array, error=(PoseError, PoseTypeError))
