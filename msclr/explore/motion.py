"""A recording as a few kilobytes: enough to draw a moving figure the size of a thumb."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from msclr.poses.canonical import root_path, unify
from msclr.poses.resample import resample
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.anatomy import point
from msclr.skeletons.landmarks import landmarks
from msclr.skeletons.spec import SkeletonSpec

SECONDS = 6.0
FRAMES_PER_SECOND = 10.0
MOST_FRAMES = 60
MOST_PERSONS = 2
MOST_JOINTS = 44
MOST_NUMBERS = 4000
ASSUMED_FPS = 20.0

STEP = 1 / 200  # torso lengths: about 2.5 mm
LARGEST, MISSING = 32_000, -32_768

MIDDLE, LEFT, RIGHT = 0, 1, 2


@dataclass(frozen=True)
class Figure:
    """What of a joint convention is drawn.

    Args:
        joints: Indices of the joints, in the order in which they are drawn.
        bones: (joint, joint, side) with places in `joints`; side is 0 for the middle, 1 for left, 2 for right.
    """

    joints: tuple[int, ...]
    bones: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Motion:
    """A stretch of a recording, in small numbers.

    Args:
        shape: Persons, frames, joints and coordinates.
        step: What 1 of the stored numbers is, in torso lengths.
        data: Base64 of a zlib stream of 16-bit differences; see `encode`.
        fps: Frames per second of what is stored.
        start, seconds: Where in the recording it begins, and how long it is.
        whole: How long the recording is, in seconds.
        timed: Whether the recording says its frame rate; without, 20 is assumed.
        persons: How many persons the recording has.
    """

    shape: tuple[int, int, int, int]
    step: float
    data: str
    fps: float
    start: float
    seconds: float
    whole: float
    timed: bool
    persons: int


def figure_of(spec: SkeletonSpec) -> Figure:
    """Choose which joints and bones of a convention to draw: all, or of very many those next to the root.

    Fingers, face and joints without an anatomical name are left out first; a bone then leads to the nearest joint
    above that is drawn.

    Args:
        spec: The convention.

    Example:
        >>> from msclr import get_skeleton
        >>> len(figure_of(get_skeleton("coco_17")).bones), len(figure_of(get_skeleton("smplx_144")).joints)
        (21, 44)
    """
    joints = tuple(range(spec.num_joints))
    if len(joints) > MOST_JOINTS:
        joints = tuple(
            sorted(sorted(joints, key=lambda joint: (_is_detail(spec, joint), _depth(spec, joint)))[:MOST_JOINTS])
        )
    place = {joint: number for number, joint in enumerate(joints)}
    side = {spec.index(name): LEFT for name, _ in spec.pairs} | {spec.index(name): RIGHT for _, name in spec.pairs}
    bones = []
    for joint in joints:
        parent = spec.parents[joint]
        while parent not in place and parent != -1:
            parent = spec.parents[parent]
        if parent != -1:
            bones.append((place[joint], place[parent], side.get(joint, MIDDLE)))
    for one, other in ((spec.index(one), spec.index(other)) for one, other in spec.extra_edges):
        if one in place and other in place:
            same = side.get(one, MIDDLE) == side.get(other, MIDDLE)
            bones.append((place[one], place[other], side.get(one, MIDDLE) if same else MIDDLE))
    return Figure(joints, tuple(bones))


def encode(clip: PoseSequence, figure: Figure) -> Motion:
    """Put the middle of a recording, facing the viewer, into few numbers.

    Stored is, frame by frame, x y (z) of each joint of each person, then the place that all of it is relative to: the
    persons' mean root, horizontally, so that the camera goes along. Unknown joints are -32768. The 16-bit numbers are
    taken as differences to the frame before, first all low bytes, then all high bytes, which compresses well.

    Args:
        clip: Any recording with a known joint.
        figure: What is drawn of its convention.

    Raises:
        PoseError: If nothing is known in any frame, or the person has no plausible size.

    Example:
        >>> from msclr import read
        >>> from msclr.samples import sample_paths
        >>> walk = read(sample_paths()["cmu_walk_bvh"])
        >>> motion = encode(walk, figure_of(walk.skeleton))
        >>> motion.shape, motion.seconds, len(motion.data) < 8000
        ((1, 27, 43, 3), 2.57, True)
    """
    rate = clip.fps or ASSUMED_FPS
    first, excerpt = _middle(clip, rate)
    part = unify(excerpt)
    persons, _, _, dims = part.positions.shape
    seconds = (part.num_frames - 1) / rate
    numbers = persons * len(figure.joints) * dims
    frames = max(2, min(MOST_FRAMES, round(seconds * FRAMES_PER_SECOND) + 1, MOST_NUMBERS // numbers))
    frames = min(frames, part.num_frames)
    short = resample(part, frames=frames)
    positions, valid, path = _along(short)
    rows = np.where(valid[..., None], positions, 0)[:, :, figure.joints].transpose(1, 0, 2, 3)  # t p j c
    values = np.concatenate([rows.reshape(frames, -1), path], axis=1)
    step = max(STEP, float(np.abs(values).max()) / LARGEST)
    whole = np.rint(values / step).astype(np.int16)
    unknown = np.repeat(~valid[:, :, figure.joints].transpose(1, 0, 2).reshape(frames, -1), dims, axis=1)
    whole[:, : unknown.shape[1]][unknown] = MISSING
    return Motion(
        shape=(persons, frames, len(figure.joints), dims),
        step=step,
        data=base64.b64encode(_packed(whole)).decode("ascii"),
        fps=round((frames - 1) / seconds, 3) if frames > 1 else FRAMES_PER_SECOND,
        start=round(first / rate, 2),
        seconds=round(seconds, 2),
        whole=round((clip.num_frames - 1) / rate, 2),
        timed=clip.fps is not None,
        persons=clip.num_persons,
    )


def _middle(clip: PoseSequence, rate: float) -> tuple[int, PoseSequence]:
    """Return the first frame of a stretch around the middle of what is known, and the stretch with its best persons."""
    known = np.flatnonzero(clip.valid.any(axis=(0, 2)))
    length = min(clip.num_frames, max(1, round(SECONDS * rate) + 1))
    centre = int(known[len(known) // 2]) if len(known) else 0
    first = min(max(0, centre - length // 2), clip.num_frames - length)
    part = clip.frames(first, first + length)
    seen = part.valid.sum(axis=(1, 2))
    best = sorted(np.argsort(-seen, kind="stable")[:MOST_PERSONS].tolist())
    return first, part.persons([person for person in best if seen[person]] or best[:1])


def _along(
    clip: PoseSequence,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Return positions relative to where the persons go, which joints are known, and the way [t, c], horizontally."""
    positions, valid = torch.tensor(clip.positions), torch.tensor(clip.valid)
    roots = root_path(positions, valid, landmarks(clip.skeleton))  # p t c
    present = valid.any(dim=(1, 2)).to(roots.dtype)[:, None, None]
    path = (roots * present).sum(dim=0) / present.sum().clamp_min(1)
    path[:, 1] = 0
    return (positions - path[None, :, None]).numpy(), clip.valid, path.numpy()


def _packed(values: npt.NDArray[np.int16]) -> bytes:
    """Compress [t, n] as differences over time, modulo 2^16, low bytes first."""
    unsigned = values.view(np.uint16)
    differences = np.diff(unsigned, axis=0, prepend=np.zeros((1, values.shape[1]), np.uint16)).astype("<u2")
    return zlib.compress(differences.view(np.uint8).reshape(-1, 2).T.tobytes(), level=9)


def _is_detail(spec: SkeletonSpec, joint: int) -> bool:
    name = spec.anatomy[joint]
    return name is None or point(name).segment in ("left_hand", "right_hand", "head")


def _depth(spec: SkeletonSpec, joint: int) -> int:
    depth = 0
    while (joint := spec.parents[joint]) != -1:
        depth += 1
    return depth
