"""Workers that die, disks that fill up: an error by name, and what is done is kept."""

from __future__ import annotations

import errno
import os
import time

import pytest

from msclr.errors import StoreError
from msclr.samples import sample_paths
from msclr.store import assemble, prepare, shard
from msclr.store.workers import Task, run_all


@pytest.mark.parametrize("workers", [1, 2])
def test_results_and_the_first_error_come_in_the_order_of_the_tasks(workers):
    done = []
    with pytest.raises(ValueError, match="'b'"):
        done.extend(run_all([Task(int, text) for text in (*map(str, range(20)), "b", "c", "4")], workers))
    assert done == list(range(20))


def test_a_worker_that_dies_is_an_error_with_a_remedy():
    start = time.perf_counter()
    with pytest.raises(StoreError, match="keeps what is done"):
        list(run_all([Task(os._exit, 3), Task(os._exit, 3)], 2))
    assert time.perf_counter() - start < 60


@pytest.mark.parametrize("module", [shard, assemble])
def test_a_full_disk_is_named_and_the_next_call_goes_on(tmp_path, monkeypatch, module):
    files = list(sample_paths().values())

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", full)
        with pytest.raises(StoreError, match="No space left"):
            prepare(files, tmp_path / "store")
    assert not (tmp_path / "store").exists()
    assert prepare(files, tmp_path / "store").recordings == 4
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
