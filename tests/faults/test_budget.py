"""Promise 8: reading n bytes takes at most 32 n + 64 MB of memory and a second of CPU per 100 kB."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from oracles.pose_files import ntu_lines, openpose_person, write_lines

CHILD = """
import os, sys, time
import msclr.io.registry as registry
from msclr.errors import MsclrError
from msclr.skeletons.registry import get_skeleton
from scipy.optimize import linear_sum_assignment
registry.formats(), get_skeleton("coco_17")

def memory(field):
    return int(next(line for line in open("/proc/self/status") if line.startswith(field)).split()[1]) * 1024

def measure(path, skeleton):
    open("/proc/self/clear_refs", "w").write("5")  # the peak starts again from here
    before, start = memory("VmRSS"), time.process_time()
    try:
        registry.read(path, skeleton=skeleton or None)
        outcome = "ok"
    except MsclrError as error:
        outcome = type(error).__name__
    print(outcome, memory("VmHWM") - before, time.process_time() - start, flush=True)

for path, skeleton in zip(sys.argv[1::2], sys.argv[2::2]):
    if os.fork() == 0:
        measure(path, skeleton)
        os._exit(0)
    os.wait()
"""

CASES = {
    "ntu": "ok",
    "ntu of nobody": "ok",
    "ntu, terse": "ok",
    "json of small objects": "FileLimitError",
    "json of brackets": "FileLimitError",
    "crowd": "ok",
    "npy of bytes": "ok",
    "npz, compressed": "FileLimitError",
}


def pose() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(25, 3))


def make(kind: str, folder: Path) -> tuple[Path, str]:
    path = folder / f"{kind}_keypoints.json"
    if kind == "ntu":
        return write_lines(path, ntu_lines([{1: pose(), 2: pose()}] * 700)), ""
    if kind == "ntu of nobody":
        return write_lines(path, ["1000000", *["0"] * 1_000_000]), ""
    if kind == "ntu, terse":
        block = ["1", "1 0 0 0 0 0 0 0 0 0", "25", *["0 " * 11 + "2"] * 25]
        return write_lines(path, ["3000", *block * 3000]), ""
    if kind == "json of small objects":
        path.write_text('{"people": [' + ",".join(['{"":0}'] * 500_000) + "]}")
    elif kind == "json of brackets":
        path.write_text('{"people": [' + ",".join(["[]"] * 1_000_000) + "]}")
    elif kind == "crowd":
        points = np.random.default_rng(0).uniform(1, 9, size=(900, 25, 2)) + np.arange(900)[:, None, None] * 20
        path.write_text(json.dumps({"people": [openpose_person(person) for person in points]}))
    elif kind == "npy of bytes":
        file = io.BytesIO()
        np.save(file, np.random.default_rng(0).integers(1, 9, size=(100_000, 17, 2), dtype=np.uint8))
        path.write_bytes(file.getvalue())
        return path, "coco_17"
    elif kind == "npz, compressed":
        with path.open("wb") as file:
            np.savez_compressed(file, poses=np.ones((400_000, 17, 2), np.uint8))
        return path, "coco_17"
    return path, ""


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> dict[str, tuple[int, list[str]]]:
    """For each case the size of its file, and the child's line."""
    if sys.platform != "linux":
        pytest.skip("peak memory is read from /proc")
    made = [make(kind, tmp_path_factory.mktemp("budget")) for kind in CASES]
    arguments = [text for path, skeleton in made for text in (str(path), skeleton)]
    done = subprocess.run([sys.executable, "-c", CHILD, *arguments], capture_output=True, text=True, check=True)
    sizes = [path.stat().st_size for path, _ in made]
    lines = [line.split() for line in done.stdout.splitlines()]
    return dict(zip(CASES, zip(sizes, lines, strict=True), strict=True))


@pytest.mark.parametrize("kind", CASES)
def test_c07_memory_and_time_are_bounded(measured, kind):
    size, (outcome, memory, seconds) = measured[kind]
    assert outcome == CASES[kind]
    assert int(memory) <= 32 * size + 64 * 2**20
    assert float(seconds) <= max(1.0, size / 100_000)
