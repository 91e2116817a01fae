"""Faults B17 to B20: arrays of every kind at the door of PoseSequence."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from pose_door import poses, refused, take

from msclr.errors import PoseError, PoseTypeError


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
