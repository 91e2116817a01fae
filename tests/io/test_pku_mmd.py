"""PKU-MMD skeletons and labels."""

from __future__ import annotations

import numpy as np
import pytest

from msclr.errors import FileFormatError
from msclr.io.pku_mmd import read_pku_mmd
from msclr.io.registry import read

BODIES = np.random.default_rng(0).normal(size=(8, 2, 25, 3))
BODIES[:5, 1] = 0


def write_text(path, bodies: np.ndarray):
    path.write_text("".join(" ".join(f"{value:.6f}" for value in frame.ravel()) + " \r\n" for frame in bodies))
    return path


def test_bodies_and_the_gaps_of_the_second(tmp_path):
    clip = read(write_text(tmp_path / "0002-L.txt", BODIES))
    assert (clip.skeleton.id, clip.unit, clip.up, clip.fps, clip.num_persons) == ("kinect_v2_25", "m", "+y", 30.0, 2)
    np.testing.assert_allclose(clip.positions, BODIES.swapaxes(0, 1), atol=1e-5)
    assert clip.valid[0].all()
    assert not clip.valid[1, :5].any()
    assert clip.valid[1, 5:].all()
    assert read(write_text(tmp_path / "one.txt", BODIES[:5])).num_persons == 1


def test_labels_cut_clips(tmp_path):
    path = write_text(tmp_path / "0002-L.txt", BODIES)
    (tmp_path / "labels.txt").write_text("26,1,4,1\n7, 5, 8\n")
    first, second = read_pku_mmd(path, tmp_path / "labels.txt")
    assert (first.num_frames, first.num_persons, first.meta["label"]) == (4, 1, "26")
    assert (second.num_frames, second.num_persons, second.meta["label"]) == (4, 2, "7")
    np.testing.assert_allclose(second.positions[0], BODIES[4:8, 0], atol=1e-5)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("26,0,4", "line 1: frames 0 to 4"),
        ("26,3,9", "frames 3 to 9; expected a range in 1 to 8"),
        ("26,5,4", "frames 5 to 4"),
        ("wave,1,4", "'wave,1,4'"),
        ("26;1;4", "class, first frame, last frame"),
    ],
)
def test_labels_outside_the_recording(tmp_path, row, message):
    path = write_text(tmp_path / "0002-L.txt", BODIES)
    (tmp_path / "labels.txt").write_text(row)
    with pytest.raises(FileFormatError, match=message):
        read_pku_mmd(path, tmp_path / "labels.txt")


def test_lines_of_another_length(tmp_path):
    (tmp_path / "a.txt").write_text(" ".join(["0.5"] * 149))
    with pytest.raises(FileFormatError, match="line 1: 149 values; expected 150"):
        read(tmp_path / "a.txt", format="pku_mmd")
