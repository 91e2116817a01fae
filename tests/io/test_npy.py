"""Single NumPy arrays, parsed without NumPy's unpickler."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msclr.errors import FileFormatError, FileLimitError, PoseError
from msclr.io.npy import parse_npy
from msclr.io.registry import read


def npy_bytes(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


@given(
    shape=st.lists(st.integers(0, 4), max_size=4),
    dtype=st.sampled_from(["<f4", ">f8", "<f2", "|u1", "<i8", ">i4", "|b1"]),
    fortran=st.booleans(),
    version=st.sampled_from([(1, 0), (2, 0), (3, 0)]),
)
@settings(max_examples=60)
def test_parsing_equals_numpy(shape, dtype, fortran, version):
    values = np.random.default_rng(0).integers(0, 2, size=shape).astype(dtype)
    data = npy_bytes(np.asfortranarray(values) if fortran else values, version)
    parsed = parse_npy(data, "x.npy")
    expected = np.load(io.BytesIO(data))
    assert parsed.dtype == expected.dtype
    np.testing.assert_array_equal(parsed, expected)


@pytest.mark.parametrize(
    "array",
    [
        np.array([{"a": 1}], dtype=object),
        np.array(["text"]),
        np.array([1j]),
        np.zeros(2, dtype=[("x", "f4"), ("y", "f4")]),
        np.array(["2020-01-01"], dtype="M8[D]"),
    ],
)
def test_other_types_are_refused(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    with pytest.raises(FileFormatError, match=r"real numbers"):
        parse_npy(file.getvalue(), "x.npy")


def test_the_size_must_fit_the_header_exactly():
    data = npy_bytes(np.ones((3, 4), np.float32))
    for wrong in (data[:-1], data + b"\0", data[:20], data[:7], b""):
        with pytest.raises(FileFormatError):
            parse_npy(wrong, "x.npy")


def test_a_header_that_claims_much_is_refused_before_allocation():
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999, 99999), }\n"
    with pytest.raises(FileFormatError, match="expected 399,995,999,999,600,004 for shape"):
        parse_npy(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0" * 16, "x.npy")
    with pytest.raises(FileLimitError, match="header"):
        parse_npy(b"\x93NUMPY\x02\x00" + b"\xff\xff\xff\x7f" + text, "x.npy")


@pytest.mark.parametrize(("shape", "persons"), [((6, 17, 2), 1), ((2, 6, 17, 2), 2)])
def test_three_axes_are_one_person_and_four_are_several(tmp_path, shape, persons):
    values = np.random.default_rng(0).normal(size=shape)
    np.save(tmp_path / "a.npy", values)
    sequence = read(tmp_path / "a.npy", skeleton="coco_17", fps=30)
    assert (sequence.num_persons, sequence.num_frames) == (persons, 6)
    np.testing.assert_allclose(sequence.positions.reshape(shape), values.astype(np.float32))


def test_the_skeleton_must_be_named(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((6, 17, 2)))
    with pytest.raises(PoseError, match=r"without a joint convention; expected skeleton="):
        read(tmp_path / "a.npy")


def test_a_third_value_is_not_guessed_to_be_a_score(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((6, 17, 3)))
    with pytest.raises(PoseError, match=r"3 values per joint.*confidence="):
        read(tmp_path / "a.npy", skeleton="coco_17")


@pytest.mark.parametrize("shape", [(17, 2), (6,), (1, 2, 6, 17, 2), ()])
def test_other_numbers_of_axes_are_refused(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.ones(shape))
    with pytest.raises(PoseError, match="3 axes"):
        read(tmp_path / "a.npy", skeleton="coco_17")


def test_another_number_of_joints_names_what_fits(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((6, 25, 3)))
    with pytest.raises(PoseError, match=r"25 joints.*kinect_v2_25"):
        read(tmp_path / "a.npy", skeleton="kinect_v1_20")


def test_letters_of_types_that_numpy_has_given_up_are_refused_without_its_warning():
    data = io.BytesIO()
    np.save(data, np.array([b"left", b"right"]))
    content = data.getvalue().replace(b"'|S5'", b"'|a5'")
    assert b"'|a5'" in content
    with pytest.raises(FileFormatError, match=r"values of type '\|a5'"):
        parse_npy(content, "names.npy", text=True)
