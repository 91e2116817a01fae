"""The clips that weights are judged by, and the views of them in other conventions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal
from zlib import crc32

import numpy as np

from msclr import convert, get_skeleton
from msclr.evaluate.actions import spread
from msclr.evaluate.conversion import FARTHEST_CAMERA, LARGEST_PITCH, LARGEST_YAW, NEAREST_CAMERA
from msclr.evaluate.data.labelled import LabelledClips, LazyClips
from msclr.evaluate.data.prepared import collection_clips
from msclr.poses.canonical import unify
from msclr.poses.convert import project
from msclr.poses.sequence import PoseSequence
from msclr.poses.threads import one_thread
from msclr.skeletons.anatomy import point

Body = Literal["full", "upper"]

TESTED, NEVER = "actions/h36m.npz", "mocap/bandai_NONCOMMERCIAL.npz"
LONGEST = 100  # frames taken of the middle of a clip, 4 to 5 s
ROOM = 1.5  # how much farther than the farthest joint a camera stands, at least
LEGS = tuple(f"{side}_{segment}" for side in ("left", "right") for segment in ("thigh", "shank", "foot"))


@dataclass(frozen=True)
class View:
    """How clips are seen.

    Args:
        skeleton: Id of the convention.
        dims: 3, or 2 for what a camera sees.
        camera: Number of the camera; each clip has a camera of its own under each number.
        body: "upper" leaves knees and everything below them out.
    """

    skeleton: str
    dims: int
    camera: int = 0
    body: Body = "full"

    @property
    def title(self) -> str:
        """What tells it from others."""
        return f"{self.skeleton} {self.dims}D camera {self.camera} {self.body}"


@cache
def labelled(path: Path, label: str = "label") -> LabelledClips:
    """Read a prepared data set once."""
    return collection_clips(path, label=label)


def held_out(folder: Path, count: int) -> LabelledClips:
    """Return clips that no weights may have been trained on: the test clips of Human3.6M, then ones of Bandai-Namco.

    Args:
        folder: The data folder.
        count: How many; clips of either file are evenly spread, and cut to their middle 100 frames.
    """
    first, second = labelled(folder / TESTED), labelled(folder / NEVER, "description")
    tested = np.flatnonzero(np.array(first.columns["split"]) == "test")
    places = spread(tested, count)
    more = spread(np.arange(len(second)), count - len(places)) if count > len(places) else []
    clips = {first.ids[place]: (first, place) for place in places} | {
        second.ids[place]: (second, place) for place in more
    }
    ids = tuple(clips)

    def read(row: int) -> PoseSequence:
        data, place = clips[ids[row]]
        clip = data.clips[data.ids[place]]
        start = max(0, clip.num_frames - LONGEST) // 2
        return clip.frames(start, min(clip.num_frames, start + LONGEST))

    def digest() -> str:
        text = f"{first.sha256} {second.sha256} {LONGEST} {' '.join(ids)}"
        return hashlib.sha256(text.encode()).hexdigest()

    return LabelledClips(
        name="held-out clips",
        ids=ids,
        labels=tuple(data.name for data, _ in clips.values()),
        clips=LazyClips(ids, read),
        digest=digest,
    )


def seen_in(data: LabelledClips, view: View) -> LabelledClips:
    """Return the same clips as a view shows them, converted when they are read.

    Example:
        >>> from labelled_sets import labelled
        >>> data = labelled(skeleton="kinect_v2_25")
        >>> seen_in(data, View("coco_17", 2)).clips[data.ids[0]].dims
        2
    """
    spec = get_skeleton(view.skeleton)

    def read(place: int) -> PoseSequence:
        clip = convert(data.clips[data.ids[place]], spec)
        if view.body == "upper":
            clip = without_legs(clip)
        return photographed(clip, (view.camera, crc32(data.ids[place].encode()))) if view.dims == 2 else clip

    return replace(
        data,
        name=f"{data.name}, {view.title}",
        clips=LazyClips(data.ids, read),
        digest=lambda: hashlib.sha256(f"{data.sha256} {view.title}".encode()).hexdigest(),
    )


def photographed(clip: PoseSequence, seed: Sequence[int]) -> PoseSequence:
    """See a clip through a camera of `msclr.evaluate.conversion`, farther away where a person would walk into it."""
    generator = np.random.default_rng(seed)
    yaw, pitch = generator.uniform(-LARGEST_YAW, LARGEST_YAW), generator.uniform(-LARGEST_PITCH, LARGEST_PITCH)
    distance = generator.uniform(NEAREST_CAMERA, FARTHEST_CAMERA)
    with one_thread():
        ready = unify(clip)
    reach = float(np.linalg.norm(ready.positions[ready.valid], axis=-1).max())
    return project(ready, yaw=yaw, pitch=pitch, distance=max(distance, ROOM * reach))


def without_legs(clip: PoseSequence) -> PoseSequence:
    """Leave knees and everything below them out: they are missing.

    Example:
        >>> clip = PoseSequence.from_array(np.ones((3, 17, 3)), "h36m_17")
        >>> [name for name, known in zip(clip.skeleton.joints, without_legs(clip).valid[0, 0]) if not known]
        ['right_knee', 'right_ankle', 'left_knee', 'left_ankle']
    """
    names = clip.skeleton.anatomy
    kept = np.array([name is None or point(name).segment not in LEGS for name in names])
    valid = clip.valid & kept
    return clip.replace(positions=np.where(valid[..., None], clip.positions, np.float32(0)), valid=valid)
