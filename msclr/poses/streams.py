"""Joint, bone and motion streams: three views of the same movement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, TypeVar, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from msclr.errors import PoseError
from msclr.poses.given import check_sequence
from msclr.poses.sequence import PoseSequence
from msclr.poses.transfer import to_device
from msclr.skeletons.spec import SkeletonSpec

Stream: TypeAlias = Literal["joint", "bone", "motion"]
Bones: TypeAlias = Sequence[tuple[int, int]]
FloatArray: TypeAlias = npt.NDArray[np.floating]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
Floats = TypeVar("Floats", FloatArray, Tensor)
Bools = TypeVar("Bools", BoolArray, Tensor)


def joint_stream(positions: Floats, valid: Bools) -> tuple[Floats, Bools]:
    """Return the positions themselves, 0 where nothing is known.

    Args:
        positions: [..., t, j, c] numpy array or tensor.
        valid: [..., t, j] booleans.

    Returns:
        Values and validity, of the same shapes.

    Example:
        >>> import numpy as np
        >>> joint_stream(np.full((1, 1, 2), np.nan), np.zeros((1, 1), bool))[0].tolist()
        [[[0.0, 0.0]]]
    """
    _check_shapes(positions, valid)
    return _masked(positions, valid), valid


def bone_stream(positions: Floats, valid: Bools, bones: SkeletonSpec | Bones) -> tuple[Floats, Bools]:
    """Return for each joint the vector from its parent to it; 0 for roots.

    Args:
        positions: [..., t, j, c] numpy array or tensor.
        valid: [..., t, j] booleans.
        bones: The convention, whose tree is used, or (joint, origin) pairs, as `PublishedGraph.bones`: a later pair of
            a joint replaces an earlier one, and joints without a pair stay 0.

    Returns:
        Values and validity, of the same shapes; a bone is valid where both its ends are.

    Raises:
        PoseError: If the shapes do not fit each other or the bones.

    Example:
        >>> import numpy as np
        >>> from msclr import SkeletonSpec
        >>> leg = SkeletonSpec("leg", ("hip", "knee"), (-1, 0))
        >>> bone_stream(np.array([[[0.0, 9.0], [1.0, 5.0]]]), np.ones((1, 2), bool), leg)[0].tolist()
        [[[0.0, 0.0], [1.0, -4.0]]]

    Source:
        Shi et al. 2019 (2s-AGCN), section 3.3.
    """
    _check_shapes(positions, valid)
    origin = _as_index(_origins(bones, positions.shape[-2]), positions)
    known: Bools = valid & valid[..., origin]
    return _masked(positions - positions[..., origin, :], known), known


def motion_stream(positions: Floats, valid: Bools) -> tuple[Floats, Bools]:
    """Return how far each joint moves to the next frame; the last frame is 0 and not valid.

    Args:
        positions: [..., t, j, c] numpy array or tensor.
        valid: [..., t, j] booleans.

    Returns:
        Values and validity, of the same shapes; a motion is valid where the joint is known in both frames.

    Raises:
        PoseError: If the shapes do not fit each other.

    Example:
        >>> import numpy as np
        >>> motion_stream(np.array([[[1.0, 1.0]], [[4.0, 0.0]]]), np.ones((2, 1), bool))[0].tolist()
        [[[3.0, -1.0]], [[0.0, 0.0]]]

    Source:
        Li et al. 2021 (CrosSCLR), section 3.3.
    """
    _check_shapes(positions, valid)
    frames: int = positions.shape[-3]
    following = _as_index([*range(1, frames), *range(frames)[-1:]], positions)
    known = valid & valid[..., following, :]
    known[..., -1:, :] = False
    return _masked(positions[..., following, :, :] - positions, known), known


def in_stream(positions: Floats, valid: Bools, name: Stream, bones: SkeletonSpec | Bones) -> tuple[Floats, Bools]:
    """Return poses as one of their streams.

    Args:
        positions: [..., t, j, c] numpy array or tensor.
        valid: [..., t, j] booleans.
        name: "joint", "bone" or "motion".
        bones: As for `bone_stream`.

    Returns:
        Values and validity, of the same shapes.

    Raises:
        PoseError: If the shapes do not fit each other or the bones.

    Example:
        >>> import numpy as np
        >>> in_stream(np.array([[[1.0, 1.0]], [[4.0, 0.0]]]), np.ones((2, 1), bool), "motion", ())[0][0].tolist()
        [[3.0, -1.0]]
    """
    if name == "bone":
        return bone_stream(positions, valid, bones)
    return motion_stream(positions, valid) if name == "motion" else joint_stream(positions, valid)


def stream(sequence: PoseSequence, name: str, bones: Bones | None = None) -> PoseSequence:
    """Return a recording as its joint, bone or motion stream.

    Args:
        sequence: The recording.
        name: "joint", "bone" or "motion".
        bones: (joint, origin) pairs for "bone" instead of the tree of the recording's convention.

    Returns:
        A recording of the same shape, whose positions are the stream; confidence is the lower one of the two ends.

    Raises:
        PoseTypeError: If `sequence` is not a PoseSequence.
        PoseError: If there is no such stream.

    Example:
        >>> import numpy as np
        >>> clip = PoseSequence.from_array(np.random.default_rng(0).normal(size=(4, 17, 2)), "coco_17")
        >>> stream(clip, "motion")
        PoseSequence(coco_17: 1 person, 4 frames, 17 joints in 2D px, 75.0 % of joints known)
    """
    check_sequence(sequence)
    if name == "joint":
        return sequence
    if name not in get_args(Stream):
        raise PoseError(f"no stream {name!r}", where=sequence.source, expected="'joint', 'bone' or 'motion'")
    scores = sequence.confidence
    if name == "bone":
        chosen: SkeletonSpec | Bones = sequence.skeleton if bones is None else bones
        values, known = bone_stream(sequence.positions, sequence.valid, chosen)
        other = None if scores is None else scores[..., _origins(chosen, sequence.num_joints)]
    else:
        values, known = motion_stream(sequence.positions, sequence.valid)
        other = None if scores is None else np.roll(scores, -1, axis=1)  # what wraps round is not known anyway
    if scores is not None and other is not None:
        scores = np.where(known, np.minimum(scores, other), np.float32(0)).astype(np.float32)
    return sequence.replace(positions=values, valid=known, confidence=scores)


def _origins(bones: SkeletonSpec | Bones, num_joints: int) -> list[int]:
    """For each joint where its bone begins; at itself, for a bone of length 0, where it has none."""
    if isinstance(bones, SkeletonSpec):
        if bones.num_joints != num_joints:
            raise PoseError(f"{num_joints} joints", expected=f"the {bones.num_joints} joints of {bones.id!r}")
        bones = bones.edges
    origin = list(range(num_joints))
    for joint, start in bones:
        if not (0 <= joint < num_joints and 0 <= start < num_joints):
            raise PoseError(f"the bone ({joint}, {start})", expected=f"joints from 0 to {num_joints - 1}")
        origin[joint] = start
    return origin


def _as_index(places: list[int], values: FloatArray | Tensor) -> list[int] | Tensor:
    """Places that values can be indexed by; for tensors on their device, which a list would be waited for on."""
    return to_device(torch.tensor(places, dtype=torch.int64), values.device) if isinstance(values, Tensor) else places


def _check_shapes(positions: FloatArray | Tensor, valid: BoolArray | Tensor) -> None:
    if positions.ndim < 3 or tuple(positions.shape[:-1]) != tuple(valid.shape):
        raise PoseError(
            f"positions {tuple(positions.shape)} and valid {tuple(valid.shape)}",
            expected="[..., t, j, c] and [..., t, j]",
        )


def _masked(values: Floats, known: BoolArray | Tensor) -> Floats:
    if isinstance(values, Tensor):
        return torch.where(torch.as_tensor(known)[..., None], values, torch.zeros_like(values))
    return np.where(np.asarray(known)[..., None], values, np.zeros_like(values))
