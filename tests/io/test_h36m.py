"""Human3.6M positions as text."""

from __future__ import annotations

import numpy as np
import pytest

from msclr.errors import FileFormatError, FileLimitError, PoseError
from msclr.io.limits import ReadLimits
from msclr.io.registry import read

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


def test_angles_are_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join([",".join(["0.1"] * 99)] * 4))
    with pytest.raises(FileFormatError, match="99 numbers in a line: joint angles"):
        read(path, format="h36m")


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
