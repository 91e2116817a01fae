"""The published ways of preparing Kinect clips, one number at a time."""

from __future__ import annotations

import math

import numpy as np


def half_pixel(values, frames):
    """Linear interpolation of numbers [t] to `frames` numbers, pixel centres at one half."""
    new = []
    for index in range(frames):
        place = (index + 0.5) * (len(values) / frames) - 0.5
        low = math.floor(place)
        share = place - low
        if low < 0:
            low, share = 0, 0.0
        if low >= len(values) - 1:
            low, share = len(values) - 1, 0.0
        high = min(low + 1, len(values) - 1)
        new.append(values[low] * (1 - share) + values[high] * share)
    return new


def cros(clip, frames):
    """Clip [t, joint, xyz, person], with zeros; joint numbers below count from 1."""
    joint = {1: 0, 5: 4, 9: 8, 21: 20}
    length = sum(1 for frame in clip if any(frame[joint[1], axis, 0] != 0 for axis in range(3)))
    still = np.zeros((length, *clip.shape[1:]))
    for t, v, c, m in np.ndindex(still.shape):
        still[t, v, c, m] = clip[t, v, c, m] - clip[t, joint[21], c, m]
    resized = np.zeros((frames, *clip.shape[1:]))
    for v, c, m in np.ndindex(clip.shape[1:]):
        resized[:, v, c, m] = half_pixel(list(still[:, v, c, m]), frames)
    turned = np.zeros_like(resized)
    for m in range(clip.shape[3]):
        lines = [resized[t, joint[9], :, m] - resized[t, joint[5], :, m] for t in range(frames)]
        front = sum(line[2] for line in lines) >= 0
        for t, line in enumerate(lines):
            degrees = math.degrees(math.acos(line[0] / (math.sqrt(line[0] ** 2 + line[2] ** 2) + 0.0001)))
            radians = math.radians(-degrees if front else degrees)
            c, s = math.cos(radians), math.sin(radians)
            matrix = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
            for v in range(clip.shape[1]):
                turned[t, v, :, m] = matrix @ resized[t, v, :, m]
    return turned
