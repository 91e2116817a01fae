"""Preprocessing of CrosSCLR, which AimCLR, SkeleMixCLR and MS-CLR share: what their weights expect to see.

Pure functions on arrays [p, t, j, 3] with y up, where a missing joint is at 0. They remove global motion and the
distance between persons; `msclr.poses.canonical` is the choice for new models.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from msclr.errors import PoseError

FloatArray = npt.NDArray[np.float32]

# Of Kinect v2, counted from 0: spine-shoulder, left shoulder, right shoulder.
KINECT_CENTER, KINECT_LEFT, KINECT_RIGHT = 20, 4, 8
_SMALL = 1e-4


def cros_line(
    positions: npt.ArrayLike,
    *,
    frames: int = 50,
    center: int = KINECT_CENTER,
    shoulders: tuple[int, int] = (KINECT_LEFT, KINECT_RIGHT),
) -> FloatArray:
    """Prepare a clip the way the published weights were trained: centre, resize in time, turn to the front.

    Args:
        positions: [p, t, j, 3] with y up, zero where a person is absent.
        frames: Length of the result (50; SkeleMixCLR: 64).
        center: The joint that every frame of every person is centred on.
        shoulders: Left and right shoulder.

    Returns:
        float32 [p, frames, j, 3].

    Raises:
        PoseError: If the clip has no frame in which the first joint of the first person is non-zero.

    Source:
        Li et al. 2021 (CrosSCLR), as in its published preprocessing.

    Example:
        >>> cros_line(np.ones((2, 30, 25, 3))).shape
        (2, 50, 25, 3)
    """
    values = np.asarray(positions, dtype=np.float64)
    length = seen_length(values)
    if length == 0:
        raise PoseError(
            f"the first joint of the first person is zero in all {values.shape[1]} frames",
            expected="a person in the clip",
            remedy="leave the clip out",
        )
    centered = center_frames(values, center)
    return turn_to_front(resize_time(centered[:, :length], frames), *shoulders).astype(np.float32)


def seen_length(positions: npt.NDArray[np.floating]) -> int:
    """Return in how many frames the first joint of the first person is non-zero; [0, length) is then kept.

    Example:
        >>> clip = np.zeros((1, 5, 25, 3))
        >>> clip[0, :3] = 1
        >>> seen_length(clip)
        3
    """
    return int(np.any(positions[0, :, 0] != 0, axis=-1).sum()) if len(positions) else 0


def center_frames(positions: npt.NDArray[np.floating], center: int) -> npt.NDArray[np.floating]:
    """Return the positions relative to one joint, for each frame and person.

    Example:
        >>> float(center_frames(np.ones((1, 2, 25, 3)), 20).sum())
        0.0
    """
    return positions - positions[:, :, center : center + 1]


def resize_time(positions: npt.NDArray[np.floating], frames: int) -> npt.NDArray[np.floating]:
    """Stretch or squeeze time linearly, pixel centres on pixel centres, as image libraries resize.

    Example:
        >>> resize_time(np.arange(4.0)[None, :, None, None], 2).ravel().tolist()
        [0.5, 2.5]
    """
    length = positions.shape[1]
    place = np.clip((np.arange(frames) + 0.5) * length / frames - 0.5, 0, length - 1)
    before = np.floor(place).astype(np.int64)
    after = np.minimum(before + 1, length - 1)
    share = (place - before)[None, :, None, None]
    resized: npt.NDArray[np.floating] = positions[:, before] * (1 - share) + positions[:, after] * share
    return resized


def turn_to_front(positions: npt.NDArray[np.floating], left: int, right: int) -> npt.NDArray[np.floating]:
    """Turn each frame of each person about the vertical until the line of the shoulders is parallel to x.

    The direction is one for the whole clip of a person, by the sum of the depths of its shoulder lines, as published;
    a person whose turn passes through the image plane is turned the wrong way in some frames.

    Example:
        >>> clip = np.zeros((1, 1, 25, 3))
        >>> clip[0, 0, 8] = 0, 0, 2
        >>> turn_to_front(clip, 4, 8)[0, 0, 8].round(3).tolist()
        [2.0, 0.0, 0.0]
    """
    across = positions[:, :, right] - positions[:, :, left]  # p t c
    x, z = across[..., 0], across[..., 2]
    angle = np.arccos(x / (np.hypot(x, z) + _SMALL))  # p t
    angle = np.where(z.sum(axis=1, keepdims=True) >= 0, -angle, angle)[..., None]
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = positions.copy()
    turned[..., 0] = cosine * positions[..., 0] - sine * positions[..., 2]
    turned[..., 2] = sine * positions[..., 0] + cosine * positions[..., 2]
    return turned
