"""How SkeletonCLR, CrosSCLR, AimCLR, SkeleMixCLR and MS-CLR prepared their Kinect clips, step by step.

Persons frame by frame, each person's spine-shoulder in the origin, 50 or 64 frames, shoulders along x. The place of a
person and the distance between persons are lost on the way; `unify` keeps them, and is the better choice for a network
that was not trained with this line. Arrays are `[p, t, j, c]`, in metres, y up, zeros for what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from msclr.errors import PoseError, SkeletonError
from msclr.poses.canonical import hold, turn_up
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import METRES_PER_UNIT, SkeletonSpec

FloatArray: TypeAlias = npt.NDArray[np.floating]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
Number = TypeVar("Number", bound=np.generic)

ROOT, CENTER, LEFT_SHOULDER, RIGHT_SHOULDER = 0, 20, 4, 8  # of the Kinect v2
BODIES = 2
EPSILON = 1e-4

_CENTERS = ("thorax", "neck", "upper_neck", "spine_mid", "pelvis", "belly_marker")
_SHOULDERS = (
    ("left_shoulder", "right_shoulder"),
    ("left_shoulder_marker", "right_shoulder_marker"),
    ("left_shoulder1_marker", "right_shoulder1_marker"),
)


def first_bodies(positions: npt.NDArray[Number], present: BoolArray, slots: int = BODIES) -> npt.NDArray[Number]:
    """Take the first bodies of each frame, whoever they are: nobody is tracked.

    Args:
        positions: [n, t, ...], bodies in the order in which the file has them in a frame.
        present: [n, t] bool, which of them the frame has.
        slots: How many bodies; 2 in this line, 4 in that of inter-skeleton contrast.

    Returns:
        [slots, t, ...]; zeros where there are fewer bodies.

    Example:
        >>> left = first_bodies(np.array([[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]]), np.array([[1, 0], [1, 1]], bool))
        >>> left[..., 0, 0].tolist()
        [[1.0, 4.0], [3.0, 0.0]]
    """
    chosen = np.zeros((slots, *positions.shape[1:]), positions.dtype)
    rank = np.cumsum(present, axis=0) - 1
    for slot in range(slots):
        body, frame = np.nonzero(present & (rank == slot))
        chosen[slot, frame] = positions[body, frame]
    return chosen


def known_length(positions: FloatArray, root: int = ROOT) -> int:
    """Count the frames in which joint 1 of person 1 is not at the origin; only so many are used, from the first on.

    Example:
        >>> clip = np.ones((2, 5, 25, 3))
        >>> clip[0, 3:] = 0
        >>> known_length(clip)
        3
    """
    return int(positions[0, :, root].any(axis=-1).sum())


def centre_each_frame(positions: FloatArray, center: int = CENTER) -> FloatArray:
    """Put one joint of each person into the origin, in every frame; an absent person stays zero.

    Example:
        >>> centre_each_frame(np.array([[[[1.0], [4.0]]]]), center=0).tolist()
        [[[[0.0], [3.0]]]]
    """
    return positions - positions[:, :, center : center + 1]


def resize_time(positions: FloatArray, frames: int) -> FloatArray:
    """Interpolate linearly to another number of frames with half-pixel centres, as OpenCV resizes images.

    New frame i stands at (i + 0.5) t / frames - 0.5 of the old ones; beyond the ends the end frames are held.

    Args:
        positions: [p, t, ...] with at least one frame.
        frames: New number of frames.

    Raises:
        PoseError: If either number of frames is below 1.

    Example:
        >>> resize_time(np.array([[0.0, 1.0, 2.0, 3.0]]), 2).tolist(), resize_time(np.array([[0.0, 4.0]]), 4).tolist()
        ([[0.5, 2.5]], [[0.0, 1.0, 3.0, 4.0]])
    """
    length = positions.shape[1]
    if length < 1 or frames < 1:
        raise PoseError(f"{length} frames to be resized to {frames}", expected="at least 1 of both")
    times = ((np.arange(frames) + 0.5) * length / frames - 0.5).clip(0, length - 1)
    before = np.floor(times).astype(np.int64)
    after = np.minimum(before + 1, length - 1)
    share = (times - before).reshape(-1, *[1] * (positions.ndim - 2))
    return np.asarray(positions[:, before] * (1 - share) + positions[:, after] * share)


def turn_each_frame(
    positions: FloatArray, left_shoulder: int = LEFT_SHOULDER, right_shoulder: int = RIGHT_SHOULDER
) -> FloatArray:
    """Turn each person about y in every frame until the line of its shoulders, seen from above, points along x.

    The angle comes from arccos, which cannot tell front from back; the sum of the line's depth over the clip does,
    once for each person. In frames on the other side the published line turns the wrong way, and so does this.

    Args:
        positions: [p, t, j, 3].
        left_shoulder, right_shoulder: The joints from and to which the line goes.

    Example:
        >>> clip = np.zeros((1, 1, 2, 3))
        >>> clip[0, 0, 1] = (0, 5, 2)
        >>> turn_each_frame(clip, 0, 1)[0, 0, 1].round(3).tolist()
        [2.0, 5.0, 0.0]
    """
    line = positions[:, :, right_shoulder] - positions[:, :, left_shoulder]
    return _turn(positions, np.where(_behind(line), -_angles(line), _angles(line)))


def prepare_array(
    positions: FloatArray,
    *,
    frames: int = 50,
    root: int = ROOT,
    center: int = CENTER,
    left_shoulder: int = LEFT_SHOULDER,
    right_shoulder: int = RIGHT_SHOULDER,
) -> npt.NDArray[np.float32]:
    """Do the whole line on one clip: centre, resize the known length, turn.

    Args:
        positions: [p, t, j, 3] in metres, y up; zeros for absent persons and after the end.
        frames: New number of frames: 50, or 64 for SkeleMixCLR.
        root, center, left_shoulder, right_shoulder: Joint indices, counted from 0; by default those of the Kinect v2.

    Returns:
        float32 [p, frames, j, 3].

    Raises:
        PoseError: If person 1 is in no frame.

    Example:
        >>> prepare_array(np.random.default_rng(0).normal(size=(2, 80, 25, 3))).shape
        (2, 50, 25, 3)

    Source:
        Li et al. 2021 (CrosSCLR), section 4.1, and its published preprocessing.
    """
    length = known_length(positions, root)
    if length == 0:
        raise PoseError("person 1 is in none of the frames", expected="joint 1 of person 1 in at least one")
    centred = centre_each_frame(positions[:, :length].astype(np.float64), center)
    return turn_each_frame(resize_time(centred, frames), left_shoulder, right_shoulder).astype(np.float32)


def cros_line(sequence: PoseSequence, *, frames: int = 50) -> PoseSequence:
    """Prepare a recording as the clips were on which the published networks were trained.

    The bodies of a frame come in the order of the recording's persons. `msclr.read` gives every body of an NTU file a
    place of its own; where the file changes their order on the way, `read_bodies` and `prepare_array` follow it.

    Args:
        sequence: A 3D recording whose convention has shoulders.
        frames: New number of frames: 50, or 64 for SkeleMixCLR.

    Returns:
        At most two persons, in metres (where the unit is known), y up, with `frames` frames. A joint is known where one
        of the two frames has it that it is interpolated from; what is missing is left out, where the published line
        would mix in zeros. Otherwise the numbers are those of `prepare_array`.

    Raises:
        PoseError: If the recording is 2D, or the joint that goes to the origin is not known in any frame.
        SkeletonError: If the convention has no shoulders.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> cros_line(PoseSequence.from_array(rng.normal(size=(3, 80, 25, 3)), "kinect_v2_25")).positions.shape
        (2, 50, 25, 3)
    """
    if sequence.dims != 3:
        raise PoseError("a 2D recording", where=sequence.source, expected="3D, to turn persons about the vertical")
    present: BoolArray = np.asarray(sequence.valid.any(axis=2))
    if not present.any():
        raise PoseError(
            f"no joint is known in any of {sequence.num_frames} frames",
            where=sequence.source,
            expected="at least one known joint",
        )
    center, left, right = joints_of(sequence.skeleton)
    length = int(present.any(axis=0).sum())
    bodies = first_bodies(in_metres(sequence), present)[:, :length]
    known = first_bodies(sequence.valid, present)[:, :length]
    known &= known[:, :, center, None]  # without its centre, nothing of a person can be placed
    values = np.where(known[..., None], centre_each_frame(bodies, center), 0.0)
    share = resize_time(known.astype(np.float64), frames)
    values = resize_time(values, frames) / np.where(share > 0, share, 1.0)[..., None]
    valid = share > 0
    if not valid.any():
        raise PoseError(
            f"joint {sequence.skeleton.joints[center]!r} is not known in any frame",
            where=sequence.source,
            expected="the joint that goes to the origin",
        )
    values = _turn(values, _held_angles(values, valid, left, right))
    kept = [slot for slot in range(BODIES) if slot == 0 or valid[slot].any()]
    return sequence.replace(
        positions=np.where(valid[..., None], values, 0.0).astype(np.float32)[kept],
        valid=valid[kept],
        confidence=None,
        fps=None if sequence.fps is None else sequence.fps * frames / length,
        person_ids=(),
        unit="m" if sequence.unit in METRES_PER_UNIT else sequence.unit,
        up="+y",
    )


def in_metres(sequence: PoseSequence) -> npt.NDArray[np.float64]:
    """Return the positions [p, t, j, c] with y up, in metres where the unit is known.

    Example:
        >>> clip = PoseSequence.from_array(np.ones((1, 25, 3)), "kinect_v2_25", unit="cm", up="+z")
        >>> in_metres(clip)[0, 0, 0].tolist()
        [0.01, 0.01, -0.01]
    """
    positions = torch.tensor(sequence.positions, dtype=torch.float64)
    return np.asarray(turn_up(positions, sequence.up).numpy() * METRES_PER_UNIT.get(sequence.unit, 1.0))


def joints_of(skeleton: SkeletonSpec) -> tuple[int, int, int]:
    """Return the joint that goes to the origin and the two shoulders, left first.

    Example:
        >>> from msclr import get_skeleton
        >>> joints_of(get_skeleton("kinect_v2_25"))
        (20, 4, 8)
    """
    center = _first(skeleton, [(name,) for name in _CENTERS])
    shoulders = _first(skeleton, _SHOULDERS)
    if center is None or shoulders is None:
        raise SkeletonError(
            f"{skeleton.id!r} has no {'trunk' if center is None else 'pair of shoulders'}",
            expected=f"one of {', '.join(_CENTERS)}, and two shoulders",
            remedy="prepare_array(positions, center=..., left_shoulder=..., right_shoulder=...)",
        )
    return center[0], shoulders[0], shoulders[1]


def _angles(line: FloatArray) -> FloatArray:
    """Angle [p, t] by which lines [p, t, 3] are turned about y, in radians, but for the sign."""
    along, depth = line[..., 0], line[..., 2]
    return np.asarray(np.arccos(along / (np.hypot(along, depth) + EPSILON)))


def _behind(line: FloatArray) -> BoolArray:
    """Whether the lines [p, t, 3] of a person point away from the camera by and large: [p, 1]."""
    return np.asarray(line[..., 2].sum(axis=1, keepdims=True) >= 0)


def _turn(positions: FloatArray, angle: FloatArray) -> FloatArray:
    cosine, sine = np.cos(angle)[..., None], np.sin(angle)[..., None]
    x, y, z = positions[..., 0], positions[..., 1], positions[..., 2]
    return np.stack((cosine * x - sine * z, y, sine * x + cosine * z), axis=-1)


def _held_angles(values: FloatArray, valid: BoolArray, left: int, right: int) -> FloatArray:
    """Angles of the shoulders; where one of them is not known, as in the last frame where both are."""
    both = valid[:, :, left] & valid[:, :, right]
    line = np.where(both[..., None], values[:, :, right] - values[:, :, left], 0.0)
    angle = _angles(hold(torch.from_numpy(line), torch.from_numpy(both)).numpy())
    return np.where(both.any(axis=1, keepdims=True), np.where(_behind(line), -angle, angle), 0.0)


def _first(skeleton: SkeletonSpec, options: Sequence[tuple[str, ...]]) -> list[int] | None:
    for names in options:
        found = [joint for joint in map(skeleton.anatomical_index, names) if joint is not None]
        if len(found) == len(names):
            return found
    return None
