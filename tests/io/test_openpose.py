"""The reader of OpenPose JSON."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from oracles.pose_files import openpose_person, write_openpose

from msclr.errors import FileFormatError, FileLimitError, MissingExtraError
from msclr.io.limits import ReadLimits
from msclr.io.registry import read


def pose(seed: int, joints: int = 25, offset: float = 100.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(1, 60, size=(joints, 2)) + offset


@pytest.mark.parametrize(
    ("joints", "skeleton"), [(15, "openpose_mpi_15"), (18, "openpose_coco_18"), (25, "openpose_body25_25")]
)
def test_the_number_of_values_decides_the_skeleton(tmp_path, joints, skeleton):
    points = [pose(frame, joints) for frame in range(3)]
    sequence = read(write_openpose(tmp_path / "clip", {n: [openpose_person(p)] for n, p in enumerate(points)}))
    assert sequence.skeleton.id == skeleton
    assert (sequence.unit, sequence.up, sequence.fps, sequence.dims) == ("px", "-y", None, 2)
    np.testing.assert_allclose(sequence.positions[0], np.stack(points), rtol=1e-6)
    np.testing.assert_allclose(sequence.confidence, 0.9, rtol=1e-6)


def test_a_single_file_is_one_frame(tmp_path):
    folder = write_openpose(tmp_path / "clip", {7: [openpose_person(pose(0))]})
    sequence = read(folder / "clip_000000000007_keypoints.json", fps=25)
    assert (sequence.num_frames, sequence.num_persons, sequence.fps) == (1, 1, 25.0)


def test_zeros_are_missing_joints(tmp_path):
    points, scores = pose(0), np.full(25, 0.8)
    points[4], scores[4] = 0, 0
    sequence = read(write_openpose(tmp_path / "clip", {0: [openpose_person(points, scores)]}))
    assert np.flatnonzero(~sequence.valid[0, 0]).tolist() == [4]
    assert sequence.confidence[0, 0, 4] == 0


def test_scores_a_little_over_one_are_clipped_and_counted(tmp_path):
    scores = np.full(25, 0.8)
    scores[:2] = 1.04
    sequence = read(write_openpose(tmp_path / "clip", {0: [openpose_person(pose(0), scores)]}))
    assert sequence.confidence.max() == 1
    assert sequence.meta["scores_clipped_to_1"] == "2"


def test_3d_is_read_where_there_is_no_2d(tmp_path):
    table = np.random.default_rng(0).normal(size=(25, 4))
    table[:, 3] = 0.5
    person = {"person_id": [-1], "pose_keypoints_2d": [], "pose_keypoints_3d": table.ravel().tolist()}
    sequence = read(write_openpose(tmp_path / "clip", {0: [person]}))
    assert (sequence.dims, sequence.skeleton.dims, sequence.unit) == (3, 3, "unknown")
    np.testing.assert_allclose(sequence.positions[0, 0], table[:, :3], rtol=1e-6)


def test_person_ids_decide_the_slots(tmp_path):
    left, right = pose(1), pose(2, offset=500)
    people = {
        0: [openpose_person(left, person_id=3), openpose_person(right, person_id=8)],
        1: [openpose_person(right, person_id=8), openpose_person(left, person_id=3)],
        2: [openpose_person(right, person_id=3), openpose_person(left, person_id=8)],
    }
    sequence = read(write_openpose(tmp_path / "clip", people))
    assert sequence.person_ids == ("3", "8")
    np.testing.assert_allclose(sequence.positions[0], np.stack([left, left, right]), rtol=1e-6)


def test_without_ids_the_order_in_the_list_has_no_influence(tmp_path):
    rng = np.random.default_rng(5)
    start = [pose(1), pose(2, offset=300), pose(3, offset=600)]
    walks = [[points + np.array([3.0 * frame, 0]) for frame in range(12)] for points in start]
    frames = {frame: [openpose_person(walks[person][frame]) for person in rng.permutation(3)] for frame in range(1, 12)}
    frames[0] = [openpose_person(walk[0]) for walk in walks]
    sequence = read(write_openpose(tmp_path / "clip", frames))
    assert sequence.num_persons == 3
    np.testing.assert_allclose(sequence.positions, np.array(walks), rtol=1e-6)


def test_one_person_in_each_frame_is_one_track_without_scipy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    people = {n: [openpose_person(pose(n, offset=400.0 * n + 1))] for n in range(4)}
    assert read(write_openpose(tmp_path / "clip", people)).num_persons == 1


def test_several_persons_without_scipy_name_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    people = {0: [openpose_person(pose(0)), openpose_person(pose(1, offset=400))]}
    with pytest.raises(MissingExtraError, match=r'pip install "msclr\[io\]"'):
        read(write_openpose(tmp_path / "clip", people))


def test_a_person_without_any_joint_is_nobody(tmp_path):
    people = {0: [openpose_person(np.zeros((25, 2)), 0.0), openpose_person(pose(1))]}
    assert read(write_openpose(tmp_path / "clip", people)).num_persons == 1


def test_two_recordings_in_one_folder_are_refused(tmp_path):
    folder = write_openpose(tmp_path / "clip", {0: []}, stem="walk_")
    write_openpose(folder, {0: []}, stem="run_")
    with pytest.raises(FileFormatError, match=r"2 recordings: 'run_', 'walk_'"):
        read(folder)


def test_the_same_frame_twice_is_refused(tmp_path):
    folder = write_openpose(tmp_path / "clip", {5: []})
    (folder / "clip_5_keypoints.json").write_text(json.dumps({"people": []}))
    with pytest.raises(FileFormatError, match="frame 5 twice"):
        read(folder)


def test_a_change_of_convention_is_refused(tmp_path):
    people = {0: [openpose_person(pose(0))], 1: [openpose_person(pose(0, 18))]}
    with pytest.raises(FileFormatError, match=r"000000000001_keypoints.json: 18 joints in 2D after 25 joints"):
        read(write_openpose(tmp_path / "clip", people))


def test_a_huge_gap_is_refused_before_allocation(tmp_path):
    people = {0: [openpose_person(pose(0))], 10**11: [openpose_person(pose(0))]}
    with pytest.raises(FileLimitError, match="100,000,000,001 frames"):
        read(write_openpose(tmp_path / "clip", people))
    people = {0: [openpose_person(pose(0))], 9 * 10**6: [openpose_person(pose(0))]}
    with pytest.raises(FileLimitError, match="maximum_growth"):
        read(write_openpose(tmp_path / "other", people))


def test_the_number_of_people_is_limited(tmp_path):
    people = {0: [openpose_person(pose(n, offset=900.0 * n + 1)) for n in range(3)]}
    with pytest.raises(FileLimitError, match="3 people"):
        read(write_openpose(tmp_path / "clip", people), limits=ReadLimits(maximum_persons=2))


def test_nobody_in_the_whole_recording(tmp_path):
    sequence = read(write_openpose(tmp_path / "clip", {0: [], 4: []}))
    assert sequence.positions.shape == (0, 5, 25, 2)
