"""Clips that stay on the disk: the same as those in memory, windows as asked, and drawn again after a resume."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from strategies import standing_person
from training_runs import RUNS

from msclr import get_skeleton
from msclr.errors import ConfigError, MissingFileError, PoseError, StoreError
from msclr.poses.canonical import unify
from msclr.poses.convert import convert
from msclr.poses.resample import resample
from msclr.store import ClipStore, prepare, write_store
from msclr.train.loop import pretrain
from msclr.train.methods.build import build_method
from msclr.train.methods.clips import DrawnClips, load_clips
from msclr.train.methods.config import ClipConfig, WindowConfig
from msclr.train.methods.skeletonclr import SkeletonCLR
from msclr.train.methods.stored import StoredClips
from msclr.train.runs import load_run

WINDOW = {"frames": 9, "shortest": 0.5}


def walks(count: int = 6, skeleton: str = "kinect_v2_25", **options: object):
    """Recordings of 10, 17, 24, ... frames."""
    for number in range(count):
        yield f"{skeleton}/walk_{number}", standing_person(skeleton, frames=10 + 7 * number, seed=number, **options)


@pytest.fixture(scope="module")
def folder(training_folder):
    """The data sets of the tiny runs, and each as a store; both formats in one store, too."""
    for name in ("kinect", "smpl"):
        prepare([training_folder / f"{name}.npz"], training_folder / f"{name}.store")
    prepare([training_folder / "kinect.npz", training_folder / "smpl.npz"], training_folder / "both.store")
    return training_folder


def config(file: str = "walks.store", skeletons=("kinect_v2_25",), files=(), **fields) -> ClipConfig:
    formats = [{"skeleton": each} for each in skeletons]
    for entry, name in zip(formats, (file, *files), strict=False):
        entry["file"] = name
    return ClipConfig(**{"formats": formats, "frames": 16, "split": None, **fields})


@pytest.mark.parametrize("preparation", ["cros", "isc", "common", "none"])
@pytest.mark.parametrize("skeleton", ["kinect_v2_25", "h36m_17"])
def test_clips_of_a_store_are_those_of_the_data_set_that_it_was_made_of(folder, preparation, skeleton):
    options = {"skeletons": (skeleton,), "preparation": preparation, "persons": 1}
    loaded, stored = (load_clips(config(file, **options), folder) for file in ("kinect.npz", "kinect.store"))
    index = torch.tensor([3, 0, 7, 3, 11])
    first = DrawnClips(loaded, index).block(0, torch.arange(5)).clips
    second = DrawnClips(stored, index).block(0, torch.arange(5)).clips
    assert [name.rpartition("/")[2] for name in stored.names] == list(loaded.names)
    assert isinstance(stored.formats[0], StoredClips)
    assert not isinstance(loaded.formats[0], StoredClips)
    frames = second.num_frames
    assert torch.equal(first.valid[:, :, :frames], second.valid)
    assert not first.valid[:, :, frames:].any()
    torch.testing.assert_close(first.positions[:, :, :frames], second.positions, rtol=1e-6, atol=1e-6)
    assert first.skeleton == second.skeleton


@pytest.mark.parametrize("name", RUNS)
def test_every_system_draws_the_same_views_from_a_store_as_from_a_data_set(folder, name):
    changes = [entry for entry in RUNS[name] if not entry.startswith("clips.formats")]
    files = ["clips.formats.0.file=kinect", *(["clips.formats.1.file=smpl"] if name == "ms-aimclr" else [])]
    skeletons = ["clips.formats.1.skeleton=smpl_24"] if name == "ms-aimclr" else []
    batches = []
    for ending in (".npz", ".store"):
        run = load_run(name, [*changes, *(entry + ending for entry in files), *skeletons])
        batch = next(build_method(run, folder).batches(torch.device("cpu")))
        batches.append([view.batch for view in vars(batch).values() if hasattr(view, "batch")])
    for first, second in zip(*batches, strict=True):
        torch.testing.assert_close(first.positions, second.positions, rtol=1e-6, atol=1e-6)
        assert torch.equal(first.valid, second.valid)


@pytest.mark.parametrize("kind", ["store", "npz"])
@pytest.mark.parametrize("preparation", ["cros", "common"])
def test_a_window_is_prepared_as_a_recording_of_its_own(folder, kind, preparation):
    options = {"preparation": preparation, "window": WINDOW, "skeletons": ("kinect_v2_25", "smpl_24")}
    clips = load_clips(config(f"kinect.{kind}", **options), folder)
    drawn = clips.draw(torch.arange(12), torch.Generator().manual_seed(0))
    store = ClipStore(folder / "kinect.store")
    for number, skeleton in enumerate(("kinect_v2_25", "smpl_24")):
        taken = drawn.block(number, torch.arange(12)).clips
        for row, (start, length) in enumerate(drawn.windows.tolist()):
            whole = store[row]
            count = round(length * whole.num_frames)
            assert 0.5 * 9 - 0.5 <= count <= 9
            first = int(start * whole.num_frames)
            window = convert(whole.frames(first, first + count), skeleton)
            if preparation == "common":
                expected = resample(unify(window), frames=16)
                torch.testing.assert_close(taken.positions[row], torch.tensor(expected.positions))
            assert taken.num_frames == 16
            assert taken.valid[row].any()


def test_windows_of_prepared_recordings_are_stretched_to_the_length_of_clips(tmp_path):
    write_store(walks(), tmp_path / "walks.store")
    clips = load_clips(config(window={"seconds": 0.5}, preparation="none"), tmp_path)
    store = ClipStore(tmp_path / "walks.store")
    drawn = clips.draw(torch.arange(6), torch.Generator().manual_seed(3))
    taken = drawn.block(0, torch.arange(6)).clips
    for row, (start, length) in enumerate(drawn.windows.tolist()):
        whole = store[row]
        count = round(length * whole.num_frames)
        first = int(start * whole.num_frames)
        assert count == min(whole.num_frames, round(0.5 * whole.fps))
        ends = torch.tensor(whole.positions[:, [first, first + count - 1]])
        torch.testing.assert_close(taken.positions[row][:, [0, -1]], ends)


def test_windows_start_anywhere_and_all_views_of_a_clip_see_the_same(tmp_path):
    write_store(walks(1, persons=2), tmp_path / "walks.store")
    clips = load_clips(config(window=WINDOW, preparation="none"), tmp_path)
    drawn = clips.draw(torch.zeros(500, dtype=torch.int64), torch.Generator().manual_seed(0))
    starts = (drawn.windows[:, 0] * 10).floor()
    assert set(starts.tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}  # of 10 frames, the shortest window has 5
    assert drawn.windows.sum(dim=1).max() <= 1
    places = torch.arange(500)
    assert drawn.block(0, places) is drawn.block(0, places)
    some = torch.tensor([480, 3, 77])
    assert torch.equal(drawn.block(0, some).clips.positions, drawn.block(0, places).clips.positions[some])


@pytest.mark.parametrize("name", ["skeletonclr", "ms-aimclr"])
def test_a_resumed_run_draws_the_same_windows(folder, name):
    changes = ["clips.formats.0.file=kinect.store", "clips.window.frames=9", "clips.by_length=true"]
    method = build_method(load_run(name, [*RUNS[name], *changes]), folder)
    batches = method.batches(torch.device("cpu"))
    next(batches)
    state = method.random_state()
    expected = vars(next(batches))
    again = build_method(load_run(name, [*RUNS[name], *changes]), folder)
    again.set_random_state(state)
    for key, view in vars(next(again.batches(torch.device("cpu"), start=1))).items():
        if hasattr(view, "batch"):
            assert torch.equal(view.batch.positions, expected[key].batch.positions)


def test_a_run_on_windows_of_a_store_that_was_stopped_ends_with_the_same_weights(folder, tmp_path, monkeypatch):
    changes = ["clips.formats.0.file=kinect.store", "clips.window.frames=9", "clips.by_length=true"]
    run = load_run("skeletonclr", [*RUNS["skeletonclr"], *changes, "steps=5", "checkpoint_every=1"])
    pretrain(run, folder, tmp_path / "whole", progress=False)
    original = SkeletonCLR.after_update

    def stop(self, step: int) -> None:
        if step == 3:
            raise InterruptedError
        original(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(SkeletonCLR, "after_update", stop)
        with pytest.raises(InterruptedError):
            pretrain(run, folder, tmp_path / "half", progress=False)
    pretrain(run, folder, tmp_path / "half", progress=False)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "half")]
    assert weights[0] == weights[1]


def test_formats_of_stores_are_joined_by_the_motion(folder):
    options = {"skeletons": ("kinect_v2_25", "smpl_24"), "preparation": "cros", "persons": 1}
    pairs = [
        load_clips(config("kinect.npz", files=("smpl.npz",), **options), folder),
        load_clips(config("kinect.store", files=("smpl.npz",), **options), folder),
        load_clips(config("both.store", files=("both.store",), **options), folder),
    ]
    index = torch.tensor([8, 2])
    for clips in pairs:
        assert clips.names == pairs[0].names
        for number in range(2):
            taken = DrawnClips(clips, index).block(number, torch.arange(2)).clips
            expected = DrawnClips(pairs[0], index).block(number, torch.arange(2)).clips
            assert taken.skeleton.id == options["skeletons"][number]
            torch.testing.assert_close(taken.positions, expected.positions)


def test_a_convention_that_the_store_lacks_is_derived_from_all_others(folder):
    clips = load_clips(config("both.store", skeletons=("h36m_17",), preparation="cros", persons=1), folder)
    assert len(clips) == 24
    assert clips.formats[0].take(torch.tensor([0, 23])).skeleton == get_skeleton("h36m_17")


def test_two_recordings_of_one_motion_in_one_convention_are_refused_where_it_matters(tmp_path):
    write_store([("a/walk", next(walks(1))[1]), ("b/walk", next(walks(1))[1])], tmp_path / "walks.store")
    write_store([("c/walk", next(walks(1, "smpl_24"))[1])], tmp_path / "smpl.store")
    assert load_clips(config(), tmp_path).names == ("a/walk", "b/walk")
    with pytest.raises(ConfigError, match="two recordings of 'walk'"):
        load_clips(config(skeletons=("kinect_v2_25", "smpl_24"), files=("smpl.store",)), tmp_path)


def test_sources_are_drawn_by_weight_and_recordings_by_length(folder):
    clips = load_clips(config("both.store", skeletons=("h36m_17",), weights={"kinect.npz": 3.0}), folder)
    order = torch.cat([clips.order(torch.Generator().manual_seed(seed)) for seed in range(100)])
    assert len(order) == 2400
    assert abs(float((order < 12).float().mean()) - 0.75) < 0.03
    clips = load_clips(config("kinect.store", by_length=True), folder)
    order = torch.cat([clips.order(torch.Generator().manual_seed(seed)) for seed in range(400)])
    frames = torch.tensor(ClipStore(folder / "kinect.store").frames, dtype=torch.float64)
    share = torch.bincount(order, minlength=12) / len(order)
    assert float((share - frames / frames.sum()).abs().max()) < 0.012


def test_without_weights_an_epoch_passes_over_every_recording_once(folder):
    clips = load_clips(config("kinect.store"), folder)
    assert sorted(clips.order(torch.Generator().manual_seed(0)).tolist()) == list(range(12))


def test_the_fingerprint_is_that_of_the_manifest_and_tells_another_choice(folder, tmp_path):
    first = load_clips(config("kinect.store"), folder).fingerprint()
    assert first == load_clips(config("kinect.store"), folder).fingerprint()
    fewer = load_clips(config("kinect.store", limit=5), folder).fingerprint()
    prepare([folder / "kinect.npz", folder / "smpl.npz"], tmp_path / "kinect.store")
    other = load_clips(config("kinect.store"), tmp_path).fingerprint()
    prints = [next(iter(each.values())) for each in (first, fewer, other)]
    assert prints[0]["manifest"] == prints[1]["manifest"] != prints[2]["manifest"]
    assert prints[0]["chosen"] != prints[1]["chosen"]


def test_a_window_without_anybody_is_a_clip_without_anybody(tmp_path):
    clip = standing_person("kinect_v2_25", frames=40)
    valid = clip.valid.copy()
    valid[:, 20:] = False
    write_store([("walk", clip.replace(valid=valid))], tmp_path / "walks.store")
    clips = load_clips(config(window={"frames": 8}, preparation="common"), tmp_path)
    windows = torch.tensor([[0.0, 0.2], [0.7, 0.2]], dtype=torch.float64)
    taken = DrawnClips(clips, torch.zeros(2, dtype=torch.int64), windows).block(0, torch.arange(2)).clips
    assert taken.valid[0].all()
    assert not taken.valid[1].any()
    assert not taken.positions[1].any()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"weights": {"nobody": 1.0}}, "nobody"),
        ({"weights": {"clips": 0.0}}, "weigh 0"),
        ({"window": {"seconds": 2.0}}, "frame rate"),
        ({"split": "train", "file": "split.store"}, "split 'train'"),
        ({"file": "mixed.store", "skeletons": ("jhmdb_15",)}, "2D and 3D"),
        ({"file": "flat.store", "window": {"frames": 4}, "preparation": "cros"}, "2D"),
    ],
)
def test_what_cannot_be_drawn_from_is_refused_before_training(tmp_path, change, found):
    clips = list(walks(3))
    write_store([(name, clip.replace(fps=None)) for name, clip in clips], tmp_path / "walks.store")
    write_store([(name, clip.replace(meta={"split": "test"})) for name, clip in clips], tmp_path / "split.store")
    flat = [(f"flat_{name}", clip) for name, clip in walks(1, "coco_17", dims=2)]
    write_store(flat, tmp_path / "flat.store")
    write_store([*clips, *flat], tmp_path / "mixed.store")
    with pytest.raises((ConfigError, PoseError, StoreError), match=found):
        load_clips(config(**change), tmp_path)


def test_a_missing_store_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"walks\.store"):
        load_clips(config(), tmp_path)


@pytest.mark.parametrize("fields", [{}, {"seconds": 1.0, "frames": 30}, {"seconds": 0.0}, {"frames": 8, "shortest": 0}])
def test_a_window_has_one_length_that_is_more_than_nothing(fields):
    with pytest.raises(ValueError, match=r"window|Window|expected|greater"):
        WindowConfig(**fields)


def test_nothing_of_a_store_is_in_memory_that_was_not_drawn(tmp_path):
    write_store(walks(), tmp_path / "walks.store")
    stored = load_clips(config(preparation="none"), tmp_path).formats[0]
    held = [value for value in vars(stored).values() if isinstance(value, torch.Tensor | np.ndarray)]
    assert sum(value.size if isinstance(value, np.ndarray) else value.numel() for value in held) == 2 * 6
