"""What all live results share: arrays of any library, tables of joints, and errors about poses rather than files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, FileLimitError, PoseError
from msclr.io.instances import Instance, to_sequence
from msclr.io.limits import ReadLimits
from msclr.io.registry import ReadOptions
from msclr.poses import arrays
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import SkeletonSpec

FloatArray = npt.NDArray[np.float32]

# Results in memory have been paid for: only the number of persons and frames stays limited.
LIMITS = ReadLimits(maximum_growth=1000, free_bytes=2**28)


@contextmanager
def about_poses() -> Iterator[None]:
    """Turn errors about files, of code that readers share, into errors about poses."""
    try:
        yield
    except (FileFormatError, FileLimitError) as error:
        raise PoseError(error.found, where=error.where, expected=error.expected, remedy=error.remedy) from None


def persons_array(value: object, axes: str, where: str) -> FloatArray:
    """Return an array of persons, of any array library; nobody ([0, 0, 0]) where it has no element.

    Args:
        value: The array.
        axes: The names of its axes, for example "person joint coordinate".
        where: The place, for messages.

    Raises:
        PoseError: If it has another number of axes.
        PoseTypeError: If it is no array of real numbers.
    """
    values = arrays.to_numpy(value, where)
    count = len(axes.split())
    if not values.size:
        return np.zeros((0,) * count, dtype=np.float32)
    if values.ndim != count:
        raise PoseError(f"an array of shape {values.shape}", where=where, expected=f"axes {axes}")
    return values


def joint_table(positions: FloatArray, scores: FloatArray | None, where: str, *, zeros: bool) -> FloatArray:
    """Return positions [j, c] and scores [j] of one person as a table [j, c + 1]: NaN and score 0 where missing.

    Args:
        positions: NaN marks a missing joint.
        scores: NaN, 0 and below mark a missing joint; None: all are 1.
        where: The place, for messages.
        zeros: A joint with all coordinates 0 is missing.

    Raises:
        PoseError: If a coordinate or score is infinite or absurdly large.
    """
    table = np.column_stack([positions, np.ones(len(positions), np.float32) if scores is None else scores])
    if (np.abs(np.nan_to_num(table, nan=0.0, posinf=np.inf, neginf=-np.inf)) > arrays.MAXIMUM_COORDINATE).any():
        raise PoseError("an infinite or absurdly large value", where=where, expected="coordinates and scores")
    missing = np.isnan(table).any(axis=1) | (table[:, -1] <= 0)
    if zeros:
        missing |= (table[:, :-1] == 0).all(axis=1)
    table[missing, :-1] = np.nan
    table[missing, -1] = 0
    return table.astype(np.float32)


def join(
    instances: Sequence[Instance],
    skeleton: SkeletonSpec,
    *,
    frames: int | Sequence[int],
    fps: float | None,
    source: str,
    scored: bool,
    unit: str | None = None,
    up: str | None = None,
) -> PoseSequence:
    """Join the persons of all frames into one recording.

    Args:
        instances: The persons.
        skeleton: The joint convention.
        frames: How many frames there are, or their numbers: gaps in these stay gaps.
        fps: Frames per second.
        source: The recording, for messages.
        scored: Whether the scores are to be kept as confidence.
        unit, up: Override the skeleton's.

    Raises:
        PoseError: If there are no frames, or the persons do not fit the skeleton or each other.
    """
    numbers = range(frames) if isinstance(frames, int) else frames
    if not numbers:
        raise PoseError("no frames", where=source, expected="the results of at least one frame")
    for instance in instances:
        if len(instance.table) != skeleton.num_joints:
            raise arrays.wrong_joint_count(len(instance.table), skeleton, f"{source}, frame {instance.frame}")
    with about_poses():
        sequence = to_sequence(
            instances,
            skeleton,
            numbers_of_frames=numbers,
            size=sum(instance.table.nbytes for instance in instances),
            where=source,
            options=ReadOptions(fps=fps, unit=unit, up=up, limits=LIMITS),
        )
    return sequence if scored else sequence.replace(confidence=None)
