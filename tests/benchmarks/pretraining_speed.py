"""Pretraining from end to end (data, augmentation, step) against a plain way to do it, in one run.

    OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive python tests/benchmarks/pretraining_speed.py [--cases a b] [--clips 32]
        [--rounds 7] [--bf16] [--device cpu]

Both sides train AimCLR's three views with a trunk of 16 channels and a queue of 32,768 on the same clips. msclr's side
is a run as `msclr pretrain` makes it: clips from a store on the disk, views batched, persons packed. The other makes
the views clip by clip in NumPy, as the formulas stand, and takes an eager step on zero-padded tensors: always two
persons, always the joints of the largest convention. Both draw the conventions of each clip anew for query and key.

Cases: "a" single persons in clips of two slots, Kinect; "b" the same in four conventions of 25, 24, 42 and 43 joints;
"dense" two persons in every clip, Kinect; "mixed-dense" two persons in four conventions.

Steps of both sides alternate, so that a busy machine slows both; figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch
from augmentation_speed import extreme, normal
from numpy.typing import NDArray
from padded_stgcn import SLOTS
from torch import Tensor
from training_cost import FORMATS, FRAMES, PaddedBranch

from msclr import PoseSequence, get_skeleton
from msclr.losses.aimclr import AimCLRLoss
from msclr.models.momentum import MomentumEncoder
from msclr.store import write_store
from msclr.train.methods.build import build_method
from msclr.train.runs import load_run

RECORDINGS = 256
CASES = {"a": (FORMATS[:1], 1), "b": (FORMATS, 1), "dense": (FORMATS[:1], 2), "mixed-dense": (FORMATS, 2)}
Arrays = dict[str, NDArray[np.float32]]


def make_clips(formats: Sequence[str], persons: int) -> Arrays:
    """Clips [n, p, t, j, 3] of every format."""
    random = np.random.default_rng(0)
    return {
        name: random.normal(size=(RECORDINGS, persons, FRAMES, get_skeleton(name).num_joints, 3)).astype(np.float32)
        for name in formats
    }


def make_store(folder: Path, clips: Arrays) -> None:
    """The same clips as a store."""
    write_store(
        (
            (f"{name}/{number}", PoseSequence.from_array(clip, name, fps=30, meta={"recording": str(number)}))
            for name, all_clips in clips.items()
            for number, clip in enumerate(all_clips)
        ),
        folder / "clips.store",
    )


def native_steps(folder: Path, formats: Sequence[str], batch: int, device: torch.device) -> Callable[[], None]:
    """A run of msclr, step by step."""
    changes = [f"schedule.batch_size={batch}", "clips.preparation=none", "clips.split=null"]
    files = [{"skeleton": name, "file": "clips.store"} for name in formats]
    changes += [f"clips.formats={json.dumps(files)}", f"encoders.0.skeletons={json.dumps(formats)}"]
    method = build_method(load_run("aimclr" if len(formats) == 1 else "ms-aimclr", changes), folder)
    method.to(device).train()
    optimizer, batches, step = method.optimizer(), method.batches(device), 0

    def run() -> None:
        nonlocal step
        outcome = method.loss(next(batches), step)
        optimizer.zero_grad(set_to_none=True)
        outcome.total.backward()
        optimizer.step()
        method.after_update(step)
        step += 1

    return run


def padded_steps(clips: Arrays, batch: int, device: torch.device) -> Callable[[], None]:
    """A feeder that makes views clip by clip, and the step on zero-padded tensors."""
    names = tuple(clips)
    # The feeder's layout is [n, c, t, v, m], with zeros for persons who are not there.
    data = {}
    for name, array in clips.items():
        filled = np.zeros((len(array), 3, FRAMES, array.shape[3], SLOTS), np.float32)
        filled[..., : array.shape[1]] = array.transpose(0, 4, 2, 3, 1)
        data[name] = filled
    flips = {name: list(get_skeleton(name).flip_index) for name in names}
    random = np.random.default_rng(1)
    branch = PaddedBranch(names).to(device).train()
    key = MomentumEncoder(branch).to(device)
    loss = AimCLRLoss(128, 32768, mine_after=150).to(device)
    optimizer = torch.optim.SGD(branch.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)

    def view(chosen: NDArray[np.int64], formats: NDArray[np.int64], *, hard: bool) -> tuple[list[Tensor], Tensor]:
        blocks, places = [], []
        for number, name in enumerate(names):
            rows = np.flatnonzero(formats == number)
            made = [
                extreme(data[name][row], random, tuned=False, flip=flips[name])
                if hard
                else normal(data[name][row], random, tuned=False)
                for row in chosen[rows]
            ]
            stacked = np.stack(made).astype(np.float32) if made else np.zeros((0, *data[name].shape[1:]), np.float32)
            blocks.append(torch.from_numpy(stacked.transpose(0, 4, 2, 3, 1).copy()).to(device))
            places.append(rows)
        return blocks, torch.from_numpy(np.concatenate(places).argsort()).to(device)

    def run() -> None:
        chosen = random.integers(0, RECORDINGS, batch)
        query_formats, key_formats = random.integers(0, len(names), (2, batch))
        first, order = view(chosen, query_formats, hard=False)
        hard, _ = view(chosen, query_formats, hard=True)
        second, key_order = view(chosen, key_formats, hard=False)
        query = branch(first)[order]
        harder, dropped = (each[order] for each in branch.both(hard))
        outcome = loss(query, harder, dropped, key(second)[key_order], epoch=1)
        optimizer.zero_grad(set_to_none=True)
        outcome.total.backward()
        optimizer.step()
        key.update(branch)

    return run


def measure(steps: dict[str, Callable[[], None]], rounds: int, device: torch.device) -> dict[str, tuple[float, float]]:
    """Median seconds of the clock and of the processor for a step of each."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            begin, used = time.perf_counter(), time.process_time()
            step()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if turn:  # the first step of each warms up
                found[name].append((time.perf_counter() - begin, time.process_time() - used))
    return {name: tuple(np.median(each, axis=0).tolist()) for name, each in found.items()}  # type: ignore[misc]


def main() -> None:
    """Print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--bf16", action="store_true", help="both sides under bfloat16 autocast")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    torch.manual_seed(0)
    print(
        f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, "
        f"{options.clips} clips, {'bf16 autocast' if options.bf16 else 'float32'}, {options.device}"
    )
    for case in options.cases:
        formats, persons = CASES[case]
        clips = make_clips(formats, persons)
        with tempfile.TemporaryDirectory() as folder:
            make_store(Path(folder), clips)
            steps = {
                "msclr": native_steps(Path(folder), formats, options.clips, device),
                "plain": padded_steps(clips, options.clips, device),
            }
            casting: AbstractContextManager[object] = (
                torch.autocast(device.type, torch.bfloat16) if options.bf16 else nullcontext()
            )
            with casting:
                seconds = measure(steps, options.rounds, device)
        speed = {name: [options.clips / each for each in both] for name, both in seconds.items()}
        ratios = [speed["msclr"][clock] / speed["plain"][clock] for clock in range(2)]
        print(
            f"{case}: msclr {speed['msclr'][0]:.1f}, plain {speed['plain'][0]:.1f} clips/s of the clock, "
            f"{ratios[0]:.2f} times; by processor time {speed['msclr'][1]:.1f} and {speed['plain'][1]:.1f}, "
            f"{ratios[1]:.2f} times",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
