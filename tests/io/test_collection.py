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
