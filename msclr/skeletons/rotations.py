"""Rotations about coordinate axes, for many frames at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]

_PLANE = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}


def rotate(matrices: FloatArray, axis: str, degrees: FloatArray) -> None:
    """Multiply rotation matrices from the right, in place, by a turn about one axis.

    Args:
        matrices: [t, 3, 3], changed to `matrices @ R(axis, degrees)`.
        axis: "x", "y" or "z".
        degrees: [t] angles, counter-clockwise when looking against the axis.

    Example:
        >>> turned = np.eye(3)[None]
        >>> rotate(turned, "z", np.array([90.0]))
        >>> turned[0].round().astype(int).tolist()
        [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    """
    first, second = _PLANE[axis]
    angle = np.deg2rad(degrees)
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    one, two = matrices[:, :, first].copy(), matrices[:, :, second]
    matrices[:, :, first] = cosine * one + sine * two
    matrices[:, :, second] = cosine * two - sine * one


def from_euler(axes: str, degrees: Sequence[float]) -> FloatArray:
    """Return the rotation [3, 3] that is the product of turns about `axes`, the leftmost factor first.

    Example:
        >>> from_euler("zx", (90, 90)).round().astype(int).tolist()
        [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    """
    matrix = np.eye(3)[None]
    for axis, angle in zip(axes, degrees, strict=True):
        rotate(matrix, axis, np.array([angle], dtype=np.float64))
    turned: FloatArray = matrix[0]
    return turned


def from_vectors(vectors: FloatArray) -> FloatArray:
    """Return the rotations [..., 3, 3] of rotation vectors [..., 3]: the axis, as long as the angle in radians.

    Source: Rodrigues' formula, R = I + (sin a / a) K + ((1 - cos a) / a^2) K^2, where K v is the cross product of the
    vector with v. Such vectors are also known as exponential maps.

    Example:
        >>> from_vectors(np.array([0, 0, np.pi / 2])).round().astype(int).tolist()
        [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    """
    square = np.einsum("...c,...c->...", vectors, vectors)[..., None, None]
    angle = np.sqrt(square)
    small = angle < 1e-4  # below, the series is exact in float64 and the quotients are not
    safe = np.where(small, 1.0, angle)
    first = np.where(small, 1 - square / 6, np.sin(safe) / safe)
    half = np.where(small, 0.5 - square / 24, 2 * np.sin(safe / 2) ** 2 / safe**2)
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*vectors.shape, 3)
    turned: FloatArray = np.eye(3) + first * cross + half * (cross @ cross)
    return turned
