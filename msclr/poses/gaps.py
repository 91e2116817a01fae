"""Fill what a detector lost for a moment."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from msclr.errors import PoseError
from msclr.poses.given import check_sequence
from msclr.poses.sequence import PoseSequence

SECONDS, FRAMES = 0.5, 15


def fill_gaps(sequence: PoseSequence, *, seconds: float | None = None, frames: int | None = None) -> PoseSequence:
    """Fill what is unknown for a short while, on a straight line between the frames before and after.

    Nothing in msclr does so by itself: what is filled counts as known from then on. Worth it where a detector loses
    joints now and then; what is missing for long, before a joint is first known or after it last is stays unknown.

    Args:
        sequence: Any recording.
        seconds: Longest gap that is filled; the frame rate must be known. Half a second if neither is given.
        frames: The same in frames; 15 if neither is given and the frame rate is not known.

    Returns:
        The recording; where it has confidences, filled ones lie between those of both sides.

    Raises:
        PoseTypeError: If `sequence` is not a PoseSequence.
        PoseError: If both are given, one is negative, or the frame rate is needed and not known.

    Example:
        >>> from msclr.samples import sample_paths
        >>> import msclr
        >>> squat = msclr.read(sample_paths()["uiprmd_deep_squat_kinect"])
        >>> valid = squat.valid.copy()
        >>> valid[0, 10:14, 5] = False
        >>> filled = fill_gaps(squat.replace(valid=valid))
        >>> bool(filled.valid.all()), float(abs(filled.positions - squat.positions).max()) < 0.05
        (True, True)
    """
    check_sequence(sequence)
    longest = _longest(sequence, seconds, frames)
    valid = sequence.valid
    time = np.arange(sequence.num_frames)[:, None]
    before = np.maximum.accumulate(np.where(valid, time, -1), axis=1)  # p t j: the last frame it is known in
    after = np.where(valid, time, sequence.num_frames)[:, ::-1]
    after = np.minimum.accumulate(after, axis=1)[:, ::-1]
    filled = ~valid & (before >= 0) & (after < sequence.num_frames) & (after - before - 1 <= longest)
    if not filled.any():
        return sequence
    person, frame, joint = filled.nonzero()
    first, last = before[filled], after[filled]
    share = ((frame - first) / (last - first)).astype(np.float32)

    def between(values: npt.NDArray[np.float32]) -> None:
        part = share.reshape(-1, *[1] * (values.ndim - 3))
        values[filled] = (1 - part) * values[person, first, joint] + part * values[person, last, joint]

    positions = sequence.positions.copy()
    between(positions)
    confidence = None if sequence.confidence is None else sequence.confidence.copy()
    if confidence is not None:
        between(confidence)
    return sequence.replace(positions=positions, valid=valid | filled, confidence=confidence)


def _longest(sequence: PoseSequence, seconds: float | None, frames: int | None) -> int:
    """Longest gap in frames."""
    if seconds is not None and frames is not None:
        raise PoseError("seconds and frames both given", where=sequence.source, expected="at most one of them")
    given = seconds if frames is None else frames
    if given is not None and not 0 <= given < math.inf:
        raise PoseError(f"gaps of {given}", where=sequence.source, expected="0 or more")
    if frames is not None:
        return int(frames)
    if sequence.fps is not None:
        return math.floor((SECONDS if seconds is None else seconds) * sequence.fps)
    if seconds is None:
        return FRAMES
    raise PoseError(
        f"gaps of {seconds} s in a recording whose frame rate is unknown",
        where=sequence.source,
        expected="the frame rate, or the longest gap in frames",
        remedy="fill_gaps(sequence, frames=15)",
    )
