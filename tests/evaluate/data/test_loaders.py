from __future__ import annotations

import hashlib
import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from labelled_sets import labelled, swing, write_collection

import msclr
from msclr.errors import ConfigError, FileFormatError, LabelError, MissingFileError, PoseError
from msclr.evaluate.data import (
    DataOptions,
    Reading,
    collection_clips,
    ntu_clips,
    nwucla_clips,
    open_labelled,
    pku_clips,
    pyskl_clips,
    store_clips,
)
from msclr.io.collection import read_collection
from msclr.protocols.prepare import prepare_ntu, prepare_pku
from msclr.store.build import prepare


def same_poses(first, second) -> bool:
    return bool(
        np.array_equal(first.positions, second.positions)
        and np.array_equal(first.valid, second.valid)
        and (first.skeleton.joints, first.unit, first.up) == (second.skeleton.joints, second.unit, second.up)
    )


def ntu_text(bodies: int = 1, frames: int = 4, seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    lines = [str(frames)]
    for _ in range(frames):
        lines.append(str(bodies))
        for body in range(bodies):
            lines += [f"7205759403{body} 0 0 0 0 0 0 0 0 2", "25"]
            lines += [f"{x:.4f} {y:.4f} {z + 3:.4f} 0 0 0 0 0 0 0 0 2" for x, y, z in rng.normal(size=(25, 3))]
    return "\n".join(lines) + "\n"


@pytest.fixture
def ntu(tmp_path: Path) -> Path:
    folder = tmp_path / "ntu"
    folder.mkdir()
    for number, name in enumerate(("S001C001P001R001A001", "S001C002P003R001A001", "S001C003P001R001A050")):
        (folder / f"{name}.skeleton").write_text(ntu_text(1 + number % 2, seed=number))
    (folder / "readme.txt").write_text("not a clip")
    return folder


def test_ntu_folders_have_the_official_splits_by_name(ntu):
    data = open_labelled(ntu)
    assert data.labels == ("A001", "A001", "A050")
    assert data.splits == ("ntu60_xsub", "ntu60_xview", "ntu120_xsub", "ntu120_xset")
    assert data.columns["ntu60_xsub"] == ("train", "test", "train")
    assert data.columns["ntu60_xview"] == ("test", "train", "train")
    assert data.sides("ntu60_xsub").test == ("S001C002P003R001A001",)


def test_ntu_120_comes_first_if_its_classes_are_there(ntu):
    (ntu / "S018C001P008R001A061.skeleton").write_text(ntu_text())
    data = ntu_clips(ntu)
    assert data.splits[0] == "ntu120_xsub"
    assert data.columns["ntu60_xsub"][-1] == "none"


@pytest.mark.parametrize(("line", "frames"), [("cros", None), ("cros", 64), ("isc", None)])
def test_ntu_clips_of_a_line_are_those_that_are_prepared_for_training(ntu, tmp_path, line, frames):
    data = ntu_clips(ntu, line=line, frames=frames)
    prepare_ntu(ntu, tmp_path / "clips.npz", split="ntu60_xsub", line=line, frames=frames)
    prepared = read_collection(tmp_path / "clips.npz")
    assert data.ids == prepared.names
    assert all(same_poses(data.clips[name], prepared[place]) for place, name in enumerate(prepared.names))
    assert data.preparation == line
    again = collection_clips(tmp_path / "clips.npz")
    assert again.preparation == line
    assert again.labels == data.labels
    assert again.sides().test == data.sides("ntu60_xsub").test


def test_ntu_clips_without_a_line_are_what_read_gives(ntu):
    data = ntu_clips(ntu)
    path = ntu / "S001C002P003R001A001.skeleton"
    assert same_poses(data.clips["S001C002P003R001A001"], msclr.read(path))
    assert data.preparation is None
    assert data.reading == ""
    assert ntu_clips(ntu, line="cros").reading == "line=cros frames=50"


def test_ntu_clips_on_the_list_of_missing_ones_are_left_out_with_the_reason(ntu, tmp_path):
    (tmp_path / "missing.txt").write_text("S001C002P003R001A001\n")
    data = ntu_clips(ntu, missing=tmp_path / "missing.txt")
    assert len(data) == 2
    assert data.left_out == {"S001C002P003R001A001": "on the list of missing skeletons"}


def test_ntu_clips_without_a_body_say_so_when_they_are_used(ntu):
    (ntu / "S001C001P002R001A002.skeleton").write_text("2\n0\n0\n")
    with pytest.raises(PoseError, match=r"no body in any frame; expected at least one. Try: leave the clip out"):
        ntu_clips(ntu, line="cros").clips["S001C001P002R001A002"]


def test_wrong_options_of_ntu_are_refused(ntu, tmp_path):
    shutil.copy(ntu / "S001C001P001R001A001.skeleton", ntu / "again_S001C001P001R001A001.skeleton")
    with pytest.raises(FileFormatError, match="clip S001C001P001R001A001 for the second time"):
        ntu_clips(ntu)
    with pytest.raises(LabelError, match="frames = 64 without a line"):
        ntu_clips(ntu, frames=64)
    with pytest.raises(ConfigError, match="line 'isx'"):
        ntu_clips(ntu, line="isx")
    with pytest.raises(LabelError, match="no clips"):
        ntu_clips(tmp_path)


def test_real_ntu_files_are_labelled(data_root):
    data = open_labelled(data_root / "raw" / "ntu", DataOptions(line="isc"))
    assert len(data) == 13
    assert data.classes[0] == "A005"
    assert data.clips["S017C003P020R002A050"].num_persons == 2
    assert data.clips["S017C003P020R002A050"].up == "+z"


@pytest.fixture
def pku(tmp_path: Path) -> tuple[Path, Path, Path]:
    skeletons, labels = tmp_path / "skeletons", tmp_path / "labels"
    rng = np.random.default_rng(0)
    for folder in (skeletons, labels):
        folder.mkdir()
    for name, rows in (("0002-L", "26,2,5,1\n10,6,9,1\n"), ("0003-M", "26,1,9,2\n")):
        frames = rng.normal(size=(9, 150)) + np.tile([0, 0, 3], 50)
        frames[:, 75:] = 0
        (skeletons / f"{name}.txt").write_text("\n".join(" ".join(f"{x:.4f}" for x in row) for row in frames))
        (labels / f"{name}.txt").write_text(rows)
    split = tmp_path / "cross-subject.txt"
    split.write_text("Training videos:\n0002-L\nTest videos:\n0003-M\n")
    return skeletons, labels, split


def test_pku_actions_are_clips_of_their_recordings_side(pku):
    skeletons, labels, split = pku
    data = open_labelled(skeletons, DataOptions(labels=labels, split_file=split))
    assert data.ids == ("0002-L_001", "0002-L_002", "0003-M_001")
    assert data.labels == ("26", "10", "26")
    assert data.sides().test == ("0003-M_001",)
    assert data.columns["view"] == ("L", "L", "M")
    assert [data.clips[name].num_frames for name in data.ids] == [4, 4, 9]


@pytest.mark.parametrize("line", ["cros", "isc"])
def test_pku_clips_of_a_line_are_those_that_are_prepared_for_training(pku, tmp_path, line):
    data = pku_clips(*pku, line=line)
    prepare_pku(*pku, tmp_path / "clips.npz", line=line)
    prepared = read_collection(tmp_path / "clips.npz")
    assert data.ids == prepared.names
    assert all(same_poses(data.clips[name], prepared[place]) for place, name in enumerate(prepared.names))
    assert data.labels == prepared.column("label")


def test_pku_needs_its_labels_split_and_recordings(pku):
    skeletons, labels, _ = pku
    with pytest.raises(ConfigError, match="PKU-MMD without its labels and split"):
        open_labelled(skeletons, DataOptions(kind="pku"))
    (labels / "0002-L.txt").write_text("52,2,5,1\n")
    with pytest.raises(FileFormatError, match="line 1: class 52; expected 1 to 51"):
        pku_clips(*pku)
    (skeletons / "0003-M.txt").unlink()
    (labels / "0002-L.txt").write_text("5,2,5,1\n")
    with pytest.raises(MissingFileError, match="no recording 0003-M"):
        pku_clips(*pku)


def pickled(path: Path, splits: dict[str, list[str]], names=("a", "b", "c"), label: object = None) -> Path:
    rng = np.random.default_rng(0)
    annotations = [
        {"frame_dir": name, "label": place % 2 if label is None else label, "keypoint": rng.normal(size=(1, 9, 17, 2))}
        for place, name in enumerate(names)
    ]
    path.write_bytes(pickle.dumps({"split": splits, "annotations": annotations}))
    return path


def test_pyskl_pickles_have_their_splits_and_are_opened_by_name_only(tmp_path):
    path = pickled(
        tmp_path / "d.pkl", {"xsub_train": ["a", "b"], "xsub_val": ["c"], "train": ["c", "b"], "test": ["a"]}
    )
    with pytest.raises(LabelError, match=r"a file with the ending '.pkl'.*Try: --kind pyskl"):
        open_labelled(path)
    data = open_labelled(path, DataOptions(kind="pyskl"))
    assert data.splits == ("split", "xsub")
    assert data.sides("xsub").test == ("c",)
    assert data.sides("split").test == ("a",)
    assert data.labels == ("0", "1", "0")
    assert data.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_pyskl_splits_that_contradict_the_clips_are_refused(tmp_path):
    with pytest.raises(LabelError, match="split 'train' names clips that are not there: 'zed'"):
        pyskl_clips(pickled(tmp_path / "a.pkl", {"train": ["a", "zed"], "val": ["b"]}))
    with pytest.raises(LabelError, match="clips in both 'train' and 'val': 'a'"):
        pyskl_clips(pickled(tmp_path / "b.pkl", {"train": ["a"], "val": ["b", "a"]}))
    with pytest.raises(LabelError, match="names of clips that come twice: 'a'"):
        pyskl_clips(pickled(tmp_path / "c.pkl", {}, names=("a", "b", "a")))
    with pytest.raises(LabelError, match="no single class of 'a', 'b', 'c'"):
        pyskl_clips(pickled(tmp_path / "d.pkl", {}, label=[1, 2]))


def nwucla_file(folder: Path, name: str, **changes: object) -> None:
    content = {"file_name": name, "skeletons": np.ones((3, 20, 3)).tolist(), "label": 4, **changes}
    (folder / f"{name}.json").write_text(json.dumps(content))


def test_nwucla_files_are_split_by_view(tmp_path):
    for view in (1, 2, 3):
        nwucla_file(tmp_path, f"a04_s06_e04_v0{view}")
    data = open_labelled(tmp_path)
    assert data.classes == ("walk around",)
    assert data.sides().test == ("a04_s06_e04_v03",)
    assert data.columns["subject"] == ("s06",) * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": 7}, "label 7; expected 4, as the name of the file says"),
        ({"skeletons": []}, "no list 'skeletons'"),
        ({"skeletons": [[[1.0, 2.0]] * 20]}, r"shape \(1, 20, 2\)"),
        ({"skeletons": [[[1.0, 2.0, "x"]] * 20]}, "frames that are no lists of numbers"),
    ],
)
def test_nwucla_files_with_something_else_are_refused(tmp_path, changes, message):
    nwucla_file(tmp_path, "a04_s06_e04_v01", **changes)
    with pytest.raises(ValueError, match=message):
        nwucla_clips(tmp_path).clips["a04_s06_e04_v01"]


def test_nwucla_actions_that_there_are_not_are_refused(tmp_path):
    nwucla_file(tmp_path, "a07_s06_e04_v01")
    with pytest.raises(LabelError, match="action a07; expected one of a01, a02"):
        nwucla_clips(tmp_path)


def test_real_nwucla_files_are_the_clips_of_the_prepared_set(data_root):
    raw = open_labelled(data_root / "raw" / "nwucla_json")
    prepared = open_labelled(data_root / "actions" / "nwucla.npz")
    assert len(raw) == 2
    for name in raw.ids:
        assert raw.label_of[name] == prepared.label_of[name]
        assert raw.clips[name].positions == pytest.approx(prepared.clips[name].positions, abs=6e-4)


def test_prepared_files_keep_columns_splits_and_the_hash_of_the_file(tmp_path):
    written = labelled(3, 2)
    path = write_collection(tmp_path / "swings.npz", written)
    data = open_labelled(path)
    assert (data.name, data.ids, data.labels) == ("swings", written.ids, written.labels)
    assert data.sides().test == written.sides().test
    assert data.groups(data.ids[:2]) == written.columns["subject"][:2]
    assert data.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_prepared_files_with_names_twice_or_another_class_column_say_so(tmp_path):
    written = labelled(1, 1)
    names = ("a", "b", "a", *written.ids[3:])
    clips = dict(zip(written.ids, written.clips.values(), strict=True))
    path = write_collection(tmp_path / "d.npz", written)
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, **{**arrays, "names": np.array(names)})
    with pytest.raises(LabelError, match="1 names of clips that come twice: 'a'"):
        open_labelled(path)
    assert open_labelled(write_collection(path, replace(written, clips=clips)), DataOptions(label="subject")).classes
    with pytest.raises(FileFormatError, match="no column 'mood'"):
        open_labelled(path, DataOptions(label="mood"))


def test_stores_are_labelled_by_the_facts_of_their_recordings(tmp_path):
    for label, side in (("slow", "train"), ("quick", "train"), ("quick", "test")):
        clip = swing(label, 0).replace(meta={"label": label, "split": side})
        msclr.write(clip, tmp_path / f"{label}_{side}.npz")
    store = prepare(sorted(tmp_path.glob("*.npz")), tmp_path / "store").path
    data = open_labelled(store)
    assert sorted(data.labels) == ["quick", "quick", "slow"]
    assert len(data.sides().test) == 1
    assert data.clips[data.ids[0]].num_frames == 24
    assert data.sha256 == hashlib.sha256((Path(store) / "store.json").read_bytes()).hexdigest()
    with pytest.raises(LabelError, match="no 'mood' of"):
        store_clips(store, label="mood")


def test_paths_that_are_no_labelled_data_are_refused_with_what_would_be(tmp_path):
    with pytest.raises(LabelError, match=r"no labelled data that msclr knows.*Try: a labels.csv with the columns"):
        open_labelled(tmp_path)
    (tmp_path / "clip.bvh").write_text("HIERARCHY")
    with pytest.raises(LabelError, match=r"a file with the ending '.bvh'; expected one of: an .npz of clips"):
        open_labelled(tmp_path / "clip.bvh")
    with pytest.raises(MissingFileError, match="no such file"):
        open_labelled(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="kind='zip'"):
        open_labelled(tmp_path, DataOptions(kind="zip"))


def test_options_that_would_be_ignored_are_refused(ntu):
    with pytest.raises(ConfigError, match=r"split_file= for an .npz.*expected split_file= for pku only"):
        open_labelled(ntu, DataOptions(kind="npz", split_file="x"))
    with pytest.raises(ConfigError, match=r"unit=mm for a folder of NTU RGB\+D"):
        open_labelled(ntu, DataOptions(reading=Reading(unit="mm")))
