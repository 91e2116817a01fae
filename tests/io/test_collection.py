from __future__ import annotations

import numpy as np
import pytest

from msclr.errors import FileFormatError, UnknownSkeletonError
from msclr.io.collection import read_collection
from msclr.skeletons.registry import get_skeleton

KINECT = get_skeleton("kinect_v2_25")


def write(path, clips=2, **arrays):
    values = np.random.default_rng(0).normal(size=(3 * clips, 2, 25, 3)).astype(np.float32)
    offsets = np.arange(clips + 1) * 3
    np.savez(path, **{"joints": values, "offsets": offsets, "joint_names": np.array(KINECT.joints), **arrays})
    return values


def test_a_file_may_name_its_convention(tmp_path):
    values = write(tmp_path / "a.npz", skeleton="ntu_25", up="+y")
    clips = read_collection(tmp_path / "a.npz")
    assert clips.skeleton == KINECT
    np.testing.assert_array_equal(clips[1].positions, values[3:].swapaxes(0, 1))


def test_without_a_name_the_joints_are_understood_by_theirs(tmp_path):
    write(tmp_path / "a.npz", up="+y")
    assert read_collection(tmp_path / "a.npz").skeleton.anatomy == KINECT.anatomy
    assert read_collection(tmp_path / "a.npz").skeleton.id == "a"


def test_joints_that_contradict_the_named_convention_are_refused(tmp_path):
    write(tmp_path / "a.npz", skeleton="kinect_v2_25", joint_names=np.array(KINECT.joints[::-1]))
    with pytest.raises(FileFormatError, match="joints other than those of 'kinect_v2_25'; expected pelvis, spine_mid"):
        read_collection(tmp_path / "a.npz")
    write(tmp_path / "a.npz", skeleton="kinect_v9")
    with pytest.raises(UnknownSkeletonError):
        read_collection(tmp_path / "a.npz")


def test_as_many_clips_as_joints_or_classes_make_no_columns_of_them(tmp_path):
    labels = np.arange(25) % 3
    write(tmp_path / "a.npz", 25, label=labels, parents=np.array(KINECT.parents), class_names=np.array(["c"] * 25))
    assert sorted(read_collection(tmp_path / "a.npz").columns) == ["label"]


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"offsets": np.zeros(0, int)}, r"offsets \(0,\)"),
        ({"offsets": np.array(0)}, r"offsets \(\)"),
        ({"offsets": np.array([0, 9, 6])}, "do not fit the offsets"),
        ({"score": np.ones(3)}, r"scores \(3,\) for joints"),
        ({"names": np.array(["a"])}, "1 names for 2 clips"),
        ({"label": np.array([0, -1]), "class_names": np.array(["a", "b"])}, "the label '-1'; expected 0 to 1"),
        ({"label": np.array([0, 2]), "class_names": np.array(["a", "b"])}, "the label '2'; expected 0 to 1"),
    ],
)
def test_arrays_that_contradict_each_other_are_refused(tmp_path, arrays, found):
    write(tmp_path / "a.npz", **arrays)
    with pytest.raises(FileFormatError, match=found):
        read_collection(tmp_path / "a.npz")


def test_damaged_files_are_refused(tmp_path):
    write(tmp_path / "a.npz")
    content = (tmp_path / "a.npz").read_bytes()
    damaged = bytearray(content)
    damaged[300] ^= 255
    np.save(tmp_path / "plain.npy", np.zeros(3))
    plain = (tmp_path / "plain.npy").read_bytes()
    for number, data in enumerate((content[:1000], bytes(damaged), plain, b"PK\x03\x04", b"")):
        (tmp_path / f"{number}.npz").write_bytes(data)
        with pytest.raises(FileFormatError, match="not a readable"):
            read_collection(tmp_path / f"{number}.npz")


def test_clips_count_from_the_end_too(tmp_path):
    values = write(tmp_path / "a.npz", clips=3)
    clips = read_collection(tmp_path / "a.npz")
    np.testing.assert_array_equal(clips[-1].positions, values[6:].swapaxes(0, 1))
    assert [clip.num_frames for clip in clips] == [3, 3, 3]
    with pytest.raises(IndexError):
        clips[3]
