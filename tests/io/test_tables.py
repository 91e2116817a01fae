"""Poses as a CSV table and as a plain array."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from msclr.errors import NotAFileError, PoseError
from msclr.io.registry import read
from msclr.io.tables import COLUMNS, write_csv, write_npy
from msclr.poses.sequence import PoseSequence

RNG = np.random.default_rng(0)


def clip(dims: int = 2, persons: int = 2) -> PoseSequence:
    values = RNG.uniform(-900, 900, size=(persons, 4, 17, dims)) * 10.0 ** RNG.integers(-7, 3, size=(persons, 4, 17, 1))
    values[-1, 2:] = np.nan
    return PoseSequence.from_array(
        values,
        "coco_17" if dims == 2 else "h36m_17",
        confidence=RNG.uniform(0.1, 1, size=(persons, 4, 17)) if dims == 2 else None,
        person_ids=["a", 'b, "the other"'][:persons],
    )


@pytest.mark.parametrize("dims", [2, 3])
def test_csv_has_every_known_joint_to_the_last_digit(tmp_path, dims):
    given = clip(dims)
    write_csv(given, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == int(given.valid.sum())
    seen = np.zeros_like(given.valid)
    for row in rows:
        place = (
            given.person_ids.index(row["person"]),
            int(row["frame"]),
            given.skeleton.joints.index(row["joint"]),
        )
        seen[place] = True
        point = [np.float32(row[axis]) for axis in "xyz"[:dims]]
        np.testing.assert_array_equal(point, given.positions[place])
        if dims == 2:
            assert row["z"] == ""
            assert np.float32(row["confidence"]) == given.confidence[place]
        else:
            assert row["confidence"] == ""
    np.testing.assert_array_equal(seen, given.valid)


def test_npy_comes_back_with_its_mask(tmp_path):
    given = clip(3)
    write_npy(given, tmp_path / "a.npy")
    back = read(tmp_path / "a.npy", skeleton="h36m_17")
    np.testing.assert_array_equal(back.positions, given.positions)
    np.testing.assert_array_equal(back.valid, given.valid)


def test_npy_with_scores_is_x_y_score_with_zeros_for_missing(tmp_path):
    given = clip(2, persons=1)
    write_npy(given, tmp_path / "a.npy", scores=True)
    array = np.load(tmp_path / "a.npy")
    assert (array.shape, array.dtype) == ((4, 17, 3), np.float32)
    np.testing.assert_array_equal(array[..., :2], given.positions[0])
    np.testing.assert_array_equal(array[..., 2], given.confidence[0])
    assert not array[2:].any()
    with pytest.raises(PoseError, match="3D poses with scores"):
        write_npy(clip(3), tmp_path / "b.npy", scores=True)


def test_a_folder_that_is_missing_and_a_name_that_is_no_text(tmp_path):
    for write in (write_csv, write_npy):
        with pytest.raises(NotAFileError, match="cannot write"):
            write(clip(), tmp_path / "missing" / "a")
    odd = PoseSequence.from_array(np.full((1, 17, 2), 0.5), "coco_17", person_ids=["\udc80"])
    write_csv(odd, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines()[1] == r"0,\udc80,nose,0.5,0.5,,"
