"""Human3.6M positions as text."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.joint_angles import expmap_positions, walked
from scipy.spatial.transform import Rotation

from msclr.errors import FileFormatError, FileLimitError, PoseError
from msclr.io.limits import ReadLimits
from msclr.io.registry import read
from msclr.skeletons.registry import get_skeleton

VALUES = np.random.default_rng(0).normal(size=(6, 32, 3)) * 500


def text(values: np.ndarray, separator: str = ",") -> str:
    return "\n".join(separator.join(f"{value:.5f}" for value in row.ravel()) for row in values) + "\n"


@pytest.mark.parametrize("separator", [",", ", ", " ", "\t"])
def test_positions(tmp_path, separator):
    path = tmp_path / "walking_1.txt"
    path.write_text(text(VALUES, separator))
    clip = read(path)
    assert (clip.skeleton.id, clip.unit, clip.fps, clip.num_persons) == ("h36m_32", "mm", 50.0, 1)
    np.testing.assert_allclose(clip.positions[0], VALUES, atol=1e-4)
    assert read(path, format="h36m", fps=25).fps == 25.0


ANGLES = np.random.default_rng(1).normal(size=(7, 99)) * np.r_[[20.0] * 3, [0.7] * 96]
ANGLES[2, 3:] = 0
PARENTS = get_skeleton("h36m_32").parents


def write_angles(path, rows: np.ndarray):
    """As in the published files: commas, seven decimals, no header."""
    path.write_text("".join(",".join(f"{value:.7f}" for value in row) + "\n" for row in rows))
    return path


def rest_pose(tmp_path) -> np.ndarray:
    return read(write_angles(tmp_path / "rest.txt", np.zeros((1, 99)))).positions[0, 0].astype(float)


@pytest.mark.parametrize("variant", [None, "steps", "absolute", "in_place"])
def test_joint_angles_equal_the_naive_kinematics(tmp_path, variant):
    path = write_angles(tmp_path / "directions_1.txt", ANGLES)
    clip = read(path, variant=variant)
    roots = {
        "steps": walked(ANGLES),
        "absolute": [(row[:3], Rotation.from_rotvec(-row[3:6])) for row in ANGLES],
        "in_place": [(np.zeros(3), Rotation.identity())] * len(ANGLES),
    }[variant or "steps"]
    expected = [
        expmap_positions(PARENTS, rest_pose(tmp_path), row, *root) for row, root in zip(ANGLES, roots, strict=True)
    ]
    np.testing.assert_allclose(clip.positions[0], expected, atol=1e-3)
    assert (clip.skeleton.id, clip.unit, clip.up, clip.fps) == ("h36m_32", "mm", "+y", 50.0)


def test_the_rest_pose_stands_upright_with_the_left_on_the_left(tmp_path):
    rest = dict(zip(get_skeleton("h36m_32").joints, rest_pose(tmp_path), strict=True))
    assert rest["head_top"][1] > 700
    assert rest["left_ankle"][1] == pytest.approx(-897.1, abs=0.1)
    assert rest["left_hip"][0] == pytest.approx(132.9, abs=0.1)
    assert rest["right_hip"][0] < 0
    assert rest["right_toe_end"][2] > 200  # the toes point forward


def test_bones_are_as_long_as_in_the_recorded_positions(tmp_path, data_root):
    with np.load(data_root / "actions" / "h36m.npz") as archive:
        recorded = archive["joints"][:2000, 0].astype(float)
    rest = rest_pose(tmp_path)
    bones = [(joint, parent) for joint, parent in enumerate(PARENTS) if parent >= 0]
    lengths = np.array([np.linalg.norm(recorded[:, j] - recorded[:, p], axis=1).mean() for j, p in bones])
    np.testing.assert_allclose([np.linalg.norm(rest[j] - rest[p]) for j, p in bones], lengths, atol=1.0)  # integer mm


def test_positions_that_pass_for_steps_are_refused(tmp_path):
    rows = ANGLES.copy()
    rows[:, 1] += 920
    path = write_angles(tmp_path / "a.txt", rows)
    with pytest.raises(FileFormatError, match=r"line \d: the root goes 9\d\d mm in one frame.*variant='absolute'"):
        read(path)
    np.testing.assert_allclose(read(path, variant="absolute").positions[0, :, 0], rows[:, :3], atol=1e-3)


def test_a_variant_that_is_none(tmp_path):
    with pytest.raises(PoseError, match="variant='world'; expected 'steps', 'absolute' or 'in_place'"):
        read(write_angles(tmp_path / "a.txt", ANGLES), variant="world")
    (tmp_path / "b.txt").write_text(text(VALUES))
    with pytest.raises(PoseError, match="variant='steps'; expected none: these are positions"):
        read(tmp_path / "b.txt", variant="steps")


@pytest.mark.parametrize("number", ["nan", "1e7", "1e300", "1e999"])
def test_what_is_no_angle_is_refused_with_the_line(tmp_path, number):
    lines = write_angles(tmp_path / "a.txt", ANGLES).read_text().splitlines()
    lines[4] = ",".join([number, *lines[4].split(",")[1:]])
    (tmp_path / "a.txt").write_text("\n".join(lines))
    with pytest.raises(FileFormatError, match="line 5: a number that is no angle"):
        read(tmp_path / "a.txt")


def test_angles_truncated_within_a_line(tmp_path):
    whole = write_angles(tmp_path / "a.txt", ANGLES[:3]).read_text()
    for cut in [place for place, character in enumerate(whole) if character == ","][::7]:
        (tmp_path / "a.txt").write_text(whole[:cut])
        with pytest.raises(FileFormatError, match="line"):
            read(tmp_path / "a.txt", format="h36m")


@pytest.mark.parametrize(
    ("line", "message"),
    [("1,2", "line 3: 2 values; expected 96"), (",".join(["x"] * 96), "line 3: 'x'"), ("", "line 3: 0 values")],
)
def test_odd_lines_are_named(tmp_path, line, message):
    lines = text(VALUES).splitlines()
    lines[2] = line
    (tmp_path / "a.txt").write_text("\n".join(lines))
    with pytest.raises(FileFormatError, match=message):
        read(tmp_path / "a.txt", format="h36m")


def test_frames_are_limited(tmp_path):
    (tmp_path / "a.txt").write_text(text(VALUES))
    with pytest.raises(FileLimitError, match="6 frames"):
        read(tmp_path / "a.txt", limits=ReadLimits(maximum_frames=5))


def test_truncated_anywhere(tmp_path):
    whole = text(VALUES[:2]).rstrip()
    end = len(text(VALUES[:1]))
    for length in [*range(1, end - 10, 7), *range(end, len(whole) - 10, 7)]:
        (tmp_path / "a.txt").write_text(whole[:length])
        if length == end:
            assert read(tmp_path / "a.txt").num_frames == 1
            continue
        with pytest.raises(FileFormatError, match="line"):
            read(tmp_path / "a.txt", format="h36m")


def test_numbers_out_of_range_and_endless_lines(tmp_path):
    (tmp_path / "a.txt").write_text(",".join(["1e999"] * 96))
    with pytest.raises(PoseError, match="is inf"):
        read(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text("1," * 100_000)
    with pytest.raises(FileFormatError, match="line 1: 200,000 characters"):
        read(tmp_path / "b.txt", format="h36m")
