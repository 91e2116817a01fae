"""Measure how long a corpus of many small files takes to list and to embed, and how much memory that needs.

    python tests/benchmarks/corpus_speed.py [FILES] [WORKERS]

Each file is a recording of one person in 60 frames of `kinect_v2_25` (.npz), the model is the bundled one. "listed" is
the listing of all files with their size and time, which is done on every call; "embedded" the whole call; "again" a
second call, which finds all done. Times are of the clock and depend on what else the machine does; "processor" is that
of this process. Memory is the highest resident size of this process above that before the call, without workers'.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from strategies import standing_person

import msclr
from msclr.embed import embed_dataset
from msclr.io.limits import ReadLimits
from msclr.store.inputs import list_inputs


def make(folder: Path, count: int) -> Path:
    """Write some different recordings, and give each many names."""
    originals = folder / "originals"
    originals.mkdir()
    for number in range(20):
        msclr.write(standing_person("kinect_v2_25", frames=60, seed=number), originals / f"{number}.npz")
    files = folder / "files"
    content = [path.read_bytes() for path in sorted(originals.iterdir())]
    for number in range(count):
        path = files / f"{number // 1000:06d}" / f"{number:09d}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[number % len(content)])
    return files


def measured(name: str, count: int, call: Callable[[], object]) -> None:
    """Print a line of the table."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clock, processor = time.perf_counter(), time.process_time()
    call()
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    figures = f"{clock:.1f} | {processor:.1f} | {1e6 * processor / count:,.0f} | {memory:,.0f}"
    print(f"| {name} | {figures} |", flush=True)


def main(count: int, workers: int) -> None:
    """Print a table."""
    encoder = msclr.load_pretrained()
    with tempfile.TemporaryDirectory() as temporary:
        files = make(Path(temporary), count)
        encoder.embed(standing_person("kinect_v2_25"))
        print(f"{count:,} files, {workers} workers, load of the machine {os.getloadavg()[0]:.1f}\n")
        print("| | clock s | processor s | processor us a file | memory MB |\n|---|---|---|---|---|")

        def listed() -> None:
            entries, _ = list_inputs([files], "auto", ReadLimits(), follow_symlinks=False)
            _ = [entry.fingerprint() for entry in entries]

        def embedded() -> None:
            done = embed_dataset(encoder, [files], Path(temporary) / "vectors", workers=workers)
            assert done.vectors == count

        measured("listed", count, listed)
        measured("embedded", count, embedded)
        measured("again", count, embedded)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
