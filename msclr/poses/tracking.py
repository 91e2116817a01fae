"""Follow persons through a recording whose frames list them in any order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

from msclr.errors import MissingExtraError, PoseError

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]
Solver: TypeAlias = Callable[[FloatArray], tuple[IntArray, IntArray]]

MAXIMUM_GAP = 30
GATE = 1.0


@dataclass(slots=True)
class _Track:
    poses: FloatArray
    diagonal: float
    frame: int


def track_persons(
    frames: Sequence[FloatArray], *, gate: float = GATE, maximum_gap: int = MAXIMUM_GAP, maximum_tracks: int = 1000
) -> list[IntArray]:
    """Say which persons of successive frames are the same one.

    In each frame the persons are assigned to the tracks so that the sum of their distances is smallest (Hungarian
    method). The distance is the mean over the joints that both have, divided by the diagonal of the person's bounding
    box. Whoever is farther than `gate` from every track begins a new one. The order within a frame has no influence.

    Args:
        frames: For each frame the persons in it, [n, j, c], NaN where a joint is missing.
        gate: Largest distance between two sightings of one person, in diagonals of its bounding box.
        maximum_gap: A track that is not seen for more than this many frames ends.
        maximum_tracks: Refuse recordings with more tracks.

    Returns:
        For each frame [n] int64: the track of each person, numbered by first appearance.

    Raises:
        MissingExtraError: If SciPy is not installed.
        PoseError: If there are more than `maximum_tracks` tracks.

    Source:
        Kuhn, The Hungarian method for the assignment problem, 1955.

    Example:
        >>> left, right = np.zeros((2, 4, 2)), np.full((1, 4, 2), 50.0)
        >>> left[:] = np.arange(8).reshape(4, 2)
        >>> [track.tolist() for track in track_persons([np.stack([left[0], right[0]]), np.stack([right[0], left[1]])])]
        [[0, 1], [1, 0]]
    """
    solve = _load_solver()
    tracks: dict[int, _Track] = {}
    started = 0
    result: list[IntArray] = []
    for frame, poses in enumerate(frames):
        if not len(poses):
            result.append(np.zeros(0, dtype=np.int64))
            continue
        tracks = {name: track for name, track in tracks.items() if frame - track.frame <= maximum_gap + 1}
        diagonals = bounding_diagonal(poses)
        names = _matched(tracks, poses, diagonals, gate, solve)
        for new in np.flatnonzero(names < 0):
            names[new] = started
            started += 1
        if started > maximum_tracks:
            raise PoseError(
                f"over {maximum_tracks:,} tracks of persons by frame {frame}",
                expected="recordings in which persons can be followed",
                remedy="a larger limit, or person ids from the pose estimator",
            )
        for person, name in enumerate(names):
            tracks[int(name)] = _Track(poses[person], float(diagonals[person]), frame)
        result.append(names)
    return result


def _matched(
    tracks: Mapping[int, _Track], poses: FloatArray, diagonals: FloatArray, gate: float, solve: Solver
) -> IntArray:
    """Return the track of each pose [n, j, c]: [n] int64, -1 where none is near enough."""
    names = np.full(len(poses), -1, dtype=np.int64)
    if tracks:
        known = list(tracks)
        costs = np.stack([_distances(tracks[name], poses, diagonals) for name in known])
        costs = np.minimum(costs / gate, 1.0)  # beyond the gate nothing is gained by a match
        for row, column in zip(*solve(costs), strict=True):
            if costs[row, column] < 1.0:
                names[column] = known[row]
    return names


def bounding_diagonal(poses: FloatArray) -> FloatArray:
    """Return the diagonal of the bounding box of each pose [n, j, c]; 0 where no joint is known."""
    known = ~np.isnan(poses)
    high = np.where(known, poses, -np.inf).max(axis=1, initial=-np.inf)
    low = np.where(known, poses, np.inf).min(axis=1, initial=np.inf)
    extent = np.where(high >= low, high - np.where(high >= low, low, 0), 0)
    return cast(FloatArray, np.sqrt(np.square(extent).sum(axis=-1)))


def _distances(track: _Track, poses: FloatArray, diagonals: FloatArray) -> FloatArray:
    """Mean distance [n] over common joints in units of the diagonal; infinite without a common joint."""
    apart = np.sqrt(np.square(poses - track.poses).sum(axis=-1))
    common = ~np.isnan(apart)
    count = common.sum(axis=-1)
    mean = np.where(common, apart, 0).sum(axis=-1) / np.maximum(count, 1)
    scale = np.maximum(np.maximum(diagonals, track.diagonal), np.finfo(np.float32).tiny)
    return np.where(count > 0, mean / scale, np.inf)


def _load_solver() -> Solver:
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError:
        raise MissingExtraError(
            "several persons in a frame without person ids need SciPy to be followed", remedy='pip install "msclr[io]"'
        ) from None
    return cast("Solver", linear_sum_assignment)
