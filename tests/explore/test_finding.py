from __future__ import annotations

import numpy as np
import pytest
from strategies import standing_person

import msclr
from msclr.errors import FileFormatError, LabelError, MissingFileError, PoseError
from msclr.explore.finding import Recordings, read_labels, without_common_folder
from msclr.io.reading import Reading
from msclr.store.loading import InputReading


def collection(path, names, frames=5):
    clip = standing_person("coco_17", dims=3)
    joints = np.concatenate([clip.positions[0, :frames] + number for number in range(len(names))])
    np.savez(
        path,
        joints=joints,
        offsets=np.arange(len(names) + 1) * frames,
        joint_names=clip.skeleton.joints,
        parents=clip.skeleton.parents,
        names=names,
        label=[f"label {number}" for number in range(len(names))],
        up="y",
    )
    return path


@pytest.fixture
def folder(tmp_path):
    for name, seed in (("monday/walk.npz", 1), ("tuesday/walk.npz", 2), ("hop.npz", 3)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        msclr.write(standing_person("coco_17", frames=6 + seed, dims=2), tmp_path / name)
    collection(tmp_path / "set.npz", ["a/1", "a/2"])
    return tmp_path


def test_names_are_paths_of_files_and_of_clips_in_data_sets(folder):
    names = [f"{folder}/monday/walk.npz", f"{folder}/set.npz/a/2", f"{folder}/hop.npz", f"{folder}/set.npz/a/1"]
    found = Recordings(names)
    assert [clip.num_frames for clip in found] == [7, 5, 9, 5]
    assert [clip.meta.get("label") for clip in found] == [None, "label 1", None, "label 0"]


def test_what_is_said_about_the_files_goes_for_data_sets_too(folder):
    reading = InputReading(Reading(up="-y", fps=50.0))
    for clip in Recordings([f"{folder}/monday/walk.npz", f"{folder}/set.npz/a/2"], reading=reading):
        assert (clip.up, clip.fps) == ("-y", 50.0)


@pytest.mark.parametrize("before", ["", "/gone/data/", "C:\\gone\\"])
def test_recordings_that_have_moved_are_found_by_the_ends_of_their_names(folder, before):
    slash = "\\" if "\\" in before else "/"
    names = [f"{before}{name.replace('/', slash)}" for name in ("monday/walk.npz", "tuesday/walk.npz", "set.npz/a/2")]
    assert [clip.num_frames for clip in Recordings(names, folder)] == [7, 8, 5]


def test_poses_may_be_the_data_set_itself(folder):
    found = Recordings(["elsewhere/set.npz/a/2", "a/1"], folder / "set.npz")
    assert [clip.meta["label"] for clip in found] == ["label 1", "label 0"]


def test_what_is_not_there_is_counted_and_the_first_is_named(folder):
    with pytest.raises(MissingFileError, match=r"no recording for 2 of 3 vectors, the first 'gone.npz'.*--no-poses"):
        Recordings([f"{folder}/hop.npz", "gone.npz", ""])
    with pytest.raises(MissingFileError, match=r"no recording for 1 of 1 vectors"):
        Recordings(["set.npz/b"], folder / "set.npz")
    with pytest.raises(MissingFileError, match=r"set.npz: no clip 'b'"):
        Recordings([f"{folder}/set.npz/b"])[0]
    with pytest.raises(MissingFileError, match="no such file"):
        Recordings(["a"], folder / "gone")
    with pytest.raises(FileFormatError, match=r"hop\.npz"):
        Recordings(["a"], folder / "hop.npz")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "/", "../hop.npz/../../etc/passwd", "\udcff"])
def test_strange_names_are_missing_files_and_nothing_else(folder, name):
    with pytest.raises(MissingFileError, match="no recording for 1 of 1 vectors"):
        Recordings([name], folder / "monday")


def test_a_name_never_leads_out_of_the_folder(folder):
    with pytest.raises(MissingFileError):
        Recordings(["../set.npz"], folder / "monday")
    assert Recordings(["../walk.npz"], folder / "monday")[0].num_frames == 7


def test_one_file_for_two_names_is_refused(folder):
    with pytest.raises(PoseError, match=r"the same recording for 'monday/hop.npz' and 'tuesday/hop.npz'"):
        Recordings(["monday/hop.npz", "tuesday/hop.npz"], folder)
    assert len(Recordings(["hop.npz", "hop.npz"], folder)) == 2


def test_a_whole_data_set_for_one_vector_is_refused(folder):
    with pytest.raises(PoseError, match=r"set\.npz: a data set of several clips for one vector"):
        _ = Recordings([f"{folder}/set.npz"])[0]


def test_a_name_that_a_data_set_has_twice_is_refused(tmp_path):
    path = collection(tmp_path / "set.npz", ["a", "a", "b"])
    found = Recordings([f"{path}/b", f"{path}/a"])
    assert found[0].meta["label"] == "label 2"
    with pytest.raises(PoseError, match="several clips are called 'a'"):
        _ = found[1]


def test_labels_go_by_the_longest_end_of_a_name(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("file,label,mood\nmonday/walk.bvh,walk,glad\nwalk.bvh,stroll,sad\n")
    names = ["x/monday/walk.bvh", "x/tuesday/walk.bvh", "hop.bvh"]
    assert read_labels(names, table) == ["walk", "stroll", ""]
    assert read_labels(names, table, "mood") == ["glad", "sad", ""]
    with pytest.raises(LabelError, match=r"the same row for 'a/walk.bvh' and 'b/walk.bvh'"):
        read_labels(["a/walk.bvh", "b/walk.bvh"], table)
    with pytest.raises(LabelError, match=r"labels.csv: none of 1 vectors has a row, 'run.bvh' for example"):
        read_labels(["run.bvh"], table)
    with pytest.raises(LabelError, match="no column 'colour'"):
        read_labels(names, table, "colour")
    with pytest.raises(MissingFileError):
        read_labels(names, tmp_path / "gone.csv")


def test_the_common_folder_is_taken_off_but_no_name():
    assert without_common_folder(["/a/b/c", "/a/b/c"]) == ["c", "c"]
    assert without_common_folder(["a/b", "c/b"]) == ["a/b", "c/b"]
    assert without_common_folder(["/a/b", "/a/b/c"]) == ["b", "b/c"]
    assert without_common_folder([""]) == [""]
