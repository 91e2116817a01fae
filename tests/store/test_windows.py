"""Random windows: equal to cutting each recording by itself, and drawn as asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from strategies import standing_person

from msclr import get_skeleton
from msclr.errors import ConfigError, PoseError, PoseTypeError, StoreError
from msclr.poses.batch import PoseBatch
from msclr.poses.resample import sample_at
from msclr.store import ClipStore, pack, write_store


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module", params=["float32", "float16"])
def store(request, tmp_path_factory) -> ClipStore:
    """Recordings of 3 conventions, with 1 to 3 persons, 1 to 40 frames and gaps; one of no frames."""
    random = np.random.default_rng(0)
    clips = []
    for number in range(12):
        skeleton, dims = (("kinect_v2_25", 3), ("coco_17", 2), ("h36m_17", 3))[number % 3]
        clip = standing_person(skeleton, frames=(1, 3, 17, 40)[number // 3], persons=1 + number % 2, dims=dims)
        valid = random.random(clip.valid.shape) < (1.0 if number % 4 else 0.7)
        positions = np.where(valid[..., None], clip.positions, np.float32(0))
        clips.append((f"{number}", clip.replace(positions=positions, valid=valid, fps=20.0 + number)))
    clips.append(("empty", clips[0][1].frames(0, 0)))
    folder = tmp_path_factory.mktemp("windows") / "store"
    write_store(clips, folder, precision=request.param)
    return ClipStore(folder)


def check(store: ClipStore, blocks, persons: int | None = None) -> None:
    """Compare every window with its recording, cut alone by `sample_at`."""
    for block in blocks:
        slots = block.positions.shape[1]
        for row, number in enumerate(block.clips.tolist()):
            clip, times = store[number], block.times[row]
            assert (clip.skeleton, clip.dims, clip.unit) == (block.table.skeleton, block.table.dims, block.table.unit)
            there = clip.num_persons if persons is None else min(persons, clip.num_persons)
            positions, known = sample_at(
                torch.tensor(clip.positions), torch.tensor(clip.valid), times.expand(clip.num_persons, len(times))
            )
            inside = (times >= 0) & (times <= clip.num_frames - 1)
            known, positions = known[:there] & inside[:, None], positions[:there]
            assert not block.valid[row, there:].any()
            assert torch.equal(block.valid[row, :there], known)
            expected = torch.zeros(slots, *positions.shape[1:])
            expected[:there] = torch.where(known[..., None], positions, 0.0)
            torch.testing.assert_close(block.positions[row], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"frames": 8},
        {"frames": 8, "persons": 1},
        {"frames": 16, "resample": True},
        {"frames": 5, "resample": True, "seconds": 0.4, "shortest": 0.5},
        {"frames": 1, "resample": True},
    ],
)
def test_windows_are_what_cutting_each_recording_alone_gives(store, options):
    blocks = next(store.windows(generator(), size=64, **options))
    check(store, blocks, options.get("persons"))
    assert sorted(torch.cat([block.order for block in blocks]).tolist()) == list(range(64))
    for block in blocks:
        assert block.positions.shape[0] == len(block.clips)
        assert block.positions.shape[2] == options["frames"]


def test_fixed_windows_are_consecutive_frames_that_start_anywhere(store):
    starts = {number: set() for number in range(12)}
    windows = store.windows(generator(), size=256, frames=16)
    for _ in range(4):
        for block in next(windows):
            assert torch.equal(block.times.diff(dim=1), torch.ones(len(block.clips), 15, dtype=torch.float64))
            for number, first in zip(block.clips.tolist(), block.times[:, 0].tolist(), strict=True):
                starts[number].add(first)
    assert starts[0] == {0.0}  # shorter than a window: from its first frame, the rest unknown
    assert starts[6] == {0.0, 1.0}
    assert starts[11] == set(range(25))


def test_a_stretch_is_as_long_as_asked_and_within_the_recording(store):
    for block in next(store.windows(generator(), size=512, frames=9, resample=True, seconds=0.5, shortest=0.5)):
        last = torch.from_numpy(store.frames[block.clips.numpy()] - 1).double()
        share = ((block.times[:, -1] - block.times[:, 0]) / last)[last > 0]
        rate = torch.from_numpy(store.fps[block.clips.numpy()])
        longest = (0.5 * rate / (last + 1)).clamp_max(1.0)[last > 0]
        assert (share <= longest + 1e-9).all()
        assert (share >= longest / 2 - 1e-9).all()
        assert (block.times >= 0).all()
        assert (block.times <= last[:, None]).all()


def test_cut_times_beside_a_recording_are_unknown(store):
    (block,) = store.cut(np.array([11]), np.array([[-0.5, 0.0, 0.5, 39.0, 39.5]]))
    check(store, [block])
    assert block.valid[0].any(dim=2).any(dim=0).tolist() == [False, True, True, True, False]
    assert store.cut(np.array([], np.int64), np.zeros((0, 4))) == ()
    with pytest.raises(StoreError, match="not there"):
        store.cut(np.array([13]), np.zeros((1, 4)))


@pytest.mark.parametrize(
    ("clips", "times", "error"),
    [
        ([0], [[np.nan, 1.0]], PoseError),
        ([0], [[np.inf, 1.0]], PoseError),
        ([0, 1], [[0.0, 1.0]], PoseError),
        ([0], [0.0, 1.0], PoseError),
        ([0.7], [[0.0, 1.0]], PoseTypeError),
    ],
)
def test_cuts_that_mean_nothing_are_refused(store, clips, times, error):
    with pytest.raises(error):
        store.cut(np.array(clips), np.array(times))


def test_a_table_of_recordings_without_frames_has_nothing_to_cut(tmp_path):
    write_store([("empty", standing_person("coco_17", frames=3).frames(0, 0))], tmp_path / "store")
    (block,) = ClipStore(tmp_path / "store").cut(np.array([0]), np.array([[0.0, 0.5]]))
    assert block.positions.shape == (1, 1, 2, 17, block.table.dims)
    assert not block.valid.any()


def test_numbers_at_the_end_of_float32_are_numbers(tmp_path):
    clip = standing_person("coco_17", frames=4, dims=2)
    huge = clip.replace(positions=np.full_like(clip.positions, 3e38))
    write_store([("huge", huge)], tmp_path / "store")
    store = ClipStore(tmp_path / "store")
    (block,) = store.cut(np.array([0]), np.array([[0.0, 0.5, 3.0]]))
    assert (block.positions == np.float32(3e38)).all()
    assert (store[0].positions == np.float32(3e38)).all()
    endless = np.memmap(tmp_path / "store" / "positions.bin", "<f4", "r+")
    endless[[5, 6]] = np.inf, -np.inf
    endless.flush()
    for look in (lambda: store[0], lambda: store.cut(np.array([0]), np.array([[0.0, 1.0]]))):
        with pytest.raises(StoreError, match="finite"):
            look()


def test_the_generator_alone_decides_and_its_state_goes_on(store):
    def drawn(random):
        return [torch.cat([block.times.flatten() for block in next(random)]) for _ in range(3)]

    kept = generator(3)
    first = drawn(store.windows(kept, size=16, frames=4))
    again = generator(3)
    state = again.get_state()
    assert all(map(torch.equal, first, drawn(store.windows(again, size=16, frames=4))))
    later = generator(9)
    later.set_state(state)
    assert all(map(torch.equal, first, drawn(store.windows(later, size=16, frames=4))))
    assert not all(map(torch.equal, first, drawn(store.windows(kept, size=16, frames=4))))


def test_recordings_are_drawn_alike_or_by_their_length(store):
    for by_length in (False, True):
        counts = np.zeros(len(store))
        windows = store.windows(generator(), size=2000, frames=1, by_length=by_length)
        for block in next(windows):
            np.add.at(counts, block.clips.numpy(), 1)
        share = store.frames / store.frames.sum() if by_length else (store.frames > 0) / 12
        assert counts[store.frames == 0].sum() == 0
        np.testing.assert_allclose(counts / 2000, share, atol=0.03)


def test_clips_that_are_held_out_are_never_drawn(store):
    blocks = next(store.windows(generator(), size=256, frames=4, clips=[1, 5, -9]))
    assert set(torch.cat([block.clips for block in blocks]).tolist()) == {1, 4, 5}


def test_packing_is_what_packing_dense_blocks_gives(store):
    blocks = next(store.windows(generator(), size=48, frames=8))
    batch = pack(blocks)
    dense = PoseBatch.from_dense(
        [
            (
                block.table.skeleton,
                torch.cat([block.positions, torch.zeros(*block.valid.shape, 3 - block.table.dims)], dim=-1),
                block.valid,
                torch.full((len(block.clips),), block.table.dims == 2),
            )
            for block in blocks
        ]
    )
    order = torch.cat([block.order for block in blocks])
    assert torch.equal(batch.positions, dense.positions)
    assert torch.equal(batch.valid, dense.valid)
    assert torch.equal(batch.flat, dense.flat)
    assert torch.equal(batch.clip, order[dense.clip])
    assert torch.equal(batch.slot, dense.slot)
    assert (batch.groups, batch.num_clips, batch.num_slots) == (dense.groups, dense.num_clips, dense.num_slots)


def test_packing_windows_without_anybody_gives_an_empty_batch(store):
    batch = pack(store.cut(np.array([11, 10]), np.full((2, 4), -3.0)))
    assert (batch.num_persons, batch.num_clips, batch.groups) == (0, 2, ())
    with pytest.raises(PoseError, match="empty batch"):
        pack([])


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"frames": 0}, ConfigError, "frames = 0"),
        ({"size": True}, ConfigError, "size = True"),
        ({"persons": 0}, ConfigError, "persons = 0"),
        ({"shortest": 0.0, "resample": True}, ConfigError, "shortest = 0.0"),
        ({"seconds": float("nan"), "resample": True}, ConfigError, "seconds = nan"),
        ({"seconds": 1.0}, ConfigError, "without resample"),
        ({"weights": {"mars": 1.0}}, ConfigError, "'mars'"),
        ({"weights": {"clips": -1.0}}, ConfigError, "-1.0"),
        ({"weights": {"clips": 0.0}}, StoreError, "weigh 0"),
        ({"clips": []}, StoreError, "no recording"),
        ({"clips": [99]}, StoreError, "recording 99"),
        ({"generator": 3}, PoseTypeError, "torch.Generator"),
    ],
)
def test_arguments_out_of_range_are_named(store, options, error, text):
    arguments = {"generator": generator(), "size": 4, "frames": 4, **options}
    with pytest.raises(error, match=text):
        store.windows(**arguments)


def test_seconds_need_a_frame_rate(tmp_path):
    clip = standing_person("coco_17", fps=None, dims=2)
    write_store([("a", clip)], tmp_path / "store")
    with pytest.raises(PoseError, match="frame rate of recording 0"):
        ClipStore(tmp_path / "store").windows(generator(), size=2, frames=4, resample=True, seconds=1.0)


def test_sources_are_drawn_by_their_weights(tmp_path):
    import msclr
    from msclr.store import prepare

    for name, count in (("many", 5), ("few", 1)):
        (tmp_path / name).mkdir()
        for number in range(count):
            clip = standing_person("coco_17", frames=4, dims=2, seed=number)
            msclr.write(clip, tmp_path / name / f"{number}.npz")
    store = ClipStore(prepare([tmp_path / "many", tmp_path / "few"], tmp_path / "store").path)
    assert store.sources == ("many", "few")
    (block,) = next(store.windows(generator(), size=1000, frames=4, weights={"few": 3.0}))
    assert abs(store.source_of[block.clips.numpy()].mean() - 0.75) < 0.05
    assert block.table.skeleton == get_skeleton("coco_17").replace(dims=2)
