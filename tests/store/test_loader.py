"""Windows for torch's DataLoader: the same whatever reads them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from strategies import standing_person
from torch.utils.data import DataLoader

from msclr.errors import ConfigError, PoseError, StoreError
from msclr.poses.batch import PoseBatch
from msclr.store import ClipStore, WindowDataset, WindowLoader, collate, write_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    clips = []
    for number in range(10):
        skeleton = ("kinect_v2_25", "smpl_24")[number % 2]
        clips.append((f"{number}", standing_person(skeleton, frames=4 + 5 * number, persons=1 + number % 3)))
    clips.append(("nothing", clips[0][1].frames(0, 0)))
    folder = tmp_path_factory.mktemp("windows") / "store"
    write_store(clips, folder)
    return ClipStore(folder)


def same(first: PoseBatch, second: PoseBatch) -> bool:
    ours, theirs = (dict(zip(each.clip.tolist(), each.slot.tolist(), strict=True)) for each in (first, second))
    total = [float(each.positions.double().sum()) for each in (first, second)]
    return ours == theirs and first.num_clips == second.num_clips and total[0] == pytest.approx(total[1])


def test_a_window_is_cut_from_its_recording_and_depends_on_seed_epoch_and_recording_only(store):
    windows = WindowDataset(store, frames=8, seed=3)
    assert len(windows) == 10
    for index in range(10):
        window, whole = windows[index], store[index]
        times = windows.times([index])[0]
        assert times[0] == int(times[0]) >= 0
        inside = int((times < whole.num_frames).sum())
        first = int(times[0])
        np.testing.assert_array_equal(window.positions[:, :inside], whole.positions[:, first : first + inside])
        assert not window.valid[:, inside:].any()
        assert inside == min(8, whole.num_frames)
    again = pickle.loads(pickle.dumps(windows))  # noqa: S301 - what sends it to a worker
    assert torch.equal(torch.tensor(again[7].positions), torch.tensor(windows[7].positions))
    starts = set()
    for epoch in range(20):
        windows.epoch = epoch
        starts.add(windows.times([9])[0, 0])
    assert len(starts) > 8


def test_seconds_are_spread_over_the_frames(store):
    windows = WindowDataset(store, frames=8, seconds=0.5)
    for index in range(10):
        times, whole = windows.times([index])[0], store[index]
        share = min(1.0, 0.5 * whole.fps / whole.num_frames)
        assert times[-1] - times[0] == pytest.approx(share * (whole.num_frames - 1))
        assert 0 <= times[0] <= times[-1] <= whole.num_frames - 1


@pytest.mark.parametrize(("workers", "context"), [(0, None), (2, "fork"), (1, "spawn")])
def test_batches_are_the_same_in_one_process_and_in_several(store, workers, context):
    expected = WindowLoader(WindowDataset(store, frames=8, seed=1), batch_size=4)
    loader = WindowLoader(WindowDataset(store, frames=8, seed=1), batch_size=4, workers=workers, context=context)
    assert len(loader) == 3
    passes = []
    for _ in range(1 if context == "spawn" else 2):
        batches = list(loader)
        assert [batch.num_clips for batch in batches] == [4, 4, 2]
        for ours, theirs in zip(batches, list(expected), strict=True):
            assert torch.equal(ours.positions, theirs.positions)
            assert torch.equal(ours.valid, theirs.valid)
            assert torch.equal(ours.clip, theirs.clip)
        passes.append(sum(float(batch.positions.sum()) for batch in batches))
    assert len(set(passes)) == len(passes)  # other windows in every epoch
    assert loader.skipped == []


def test_what_the_loader_packs_is_what_torch_and_collate_pack(store):
    windows = WindowDataset(store, frames=8)
    plain = list(DataLoader(windows, batch_size=5, collate_fn=collate))
    ours = list(WindowLoader(windows, batch_size=5, shuffle=False))
    assert all(same(one, other) for one, other in zip(plain, ours, strict=True))


def test_a_transform_is_applied_to_every_window_and_the_last_batch_may_be_left_out(store):
    windows = WindowDataset(store, frames=8, transform=lambda window: window.persons([0]))
    batches = list(WindowLoader(windows, batch_size=4, drop_last=True))
    assert [batch.num_persons for batch in batches] == [4, 4]


def test_nothing_is_drawn_from_the_global_generator(store):
    before = torch.get_rng_state()
    list(WindowLoader(WindowDataset(store, frames=8), batch_size=4))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"batch_size": 1, "workers": -1},
        {"batch_size": 1, "timeout": 0},
        {"batch_size": 1, "timeout": 61},
        {"batch_size": 1, "on_error": "ignore"},
    ],
)
def test_a_loader_that_could_not_work_is_refused(store, options):
    with pytest.raises(ConfigError):
        WindowLoader(WindowDataset(store, frames=8), **options)


def test_windows_that_cannot_be_are_refused(store, tmp_path):
    for options in ({"frames": 0}, {"frames": 4, "persons": 0}, {"frames": 4, "seconds": 0.0}):
        with pytest.raises(ConfigError):
            WindowDataset(store, **options)
    write_store([("walk", standing_person("kinect_v2_25").replace(fps=None))], tmp_path / "slow")
    with pytest.raises(PoseError, match="frame rate of recording 0"):
        WindowDataset(ClipStore(tmp_path / "slow"), frames=4, seconds=1.0)
    write_store([("walk", standing_person("kinect_v2_25").frames(0, 0))], tmp_path / "empty")
    with pytest.raises(StoreError, match="no recording"):
        WindowDataset(ClipStore(tmp_path / "empty"), frames=4)
