"""Fault C21: damaged files end in a correct read or an MsclrError, fast, and leave nothing open, for every reader."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from fuzzing import FLOODS, Campaign, broken_invariants, mutate
from oracles.reader_files import LAYOUTS

from msclr import read
from msclr.errors import MsclrError
from msclr.io.registry import Probe, formats

SECONDS = 8.0  # in all
MUTATIONS = int(os.environ.get("MSCLR_FUZZ_MUTATIONS", "1000000"))


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_c21_every_format_has_a_builder():
    """A new reader needs a layout in oracles/reader_files.py; the tests below, and those of its cost, then take it."""
    missing = {known.name for known in formats()} - {format for format, _ in LAYOUTS.values()}
    assert not missing, f"no layout in tests/oracles/reader_files.py for {', '.join(sorted(missing))}"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_c16_a_file_as_its_producer_writes_it_is_recognised_as_nothing_else(tmp_path, layout):
    format, build = LAYOUTS[layout]
    path = build(tmp_path, 3).path
    names = tuple(sorted(each.name for each in path.iterdir())) if path.is_dir() else ()
    probe = Probe(path, head=b"" if path.is_dir() else path.read_bytes()[:65536], is_folder=path.is_dir(), names=names)
    by_name_only = {"pyskl": set(), "amass": {"npz"}}
    assert {known.name for known in formats() if known.recognise(probe)} == by_name_only.get(format, {format})


@pytest.mark.parametrize("layout", LAYOUTS)
def test_c21_damaged_files_are_read_or_refused(tmp_path, layout):
    campaign = Campaign(layout, tmp_path / "files")
    before = open_files()
    report = campaign.run(mutations=200, seconds=SECONDS / len(LAYOUTS))
    assert 0 < report.refused <= report.made
    assert not report.failures
    assert open_files() == before


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_c21_a_million_damaged_files_are_read_or_refused(tmp_path, layout):
    """A million for each reader, shared by its layouts, of two frames: damage meets more of a short file.

    Set MSCLR_FUZZ_MUTATIONS for fewer, MSCLR_FUZZ_KEEP to a folder for the files that fail.
    """
    share = -(-MUTATIONS // [format for format, _ in LAYOUTS.values()].count(LAYOUTS[layout][0]))
    before = open_files()
    report = Campaign(layout, tmp_path / "files", seed=1, frames=2).run(mutations=share)
    assert report.made == share
    assert not report.failures
    assert open_files() == before


@pytest.mark.parametrize("layout", ["ntu", "npz", "pyskl"])
def test_c21_damage_is_repeatable_and_is_damage(tmp_path, layout):
    _, build = LAYOUTS[layout]
    data = build(tmp_path, 3).files[0].read_bytes()
    first, again = ([mutate(data, random.Random(seed)) for seed in range(50)] for _ in range(2))
    assert first == again
    assert sum(damaged != data for damaged in first) > 40


def test_c21_a_wrong_read_would_be_noticed(tmp_path):
    _, build = LAYOUTS["npz"]
    good = read(build(tmp_path, 3).path)
    assert broken_invariants(good) == []
    far = good.positions.copy()
    far[0, 0, 0, 0] = 1e9
    assert broken_invariants(good.replace(positions=far)) == ["finite"]
    for field, values, broken in (
        ("positions", good.positions + 1, "zero where unknown"),
        ("confidence", good.confidence * 3, "confidence"),
    ):
        bad = good.replace()
        values.setflags(write=False)
        object.__setattr__(bad, field, values)  # past the checks of PoseSequence
        assert broken_invariants(bad) == [broken]


@pytest.mark.parametrize(
    "start", [b"", b"1 2 3 ", b'{"people": [', b'["', b"HIERARCHY\nROOT a\n{\n", b"3\n1\n", b":root\n"]
)
def test_c21_long_runs_take_no_long_time(tmp_path, start):
    """Digits, blanks, brackets, quotes: what makes a careless pattern look at each character again and again."""
    path = tmp_path / "clip_000000000000_keypoints.json"
    for piece in FLOODS:
        path.write_bytes(start + piece * (60_000 // len(piece)) + b"x")
        begin = time.process_time()
        with pytest.raises(MsclrError):
            read(path)
        assert time.process_time() - begin < 0.6, piece
