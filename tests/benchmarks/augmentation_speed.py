"""Compare the batched views of AimCLR with feeders that make them clip by clip, in one run.

    OMP_NUM_THREADS=1 python tests/benchmarks/augmentation_speed.py [--clips 128] [--frames 50] [--rounds 20]

All start from the same float32 clips of two persons and end with the batches of three views: one extreme, two normal,
as published (the feeders have no masks, so they do less; the corrected forms are measured besides). The feeders are
numpy on (c, t, v, m), one clip after the other, as in a data loader without workers; batching their views counts. The
plain one computes as the formulas stand, in the float64 that numpy's draws lead to; the tuned one stays in float32 and
makes one matrix of the three turns.
Rounds alternate, so that a busy machine slows all; figures are medians over the rounds. On a busy machine the processor
time of one thread says more.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from msclr import get_skeleton
from msclr.augment import Clips, recipe

Clip = NDArray[np.floating]
FLIP = [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 20, 23, 24, 21, 22]
OFFSETS = np.arange(-7, 8)


def crop(clip: Clip, random: np.random.Generator) -> Clip:
    frames = clip.shape[1]
    pad = frames // 6
    start = int(random.integers(0, 2 * pad + 1))
    longer = np.concatenate((clip[:, :pad][:, ::-1], clip, clip[:, frames - pad :][:, ::-1]), axis=1)
    return longer[:, start : start + frames]


def shear(clip: Clip, random: np.random.Generator, *, tuned: bool) -> Clip:
    matrix = random.uniform(-0.5, 0.5, (3, 3))
    np.fill_diagonal(matrix, 1.0)
    return np.tensordot(matrix.astype(np.float32) if tuned else matrix, clip, axes=1)


def rotate(clip: Clip, random: np.random.Generator, *, tuned: bool) -> Clip:
    main = int(random.integers(3))
    total = np.eye(3)
    for axis in range(3):
        angle = np.radians(random.uniform(0, 30 if axis == main else 1))
        turn = np.eye(3)
        first, second = (axis + 1) % 3, (axis + 2) % 3
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = np.sin(angle), -np.sin(angle)
        total = turn @ total
        if not tuned:
            clip = np.tensordot(turn, clip, axes=1)
    return np.tensordot(total.astype(np.float32), clip, axes=1) if tuned else clip


def blur(clip: Clip, random: np.random.Generator) -> Clip:
    weights = np.exp(-(OFFSETS**2) / (2 * random.uniform(0.1, 2) ** 2)).astype(clip.dtype)
    frames = clip.shape[1]
    padded = np.pad(clip, ((0, 0), (7, 7), (0, 0), (0, 0)))
    result = np.zeros_like(clip)
    for tap, weight in enumerate(weights):
        result += weight * padded[:, tap : tap + frames]
    return result


def normal(clip: Clip, random: np.random.Generator, *, tuned: bool) -> Clip:
    return shear(crop(clip, random), random, tuned=tuned)


def extreme(clip: Clip, random: np.random.Generator, *, tuned: bool, flip: Sequence[int] = FLIP) -> Clip:
    clip = normal(clip, random, tuned=tuned)
    if random.random() < 0.5:
        clip = clip[:, :, flip]
    clip = rotate(clip, random, tuned=tuned)
    if random.random() < 0.5:
        clip = clip + random.normal(0, 0.01, clip.shape).astype(clip.dtype)
    if random.random() < 0.5:
        clip = blur(clip, random)
    if random.random() < 0.5:
        clip = clip.copy()
        clip[int(random.integers(3))] = 0
    return clip


def feeder(data: NDArray[np.float32], random: np.random.Generator, *, tuned: bool) -> tuple[torch.Tensor, ...]:
    """Three views of every clip of data (n, c, t, v, m)."""
    views = [tuple(view(clip, random, tuned=tuned) for view in (extreme, normal, normal)) for clip in data]
    return tuple(torch.from_numpy(np.stack(view).astype(np.float32, copy=False)) for view in zip(*views, strict=True))


def batched(clips: Clips, generator: torch.Generator, *, legacy: bool) -> tuple[Clips, ...]:
    """The same views of all clips at once."""
    checked = Clips(clips.positions, clips.valid, clips.skeleton)
    names = ("aimclr_extreme", "aimclr_normal", "aimclr_normal")
    return tuple(recipe(name, legacy=legacy)(checked, generator=generator) for name in names)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("--clips", 128), ("--frames", 50), ("--rounds", 20)):
        parser.add_argument(name, type=int, default=default)
    arguments = parser.parse_args()
    random, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    data = random.normal(size=(arguments.clips, 3, arguments.frames, 25, 2)).astype(np.float32)
    positions = torch.from_numpy(np.ascontiguousarray(data.transpose(0, 4, 2, 3, 1)))
    clips = Clips(positions, torch.ones(positions.shape[:-1], dtype=torch.bool), get_skeleton("kinect_v2_25"))
    ways: dict[str, Callable[[], object]] = {
        "plain feeder": lambda: feeder(data, random, tuned=False),
        "tuned feeder": lambda: feeder(data, random, tuned=True),
        "batched, as published": lambda: batched(clips, generator, legacy=True),
        "batched, corrected": lambda: batched(clips, generator, legacy=False),
    }
    if torch.cuda.is_available():
        there, source = clips.to("cuda"), torch.Generator("cuda").manual_seed(0)

        def on_device() -> None:
            batched(there, source, legacy=False)
            torch.cuda.synchronize()

        ways["batched on cuda, corrected"] = on_device
    wall: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(arguments.rounds + 2):
        for name, way in ways.items():
            begin, used = time.perf_counter(), time.process_time()
            way()
            if turn >= 2:
                processor[name].append(time.process_time() - used)
                wall[name].append(time.perf_counter() - begin)
    report: dict[str, object] = {"threads": torch.get_num_threads()}
    for clock, seconds in (("time", wall), ("processor time", processor)):
        speed = {name: arguments.clips / float(np.median(taken)) for name, taken in seconds.items()}
        report[f"clips per second of {clock}"] = {name: round(value) for name, value in speed.items()}
        for feeding in ("plain feeder", "tuned feeder"):
            report[f"times the {feeding}'s by {clock}"] = {
                name: round(value / speed[feeding], 2) for name, value in speed.items() if name != feeding
            }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
