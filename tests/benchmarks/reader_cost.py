"""Measure what reading costs, and write the tables of docs/limits.md.

    python tests/benchmarks/reader_cost.py [BYTES]

Every layout of tests/oracles/reader_files.py and terse_layouts.py, at about so many bytes (8 million by default), each
read by a process of its own; Linux only.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cost import Cost, measure
from oracles.reader_files import LAYOUTS
from oracles.recording import Recording
from oracles.terse_layouts import TERSE


def sized(make: Callable[[Path, int], Recording], folder: Path, size: int) -> Recording:
    """A recording of about so many bytes from a builder that takes a number of frames."""
    sizes = []
    for frames in (8, 40):
        with tempfile.TemporaryDirectory() as trial:
            sizes.append(make(Path(trial), frames).size)
    return make(folder, max(8, round(32 * size / max(1, sizes[1] - sizes[0]))))


def costs(size: int) -> Iterator[tuple[str, str, Cost]]:
    """Measure one layout after the other: natural or terse, its name, its cost."""
    for kind, layouts in (("natural", LAYOUTS), ("terse", TERSE)):
        for layout, (format, make) in layouts.items():
            with tempfile.TemporaryDirectory() as folder:
                natural = kind == "natural"
                recording = sized(make, Path(folder), size) if natural else make(Path(folder), size)
                (cost,) = measure([recording], [format])
            yield kind, layout, cost


def main(size: int) -> None:
    """Print the two tables."""
    titles = {"natural": "As producers write them", "terse": "As terse as they can be"}
    shown = ""
    for kind, layout, cost in costs(size):
        if kind != shown:
            print(f"\n### {titles[kind]}\n")
            print("| file | MB | outcome | peak MB | allowed MB | seconds |\n|---|---|---|---|---|---|")
            shown = kind
        figures = (cost.memory / 2**20, cost.allowed_memory / 2**20, cost.seconds)
        row = "| {} | {:.2f} | {} | {:.0f} | {:.0f} | {:.2f} |".format(layout, cost.size / 1e6, cost.outcome, *figures)
        print(row, flush=True)


if __name__ == "__main__":
    main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 8_000_000)
