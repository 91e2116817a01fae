"""The reader of Ultralytics label folders."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.estimator_files import label_line, write_labels

from msclr.errors import FileFormatError, FileLimitError, PoseError
from msclr.io.limits import ReadLimits
from msclr.io.registry import read
from msclr.skeletons.spec import SkeletonSpec


def points(seed: int, left: float = 0.1, joints: int = 17) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 0.2, size=(joints, 2)).round(4) + np.array([left, 0.3])


def test_a_folder_as_a_prediction_writes_it(tmp_path):
    poses = [points(seed) for seed in range(4)]
    scores = np.linspace(0.1, 0.99, 17).round(3)
    folder = write_labels(tmp_path / "labels", {n + 1: [label_line(p, scores)] for n, p in enumerate(poses)})
    sequence = read(folder, fps=25)
    assert (sequence.skeleton.id, sequence.unit, sequence.up, sequence.fps) == ("coco_17", "normalized", "-y", 25.0)
    assert sequence.meta["first_frame"] == "1"
    np.testing.assert_allclose(sequence.positions[0], np.stack(poses), rtol=1e-5)
    np.testing.assert_allclose(sequence.confidence[0], np.tile(scores, (4, 1)), rtol=1e-5)


def test_the_image_size_gives_pixels(tmp_path):
    folder = write_labels(tmp_path / "labels", {1: [label_line(points(0), 0.9)]})
    sequence = read(folder, variant="1280x720")
    assert sequence.unit == "px"
    np.testing.assert_allclose(sequence.positions[0, 0], points(0) * [1280, 720], rtol=1e-5)
    for variant in ("world", "0x720", "1280x720 ", "1280"):
        with pytest.raises(PoseError, match="the size of the images, as '1280x720'"):
            read(folder, variant=variant)


def test_a_single_file_is_one_frame(tmp_path):
    folder = write_labels(tmp_path / "labels", {7: [label_line(points(0), 0.9)]})
    sequence = read(folder / "walk_7.txt")
    assert (sequence.num_frames, sequence.meta["first_frame"]) == (1, "7")


@pytest.mark.parametrize("scores", [None, 0.9])
@pytest.mark.parametrize("box_score", [None, 0.75, 1.0])
def test_ids_decide_the_slots_with_and_without_box_scores(tmp_path, scores, box_score):
    left, right = points(1), points(2, left=0.6)
    folder = write_labels(
        tmp_path / "labels",
        {
            1: [label_line(left, scores, box_score, 3), label_line(right, scores, box_score, 8)],
            2: [label_line(left, scores, box_score, 8), label_line(right, scores, box_score, 3)],
            3: [label_line(right, scores, box_score, 8)],
        },
    )
    sequence = read(folder)
    assert sequence.person_ids == ("3", "8")
    np.testing.assert_allclose(sequence.positions[0, :2], np.stack([left, right]), rtol=1e-5)
    np.testing.assert_allclose(sequence.positions[1], np.stack([right, left, right]), rtol=1e-5)
    assert sequence.valid[0].any(axis=1).tolist() == [True, True, False]


@pytest.mark.parametrize("box_score", [None, 0.75, 1.0])
def test_without_ids_the_order_of_the_lines_has_no_influence(tmp_path, box_score):
    left, right = points(1), points(2, left=0.6)
    lines = [label_line(left, 0.9, box_score), label_line(right, 0.9, box_score)]
    folder = write_labels(tmp_path / "labels", {1: lines, 2: lines[::-1], 3: lines[::-1]})
    sequence = read(folder)
    assert sequence.person_ids == ("track 0", "track 1")
    np.testing.assert_allclose(sequence.positions, np.stack([[left] * 3, [right] * 3]), rtol=1e-5)


@pytest.mark.parametrize("box_score", [None, 0.75])
def test_a_person_whom_the_tracker_lost_has_no_id(tmp_path, box_score):
    left, right = points(1), points(2, left=0.6)
    first = [label_line(left, 0.9, box_score, 3), label_line(right, 0.9, box_score, 8)]
    folder = write_labels(tmp_path / "labels", {1: first, 2: [label_line(left, 0.9, box_score)]})
    sequence = read(folder)
    assert sequence.person_ids == ("3", "8", "track 0")
    assert sequence.valid.any(axis=2).tolist() == [[True, False], [True, False], [False, True]]


def test_annotations_have_flags_instead_of_scores(tmp_path):
    flags = np.array([2, 1, 0] + [2] * 14)
    folder = write_labels(tmp_path / "labels", {1: [label_line(points(0), flags)]})
    sequence = read(folder)
    assert sequence.confidence is None
    assert np.flatnonzero(~sequence.valid[0, 0]).tolist() == [2]


@pytest.mark.parametrize("joints", [3, 14, 26])
def test_another_number_of_key_points_needs_its_skeleton(tmp_path, joints):
    folder = write_labels(tmp_path / "labels", {1: [label_line(points(0, joints=joints), 0.9)]})
    with pytest.raises(
        FileFormatError, match=r"line 1: \d+ values; expected 5 of the box and 17 key points.*skeleton="
    ):
        read(folder, format="ultralytics")
    spec = SkeletonSpec("mine", [f"j{joint}" for joint in range(joints)], [-1] + [0] * (joints - 1), dims=2)
    np.testing.assert_allclose(read(folder, skeleton=spec).positions[0, 0], points(0, joints=joints), rtol=1e-5)


def test_boxes_beside_key_points_are_counted(tmp_path):
    folder = write_labels(tmp_path / "labels", {1: [label_line(points(0), 0.9)], 2: ["0 0.5 0.5 0.2 0.6"]})
    sequence = read(folder)
    assert sequence.meta["boxes_without_key_points"] == "1"
    assert sequence.valid.any(axis=2).tolist() == [[True, False]]


LINE = label_line(points(0), 0.9)
MALFORMED = {
    "a word": ([LINE.replace("0.6", "x", 1)], r"line 1: 'x'; expected numbers"),
    "nan": ([LINE, LINE.replace("0.6", "nan", 1)], r"line 2: 'nan'"),
    "underscore": ([LINE.replace("0.5", "0_5", 1)], r"line 1: '0_5'"),
    "comma decimals": ([LINE.replace(".", ",")], r"line 1: '0,5'"),
    "one value short": ([LINE.rsplit(" ", 1)[0]], "55 values; expected 5 of the box and 17 key points"),
    "class -1": (["-1" + LINE[1:]], "class -1"),
    "class 0.5": (["0.5" + LINE[1:]], "class 0.5"),
    "pixels": ([label_line(points(0) * 600, 0.9)], "expected coordinates in image widths and heights"),
    "score 3": ([label_line(points(0), 3.0)], "visibilities from 3 to 3"),
    "score 1.5": ([label_line(points(0), 1.5)], "visibilities over 1 that are not 0, 1 and 2"),
    "boxes only": (["0 0.5 0.5 0.2 0.6"], "boxes without key points"),
    "twice": ([LINE, LINE], "line 2: the same as line 1.*Ultralytics appends"),
    "two models": ([LINE, label_line(points(1))], "key points with and without v"),
    "box score for some": ([LINE, label_line(points(1), 0.9, 0.5, 4)], "with and without a box score"),
    "same id": ([label_line(points(n), 0.9, 0.5, 4) for n in range(2)], "person '4' 2 times in frame 1"),
    "id 1.5": ([label_line(points(0), 0.9, 0.5) + " 1.5"], "person id 1.5"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_labels_are_refused_with_the_line(tmp_path, name):
    lines, message = MALFORMED[name]
    with pytest.raises(FileFormatError, match=message):
        read(write_labels(tmp_path / "labels", {1: lines}), format="ultralytics")


def test_file_names(tmp_path):
    folder = write_labels(tmp_path / "labels", {1: [LINE]})
    (folder / "walk_01.txt").write_text(LINE)
    with pytest.raises(FileFormatError, match=r"frame 1 twice: 'walk_01.txt' and 'walk_1.txt'"):
        read(folder)
    (folder / "walk_01.txt").rename(folder / "run_1.txt")
    with pytest.raises(FileFormatError, match="2 recordings: 'run_', 'walk_'"):
        read(folder)
    (folder / "run_1.txt").rename(folder / "classes.txt")
    assert read(folder).num_frames == 1
    (folder / "walk_1.txt").unlink()
    with pytest.raises(FileFormatError, match=r"no file NAME_1\.txt"):
        read(folder, format="ultralytics")


def test_limits(tmp_path):
    folder = write_labels(tmp_path / "labels", {1: [LINE], 5: [LINE]})
    with pytest.raises(FileLimitError, match="5 frames; expected at most 4"):
        read(folder, limits=ReadLimits(maximum_frames=4))
    with pytest.raises(FileLimitError, match=r"over \d+ bytes of labels"):
        read(folder, limits=ReadLimits(maximum_bytes=len(LINE) + 5))
    with pytest.raises(PoseError, match="a skeleton of 2 joints"):
        read(folder, skeleton=SkeletonSpec("two", ["a", "b"], [-1, 0], dims=2))
