"""How large the page of 2,000 clips is: python tests/benchmarks/map_size.py DATASET.npz ... (prepared data sets)."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from msclr.explore import write_map
from msclr.io.collection import read_collection
from msclr.poses.sequence import PoseSequence

CLIPS, DIM = 2000, 256


class Around(Sequence[PoseSequence]):
    """So many clips, taken from a few again and again."""

    def __init__(self, clips: Sequence[PoseSequence], count: int) -> None:
        self._clips, self._count = clips, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row):
        return self._clips[row % len(self._clips)]


def main(paths: Sequence[str]) -> None:
    """Write the page with random vectors; print its size and the processor time it took."""
    clips = [clip for path in paths for clip in read_collection(path)]
    vectors = np.random.default_rng(0).normal(size=(CLIPS, DIM))
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        written = write_map(Path(folder) / "map.html", vectors, Around(clips, CLIPS))
        seconds = time.process_time() - start
    print(f"{len(clips)} different clips, {CLIPS} shown: {written.size / 1e6:.1f} MB in {seconds:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
