"""The recordings that ship with the package."""

from __future__ import annotations

import numpy as np
import pytest

from msclr import read
from msclr.samples import sample_paths


@pytest.mark.parametrize(
    ("name", "skeleton", "joints", "frames", "unit"),
    [
        ("cmu_walk_bvh", None, 43, 155, "unknown"),
        ("cmu_walk_asf", "cmu_asf_31", 31, 240, "m"),
        ("uiprmd_deep_squat_vicon", "plug_in_gait_39", 39, 50, "m"),
        ("uiprmd_deep_squat_kinect", "uiprmd_kinect_22", 22, 50, "m"),
    ],
)
def test_each_sample_is_read_as_what_it_is(name, skeleton, joints, frames, unit):
    clip = read(sample_paths()[name])
    assert (clip.num_persons, clip.num_frames, clip.num_joints) == (1, frames, joints)
    assert (clip.unit, clip.up) == (unit, "+y")
    assert skeleton in (None, clip.skeleton.id)
    assert clip.valid.all()


def test_all_files_are_small_and_named_in_the_readme_with_their_terms():
    folder = sample_paths()["cmu_walk_bvh"].parent
    files = [path for path in folder.iterdir() if path.is_file() and path.suffix != ".py"]
    text = (folder / "README.md").read_text()
    assert sum(path.stat().st_size for path in files) < 2**20
    assert all(f"`{path.name}`" in text for path in files if path.name != "README.md")
    assert "NSF EIA-0196217" in text
    assert "PDDL" in text


def test_the_two_sensors_show_the_same_repetition():
    vicon, kinect = (read(sample_paths()[f"uiprmd_deep_squat_{sensor}"]) for sensor in ("vicon", "kinect"))
    assert vicon.meta["recording"] == kinect.meta["recording"]
    assert vicon.meta["subject"] == kinect.meta["subject"] == "uiprmd_s10"
    knees = []
    for clip in (vicon, kinect):
        names = clip.skeleton.source_names or clip.skeleton.joints
        hip = names.index("LASI" if clip is vicon else "LeftUpperLeg")
        knees.append(clip.positions[0, :, hip, 1])
    assert np.corrcoef(*knees)[0, 1] > 0.95  # the hip goes down and up in both
    assert all(0.2 < np.ptp(height) < 0.8 for height in knees)
