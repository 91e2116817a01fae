"""A local Ray of two workers, killed and resumed; it takes some ten seconds to start, and so is not always run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from embed.corpora import assert_accounted, assert_whole, corpus, small_encoder

from msclr.embed import embed_dataset
from msclr.hub.save import save_pretrained
from msclr.index import VectorIndex

pytestmark = pytest.mark.slow

COUNT, SIZE = 100, 10

# Embeds argv[1] with the model argv[2] into argv[3] on a local Ray of two workers; says so whenever a shard is done.
CHILD = """
import logging, os, sys
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
import ray
import msclr
from msclr.embed import embed_dataset

if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    files, model, out = sys.argv[1:]
    done = embed_dataset(
        msclr.load_pretrained(model), [files], out, pool="ray", workers=2, shard_size=10,
        progress=lambda done, total: print("done", done, total, flush=True),
    )
    print("vectors", done.vectors, flush=True)
"""


def start(*words) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"},
    )


def kill(child) -> None:
    """Kill a driver and all that its Ray has started."""
    os.killpg(child.pid, signal.SIGKILL)
    child.wait(timeout=60)


def test_f13_on_a_local_ray_of_two_workers_killed_and_resumed(tmp_path):
    pytest.importorskip("ray.data", reason="Ray is not installed")
    encoder = small_encoder()
    files = corpus(tmp_path / "files", COUNT)
    model = save_pretrained(encoder, tmp_path / "model")
    out, building = tmp_path / "vectors", tmp_path / ".vectors.building"
    with start(files, model, out) as child:
        watch = threading.Timer(240, kill, [child])
        watch.start()
        said = [line for line in iter(child.stdout.readline, "") if not line.startswith("done 30 ") or kill(child)]
        watch.cancel()
    before = list(building.glob("shard-*"))
    assert not out.exists(), said
    assert 3 <= len(before) < 11
    child = start(files, model, out)
    try:
        said, _ = child.communicate(timeout=240)
    except BaseException:
        kill(child)
        raise
    assert child.returncode == 0, said
    lines = said.splitlines()
    assert lines[-1] == f"vectors {COUNT - 1}"
    first = int(lines[0].split()[1])
    assert first >= SIZE * (len(before) - 1)  # what was done is not done again; the last shard has fewer files
    done = embed_dataset(encoder, [files], out, shard_size=SIZE)
    assert_accounted(done, files, COUNT)
    index = VectorIndex.load(out)
    assert_whole(index, encoder, files)
    here = VectorIndex.load(embed_dataset(encoder, [files], tmp_path / "here", shard_size=SIZE).path)
    assert list(here.names) == list(index.names)
    torch.testing.assert_close(here.vectors, index.vectors, rtol=1e-5, atol=1e-5)
