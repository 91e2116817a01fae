"""Killed at any moment and started again: nothing lost, nothing twice, no more than a shard done again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from child import ROOT
from strategies import standing_person

import msclr
from msclr.store import ClipStore, prepare

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

SHARD = 4

# Prepares argv[1] into argv[2] by shards of argv[3], once for each further argument: a fork that dies at this point.
# Prints the numbers of the files that each read, its exit code, and whether the store was there then. Without such
# arguments it prepares by itself.
CHILD = """
import json, os, signal, sys
from msclr.store import assemble, build

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def run(data, store, shard, point, pipe):
    begun, real = 0, build.add_input

    def add_input(writer, entry, *arguments, **options):
        nonlocal begun
        begun += 1
        os.write(pipe, b"%d " % entry.number)
        if point == str(begun):
            die()
        return real(writer, entry, *arguments, **options)

    build.add_input = add_input
    if point == "assembling":
        assemble._append = die
    if point == "before the store appears":
        build.replace_folder = die
    if point == "after the store has appeared":
        build.sync_folder = die
    build.prepare([data], store, on_error="skip", shard_size=int(shard))

data, store, shard, *points = sys.argv[1:]
if not points:
    run(data, store, shard, "never", sys.stdout.fileno())
for point in points:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            run(data, store, shard, point, writing)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with open(reading) as file:
        numbers = [int(number) for number in file.read().split()]
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps([point, numbers, code, os.path.exists(store)]), flush=True)
"""


def files(folder: Path, count: int) -> Path:
    """Recordings, one in a hundred of them (at least one) corrupt, two of each name in different folders."""
    folder.mkdir()
    clip = folder / "clip.npz"
    msclr.write(standing_person("coco_17", frames=3, dims=2), clip)
    content = clip.read_bytes()
    clip.unlink()
    broken = set(np.random.default_rng(0).choice(count, max(1, count // 100), replace=False).tolist())
    for number in range(count):
        path = folder / "ab"[number % 2] / f"{number // 2:05d}.npz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content[: len(content) // 2] if number in broken else content)
    return folder


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def check(store: Path, count: int) -> None:
    opened = ClipStore(store)
    opened.verify()
    broken = max(1, count // 100)
    assert [entry.outcome for entry in opened.inputs].count("failed") == broken
    assert len(opened) == count - broken == len(set(opened.names))
    assert len({entry.path for entry in opened.inputs}) == len(opened.inputs) == count
    assert [path.name for path in store.parent.iterdir() if "building" in path.name] == []


def test_f13_killed_anywhere_it_goes_on_and_reads_no_more_than_a_shard_again(tmp_path):
    count = 14
    data = files(tmp_path / "data", count)
    whole = prepare([data], tmp_path / "whole", on_error="skip", shard_size=3).path
    points = ["1", "6", "5", "assembling", "before the store appears", "after the store has appeared", "never"]
    out, _ = start(data, tmp_path / "store", SHARD, *points).communicate(timeout=120)
    rounds = [json.loads(line) for line in out.splitlines()]
    assert [point for point, *_ in rounds] == points
    read: list[int] = []
    for point, numbers, code, there in rounds:
        assert code == (0 if point == "never" else -signal.SIGKILL)
        assert there == (point in points[-2:])
        again = set(numbers) & set(read)
        assert len(again) <= SHARD
        assert len(numbers) == len(set(numbers))
        read += numbers
    assert set(read) == set(range(count))
    check(tmp_path / "store", count)
    for path in whole.iterdir():
        assert path.read_bytes() == (tmp_path / "store" / path.name).read_bytes()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="counts processes in /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path):
    data = files(tmp_path / "data", 60)
    code = f"""
import sys
from msclr.store import prepare
if __name__ == "__main__":
    prepare([{str(data)!r}], {str(tmp_path / "store")!r}, on_error="skip", workers=2, shard_size=1,
            progress=lambda done, total: print(done, flush=True))
"""
    (tmp_path / "script.py").write_text(code)
    process = subprocess.Popen(
        [sys.executable, tmp_path / "script.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 3:
            break
    process.kill()
    # The pipe is open in every worker: it ends only once all of them have.
    process.communicate(timeout=60)
    done = prepare([data], tmp_path / "store", on_error="skip", shard_size=1)
    assert done.recordings == 59
    check(tmp_path / "store", 60)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_f13_killed_at_random_instants(tmp_path, seed):
    count = 2000
    data = files(tmp_path / "data", count)
    chance = random.Random(seed)
    for _ in range(20):
        process = start(data, tmp_path / "store", 32)
        try:
            process.communicate(timeout=chance.uniform(1.0, 6.0))
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
    prepare([data], tmp_path / "store", on_error="skip", shard_size=32)
    check(tmp_path / "store", count)
