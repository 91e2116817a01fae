"""Several files of one recording."""

from __future__ import annotations

import numpy as np
import pytest
from strategies import standing_person

from msclr.errors import MissingFileError, PoseError, PoseTypeError
from msclr.io.multi import read_multi
from msclr.io.registry import read, write
from msclr.samples import sample_paths


def test_the_sample_pair_is_one_recording_in_two_conventions():
    samples = sample_paths()
    squat = read_multi([samples["uiprmd_deep_squat_vicon"], samples["uiprmd_deep_squat_kinect"]])
    assert list(squat) == ["plug_in_gait_39", "uiprmd_kinect_22"]
    assert (squat.num_frames, squat.fps, squat.source) == (50, 20.0, "uiprmd_m01_s10_e05")
    for name, path in (
        ("uiprmd_kinect_22", "uiprmd_deep_squat_kinect"),
        ("plug_in_gait_39", "uiprmd_deep_squat_vicon"),
    ):
        np.testing.assert_array_equal(squat[name].positions, read(samples[path]).positions)


def test_walks_of_other_rates_need_to_be_aligned(tmp_path):
    files = {}
    for name, frames, fps in (("kinect_v2_25", 30, 30.0), ("h36m_17", 100, 100.0)):
        files[name] = tmp_path / f"{name}.npz"
        write(standing_person(name, frames=frames, fps=fps).replace(person_ids=(f"{name}'s",)), files[name])
    with pytest.raises(PoseError, match="align"):
        read_multi(files)
    views = read_multi(files, align=True)
    assert (views.num_frames, views.fps, views.person_ids) == (30, 30.0, ("kinect_v2_25's",))
    assert read_multi(files, fps=10).num_frames == 10


def test_files_of_several_persons_are_matched_by_id(tmp_path):
    first, second = standing_person("kinect_v2_25", persons=2), standing_person("h36m_17", persons=2)
    write(first, tmp_path / "a.npz")
    write(second.persons([1, 0]), tmp_path / "b.npz")
    views = read_multi({"a": tmp_path / "a.npz", "b": tmp_path / "b.npz"})
    np.testing.assert_array_equal(views["b"].positions, second.positions)
    write(second.replace(person_ids=("x", "y")), tmp_path / "b.npz")
    with pytest.raises(PoseError, match="persons '0', '1' in 'a', 'x', 'y' in 'b'"):
        read_multi({"a": tmp_path / "a.npz", "b": tmp_path / "b.npz"})


def test_arguments_for_a_file_that_does_not_say_its_convention(tmp_path):
    clip = standing_person("coco_17", dims=2)
    np.save(tmp_path / "a.npy", clip.positions)
    write(clip, tmp_path / "b.npz")
    views = read_multi(
        {"array": {"path": tmp_path / "a.npy", "skeleton": "coco_17", "fps": 30}, "ours": tmp_path / "b.npz"}
    )
    np.testing.assert_array_equal(views["array"].positions, views["ours"].positions)


def test_what_is_not_there_or_no_file(tmp_path):
    with pytest.raises(MissingFileError):
        read_multi([tmp_path / "none.npz"])
    with pytest.raises(PoseTypeError, match="several files"):
        read_multi("walk.npz")
    with pytest.raises(PoseTypeError, match="without 'path'"):
        read_multi({"a": {"skeleton": "coco_17"}})
    with pytest.raises(PoseError, match="no views"):
        read_multi([])
