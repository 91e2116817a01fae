"""The stored motions of a map, read back number by number as the description of the format says."""

from __future__ import annotations

import base64
import zlib

import numpy as np

MISSING = -32768


def decode(shape, step, data):
    """Return places [p, t, j, c] with NaN where unknown, and the way of the camera [t, c]."""
    persons, frames, joints, dims = shape
    content = zlib.decompress(base64.b64decode(data))
    width = (persons * joints + 1) * dims
    total = frames * width
    assert len(content) == 2 * total
    rows = []
    for frame in range(frames):
        row = []
        for column in range(width):
            at = frame * width + column
            value = content[at] + 256 * content[total + at]
            if frame:
                value += rows[-1][column]
            value = (value + 32768) % 65536 - 32768
            row.append(value)
        rows.append(row)
    places = np.full((persons, frames, joints, dims), np.nan)
    way = np.zeros((frames, dims))
    for frame in range(frames):
        for person in range(persons):
            for joint in range(joints):
                for axis in range(dims):
                    value = rows[frame][(person * joints + joint) * dims + axis]
                    if value != MISSING:
                        places[person, frame, joint, axis] = value * step
        for axis in range(dims):
            way[frame, axis] = rows[frame][persons * joints * dims + axis] * step
    return places, way
