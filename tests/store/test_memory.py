"""A store larger than what a process may hold is used without holding it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from child import python

import msclr
from msclr.store.layout import CONTENT, RECORD

RECORDINGS, FRAMES = 640, 50_000  # 640 x 50,000 x 25 x 3 x 4 bytes = 9.6 GB, of which the disk holds next to nothing

CHILD = """
import sys, torch
from msclr.store import ClipStore, pack

def own():
    lines = open("/proc/self/status").read().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon", "VmHWM"))}

store = ClipStore(sys.argv[1])
before = own()
windows = store.windows(torch.Generator().manual_seed(0), size=128, frames=50)
for _ in range(20):
    batch = pack(next(windows))
clip = store[63]
after = own()
print(sum(clip.valid.shape), after["RssAnon"] - before["RssAnon"], after["VmHWM"] - before["VmHWM"], clip.num_frames)
"""


def sparse_store(folder: Path) -> int:
    """A store by the letter of docs/store.md, whose positions are a hole in the file."""
    folder.mkdir()
    rows = RECORDINGS * FRAMES
    records = np.zeros(RECORDINGS, RECORD)
    records["persons"], records["frames"], records["confidence"], records["fps"] = 1, FRAMES, -1, 30.0
    records["row"] = np.arange(RECORDINGS) * FRAMES
    lines = [b'{"name": "%d"}\n' % number for number in range(RECORDINGS)]
    records["text_bytes"] = [len(line) for line in lines]
    records["text"] = np.cumsum([0, *records["text_bytes"][:-1]])
    sizes = {"positions.bin": rows * 300, "valid.bin": rows * 4}
    contents = {"index.bin": records.tobytes(), "texts.jsonl": b"".join(lines)}
    for name in CONTENT:
        with (folder / name).open("wb") as file:
            file.write(contents.get(name, b""))
            file.truncate(sizes.get(name, len(contents.get(name, b""))))
    table = {"skeleton": json.loads(msclr.get_skeleton("kinect_v2_25").to_json()), "dims": 3, "unit": "m", "up": "+y"}
    manifest = {
        "format": "msclr clip store",
        "version": 1,
        "precision": "float32",
        "recordings": RECORDINGS,
        "tables": [{**table, "rows": rows}],
        "sources": ["sparse"],
        "files": {name: {"bytes": (folder / name).stat().st_size, "sha256": ""} for name in CONTENT},
    }
    (folder / "store.json").write_text(json.dumps(manifest))
    return rows * 300


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_windows_of_ten_gigabytes_take_megabytes(tmp_path):
    assert sparse_store(tmp_path / "store") > 9e9
    outcome = python("-W", "error", "-c", CHILD, str(tmp_path / "store"))
    assert outcome.returncode == 0, outcome.stderr
    _, own, peak, frames = map(int, outcome.stdout.split())
    assert frames == FRAMES
    assert own < 150 * 2**20
    assert peak < 600 * 2**20  # with the pages of the file that were looked at


TRAINING = """
import json, sys, torch
from pathlib import Path
from msclr.train.methods.build import build_method
from msclr.train.runs import load_run

def own():
    lines = open("/proc/self/status").read().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon", "VmHWM"))}

path = Path(sys.argv[1])
files = json.dumps([{"skeleton": "kinect_v2_25", "file": path.name}])
changes = [f"clips.formats={files}", "clips.split=null", "clips.window.seconds=2", "contrast.queue_size=64"]
run = load_run("aimclr", changes)
method = build_method(run, path.parent)
before = own()
batches = method.batches(torch.device("cpu"))
for _ in range(2):
    views = next(batches)
after = own()
print(method.fingerprint() != {}, after["RssAnon"] - before["RssAnon"], after["VmHWM"], views.normal.batch.num_clips)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_training_draws_windows_of_ten_gigabytes_within_megabytes(tmp_path):
    sparse_store(tmp_path / "store")
    outcome = python("-W", "error", "-c", TRAINING, str(tmp_path / "store"))
    assert outcome.returncode == 0, outcome.stderr
    same, own, peak, clips = outcome.stdout.split()
    assert (same, clips) == ("True", "128")
    assert int(own) < 150 * 2**20
    assert int(peak) < 1500 * 2**20  # with torch itself and the pages of the file that were looked at
