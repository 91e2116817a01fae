"""Poses for other programs: a long table with one row for each joint, and a plain .npy array."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from msclr.errors import PoseError
from msclr.io import guard
from msclr.io.atomic import atomic_file
from msclr.io.registry import PathLike
from msclr.poses.sequence import PoseSequence

IntArray: TypeAlias = npt.NDArray[np.intp]

COLUMNS = ("frame", "person", "joint", "x", "y", "z", "confidence")


def write_csv(sequence: PoseSequence, path: PathLike) -> None:
    """Write poses as a table: frame, person, joint, x, y, z, confidence; one row for each joint that is known.

    Missing joints have no row. `z` is empty for 2D poses and `confidence` where the producer gives none.

    Args:
        sequence: The poses.
        path: The file to write, in CSV; it appears complete or not at all.

    Raises:
        NotAFileError: If the folder is missing, read-only or full.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "clip.csv"
        >>> write_csv(PoseSequence.from_array(np.full((1, 17, 2), 0.5), "coco_17"), path)
        >>> path.read_text().splitlines()[:2]
        ['frame,person,joint,x,y,z,confidence', '0,0,nose,0.5,0.5,,']
    """
    place = guard.to_path(path)
    with atomic_file(place) as file:
        text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_rows(sequence))
        text.detach()  # flushes, and leaves the file open for atomic_file


def write_npy(sequence: PoseSequence, path: PathLike, *, scores: bool = False) -> None:
    """Write poses as one float32 array in a .npy file, as VideoPose3D and MotionBERT exchange them.

    Args:
        sequence: The poses, already in the convention wanted (`msclr.convert(sequence, "h36m_17")` for these two).
        path: The file to write; it appears complete or not at all.
        scores: Append the confidence as a last channel, and write missing joints as zeros, score included, as
            MotionBERT takes its 2D input; otherwise missing joints are NaN.

    The axes are t j c for one person and p t j c for several.

    Raises:
        PoseError: If scores are asked for and the poses are 3D.
        NotAFileError: If the folder is missing, read-only or full.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/clip.npy"
        >>> write_npy(PoseSequence.from_array(np.ones((5, 17, 2)), "coco_17"), path, scores=True)
        >>> np.load(path).shape
        (5, 17, 3)
    """
    known = sequence.valid[..., None]
    if scores:
        if sequence.dims != 2:
            raise PoseError("3D poses with scores", where=sequence.source, expected="2D poses, or scores=False")
        confidence = sequence.valid if sequence.confidence is None else sequence.confidence
        values = np.where(known, np.concatenate([sequence.positions, confidence[..., None]], axis=-1), 0)
    else:
        values = np.where(known, sequence.positions, np.float32("nan"))
    array: npt.NDArray[np.float32] = np.ascontiguousarray(values[0] if len(values) == 1 else values, dtype=np.float32)
    with atomic_file(guard.to_path(path)) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def scatter(
    places: tuple[IntArray, IntArray, IntArray], values: npt.NDArray[np.float32], shape: tuple[int, int, int], dims: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], npt.NDArray[np.float32] | None]:
    """Put the rows of a table where they belong.

    Args:
        places: Person, frame and joint of each row, inside `shape`.
        values: [n, dims] coordinates of each row, or [n, dims + 1] with the confidence.
        shape: Number of persons, frames and joints.
        dims: Number of coordinates.

    Returns:
        Positions [p, t, j, c] and mask [p, t, j], and confidence [p, t, j] if the rows have it.

    Example:
        >>> places = np.array([0]), np.array([1]), np.array([0])
        >>> positions, valid, confidence = scatter(places, np.array([[3.0, 4.0]], np.float32), (1, 2, 1), 2)
        >>> positions.tolist(), valid.tolist(), confidence
        ([[[[0.0, 0.0]], [[3.0, 4.0]]]], [[[False], [True]]], None)
    """
    positions, valid = np.zeros((*shape, dims), np.float32), np.zeros(shape, np.bool_)
    positions[places], valid[places] = values[:, :dims], True
    if values.shape[1] == dims:
        return positions, valid, None
    confidence = np.zeros(shape, np.float32)
    confidence[places] = values[:, dims]
    return positions, valid, confidence


def _rows(sequence: PoseSequence) -> Iterator[tuple[object, ...]]:
    for frame in range(sequence.num_frames):
        for person, joint in np.argwhere(sequence.valid[:, frame]).tolist():
            x, y, *z = map(_shortest, sequence.positions[person, frame, joint])
            score = "" if sequence.confidence is None else _shortest(sequence.confidence[person, frame, joint])
            yield (frame, sequence.person_ids[person], sequence.skeleton.joints[joint], x, y, z[0] if z else "", score)


def _shortest(value: np.float32) -> str:
    """Return the fewest digits that give the same float32 again."""
    return np.format_float_positional(value, trim="-") if 1e-4 <= abs(value) < 1e8 or not value else repr(float(value))
