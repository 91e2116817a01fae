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


def spread(body):
    """Sum over the axes of the standard deviation of a body [t, joint, xyz] over its frames that are not empty."""
    kept = [frame for frame in body if (frame != 0).any()]
    if not kept:
        return 0.0
    total = 0.0
    for axis in range(3):
        numbers = [joint[axis] for frame in kept for joint in frame]
        mean = sum(numbers) / len(numbers)
        total += math.sqrt(sum((number - mean) ** 2 for number in numbers) / len(numbers))
    return total


def rotation_between(start, end):
    """Rodrigues' formula: about their cross product, by the angle between them."""
    axis = np.cross(start, end)
    axis = axis / np.linalg.norm(axis)
    angle = math.acos(np.dot(start, end) / np.linalg.norm(start) / np.linalg.norm(end))
    rotated = np.zeros((3, 3))
    for column, unit in enumerate(np.eye(3)):
        rotated[:, column] = (
            unit * math.cos(angle)
            + np.cross(axis, unit) * math.sin(angle)
            + axis * np.dot(axis, unit) * (1 - math.cos(angle))
        )
    return rotated


def isc(bodies, length=300):
    """Bodies [slot, t, joint, xyz] with zeros to two persons [2, length, joint, xyz]."""
    ranked = sorted(range(len(bodies)), key=lambda slot: -spread(bodies[slot]))[:2]
    clip = np.zeros((2, length, *bodies.shape[2:]))
    for person, slot in enumerate(ranked):
        for t in range(bodies.shape[1]):
            clip[person, t] = bodies[slot, t]
    for person in clip:
        filled = [t for t in range(length) if (person[t] != 0).any()]
        if not filled:
            continue
        moved = [person[t].copy() for t in range(filled[0], length)] + [np.zeros_like(person[0])] * filled[0]
        count = filled[-1] - filled[0] + 1
        for t in range(length):
            person[t] = moved[t] if t < count else moved[t % count]
    origins = [clip[0, t, 1].copy() for t in range(length)]
    for m, t, v in np.ndindex(clip.shape[:3]):
        if (clip[m, t, v] != 0).any():
            clip[m, t, v] -= origins[t]
    for start, end, axis in ((0, 1, (0, 0, 1)), (4, 8, (1, 0, 0))):
        matrix = rotation_between(clip[0, 0, end] - clip[0, 0, start], np.array(axis, float))
        for place in np.ndindex(clip.shape[:3]):
            clip[place] = matrix @ clip[place]
    return clip
