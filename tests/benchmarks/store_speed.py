"""Measure how many clips a second come from the memory map of a clip store as packed batches.

    python tests/benchmarks/store_speed.py [SECONDS]

The last table is what `msclr pretrain` draws: windows of 3 seconds, prepared, as clips of 50 frames.

Windows of 50 frames of single-person Kinect recordings (300 frames, 30 fps), 512 in a batch, one process, one thread,
from a store that is in the page cache. "processor" counts the clips of a second of processor time of this process,
"clock" those of a second of the clock, which depends on what else the machine does. The target is 20,000 clips/s for
two cores; "two processes" is the sum of two that run at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from strategies import standing_person

from msclr.poses.batch import PoseBatch
from msclr.store import ClipStore, pack, write_store
from msclr.train.methods.clips import load_clips
from msclr.train.methods.config import ClipConfig

SIZE, FRAMES = 512, 50


def make(folder: Path, recordings: int, gaps: float, precision: str) -> Path:
    """Make a store of Kinect recordings; a share `gaps` of the joints is unknown."""
    random = np.random.default_rng(0)
    clip = standing_person("kinect_v2_25", frames=300)
    clips = []
    for number in range(recordings):
        valid = random.random(clip.valid.shape) >= gaps
        positions = np.where(valid[..., None], clip.positions, np.float32(0))
        clips.append((str(number), clip.replace(positions=positions, valid=valid)))
    write_store(clips, folder, precision=precision)  # type: ignore[arg-type]
    return folder


def rate(draw: Callable[[], object], seconds: float) -> tuple[float, float]:
    """Clips for a second of processor time, and of the clock."""
    for _ in range(3):
        draw()
    batches, clock, processor = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - clock < seconds:
        draw()
        batches += 1
    return SIZE * batches / (time.process_time() - processor), SIZE * batches / (time.perf_counter() - clock)


def feeders(store: ClipStore) -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    generator = torch.Generator().manual_seed(0)
    plain = store.windows(generator, size=SIZE, frames=FRAMES)
    resampled = store.windows(generator, size=SIZE, frames=FRAMES, resample=True, seconds=4.0, shortest=0.5)
    random = np.random.default_rng(0)

    def one_by_one() -> PoseBatch:
        clips = [store[int(number)] for number in random.integers(0, len(store), SIZE)]
        starts = random.integers(0, 251, SIZE).tolist()
        return PoseBatch.from_sequences(
            [clip.frames(start, start + FRAMES) for clip, start in zip(clips, starts, strict=True)]
        )

    return {
        "windows": lambda: next(plain),
        "windows, packed": lambda: pack(next(plain)),
        "resampled windows, packed": lambda: pack(next(resampled)),
        "recording by recording, packed": one_by_one,
    }


def drawn(folder: Path, preparation: str) -> Callable[[], object]:
    """Clips as many as in a batch, drawn and prepared as in a run."""
    config = ClipConfig(
        formats=({"skeleton": "kinect_v2_25", "file": "0.0float32"},),
        preparation=preparation,
        split=None,
        window={"seconds": 3.0},
    )
    clips, generator = load_clips(config, folder), torch.Generator().manual_seed(0)
    index = torch.arange(SIZE) % len(clips)
    return lambda: clips.draw(index, generator).block(0, torch.arange(SIZE)).clips


def main(seconds: float) -> None:
    """Print a table."""
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| store | what | processor clips/s | clock clips/s |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for gaps, precision in ((0.0, "float32"), (0.1, "float32"), (0.0, "float16")):
            path = make(Path(folder) / f"{gaps}{precision}", 400, gaps, precision)
            for name, draw in feeders(ClipStore(path)).items():
                processor, clock = rate(draw, seconds)
                kind = f"{precision}, {100 * gaps:.0f} % unknown"
                print(f"| {kind} | {name} | {processor:,.0f} | {clock:,.0f} |", flush=True)
        print("\n| clips of a run, preparation | processor clips/s | clock clips/s |\n|---|---|---|")
        for preparation in ("none", "cros", "isc", "common"):
            processor, clock = rate(drawn(Path(folder), preparation), seconds)
            print(f"| {preparation} | {processor:,.0f} | {clock:,.0f} |", flush=True)
        command = [sys.executable, __file__, str(seconds), str(Path(folder) / "0.0float32")]
        children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        total = sum(float(child.communicate()[0]) for child in children)
        print(f"\ntwo processes, windows, packed: {total:,.0f} clips/s of the clock")


if __name__ == "__main__":
    torch.set_num_threads(1)
    long = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    if len(sys.argv) > 2:
        print(rate(feeders(ClipStore(sys.argv[2]))["windows, packed"], long)[1])
    else:
        main(long)
