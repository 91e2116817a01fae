"""What goes wrong between a person and a recording, in growing doses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from msclr.poses.canonical import torso_length
from msclr.poses.gaps import fill_gaps
from msclr.poses.resample import resample
from msclr.poses.sequence import PoseSequence
from msclr.poses.threads import one_thread
from msclr.skeletons.landmarks import landmarks

Apply: TypeAlias = Callable[[PoseSequence, float, np.random.Generator], PoseSequence]


@dataclass(frozen=True)
class Damage:
    """One thing that goes wrong.

    Args:
        title: What it is, for people.
        unit: What its levels are.
        levels: The doses.
        apply: Damages a clip; what it draws is drawn first and for all doses alike, so that a larger dose damages what
            a smaller one does, and more.
        clean: The dose that changes nothing; None if there is none.
    """

    title: str
    unit: str
    levels: tuple[float, ...]
    apply: Apply
    clean: float | None = 0.0


def missing_joints(clip: PoseSequence, level: float, random: np.random.Generator) -> PoseSequence:
    """Leave out a share of the joints, for the whole clip.

    Example:
        >>> clip = PoseSequence.from_array(np.ones((5, 20, 3)), "kinect_v1_20")
        >>> float(missing_joints(clip, 0.5, np.random.default_rng(0)).valid.mean())
        0.5
    """
    chosen = random.permutation(clip.num_joints)[: round(level * clip.num_joints)]
    valid = clip.valid.copy()
    valid[:, :, chosen] = False
    return _masked(clip, valid)


def lost_detections(clip: PoseSequence, level: float, random: np.random.Generator) -> PoseSequence:
    """Leave out a share of all joints of all frames."""
    return _masked(clip, clip.valid & (random.random(clip.valid.shape) >= level))


def filled_detections(clip: PoseSequence, level: float, random: np.random.Generator) -> PoseSequence:
    """Leave out the same, and fill the gaps of up to half a second."""
    return fill_gaps(lost_detections(clip, level, random))


def jitter(clip: PoseSequence, level: float, random: np.random.Generator) -> PoseSequence:
    """Add independent normal noise to all coordinates, in torso lengths."""
    with one_thread():
        known = torch.tensor(clip.valid)
        torso = float(torso_length(torch.tensor(clip.positions), known, landmarks(clip.skeleton)).median())
    noise = (level * torso * random.normal(size=clip.positions.shape)).astype(np.float32)
    return clip.replace(positions=np.where(clip.valid[..., None], clip.positions + noise, np.float32(0)))


def dropped_frames(clip: PoseSequence, level: float, random: np.random.Generator) -> PoseSequence:
    """Take a share of the frames out, at random places, as if they had never been; two stay."""
    count = max(2, round((1 - level) * clip.num_frames))
    return _frames(clip, np.sort(random.permutation(clip.num_frames)[:count]))


def speed(clip: PoseSequence, level: float, random: np.random.Generator) -> PoseSequence:
    """Play a clip faster, at the same frame rate."""
    return resample(clip, frames=max(2, round(clip.num_frames / level))).replace(fps=clip.fps)


def yaw(clip: PoseSequence, level: float, random: np.random.Generator) -> PoseSequence:
    """Turn a clip about the vertical, y, by so many degrees."""
    angle = np.deg2rad(level)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]], np.float32)
    return clip.replace(positions=clip.positions @ turn.T)


def exchanged_sides(clip: PoseSequence, level: float, random: np.random.Generator) -> PoseSequence:
    """Call left right and right left in a share of the frames."""
    frames = random.permutation(clip.num_frames)[: round(level * clip.num_frames)]
    flip = list(clip.skeleton.flip_index)
    positions, valid = clip.positions.copy(), clip.valid.copy()
    positions[:, frames] = positions[:, frames][:, :, flip]
    valid[:, frames] = valid[:, frames][:, :, flip]
    return clip.replace(positions=positions, valid=valid)


def other_length(clip: PoseSequence, level: float, random: np.random.Generator) -> PoseSequence:
    """Record a clip in so many frames, at another frame rate."""
    return resample(clip, frames=int(level))


DAMAGES: Mapping[str, Damage] = {
    "missing-joints": Damage("joints missing throughout", "share", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5), missing_joints),
    "lost-detections": Damage(
        "joints missing here and there", "share", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5), lost_detections
    ),
    "filled-detections": Damage("the same, gaps filled", "share", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5), filled_detections),
    "jitter": Damage("jitter", "torso lengths", (0.0, 0.02, 0.05, 0.1, 0.2), jitter),
    "dropped-frames": Damage("dropped frames", "share", (0.0, 0.25, 0.5, 0.75, 0.9), dropped_frames),
    "speed": Damage("speed", "times", (0.5, 0.75, 1.0, 1.5, 2.0), speed, clean=1.0),
    "yaw": Damage("turned about the vertical", "degrees", (0.0, 45.0, 90.0, 135.0, 180.0), yaw),
    "sides": Damage("left and right exchanged", "share of frames", (0.0, 0.1, 0.25, 0.5, 1.0), exchanged_sides),
    "length": Damage("frames", "frames", (8.0, 16.0, 32.0, 64.0, 128.0, 300.0), other_length, clean=None),
}


def _masked(clip: PoseSequence, valid: np.ndarray) -> PoseSequence:
    return clip.replace(positions=np.where(valid[..., None], clip.positions, np.float32(0)), valid=valid)


def _frames(clip: PoseSequence, kept: np.ndarray) -> PoseSequence:
    confidence = None if clip.confidence is None else clip.confidence[:, kept]
    return clip.replace(positions=clip.positions[:, kept], valid=clip.valid[:, kept], confidence=confidence)
