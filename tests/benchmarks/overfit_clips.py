"""The 200 clips that overfit.py has learned by heart: of two conventions, in turn the one least like those before."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from msclr import convert, get_skeleton
from msclr.augment.temporal import MirrorCrop
from msclr.io.collection import read_collection
from msclr.poses.cros_line import cros_line
from msclr.poses.resample import resample
from msclr.poses.sequence import PoseSequence

CLIPS = 200
REHABILITATION = {"kinect": "uiprmd_kinect_PDDL", "vicon": "uiprmd_viconjc_PDDL"}
EVERYDAY = {"daz": "cmu_daz", "asf": "cmu_asf"}
# ISC sees 64 frames of NTU RGB+D, 30 a second, and crops are not shorter. The median of 13 clips of NTU is 68 frames.
NTU_FPS, NTU_FRAMES, NTU_SEEN = 30, 68, 64


def repetitions(skeleton: str, frames: int) -> dict[str, PoseSequence]:
    """Exercises of UI-PRMD, each a whole recording, 100 from each sensor: recordings by name."""
    return chosen({sensor: recordings(file) for sensor, file in REHABILITATION.items()}, skeleton, frames)


def windows(skeleton: str, frames: int) -> dict[str, PoseSequence]:
    """Stretches of CMU as long as clips of NTU RGB+D, 100 of each of two conventions: recordings by name."""
    length, fps = round(NTU_FRAMES * frames / NTU_SEEN), NTU_FPS * frames / NTU_SEEN
    sides: dict[str, dict[str, PoseSequence]] = {}
    for side, file in EVERYDAY.items():
        slower = {name: resample(each, fps=fps) for name, each in recordings(file).items()}
        sides[side] = {
            f"{name} from {start}": each.frames(start, start + length)
            for name, each in slower.items()
            for start in range(0, each.num_frames - length + 1, length)
        }
    return chosen(sides, skeleton, frames)


def recordings(file: str) -> dict[str, PoseSequence]:
    """All recordings of a data set by name."""
    clips = read_collection(Path(os.environ["MSCLR_DATA"]) / "mocap" / f"{file}.npz")
    return dict(zip(clips.names, clips, strict=True))


def chosen(sides: Mapping[str, Mapping[str, PoseSequence]], skeleton: str, frames: int) -> dict[str, PoseSequence]:
    """Choose among the recordings of several sides, as they are seen in a convention."""
    names = [[(side, name) for name in clips] for side, clips in sides.items()]
    rows = choose([torch.stack([spans(each, skeleton, frames) for each in clips.values()]) for clips in sides.values()])
    picked = [names[side][row] for side, row in rows]
    return {f"{side}_{name}": sides[side][name] for side, name in picked}


def choose(sides: Sequence[Tensor]) -> list[tuple[int, int]]:
    """Take clips of each side in turn, each time the one least like those taken so far: (side, row).

    How much two clips are alike is the overlap of their spans, at the shift in time that makes it largest.

    Args:
        sides: Spans by shift, [n, s, d, 3] each.
    """
    middle = sides[0].shape[1] // 2
    taken = [(0, 0)]
    overlaps = [torch.zeros(len(side)) for side in sides]
    while len(taken) < CLIPS:
        newest = sides[taken[-1][0]][taken[-1][1]]
        for side, overlap in zip(sides, overlaps, strict=True):
            for shifts, still in ((side, newest[middle, None, None]), (side[:, middle, None], newest)):
                common = torch.linalg.matrix_norm(shifts.mT @ still).square()
                torch.maximum(overlap, common.flatten(1).amax(dim=1), out=overlap)
        next_side = len(taken) % len(sides)
        taken.append((next_side, int(overlaps[next_side].argmin())))
    return taken


def spans(recording: PoseSequence, skeleton: str, frames: int) -> Tensor:
    """What shear leaves alone of a clip: the space that x, y and z span over joints and times, [shifts, t j, 3].

    At every shift in time that the crop can make.
    """
    clip = torch.tensor(cros_line(convert(recording, skeleton), frames=frames).positions[0])  # t j c
    reach = frames // MirrorCrop().ratio
    longer = torch.cat((clip[:reach].flip(0), clip, clip[-reach:].flip(0)))
    return torch.linalg.qr(longer.unfold(0, frames, 1).movedim(3, 1).flatten(1, 2))[0]


def write(path: Path, skeleton: str, clips: Mapping[str, PoseSequence]) -> None:
    """Write recordings, converted, as a prepared data set."""
    converted = [convert(each, skeleton) for each in clips.values()]
    np.savez(
        path,
        joints=np.concatenate([each.positions[0] for each in converted]),
        score=np.concatenate([each.valid[0] for each in converted]),
        offsets=np.cumsum([0, *(each.num_frames for each in converted)]),
        names=list(clips),
        skeleton=skeleton,
        joint_names=get_skeleton(skeleton).joints,
        fps=converted[0].fps,
        up=converted[0].up,
    )
