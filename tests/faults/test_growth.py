"""F15: memory, open files, threads and temporary files stay as they are, however much goes through."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from strategies import standing_person

from msclr import PoseSequence, SkeletonSpec
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.store import ClipStore, WindowDataset, WindowLoader, pack, write_store
from msclr.train.methods.build import build_method
from msclr.train.runs import load_run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

MEGABYTE = 2**20
ALLOWED = 48 * MEGABYTE  # what a warm process may still gain; a leak of a clip of 8 kB in 10,000 is more


def resident() -> int:
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def held() -> tuple[int, int, list[str]]:
    """Open files, threads, and what is in the folder for temporary files."""
    return len(os.listdir("/proc/self/fd")), threading.active_count(), sorted(os.listdir(tempfile.gettempdir()))  # noqa: PTH208


def check_flat(act: Callable[[int], object], warm: int, times: int, allowed: int = ALLOWED) -> None:
    for number in range(warm):
        act(number)
    memory, before = resident(), held()
    for number in range(warm, warm + times):
        act(number)
    assert held() == before
    assert resident() - memory < allowed


@pytest.fixture(autouse=True)
def _own_folder_for_temporary_files(tmp_path_factory, monkeypatch):
    """One with a short path: workers meet in sockets there, whose names may have 107 characters."""
    tmp_path_factory.getbasetemp()  # which would be made in it
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture
def store(tmp_path):
    clips = [
        (f"{skeleton}/{number}", standing_person(skeleton, frames=30 + number, persons=1 + number % 2))
        for skeleton in ("kinect_v2_25", "smpl_24")
        for number in range(8)
    ]
    write_store([(name, clip.replace(meta={"recording": name[-1]})) for name, clip in clips], tmp_path / "store")
    return ClipStore(tmp_path / "store")


def tiny():
    return build_encoder(EncoderConfig(channels=(8, 16), strides=(2, 2), dim=16, frames=8)).eval()


@pytest.mark.parametrize("times", [60, pytest.param(100_000, marks=pytest.mark.slow)])
def test_f15_embedding_holds_nothing_back(times):
    encoder = tiny()
    clips = [standing_person("kinect_v2_25", frames=20 + 7 * number, persons=1 + number % 3) for number in range(5)]
    check_flat(lambda number: encoder.embed(clips[number % 5]), 20, times)


@pytest.mark.parametrize("times", [60, pytest.param(5_000, marks=pytest.mark.slow)])
def test_f15_new_conventions_of_many_joints_hold_little_back(times):
    encoder, known = tiny(), ("pelvis", "left_hip", "right_hip", "thorax", "left_shoulder", "right_shoulder")
    positions = np.random.default_rng(0).normal(size=(8, 200, 3)).astype(np.float32)

    def embed(number: int) -> None:
        names = (*known, *(f"marker_{number}_{joint}" for joint in range(200 - len(known))))
        spec = SkeletonSpec(f"suit_{number}", names, (-1, *([0] * 199)), anatomy=known + (None,) * (200 - len(known)))
        encoder.embed(PoseSequence.from_array(positions, spec))

    check_flat(embed, 55, times)  # each would hold 1.4 MB


@pytest.mark.parametrize("times", [100, pytest.param(20_000, marks=pytest.mark.slow)])
def test_f15_windows_of_a_store_hold_nothing_back(store, times):
    windows = store.windows(torch.Generator().manual_seed(0), size=32, frames=16, resample=True)
    check_flat(lambda _: pack(next(windows)), 50, times)


@pytest.mark.parametrize("times", [11, pytest.param(500, marks=pytest.mark.slow)])
def test_f15_opening_stores_and_passing_over_them_with_workers_holds_nothing_back(store, times):
    def pass_over(number: int) -> None:
        windows = WindowDataset(ClipStore(store.path), frames=8)
        loader = WindowLoader(windows, batch_size=4, workers=number % 10 == 0, context="fork")
        assert sum(batch.num_clips for batch in loader) == 16

    check_flat(pass_over, 11, times)


@pytest.mark.parametrize("times", [5, pytest.param(5_000, marks=pytest.mark.slow)])
def test_f15_updates_on_a_store_hold_nothing_back(store, times):
    files = [f'{{"skeleton": "{name}", "file": "store"}}' for name in ("kinect_v2_25", "smpl_24")]
    changes = [
        f"clips.formats=[{', '.join(files)}]",
        "clips.preparation=common",
        "clips.frames=16",
        "clips.split=null",
        "clips.window.frames=20",
        "schedule.batch_size=4",
        "schedule.epochs=1000000",
        "contrast.queue_size=16",
        "encoders.0.hidden=4",
        'encoders.0.skeletons=["kinect_v2_25", "smpl_24"]',
    ]
    method = build_method(load_run("ms-aimclr", changes), store.path.parent).train()
    optimizer, batches = method.optimizer(), method.batches(torch.device("cpu"))

    def update(step: int) -> None:
        optimizer.zero_grad(set_to_none=True)
        method.loss(next(batches), step).total.backward()
        optimizer.step()
        method.after_update(step)

    check_flat(update, 3, times)
