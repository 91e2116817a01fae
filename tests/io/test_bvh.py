"""BVH files: real recordings against pybvh and an own oracle, and how rigs find their convention."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from oracles.motion_capture import bvh_positions

from msclr import SkeletonSpec, get_skeleton, read
from msclr.errors import SkeletonError
from msclr.io.bvh import frame_rate, parse_bvh
from msclr.samples import sample_paths
from msclr.skeletons.hierarchy import positions
from msclr.skeletons.registry import _registered, register_skeleton


def bvh_of(spec: SkeletonSpec, scale: float = 1.0, prefix: str = "", extra: str = "") -> str:
    """A one-frame BVH file with the names and the tree of a convention; `*_EndSite` joints become end sites."""
    children: dict[int, list[int]] = {}
    for joint, parent in enumerate(spec.parents):
        children.setdefault(parent, []).append(joint)
    count = 0

    def block(joint: int) -> str:
        nonlocal count
        offset = f"OFFSET 0 {scale * (0.0 if spec.parents[joint] == -1 else 1.0):g} 0\n"
        name = spec.source_names[joint]
        if name.endswith("_EndSite"):
            return "End Site\n{\n" + offset + "}\n"
        count += 1
        word = "ROOT" if spec.parents[joint] == -1 else "JOINT"
        inner = "".join(block(child) for child in children.get(joint, []))
        return f"{word} {prefix}{name}\n{{\n{offset}CHANNELS 1 Yrotation\n{inner}{extra * (joint == 0)}}}\n"

    hierarchy = block(spec.roots[0])
    values = " ".join(["0"] * (count + bool(extra)))
    return f"HIERARCHY\n{hierarchy}MOTION\nFrames: 1\nFrame Time: 0.02\n{values}\n"


def raw_files(data_root: Path, pattern: str) -> list[Path]:
    files = sorted((data_root / "raw" / "bvh").glob(pattern))
    assert files
    return files


def test_real_files_agree_with_pybvh(data_root):
    pybvh = pytest.importorskip("pybvh")
    for path in raw_files(data_root, "cmu_*.bvh"):
        hierarchy, values, _ = parse_bvh(path.read_text(), path.name)
        expected = pybvh.read_bvh_file(path).node_positions()  # end sites included, in file order
        np.testing.assert_allclose(positions(hierarchy, values), expected, atol=1e-6)


def test_real_files_agree_with_the_oracle(data_root):
    for path in raw_files(data_root, "*.bvh"):
        hierarchy, values, _ = parse_bvh(path.read_text(), path.name)
        frames = [0, len(values) // 2, len(values) - 1]
        expected = [
            bvh_positions(hierarchy.parents, hierarchy.offsets, hierarchy.channels, values[frame]) for frame in frames
        ]
        np.testing.assert_allclose(positions(hierarchy, values)[frames], expected, atol=1e-8)


def test_bandai_files_are_their_convention_and_agree_with_prepared_data(data_root):
    archive = np.load(data_root / "mocap" / "bandai_NONCOMMERCIAL.npz")
    names = archive["names"].tolist()
    for path in raw_files(data_root, "bandai_*.bvh"):
        clip = read(path)
        assert (clip.skeleton.id, clip.unit, clip.up, clip.fps) == ("bandai_namco_22", "cm", "+y", 30.0)
        index = names.index(path.stem.removeprefix("bandai_"))
        prepared = archive["joints"][archive["offsets"][index] : archive["offsets"][index + 1]] * float(
            archive["scale"]
        )
        order = [clip.skeleton.source_names.index(name) for name in archive["joint_names"]]
        ours = (
            clip.positions[0, ::3, order].swapaxes(0, 1) / 100
        )  # prepared at 20 fps: every third frame is every second
        theirs = prepared[::2][: len(ours)]
        shift = (ours - theirs)[0, 0] * [1, 0, 1]  # the prepared clips start above the origin
        assert np.abs(ours - theirs - shift).max() < 6e-4  # stored in whole millimetres


def test_raw_cmu_files_keep_their_own_rig(data_root):
    clip = read(raw_files(data_root, "cmu_07_12.bvh")[0])
    assert clip.num_joints == 43
    assert clip.unit == "unknown"
    assert clip.fps == 120.0
    assert clip.num_frames == 264


@pytest.mark.parametrize("name", ["cmu_07_12.bvh", "cmu_08_02.bvh"])
def test_left_is_left_of_a_walker_in_raw_files(data_root, name):
    assert leftness(read(data_root / "raw" / "bvh" / name)) > 0.9


def test_left_is_left_of_a_walker_in_the_sample():
    assert leftness(read(sample_paths()["cmu_walk_bvh"])) > 0.9


def leftness(clip) -> float:
    """Cosine between right hip to left hip, and up x direction of walking."""
    spec = clip.skeleton
    pelvis, left, right = (spec.anatomical_index(name) for name in ("pelvis", "left_hip", "right_hip"))
    forward = clip.positions[0, -1, pelvis] - clip.positions[0, 0, pelvis]
    side = np.cross([0.0, 1.0, 0.0], forward)
    hips = (clip.positions[0, :, left] - clip.positions[0, :, right]).mean(axis=0)
    return float(side @ hips / np.linalg.norm(side) / np.linalg.norm(hips))


@pytest.mark.parametrize(
    ("id", "scale", "unit"),
    [
        ("lafan1_22", 20.0, "cm"),
        ("cmu_bvh_38", 3.0, "unknown"),
        ("style100_23", 1.0, "unknown"),
        ("mixamo_65", 15.0, "cm"),
    ],
)
def test_a_known_rig_is_found_by_its_joint_names(tmp_path, id, scale, unit):
    spec = get_skeleton(id)
    path = tmp_path / "rig.bvh"
    path.write_text(bvh_of(spec, scale, prefix="mixamorig:" if id == "mixamo_65" else ""))
    clip = read(path)
    assert clip.skeleton == spec
    assert (clip.unit, clip.up, clip.fps) == (unit, "+y", 50.0)
    heights = clip.positions[0, 0, :, 1] / scale  # every bone of `bvh_of` goes straight up
    for joint, parent in spec.edges:
        assert heights[joint] == pytest.approx(heights[parent] + 1)


def test_a_unit_is_not_claimed_for_bones_of_no_human_length(tmp_path):
    path = tmp_path / "rig.bvh"
    path.write_text(bvh_of(get_skeleton("lafan1_22"), 0.2))  # the same rig in metres
    assert read(path).unit == "unknown"
    assert read(path, unit="m").unit == "m"


def test_a_rig_with_one_joint_more_keeps_all_its_joints(tmp_path):
    path = tmp_path / "rig.bvh"
    path.write_text(
        bvh_of(get_skeleton("lafan1_22"), 20, extra="JOINT Tail\n{\nOFFSET 0 0 -9\nCHANNELS 1 Yrotation\n}\n")
    )
    assert read(path).num_joints == 23
    asked = read(path, skeleton="lafan1_22")
    assert asked.skeleton.id == "lafan1_22"
    with pytest.raises(SkeletonError, match=r"joint_Root.*expected all 22 joints"):
        read(path, skeleton="bandai_namco_22")


def test_a_registered_rig_of_the_user_is_found(tmp_path):
    rig = SkeletonSpec("bvh_test_rig", ("b", "a"), (-1, 0), unit="cm", source_names=("Base", "Arm"))
    path = tmp_path / "rig.bvh"
    path.write_text(bvh_of(rig, 80))
    register_skeleton(rig)
    try:
        assert read(path).skeleton is rig
        assert read(path).unit == "cm"
    finally:
        del _registered[rig.id]


def test_options_override_what_the_file_says():
    clip = read(sample_paths()["cmu_walk_bvh"], unit="cm", up="+z", fps=24)
    assert (clip.unit, clip.up, clip.fps) == ("cm", "+z", 24.0)


@pytest.mark.parametrize(
    ("written", "fps"),
    [("0.0333333", 30), ("0.033333", 30), ("0.00833333", 120), (".0166667", 60), ("4e-2", 25), ("0.01", 100), ("1", 1)],
)
def test_whole_frame_rates_are_recovered_from_rounded_frame_times(written, fps):
    assert frame_rate(written) == fps


def test_fractional_frame_rates_stay():
    assert frame_rate("0.0333667") == pytest.approx(29.97, abs=1e-4)
    assert frame_rate("0.017") == pytest.approx(1 / 0.017)  # 59 and 60 both round to it
