"""Preparing: any mix of files, every input accounted for once, the same result however it was reached."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from oracles.pose_files import ntu_lines, openpose_person, write_lines, write_openpose
from oracles.store_reader import read_store
from strategies import standing_person

import msclr
from msclr import SkeletonSpec, register_skeleton
from msclr.errors import ConfigError, FileFormatError, MissingFileError, NotAFileError, StoreError, UnknownFormatError
from msclr.samples import sample_paths
from msclr.skeletons import registry
from msclr.store import ClipStore, build, prepare
from msclr.store.lock import only_one

OWN = ("my left wrist", "my left elbow", "my left shoulder")


def write_collection(path, names=("one", "two"), **arrays):
    """The layout in which data sets are prepared."""
    joints = np.random.default_rng(0).normal(size=(7, 1, 3, 3)).astype(np.float32)
    facts = {"offsets": [0, 3, 7], "joint_names": ["left_wrist", "left_elbow", "left_shoulder"], "up": "y", "fps": 20.0}
    np.savez(path, joints=joints, names=np.array(names), label=np.array(["wave", "sit"]), **{**facts, **arrays})
    return joints


@pytest.fixture
def mixed(tmp_path):
    """A folder with recordings of several formats in folders, and with what is none."""
    folder = tmp_path / "data"
    (folder / "deep" / "deeper").mkdir(parents=True)
    for sample in (*sample_paths().values(), sample_paths()["cmu_walk_asf"].with_suffix(".asf")):
        shutil.copy(sample, folder / "deep")
    msclr.write(standing_person("coco_17", frames=5, dims=2), folder / "deep" / "deeper" / "a.npz")
    msclr.write(standing_person("coco_17", frames=6, dims=2), folder / "a.npz")
    write_lines(folder / "S001C001P001R001A001.skeleton", ntu_lines([{1: np.ones((25, 3))}] * 4))
    pose = openpose_person(np.ones((25, 2)))
    write_openpose(folder / "openpose", {0: [pose], 1: [pose]})
    write_collection(folder / "set.npz")
    (folder / "broken.bvh").write_text("HIERARCHY\nnothing")
    (folder / "notes.md").write_text("by hand")
    (folder / ".hidden").write_text("")
    (folder / "again.npz").symlink_to(folder / "a.npz")
    return folder


def content(store):
    return {path.name: path.read_bytes() for path in store.iterdir()}


def test_every_input_is_accounted_for_once(mixed, tmp_path):
    done = prepare([mixed, mixed / "a.npz"], tmp_path / "store", on_error="skip")
    outcomes = {os.path.relpath(entry.path, mixed): entry for entry in done.inputs}
    assert len(outcomes) == len(done.inputs) - 1  # a.npz is named twice
    assert {name for name, entry in outcomes.items() if entry.outcome == "failed"} == {"broken.bvh"}
    left_out = {entry.reason.partition(" /")[0] for entry in done.left_out}
    assert left_out == {"the same file as", "no format has this ending", "the skeleton of the .amc files beside it"}
    assert outcomes["set.npz"].recordings == 2
    assert done.recordings == sum(entry.recordings for entry in done.inputs) == 10
    store = ClipStore(done.path)
    assert store.inputs == done.inputs
    assert store.names[:2] == ("data/S001C001P001R001A001.skeleton", "data/a.npz")
    assert {"data/set.npz/one", "data/set.npz/two", "data/openpose", "data/deep/deeper/a.npz"} < set(store.names)
    assert store["data/set.npz/two"].meta["label"] == "sit"
    assert store["data/openpose"].num_frames == 2
    walk = msclr.read(sample_paths()["cmu_walk_bvh"])
    np.testing.assert_array_equal(store["data/deep/cmu_walk.bvh"].positions, walk.positions)
    assert len(read_store(done.path)) == 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "store"]


def test_the_result_depends_on_the_inputs_only_and_workers_know_the_conventions_of_the_program(
    mixed, tmp_path, monkeypatch
):
    monkeypatch.setattr(registry, "_registered", {})  # so that it is forgotten afterwards
    own = register_skeleton(SkeletonSpec("my_arm_of_the_store", OWN, (-1, 0, 1), unit="m", up="+y"))
    write_collection(mixed / "own.npz", skeleton=own.id, joint_names=np.array(OWN))
    one = prepare([mixed], tmp_path / "one", on_error="skip")
    calls = []
    two = prepare(
        [mixed],
        tmp_path / "two",
        on_error="skip",
        workers=2,
        shard_size=3,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert content(one.path) == content(two.path)
    assert own in ClipStore(two.path).conventions
    assert calls[0] == (0, len(one.inputs))
    assert calls[-1] == (len(one.inputs), len(one.inputs))


def test_without_skip_the_first_failure_stops_and_what_is_done_is_kept(mixed, tmp_path, monkeypatch):
    with pytest.raises(FileFormatError, match=r"broken\.bvh"):
        prepare([mixed], tmp_path / "store", shard_size=1)
    assert not (tmp_path / "store").exists()
    (mixed / "broken.bvh").unlink()
    made = count_shards(monkeypatch)
    done = prepare([mixed], tmp_path / "store", shard_size=1)
    assert not done.failures
    assert len(made) < len(done.inputs)


def count_shards(monkeypatch):
    made = []
    really = build.make_shard
    monkeypatch.setattr(build, "make_shard", lambda shard: made.append(shard) or really(shard))
    return made


def test_the_same_call_again_does_nothing_and_another_is_refused(tmp_path, monkeypatch):
    clip = tmp_path / "a.npz"
    msclr.write(standing_person("coco_17", frames=5, dims=2), clip)
    first = prepare([clip], tmp_path / "store")
    made = count_shards(monkeypatch)
    assert prepare([clip], tmp_path / "store") == first
    assert made == []
    with pytest.raises(StoreError, match="other inputs"):
        prepare([clip], tmp_path / "store", fps=10)
    assert prepare([clip], tmp_path / "store", fps=10, overwrite=True).recordings == 1
    assert ClipStore(tmp_path / "store")[0].fps == 10
    msclr.write(standing_person("coco_17", frames=7, dims=2), clip)
    with pytest.raises(StoreError, match="other inputs"):
        prepare([clip], tmp_path / "store", fps=10)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "store"]


def test_a_damaged_store_is_not_taken_for_a_whole_one(tmp_path):
    files = list(sample_paths().values())
    prepare(files, tmp_path / "store")
    whole = content(tmp_path / "store")
    (tmp_path / "store" / "positions.bin").write_bytes(whole["positions.bin"][:-1])
    with pytest.raises(StoreError, match=r"positions\.bin"):
        prepare(files, tmp_path / "store")
    prepare(files, tmp_path / "store", overwrite=True)
    assert content(tmp_path / "store") == whole


def test_what_is_changed_between_two_attempts_is_read_again(tmp_path, monkeypatch):
    for name, frames in (("a", 3), ("b", 4), ("c", 5)):
        msclr.write(standing_person("coco_17", frames=frames, dims=2), tmp_path / f"{name}.npz")
    names = [tmp_path / f"{name}.npz" for name in "abc"]

    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(build, "assemble", fail)
        with pytest.raises(KeyboardInterrupt):
            prepare(names, tmp_path / "store", shard_size=1)
    msclr.write(standing_person("coco_17", frames=9, dims=2), tmp_path / "b.npz")
    made = count_shards(monkeypatch)
    prepare(names, tmp_path / "store", shard_size=1)
    assert [shard.entries[0].label for shard in made] == ["b.npz"]
    assert ClipStore(tmp_path / "store").frames.tolist() == [3, 9, 5]


def test_a_failure_that_was_skipped_is_tried_again_when_it_must_not_be(mixed, tmp_path):
    done = prepare([mixed], tmp_path / "store", on_error="skip")
    assert done.failures
    with pytest.raises(FileFormatError, match=r"broken\.bvh"):
        prepare([mixed], tmp_path / "store")
    assert ClipStore(tmp_path / "store").inputs == done.inputs


def test_options_reach_the_readers_and_data_sets(tmp_path):
    np.save(tmp_path / "plain.npy", np.random.default_rng(0).normal(size=(2, 5, 17, 3)))
    joints = write_collection(tmp_path / "set.npz")
    options = {"skeleton": "h36m_17", "unit": "cm", "fps": 50, "person": 0}
    store = ClipStore(prepare([tmp_path / "plain.npy", tmp_path / "set.npz"], tmp_path / "s", **options).path)
    assert [clip.num_persons for clip in store] == [1, 1, 1]
    assert {clip.unit for clip in store} == {"cm"}
    assert set(store.fps) == {50.0}
    assert store[0].skeleton.id == "h36m_17"
    np.testing.assert_array_equal(store[2].positions[0], joints[3:, 0])


def test_equal_names_pair_recordings_where_that_is_asked_for(tmp_path):
    for folder, skeleton in (("kinect", "kinect_v2_25"), ("pixels", "coco_17")):
        (tmp_path / folder).mkdir()
        for name in ("walk", "sit"):
            clip = standing_person(skeleton, frames=6, dims=msclr.get_skeleton(skeleton).dims)
            msclr.write(clip, tmp_path / folder / f"{name}.npz")
    folders = [tmp_path / "kinect", tmp_path / "pixels"]
    assert not ClipStore(prepare(folders, tmp_path / "plain").path).recordings
    store = ClipStore(prepare(folders, tmp_path / "paired", pairing="name").path)
    assert store.recordings == {"sit": (0, 2), "walk": (1, 3)}
    assert list(store.multi("sit")) == ["kinect_v2_25", "coco_17"]
    for name, joint in (("x", "neck"), ("y", "nose")):
        names = ["left_wrist", "left_elbow", joint]
        write_collection(tmp_path / f"{name}.npz", names=("one/a.1", "one/a.2"), joint_names=names)
    sets = [tmp_path / "x.npz", tmp_path / "y.npz"]
    assert set(ClipStore(prepare(sets, tmp_path / "sets", pairing="name").path).recordings) == {"one/a.1", "one/a.2"}
    for path in sets:
        write_collection(path, names=("0", "1"), joint_names=["left_wrist", "left_elbow", path.stem])
    assert not ClipStore(prepare(sets, tmp_path / "numbers", pairing="name").path).recordings


def test_a_data_set_that_does_not_fit_leaves_nothing_of_it(tmp_path):
    joints = np.ones((7, 1, 3, 3), np.float32)
    joints[5] = 1e6
    np.savez(tmp_path / "far.npz", joints=joints, offsets=[0, 3, 7], joint_names=["left_wrist", "left_elbow", "neck"])
    msclr.write(standing_person("coco_17", frames=5, dims=2), tmp_path / "near.npz")
    files = [tmp_path / "far.npz", tmp_path / "near.npz"]
    done = prepare(files, tmp_path / "store", on_error="skip", precision="float16")
    assert [entry.outcome for entry in done.inputs] == ["failed", "done"]
    assert "65504" in done.inputs[0].reason
    store = ClipStore(done.path)
    store.verify()
    assert [table.skeleton.id for table in store.tables] == ["coco_17"]
    assert store.names == ("near.npz",)


@pytest.mark.parametrize("damage", ["short", "flip", "offsets", "huge"])
def test_damaged_data_sets_fail_by_name(tmp_path, damage):
    path = tmp_path / "set.npz"
    write_collection(path, **({"offsets": np.array([0, 9, 7])} if damage == "offsets" else {}))
    content = bytearray(path.read_bytes())
    if damage == "huge":
        np.savez_compressed(path, joints=np.zeros((10**6, 1, 3, 3)), offsets=[0, 10**6], joint_names=["a", "b", "c"])
        content = bytearray(path.read_bytes())
    elif damage != "offsets":
        content[200] ^= 255
    path.write_bytes(content[: len(content) // 2] if damage == "short" else content)
    msclr.write(standing_person("coco_17", frames=5, dims=2), tmp_path / "near.npz")
    done = prepare([path, tmp_path / "near.npz"], tmp_path / "store", on_error="skip")
    assert [entry.outcome for entry in done.inputs] == ["failed", "done"]
    assert "bug" not in done.inputs[0].reason


def test_recordings_of_nobody_are_left_out(tmp_path):
    nobody = standing_person("coco_17", frames=5, dims=2)
    nobody = nobody.replace(valid=np.zeros_like(nobody.valid), positions=np.zeros_like(nobody.positions))
    msclr.write(nobody, tmp_path / "nobody.npz")
    with pytest.raises(StoreError, match=r"no recording is left of 1 inputs; the first, .*nobody.npz.*: "):
        prepare([tmp_path / "nobody.npz"], tmp_path / "store")
    msclr.write(standing_person("coco_17", frames=5, dims=2), tmp_path / "near.npz")
    done = prepare([tmp_path / "nobody.npz", tmp_path / "near.npz"], tmp_path / "store")
    assert [entry.outcome for entry in done.inputs] == ["left out", "done"]


def test_links_lead_out_of_a_folder_only_where_that_is_allowed(tmp_path):
    (tmp_path / "in").mkdir()
    msclr.write(standing_person("coco_17", frames=5, dims=2), tmp_path / "out.npz")
    msclr.write(standing_person("coco_17", frames=5, dims=2), tmp_path / "in" / "a.npz")
    (tmp_path / "in" / "b.npz").symlink_to(tmp_path / "out.npz")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    done = prepare([tmp_path / "in"], tmp_path / "one", on_error="skip")
    assert [entry.outcome for entry in done.inputs] == ["done", "failed", "left out"]
    done = prepare([tmp_path / "in"], tmp_path / "two", on_error="skip", follow_symlinks=True)
    assert [entry.outcome for entry in done.inputs] == ["done", "done", "left out"]


def test_a_named_format_leaves_out_other_endings(mixed, tmp_path):
    done = prepare([mixed], tmp_path / "store", format="ntu")
    assert done.recordings == 1
    assert {entry.outcome for entry in done.inputs} == {"done", "left out"}


def test_what_cannot_be_prepared_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "notes.md").write_text("")
    cases = (
        (MissingFileError, [tmp_path / "nowhere"], "store", {}),
        (StoreError, [], "store", {}),
        (StoreError, [tmp_path / "data"], "store", {}),
        (UnknownFormatError, [tmp_path / "data"], "store", {"format": "vhs"}),
        (ConfigError, [tmp_path / "data"], "store", {"workers": 0}),
        (ConfigError, [tmp_path / "data"], "store", {"shard_size": 0}),
        (ConfigError, [tmp_path / "data"], "store", {"precision": "int8"}),
        (ConfigError, [tmp_path / "data"], "store", {"pairing": "luck"}),
        (ConfigError, [tmp_path / "data"], "store", {"on_error": "cry"}),
        (StoreError, list(sample_paths().values()), "data", {}),
        (NotAFileError, list(sample_paths().values()), "nowhere/store", {}),
    )
    for kind, paths, out, options in cases:
        with pytest.raises(kind):
            prepare(paths, tmp_path / out, **options)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["data", "notes.md"]


def test_two_processes_do_not_make_one_store(tmp_path):
    building = tmp_path / ".store.building"
    building.mkdir()
    with only_one(building), pytest.raises(StoreError, match="another process"):
        prepare(list(sample_paths().values()), tmp_path / "store")
    assert prepare(list(sample_paths().values()), tmp_path / "store").recordings == 4
    assert not building.exists()
