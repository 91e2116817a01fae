"""How 2s-AGCN and inter-skeleton contrast prepared their Kinect clips, step by step.

The two bodies that move most; the first one's spine in the origin of every frame and, as it stands in its first frame,
upright along z with the shoulders along x. Distances and turns of the body stay. Arrays are `[p, t, j, 3]`, in metres,
zeros for what is missing.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from msclr.errors import PoseError, SkeletonError
from msclr.poses.canonical import hold
from msclr.poses.cros_line import in_metres
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import METRES_PER_UNIT, SkeletonSpec

FloatArray: TypeAlias = npt.NDArray[np.floating]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

BOTTOM, TOP, LEFT_SHOULDER, RIGHT_SHOULDER = 0, 1, 4, 8  # of the Kinect v2; the top of the lower spine is the centre
BODIES = 2
SLOTS = 4
MAXIMUM_FRAMES = 300

_TINY = 1e-12
_OPTIONS = (
    ("pelvis", "body_root"),
    ("spine_mid", "thorax", "neck"),
    ("left_shoulder", "left_shoulder_marker", "left_shoulder1_marker"),
    ("right_shoulder", "right_shoulder_marker", "right_shoulder1_marker"),
)


def most_moving(positions: FloatArray, bodies: int = BODIES) -> FloatArray:
    """Keep the bodies that spread most: the sum over x, y, z of the standard deviation over joints and frames.

    Args:
        positions: [n, t, j, 3]; frames of zeros do not count.
        bodies: How many to keep.

    Returns:
        [bodies, t, j, 3], the one that spreads most first; zeros where there are fewer.

    Example:
        >>> still, moving = np.ones((1, 2, 1, 3)), np.array([[[[1.0, 0, 0]], [[3.0, 0, 0]]]])
        >>> most_moving(np.concatenate((still, moving)), 1)[0, :, 0, 0].tolist()
        [1.0, 3.0]
    """
    spreads = [_spread(body[body.any(axis=(1, 2))]) for body in positions]
    order = np.argsort(-np.array(spreads), kind="stable")[:bodies]
    kept = np.zeros((bodies, *positions.shape[1:]), positions.dtype)
    kept[: len(order)] = positions[order]
    return kept


def fill_frames(positions: FloatArray) -> FloatArray:
    """Let each person begin in the first frame and go on to the last, repeating itself.

    Args:
        positions: [p, t, j, c]; a frame of zeros is empty.

    Returns:
        The same shape: a person whose first frame is empty moves to the front, empty frames at the end repeat the clip
        from its beginning. Gaps in between stay.

    Example:
        >>> fill_frames(np.array([0.0, 1, 0, 3, 0, 0]).reshape(1, 6, 1, 1)).ravel().tolist()
        [1.0, 0.0, 3.0, 1.0, 0.0, 3.0]
    """
    source = _filled_frames(np.asarray(positions.any(axis=(2, 3))))
    return np.take_along_axis(positions, source[:, :, None, None], axis=1)


def centre_on_first(positions: FloatArray, center: int = TOP) -> FloatArray:
    """Put one joint of person 1 into the origin of every frame; all persons move along, missing joints stay zero.

    Example:
        >>> centre_on_first(np.array([[[[2.0], [5.0]]], [[[9.0], [0.0]]]]), center=0)[..., 0].tolist()
        [[[0.0, 3.0]], [[7.0, 0.0]]]
    """
    return np.where(positions.any(axis=-1, keepdims=True), positions - positions[:1, :, center : center + 1], 0.0)


def stand_up(
    positions: FloatArray,
    bottom: int = BOTTOM,
    top: int = TOP,
    left_shoulder: int = LEFT_SHOULDER,
    right_shoulder: int = RIGHT_SHOULDER,
) -> FloatArray:
    """Turn everything so that, in person 1's first frame, the spine points along z, then the shoulders along x.

    Each turn is the shortest one. The second one tilts the spine again if the shoulders were not level: a lot for a
    person who faces the camera, for whom it is about half a turn.

    Args:
        positions: [p, t, j, 3].
        bottom, top: From and to which joint the spine goes.
        left_shoulder, right_shoulder: From and to which joint the line of the shoulders goes.

    Example:
        >>> clip = np.zeros((1, 1, 4, 3))
        >>> clip[0, 0] = [[0, 0, 0], [0, 2, 0], [1, 2, 0], [-1, 2, 0]]
        >>> stand_up(clip, 0, 1, 2, 3)[0, 0].round(6).tolist()
        [[0.0, 0.0, 0.0], [0.0, 0.0, 2.0], [-1.0, 0.0, 2.0], [1.0, 0.0, 2.0]]
    """
    first = positions[0, 0].astype(np.float64)
    return positions @ _standing(first[top] - first[bottom], first[right_shoulder] - first[left_shoulder]).T


def prepare_array(positions: FloatArray, *, length: int = MAXIMUM_FRAMES) -> npt.NDArray[np.float32]:
    """Do the whole line on one Kinect clip: choose bodies, fill, centre, turn.

    Args:
        positions: [n, t, 25, 3] in metres; up to four bodies, zeros where one is not there.
        length: Frames of the result; longer clips lose as much on both sides, shorter ones repeat themselves.

    Returns:
        float32 [2, length, 25, 3].

    Raises:
        PoseError: If nobody is in any of the frames.

    Example:
        >>> prepare_array(np.random.default_rng(0).normal(size=(4, 80, 25, 3))).shape
        (2, 300, 25, 3)

    Source:
        Shi et al. 2019 (2s-AGCN) and Thoker et al. 2021 (inter-skeleton contrast), published preprocessing.
    """
    values = most_moving(positions[:SLOTS, central_frames(positions.shape[1], length)].astype(np.float64))
    if not values.any():
        raise PoseError("nobody in any of the frames", expected="at least one body")
    values = np.pad(values, ((0, 0), (0, length - values.shape[1]), (0, 0), (0, 0)))
    return stand_up(centre_on_first(fill_frames(values))).astype(np.float32)


def central_frames(frames: int, most: int = MAXIMUM_FRAMES) -> slice:
    """Return the central `most` of so many frames, or all.

    Example:
        >>> central_frames(305), central_frames(12)
        (slice(2, 302, None), slice(0, 12, None))
    """
    start = max(0, frames - most) // 2
    return slice(start, start + min(frames, most))


def isc_line(sequence: PoseSequence) -> PoseSequence:
    """Prepare a recording as the clips were on which the published networks were trained.

    Persons are those of the recording. The published code took the bodies of an NTU file as they stand in each frame;
    where their order changes on the way, `read_bodies` and `prepare_array` follow it.

    Args:
        sequence: A 3D recording whose convention has pelvis, spine and shoulders.

    Returns:
        The two persons who move most (person 1 is the first of them), in metres where the unit is known, z up, at most
        300 frames. Unknown joints stay unknown, but frames before a person comes and after it has gone are filled.
        Where person 1's spine is not known, its last known place is the origin; its first frame is the first in which
        pelvis, spine and shoulders are known. Otherwise the numbers are those of `prepare_array`.

    Raises:
        PoseError: If the recording is 2D, or person 1 never shows spine and shoulders.
        SkeletonError: If the convention has no pelvis, spine or shoulders.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> isc_line(PoseSequence.from_array(rng.normal(size=(3, 80, 25, 3)), "kinect_v2_25")).positions.shape
        (2, 80, 25, 3)
    """
    if sequence.dims != 3:
        raise PoseError("a 2D recording", where=sequence.source, expected="3D, to turn persons upright")
    bottom, top, left, right = joints = joints_of(sequence.skeleton)
    kept = central_frames(sequence.num_frames)
    sequence = sequence.frames(kept.start, kept.stop)
    positions = in_metres(sequence)
    order = _by_spread(positions, sequence.valid)[:BODIES]
    source = _filled_frames(np.asarray(sequence.valid[order].any(axis=2)))
    positions = np.take_along_axis(positions[order], source[:, :, None, None], axis=1)
    valid = np.take_along_axis(sequence.valid[order], source[:, :, None], axis=1)
    usable = valid[:1, :, list(joints)].all(axis=(0, 2))
    if not order or not usable.any():
        raise PoseError(
            "pelvis, spine and shoulders of the person who moves most are in no frame together",
            where=sequence.source,
            expected="at least one frame with all of them",
        )
    origin = hold(torch.from_numpy(positions[:1, :, top]), torch.from_numpy(valid[:1, :, top])).numpy()
    first = positions[0, int(usable.argmax())]
    positions = (positions - origin[:, :, None]) @ _standing(first[top] - first[bottom], first[right] - first[left]).T
    return sequence.replace(
        positions=np.where(valid[..., None], positions, 0.0).astype(np.float32),
        valid=valid,
        confidence=None,
        person_ids=tuple(sequence.person_ids[slot] for slot in order),
        unit="m" if sequence.unit in METRES_PER_UNIT else sequence.unit,
        up="+z",
    )


def joints_of(skeleton: SkeletonSpec) -> tuple[int, int, int, int]:
    """Return the lower and upper end of the lower spine and the shoulders, left first.

    Example:
        >>> from msclr import get_skeleton
        >>> joints_of(get_skeleton("kinect_v2_25"))
        (0, 1, 4, 8)
    """
    found: list[int] = []
    for names in _OPTIONS:
        known = [joint for joint in map(skeleton.anatomical_index, names) if joint is not None]
        if not known:
            raise SkeletonError(
                f"{skeleton.id!r} has none of the joints {', '.join(names)}",
                expected="pelvis, spine and both shoulders",
                remedy="unify(sequence), which needs none of them",
            )
        found.append(known[0])
    bottom, top, left, right = found
    return bottom, top, left, right


def _by_spread(positions: FloatArray, valid: BoolArray) -> list[int]:
    """Persons with at least one known joint, the one who spreads most first."""
    spreads = np.array([_spread(body[seen]) for body, seen in zip(positions, valid, strict=True)])
    return [int(slot) for slot in np.argsort(-spreads, kind="stable") if valid[slot].any()]


def _spread(points: FloatArray) -> float:
    """Sum over the axes of the standard deviation of points [..., 3]."""
    return float(points.reshape(-1, 3).std(axis=0).sum()) if points.size else 0.0


def _filled_frames(present: BoolArray) -> npt.NDArray[np.int64]:
    """For each frame [p, t] the one that comes there: see `fill_frames`."""
    persons, frames = present.shape
    source = np.tile(np.arange(frames), (persons, 1))
    for person in range(persons):
        seen = np.flatnonzero(present[person])
        if len(seen):
            length = seen[-1] - seen[0] + 1
            source[person] = seen[0] + np.arange(frames) % length
    return source


def _standing(spine: FloatArray, shoulders: FloatArray) -> FloatArray:
    turn = _shortest_turn(spine, np.array([0.0, 0.0, 1.0]))
    return _shortest_turn(turn @ shoulders, np.array([1.0, 0.0, 0.0])) @ turn


def _shortest_turn(start: FloatArray, end: FloatArray) -> FloatArray:
    """Matrix [3, 3] of the shortest turn that brings the direction `start` to the unit vector `end`."""
    length = np.linalg.norm(start)
    if length < _TINY:
        return np.eye(3)
    start = start / length
    cosine = float(start @ end)
    if cosine < _TINY - 1:  # half a turn: about y for the spine, about the spine for the shoulders
        across = np.roll(end, -1)
        return 2 * np.outer(across, across) - np.eye(3)
    x, y, z = np.cross(start, end)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + cosine))
