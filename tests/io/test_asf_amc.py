"""ASF/AMC recordings: the sample and real files against an own oracle and prepared data, and malformed ones."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.motion_capture import acclaim_positions

from msclr import get_skeleton, read
from msclr.errors import FileFormatError, FileLimitError, MissingFileError, NotAFileError
from msclr.io.asf import parse_asf
from msclr.io.asf_amc import parse_amc
from msclr.io.limits import ReadLimits
from msclr.samples import sample_paths

METRES = 0.0254 / 0.45

ASF = """# a comment
:version 1.10
:units
  mass 1.0
  length 0.45
  angle deg
:documentation
   begin with anything
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
    id 1
    name thigh
    direction 0 -1 0
    length 8
    axis 0 0 20 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
    id 2
    name shin
    direction 0 -1 0
    length 7
    axis 0 0 20 XYZ
    dof rx
  end
:hierarchy
  begin
    root thigh
    thigh shin
  end
"""
AMC = """#!OML:ASF x.ASF
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 10 20 30
thigh 5 6 7
shin 8
2
root 1 2 3 10 20 30
thigh 5 6 7
shin 9
"""


def replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.fixture
def recording(tmp_path):
    """Write the pair with changed texts and return the path of the motion."""

    def write(asf: str = ASF, amc: str = AMC):
        (tmp_path / "leg.asf").write_text(asf)
        (tmp_path / "leg.amc").write_text(amc)
        return tmp_path / "leg.amc"

    return write


def test_the_sample_equals_the_oracle():
    path = sample_paths()["cmu_walk_asf"]
    clip = read(path)
    expected, names = acclaim_positions(path.with_suffix(".asf"), path)
    order = [names.index(name) for name in get_skeleton("cmu_asf_31").source_names]
    np.testing.assert_allclose(clip.positions[0], expected[:, order] * METRES, atol=1e-5)
    assert clip.skeleton == get_skeleton("cmu_asf_31")
    assert (clip.unit, clip.up, clip.fps, clip.num_frames) == ("m", "+y", 120.0, 240)


def test_knee_and_ankle_are_bone_ends_in_the_sample():
    clip = read(sample_paths()["cmu_walk_asf"])
    spec = clip.skeleton
    height = {
        name: clip.positions[0, :, spec.index(name), 1].mean() for name in ("left_hip", "left_knee", "left_ankle")
    }
    assert height["left_hip"] > 0.75
    assert 0.35 < height["left_knee"] < 0.6
    assert height["left_ankle"] < 0.2
    thigh = clip.positions[0, :, spec.index("left_knee")] - clip.positions[0, :, spec.index("left_hip")]
    np.testing.assert_allclose(np.linalg.norm(thigh, axis=1), 7.59371 * METRES, atol=1e-5)


def leftness(clip) -> float:
    """Cosine between right hip to left hip, and up x direction of walking."""
    root, left, right = (clip.skeleton.index(name) for name in ("pelvis", "left_hip", "right_hip"))
    forward = clip.positions[0, -1, root] - clip.positions[0, 0, root]
    side = np.cross([0.0, 1.0, 0.0], forward)
    hips = (clip.positions[0, :, left] - clip.positions[0, :, right]).mean(axis=0)
    return float(side @ hips / np.linalg.norm(side) / np.linalg.norm(hips))


def test_left_is_left_of_a_walker():
    assert leftness(read(sample_paths()["cmu_walk_asf"])) > 0.9


def test_real_recordings_agree_with_prepared_data(data_root):
    archive = np.load(data_root / "mocap" / "cmu_asf.npz")
    names, joints = archive["names"].tolist(), archive["joint_names"].tolist()
    paths = sorted((data_root / "raw" / "asf_amc").glob("*.amc"))
    assert len(paths) == 4
    for path in paths:
        clip = read(path)
        assert leftness(clip) > 0.8
        index = names.index(f"cmu_{path.stem}")
        frames = slice(archive["offsets"][index], archive["offsets"][index + 1])
        prepared = archive["joints"][frames] * float(archive["scale"])
        prepared = prepared[:, [joints.index(name) for name in clip.skeleton.source_names]]
        ours = clip.positions[0, ::6]  # 120 to 20 fps
        shift = (ours - prepared)[0, 0] * [1, 0, 1]  # the prepared clips start above the origin
        assert np.abs(ours - prepared - shift).max() < 6e-4  # stored in whole millimetres


def test_an_unknown_rig_keeps_its_own_bones(recording):
    clip = read(recording())
    assert clip.skeleton.source_names == ("root", "thigh", "shin")
    assert clip.skeleton.parents == (-1, 0, 1)
    assert (clip.unit, clip.num_frames) == ("m", 2)
    np.testing.assert_allclose(clip.positions[0, :, 0], [[METRES, 2 * METRES, 3 * METRES]] * 2, rtol=1e-6)


def test_options_override_unit_and_rate(recording):
    clip = read(recording(), unit="in", fps=60, up="+z")
    assert (clip.unit, clip.fps, clip.up) == ("in", 60.0, "+z")
    np.testing.assert_allclose(clip.positions[0, 0, 0], [1, 2, 3])  # the numbers of the file


def test_no_unit_is_claimed_without_or_with_an_implausible_one(recording):
    assert read(recording(replaced(ASF, "  length 0.45\n", ""))).unit == "unknown"
    assert read(recording(replaced(ASF, "length 0.45", "length 0.001"))).unit == "unknown"


def test_radians_equal_degrees(recording):
    degrees = read(recording()).positions
    turned = replaced(AMC, ":DEGREES", ":RADIANS")
    for values in ("10 20 30", "5 6 7", "8\n", "9\n"):
        radians = " ".join(repr(float(np.deg2rad(float(value)))) for value in values.split())
        turned = turned.replace(f" {values}", f" {radians}" + "\n" * values.endswith("\n"))
    np.testing.assert_allclose(read(recording(amc=turned)).positions, degrees, atol=1e-6)


def test_order_of_bones_and_of_freedoms_is_that_of_the_file(recording):
    plain = read(recording()).positions
    mixed = recording(
        replaced(ASF, "dof rx ry rz", "dof rz rx ry"), AMC.replace("thigh 5 6 7\nshin 8", "shin 8\nthigh 7 5 6")
    )
    np.testing.assert_allclose(read(mixed).positions[:, :1], plain[:, :1], atol=1e-6)


def test_byte_order_mark_and_crlf_are_read(recording):
    path = recording()
    plain = read(path).positions
    path.write_bytes(b"\xef\xbb\xbf" + AMC.replace("\n", "\r\n").encode())
    np.testing.assert_array_equal(read(path).positions, plain)


@pytest.mark.parametrize(
    ("motion", "skeletons", "chosen"),
    [
        ("02_02.amc", ["02.asf", "03.asf"], "02.asf"),
        ("02_02.amc", ["02_02.asf", "02.asf"], "02_02.asf"),
        ("HDM_bd_01-01_01_120.amc", ["HDM_bd.ASF", "HDM_mm.ASF"], "HDM_bd.ASF"),
        ("walk.amc", ["subject.asf"], "subject.asf"),
    ],
)
def test_the_skeleton_is_found_beside_the_motion(tmp_path, motion, skeletons, chosen):
    for name in skeletons:
        (tmp_path / name).write_text(ASF if name == chosen else "broken")
    (tmp_path / motion).write_text(AMC)
    assert read(tmp_path / motion).num_joints == 3


def test_without_a_skeleton_the_error_says_what_to_do(tmp_path):
    path = tmp_path / "walk.amc"
    path.write_text(AMC)
    with pytest.raises(MissingFileError, match=r"no \.asf beside it; expected the skeleton as walk\.asf\. Try: copy"):
        read(path)
    for name in ("a.asf", "b.asf"):
        (tmp_path / name).write_text(ASF)
    with pytest.raises(MissingFileError, match=r"2 \.asf files are in the folder, none of them named"):
        read(path)


def test_a_skeleton_linked_from_elsewhere_is_followed_only_if_asked(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    (tmp_path / "leg.asf").write_text(ASF)
    (folder / "leg.asf").symlink_to(tmp_path / "leg.asf")
    (folder / "leg.amc").write_text(AMC)
    with pytest.raises(NotAFileError, match="symbolic link"):
        read(folder / "leg.amc")
    assert read(folder / "leg.amc", follow_symlinks=True).num_frames == 2


def test_the_skeleton_alone_is_no_recording(recording):
    with pytest.raises(FileFormatError, match=r"without motion. Try: read the \.amc"):
        read(recording().with_suffix(".asf"))


BROKEN_AMC = {
    "unknown bone": (("thigh 5", "tail 5"), "line 6, column 1", "'tail', which the skeleton does not have"),
    "wrong number of values": (("thigh 5 6 7", "thigh 5 6"), "line 6", "2 values after 'thigh'; expected 3"),
    "too many values": (("shin 8", "shin 8 9"), "line 7, column 8", "2 values after 'shin'; expected 1"),
    "text": (("thigh 5 6 7", "thigh 5 six 7"), "line 6, column 9", "'six' is not a number"),
    "nan": (("shin 8", "shin nan"), "line 7, column 6", "'nan' is not a number"),
    "comma": (("shin 8", "shin 8,5"), "line 7, column 6", "with a point"),
    "truncated frame": (("shin 9\n", ""), "line 11", "frame 2 has no values of shin"),
    "bone missing": (("shin 8\n", ""), "line 7, column 1", "frame 1 has no values of shin"),
    "bone twice": (("shin 8\n", "shin 8\nshin 8\n"), "line 8, column 1", "'shin' twice in frame 1"),
    "frames out of order": (("\n2\n", "\n3\n"), "line 8, column 1", "frame '3' after frame 1; expected 2"),
    "frame repeated": (("\n2\n", "\n1\n"), "line 8, column 1", "frame '1' after frame 1"),
    "no frame number": (("\n1\n", "\n"), "line 4, column 1", "'root'; expected the number of the first frame"),
}


@pytest.mark.parametrize("name", BROKEN_AMC)
def test_malformed_motion_is_refused_with_its_place(recording, name):
    change, place, message = BROKEN_AMC[name]
    with pytest.raises(FileFormatError, match=message) as caught:
        read(recording(amc=replaced(AMC, *change)))
    assert f"leg.amc, {place}" in str(caught.value)


BROKEN_ASF = {
    "no units": ((":units", ":other"), "ends without the section :units"),
    "no root": ((":root", ":other"), "ends without the section :root"),
    "no bonedata": ((":bonedata", ":other"), "line 36.*unknown bone 'thigh'"),
    "no hierarchy": ((":hierarchy", ":other"), "ends without the section :hierarchy"),
    "no order": (("   order TX TY TZ RX RY RZ\n", ""), "no order of values"),
    "direction of two": (("direction 0 -1 0", "direction 0 -1"), "line 18.*2 values after 'direction'; expected 3"),
    "length of text": (("length 8", "length long"), "line 19, column 12.*'long' is not a number"),
    "axes twice": (("axis 0 0 20 XYZ", "axis 0 0 20 XXZ"), "line 20, column 17.*order of the axes"),
    "unknown freedom": (("dof rx ry rz", "dof rx ry l"), "line 21, column 15.*'l'"),
    "freedom to move": (("dof rx ry rz", "dof rx ty"), "'thigh' can move off its parent"),
    "freedom twice": (("dof rx ry rz", "dof rx rx"), "line 21, column 12.*once"),
    "bone twice": (("name shin", "name thigh"), "second bone 'thigh'"),
    "no name": (("    name shin\n", ""), "a bone without name"),
    "no end": (("    dof rx\n  end\n", "    dof rx\n"), "line 33.*:hierarchy inside a bone"),
    "begin twice": (("    dof rx\n  end\n", "  begin\n"), "begin before the end of bone 'shin'"),
    "unknown child": (("thigh shin", "thigh foot"), "line 37, column 11.*unknown bone 'foot'"),
    "two parents": (("root thigh", "root thigh shin"), "line 37, column 11.*'shin' has two parents"),
    "bone unattached": (("    thigh shin\n", ""), "'shin' does not hang on the root"),
    "cycle": (("root thigh\n    thigh shin", "thigh shin\n    shin thigh"), "does not hang on the root"),
    "unit of angles": (("angle deg", "angle turns"), "line 6.*deg or rad"),
    "unit of length": (("length 0.45", "length 0"), "line 5, column 10.*above 0"),
    "turned root": (("orientation 0 0 0", "orientation 0 90 0"), "line 13.*not zero"),
}


@pytest.mark.parametrize("name", BROKEN_ASF)
def test_malformed_skeletons_are_refused_with_their_place(recording, name):
    change, message = BROKEN_ASF[name]
    with pytest.raises(FileFormatError, match=message) as caught:
        read(recording(replaced(ASF, *change)))
    assert "leg.asf, line " in str(caught.value)


def test_limits_are_kept(recording):
    with pytest.raises(FileLimitError, match="over 1 frames"):
        read(recording(), limits=ReadLimits(maximum_frames=1))
    with pytest.raises(FileLimitError, match="over 2 bones"):
        read(recording(), limits=ReadLimits(maximum_joints=2))


def test_truncation_anywhere_is_an_error_with_a_line():
    skeleton = parse_asf(ASF)
    for end in range(len(ASF.rstrip()) - len("thigh shin\n  end")):
        with pytest.raises(FileFormatError, match="line "):
            parse_asf(ASF[:end])
    complete = AMC.index("\n2\n")
    for end in [*range(complete - 1), *range(complete + 2, len(AMC) - 3)]:
        with pytest.raises(FileFormatError, match="line "):
            parse_amc(AMC[:end], skeleton)
