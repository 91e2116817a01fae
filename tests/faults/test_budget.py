"""Promise 8: reading n bytes takes at most 32 n + 64 MB of memory, and a second of CPU per 100 kB, in every reader."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cost import Cost, measure
from oracles.reader_files import LAYOUTS
from oracles.terse_layouts import TERSE

from msclr.io.registry import formats

SMALL, LARGE = 300_000, 12_000_000  # bytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")


def build(folder: Path, layout: str, size: int):
    """A recording of about so many bytes, as its producer writes it."""
    _, make = LAYOUTS[layout]
    few, more = (make(_new(folder / name), frames).size for name, frames in (("few", 8), ("more", 40)))
    return make(_new(folder / "all"), max(8, round(32 * size / max(1, more - few))))


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def measured(folder: Path, size: int) -> dict[str, Cost]:
    natural = [build(folder / layout, layout, size) for layout in LAYOUTS]
    terse = [make(_new(folder / f"terse {layout}"), size) for layout, (_, make) in TERSE.items()]
    names = [format for format, _ in (*LAYOUTS.values(), *TERSE.values())]
    return dict(zip((*LAYOUTS, *(f"terse {layout}" for layout in TERSE)), measure(natural + terse, names), strict=True))


@pytest.fixture(scope="module")
def costs(tmp_path_factory) -> dict[str, Cost]:
    return measured(tmp_path_factory.mktemp("small"), SMALL)


@pytest.fixture(scope="module")
def large_costs(tmp_path_factory) -> dict[str, Cost]:
    return measured(tmp_path_factory.mktemp("large"), LARGE)


def check(cost: Cost) -> None:
    assert cost.memory <= cost.allowed_memory
    assert cost.seconds <= cost.allowed_seconds


@pytest.mark.parametrize("layout", LAYOUTS)
def test_c07_a_recording_costs_no_more_than_promised(costs, layout):
    assert costs[layout].outcome == "ok"
    check(costs[layout])


@pytest.mark.parametrize("layout", TERSE)
def test_c07_a_terse_file_costs_no_more_than_promised(costs, layout):
    assert costs[f"terse {layout}"].outcome in ("ok", "FileLimitError", "FileFormatError")
    check(costs[f"terse {layout}"])


@pytest.mark.slow
@pytest.mark.parametrize("layout", [*LAYOUTS, *(f"terse {layout}" for layout in TERSE)])
def test_c07_large_files_cost_no_more_than_promised(large_costs, costs, layout):
    check(large_costs[layout])
    if costs[layout].outcome == large_costs[layout].outcome == "ok":
        growth = large_costs[layout].size / costs[layout].size
        assert large_costs[layout].seconds <= 3 * growth * costs[layout].seconds + 1


def test_every_format_is_measured():
    assert {known.name for known in formats()} == {format for format, _ in LAYOUTS.values()}
    assert {known.name for known in formats()} == {format for format, _ in TERSE.values()}
