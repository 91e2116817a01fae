"""Change the number of frames, without ever averaging in a coordinate that was not seen."""

from __future__ import annotations

import torch
from torch import Tensor

from msclr.errors import PoseError
from msclr.poses.given import check_sequence
from msclr.poses.sequence import PoseSequence, check_fps


def resample(sequence: PoseSequence, *, fps: float | None = None, frames: int | None = None) -> PoseSequence:
    """Bring a recording to another frame rate, or to a number of frames.

    Args:
        sequence: Any recording with at least one frame.
        fps: New frame rate; the recording's own must be known.
        frames: New number of frames, spread evenly from the first to the last.

    Returns:
        The recording, linearly interpolated; a joint is known where the nearer of its two neighbours in time is.

    Raises:
        PoseTypeError: If `sequence` is not a PoseSequence.
        PoseError: If not exactly one of `fps` and `frames` is given, or the recording has no frames or no frame rate.

    Example:
        >>> import numpy as np
        >>> clip = PoseSequence.from_array(np.arange(3 * 17 * 2).reshape(3, 17, 2) + 1, "coco_17", fps=10)
        >>> resample(clip, frames=5).positions[0, :, 0, 0].tolist()
        [1.0, 18.0, 35.0, 52.0, 69.0]
    """
    check_sequence(sequence)
    if (fps is None) == (frames is None):
        raise PoseError("fps and frames both given, or neither", where=sequence.source, expected="exactly one of them")
    if sequence.num_frames == 0:
        raise PoseError("a recording of 0 frames", where=sequence.source, expected="at least 1 frame")
    if frames is None:
        if sequence.fps is None:
            raise PoseError(
                "the frame rate of the recording is unknown",
                where=sequence.source,
                expected="fps",
                remedy="sequence.replace(fps=30.0)",
            )
        rate = check_fps(fps, sequence.source)
        frames = max(1, round((sequence.num_frames - 1) * float(rate or 1.0) / sequence.fps) + 1)
    if frames < 1:
        raise PoseError(f"frames={frames}", where=sequence.source, expected="at least 1")
    steps = max(sequence.num_frames - 1, 1)
    new_fps = None if sequence.fps is None else sequence.fps * max(frames - 1, 1) / steps
    times = torch.linspace(0, sequence.num_frames - 1, frames, dtype=torch.float64)
    return sample_sequence(sequence, times, new_fps)


def sample_sequence(sequence: PoseSequence, times: Tensor, fps: float | None) -> PoseSequence:
    """Return a recording at times [n] given in its frames, with the frame rate `fps`; see `sample_at`."""
    valid = torch.tensor(sequence.valid)
    times = times.expand(*valid.shape[:-2], len(times))
    positions, known = sample_at(torch.tensor(sequence.positions), valid, times)
    confidence = None
    if sequence.confidence is not None:
        scores, _ = sample_at(torch.tensor(sequence.confidence)[..., None], valid, times)
        confidence = scores[..., 0].numpy()
    return sequence.replace(positions=positions.numpy(), valid=known.numpy(), confidence=confidence, fps=fps)


def sample_at(positions: Tensor, valid: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
    """Interpolate positions [..., t, j, c] with mask [..., t, j] at times [..., n] given in frames.

    Returns:
        Positions [..., n, j, c] (0 where unknown) and mask [..., n, j].
    """
    length, joints = valid.shape[-2:]
    before = times.floor().clamp(0, length - 1)
    after = (before + 1).clamp_max(length - 1)
    share = (times - before).to(positions.dtype)[..., None]
    first = _frames(valid, before, joints)
    second = _frames(valid, after, joints)
    weight_first = (1 - share) * first
    weight_second = share * second
    total = weight_first + weight_second
    known = total >= 0.5
    blend = weight_first[..., None] * _frames(positions, before, joints)
    blend = blend + weight_second[..., None] * _frames(positions, after, joints)
    blend = blend / total.clamp_min(0.5)[..., None]
    return blend * known[..., None], known


def _frames(values: Tensor, index: Tensor, joints: int) -> Tensor:
    """Pick frames [..., n] of values [..., t, j] or [..., t, j, c]."""
    index = index.to(torch.int64)
    trailing = values.shape[index.dim() :]
    index = index.reshape(*index.shape, *[1] * len(trailing)).expand(*index.shape, *trailing)
    return values.gather(index.dim() - 1 - len(trailing), index)
