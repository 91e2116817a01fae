"""Measure how long a search among a million vectors takes, and what approximate search finds of the exact answer.

    python tests/benchmarks/search_speed.py [ROWS] [FOLDER]

The vectors stand for those of a corpus: each is the vector that the bundled model gives a window of the recordings
that ship with msclr, blended with another one, plus noise of half the spread; 256 numbers each. Queries are drawn
in the same way and are not among them. "load" reads, verifies and unpacks an index of float16 whose files are in the
page cache. "processor" is the median processor time of 50 queries, "clock" the median and the slowest by the clock,
which depend on what else the machine does. "recall" is the share of the exact 10 nearest that approximate search lists
among its 10. The target is 100 ms for one query among 1,000,000.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import msclr
from msclr.index import VectorIndex
from msclr.samples import sample_paths

QUERIES = 50


def seeds() -> torch.Tensor:
    """Vectors of the windows of the recordings that ship with msclr, one second each, every tenth of a second."""
    encoder = msclr.load_pretrained()
    windows = []
    for path in sample_paths().values():
        clip = msclr.read(path)
        length = round(clip.fps or 30.0)
        starts = range(0, max(1, clip.num_frames - length), max(1, length // 10))
        windows += [clip.frames(start, min(start + length, clip.num_frames)) for start in starts]
    return encoder.embed(windows)


def corpus(rows: int, base: torch.Tensor, seed: int) -> torch.Tensor:
    """Blend and blur the vectors of real windows."""
    random = np.random.default_rng(seed)
    spread = float(base.std(dim=0).mean())
    made = torch.empty(rows, base.shape[1], dtype=torch.float16)
    for start in range(0, rows, 50_000):
        count = min(50_000, rows - start)
        first, second = (base[torch.from_numpy(random.integers(0, len(base), count))] for _ in range(2))
        share = torch.from_numpy(random.uniform(size=(count, 1))).float()
        noise = torch.from_numpy(random.standard_normal(size=(count, base.shape[1]), dtype=np.float32))
        blend = share * first + (1 - share) * second + 0.5 * spread * noise
        made[start : start + count] = torch.nn.functional.normalize(blend, dim=1).half()
    return made


def timed(index: VectorIndex, queries: torch.Tensor, probes: int | None) -> tuple[list[float], torch.Tensor]:
    """Milliseconds of a query (processor, clock, slowest by the clock), and the 10 nearest of each."""
    processor, clock, found = [], [], []
    for query in queries.split(1):
        began = time.perf_counter(), time.process_time()
        found.append(index.search(query, 10, probes=probes).indices)
        clock.append(1000 * (time.perf_counter() - began[0]))
        processor.append(1000 * (time.process_time() - began[1]))
    return [statistics.median(processor), statistics.median(clock), max(clock)], torch.cat(found)


def main(rows: int, folder: Path) -> None:
    """Print a table."""
    base = seeds()
    queries = corpus(QUERIES, base, seed=1).float()
    place = folder / "index"
    if not place.exists():
        names = [f"recordings/subject {number // 1000}/clip {number}.npz" for number in range(rows)]
        index = VectorIndex.of(corpus(rows, base, seed=0), names, skeletons=["kinect_v2_25"] * rows)
        began = time.perf_counter()
        index = index.with_cells()
        print(f"grouped into {len(index.cells.ends):,} cells in {time.perf_counter() - began:.0f} s")
        index.save(place)
        del index
    began = time.perf_counter()
    index = VectorIndex.load(place)
    load = time.perf_counter() - began
    cores = os.cpu_count()
    print(f"load {load:.2f} s, {len(index):,} vectors, load of the machine {os.getloadavg()[0]:.1f} on {cores} cores\n")
    print("| search | processor ms | clock ms | slowest ms | recall at 10 |\n|---|---|---|---|---|")
    exact = None
    for probes in (None, 4, 16, 64):
        figures, found = timed(index, queries, probes)
        exact = found if exact is None else exact
        recall = (found[:, :, None] == exact[:, None]).any(dim=2).float().mean()
        name = "exact" if probes is None else f"{probes} probes"
        print(f"| {name} | " + " | ".join(f"{each:.1f}" for each in figures) + f" | {recall:.3f} |", flush=True)


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    if len(sys.argv) > 2:
        main(number, Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(number, Path(temporary))
