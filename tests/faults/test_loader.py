"""Workers of a loader that die, raise, hang or return something else."""

from __future__ import annotations

import os
import re
import signal
import threading
import time

import numpy as np
import pytest
import torch
from strategies import standing_person

from msclr.errors import StoreError
from msclr.store import ClipStore, WindowDataset, WindowLoader, write_store

BAD = "walk 5"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    clips = [(f"walk {number}", standing_person("kinect_v2_25", frames=12, seed=number)) for number in range(12)]
    folder = tmp_path_factory.mktemp("loader") / "store"
    write_store(clips, folder)
    return ClipStore(folder)


@pytest.fixture(autouse=True)
def _hung_workers_are_ended_at_once(monkeypatch):
    monkeypatch.setattr(torch.utils.data._utils, "MP_STATUS_CHECK_INTERVAL", 0.1)  # else torch waits 5 s for each


def killed(window):
    if BAD in window.source:
        os.kill(os.getpid(), signal.SIGKILL)
    return window


def raises(window):
    if BAD in window.source:
        raise ValueError("no such limb")
    return window


def hangs(window):
    if BAD in window.source:
        threading.Event().wait()  # for ever
    return window


def shortened(window):
    return window.frames(0, 3) if BAD in window.source else window


def another_thing(window):
    return window.positions if BAD in window.source else window


LOST = {"killed": (killed, "exited unexpectedly|is killed by signal"), "hangs": (hangs, "timed out after 2")}
WRONG = {
    "raises": (raises, "ValueError: no such limb"),
    "shortened": (shortened, "the transform returned 3 frames"),
    "another_thing": (another_thing, "returned a ndarray"),
}


def loader(store, transform, **options):
    windows = WindowDataset(store, frames=8, transform=transform)
    return WindowLoader(windows, batch_size=4, shuffle=False, timeout=4.0 if transform is hangs else 60.0, **options)


def names(batches):
    return sum(batch.num_clips for batch in batches)


@pytest.mark.parametrize("case", LOST)
def test_f05_a_worker_that_dies_or_hangs_is_an_error_that_names_its_batch(store, case):
    transform, found = LOST[case]
    begin = time.monotonic()
    with pytest.raises(StoreError, match=found) as caught:
        list(loader(store, transform, workers=1, context="fork"))
    assert "walk 4" in str(caught.value)
    assert "walk 7" in str(caught.value)
    assert str(store.path) in str(caught.value)
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize("case", ["killed", pytest.param("hangs", marks=pytest.mark.slow)])
def test_f05_a_batch_whose_worker_dies_or_hangs_is_skipped_and_counted(store, case):
    transform, found = LOST[case]
    batches = loader(store, transform, workers=1, context="fork", on_error="skip")
    assert names(batches) == 8
    assert [name.rpartition("recording ")[2][0] for name, _ in batches.skipped] == ["4", "5", "6", "7"]
    assert all(re.search(found, reason) for _, reason in batches.skipped)


def test_f05_what_a_worker_was_at_that_died_once_is_loaded_again(store, tmp_path):
    class KilledOnce:
        def __call__(self, window):
            if BAD in window.source and not (tmp_path / "killed").exists():
                (tmp_path / "killed").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return window

    batches = loader(store, KilledOnce(), workers=1, context="fork")
    found = list(batches)
    assert (batches.lost_workers, batches.skipped) == (1, [])
    for ours, expected in zip(found, loader(store, None), strict=True):
        assert torch.equal(ours.positions, expected.positions)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("case", WRONG)
def test_f05_a_window_that_raises_or_has_another_shape_is_an_error_that_names_it(store, case, workers):
    transform, found = WRONG[case]
    with pytest.raises(StoreError, match=found) as caught:
        list(loader(store, transform, workers=workers, context="fork"))
    assert "recording 5 ('walk 5')" in str(caught.value)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("case", WRONG)
def test_f05_a_window_that_raises_or_has_another_shape_is_skipped_and_counted_alone(store, case, workers):
    transform, found = WRONG[case]
    batches = loader(store, transform, workers=workers, context="fork", on_error="skip")
    assert names(batches) == 11
    ((name, reason),) = batches.skipped
    assert BAD in name
    assert found in reason


def test_f05_a_damaged_recording_is_named_or_skipped(tmp_path):
    clips = [(f"walk {number}", standing_person("kinect_v2_25", frames=12)) for number in range(6)]
    write_store(clips, tmp_path / "store")
    positions = np.memmap(tmp_path / "store" / "positions.bin", "<f4", mode="r+")
    positions[5 * 12 * 75 : 6 * 12 * 75] = np.nan
    positions.flush()
    store = ClipStore(tmp_path / "store")
    with pytest.raises(StoreError, match=r"recording 5 \('walk 5'\): a coordinate that is no finite number"):
        list(loader(store, None))
    batches = loader(store, None, on_error="skip")
    assert names(batches) == 5
    assert len(batches.skipped) == 1
