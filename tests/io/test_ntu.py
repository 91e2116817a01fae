"""The reader of NTU RGB+D .skeleton files."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from oracles.pose_files import body_block, ntu_lines, write_lines

from msclr.errors import FileFormatError, FileLimitError
from msclr.io.limits import ReadLimits
from msclr.io.ntu import ClipName, read_bodies
from msclr.io.registry import read


def pose(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(25, 3)).astype(np.float32)


def naive_read(path: Path) -> dict[str, dict[int, np.ndarray]]:
    """Body id to frame to [25, 4] (x, y, z, state), read the plainest way."""
    numbers = iter(path.read_text().split())
    bodies: dict[str, dict[int, np.ndarray]] = {}
    for frame in range(int(next(numbers))):
        for _ in range(int(next(numbers))):
            body = next(numbers)
            for _ in range(9):
                next(numbers)
            rows = [[float(next(numbers)) for _ in range(12)] for _ in range(int(next(numbers)))]
            bodies.setdefault(body, {})[frame] = np.array(rows)[:, [0, 1, 2, 11]]
    return bodies


def test_real_files_equal_a_naive_reading(data_root):
    files = sorted((data_root / "raw" / "ntu").glob("*.skeleton"))
    assert len(files) == 13
    for path in files:
        sequence = read(path)
        expected = naive_read(path)
        assert sequence.skeleton.id == "kinect_v2_25"
        assert (sequence.fps, sequence.unit, sequence.up) == (30.0, "m", "+y")
        assert sequence.person_ids == tuple(expected)
        for slot, frames in enumerate(expected.values()):
            present = np.zeros(sequence.num_frames, dtype=bool)
            present[list(frames)] = True
            np.testing.assert_array_equal(sequence.valid[slot].any(axis=1), present)
            for frame, rows in frames.items():
                np.testing.assert_allclose(sequence.positions[slot, frame], rows[:, :3], rtol=1e-6)
                np.testing.assert_array_equal(sequence.confidence[slot, frame], rows[:, 3] / 2)


def test_the_file_name_gives_the_facts(data_root):
    sequence = read(data_root / "raw" / "ntu" / "S001C001P003R002A005.skeleton")
    assert dict(sequence.meta) == {
        "setup": "1",
        "camera": "1",
        "performer": "3",
        "replication": "2",
        "action": "5",
    }


def test_other_names_give_no_facts(tmp_path):
    assert dict(read(write_lines(tmp_path / "waving.skeleton", ntu_lines([{7: pose(0)}]))).meta) == {}


def test_bodies_come_in_the_order_of_each_frame(tmp_path):
    poses = [pose(seed) for seed in range(6)]
    frames = [{7: poses[0]}, {5: poses[1], 7: poses[2]}, {}, {7: poses[3], 5: poses[4], 6: poses[5]}]
    path = write_lines(tmp_path / "a.skeleton", ntu_lines(frames))
    expected = np.zeros((2, 4, 25, 3))
    expected[0, [0, 1, 3]] = poses[0], poses[1], poses[3]
    expected[1, [1, 3]] = poses[2], poses[4]
    np.testing.assert_allclose(read_bodies(path), expected, rtol=1e-6)
    assert read_bodies(path, 4)[2:].any(axis=(1, 2, 3)).tolist() == [True, False]
    assert read(path).person_ids == ("7", "5", "6")


def test_bodies_are_taken_whether_tracked_or_not_but_finite(tmp_path):
    lines = ["1", "1", *body_block(7, pose(0), states=np.zeros(25, int))]
    path = write_lines(tmp_path / "a.skeleton", lines)
    np.testing.assert_allclose(read_bodies(path)[0, 0], pose(0), rtol=1e-6)
    assert not read(path).valid.any()
    lines[4] = "nan" + lines[4][lines[4].index(" ") :]
    with pytest.raises(FileFormatError, match=r"a\.skeleton, frame 0: a coordinate that is not finite"):
        read_bodies(write_lines(path, lines))


def test_names_are_found_in_paths():
    assert ClipName.find("S001/S017C003P020R002A050_rgb.avi") == ClipName(17, 3, 20, 2, 50)
    assert ClipName.find("s001c001p001r001a001") == ClipName(1, 1, 1, 1, 1)
    assert ClipName.find("S01C003P020R002A050") is None


def test_a_real_file_is_read_in_time(data_root):
    path = data_root / "raw" / "ntu" / "S017C003P020R002A056.skeleton"
    read(path)
    best = min(_cpu_seconds(path) for _ in range(3))
    assert best < 1.0 * path.stat().st_size / 100_000


def _cpu_seconds(path: Path) -> float:
    start = time.process_time()
    read(path)
    return time.process_time() - start


def test_tracking_states_become_confidences(tmp_path):
    states = np.array([0, 1, 2] * 8 + [2])
    path = write_lines(tmp_path / "a.skeleton", ["1", "1", *body_block(5, pose(1), states)])
    sequence = read(path)
    np.testing.assert_array_equal(sequence.valid[0, 0], states > 0)
    np.testing.assert_array_equal(sequence.confidence[0, 0], states / 2)
    assert (sequence.positions[0, 0, states == 0] == 0).all()


def test_nan_coordinates_are_missing_joints(tmp_path):
    positions = pose(1)
    positions[3, 1] = np.nan
    sequence = read(write_lines(tmp_path / "a.skeleton", ntu_lines([{1: positions}])))
    assert not sequence.valid[0, 0, 3]
    assert sequence.valid.sum() == 24


def test_frames_without_bodies_are_masked(tmp_path):
    sequence = read(write_lines(tmp_path / "a.skeleton", ntu_lines([{}, {1: pose(0)}, {}])))
    assert sequence.valid.any(axis=2).tolist() == [[False, True, False]]


def test_a_file_without_any_body_has_no_persons(tmp_path):
    sequence = read(write_lines(tmp_path / "a.skeleton", ntu_lines([{}, {}])))
    assert sequence.positions.shape == (0, 2, 25, 3)


def test_many_short_lived_bodies_are_refused_before_allocation(tmp_path):
    blank = ["0 " * 11 + "2"] * 25
    frame_count = 100
    lines = [str(frame_count)]
    for frame in range(frame_count):
        lines += ["1", f"{frame} 0 0 0 0 0 0 0 0 0", "25", *blank]
    path = write_lines(tmp_path / "a.skeleton", lines)
    with pytest.raises(FileLimitError, match="100 persons x 100 frames"):
        read(path, limits=ReadLimits(free_bytes=0))
    assert read(path, limits=ReadLimits(maximum_growth=1000, free_bytes=0)).num_persons == 100


def test_the_number_of_bodies_is_limited(tmp_path):
    path = write_lines(tmp_path / "a.skeleton", ntu_lines([{1: pose(0), 2: pose(1), 3: pose(2)}]))
    with pytest.raises(FileLimitError, match="line 57: over 2 bodies"):
        read(path, limits=ReadLimits(maximum_persons=2))
