"""The reader of COCO key point results."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.keypoint_files import coco_entry, dump, walks

from msclr.errors import FileFormatError, FileLimitError
from msclr.io.registry import read


def test_one_person_with_a_gap(tmp_path):
    people = walks(1, 4)
    content = [coco_entry(frame, people[0, place]) for place, frame in enumerate((7, 8, 11, 12))]
    sequence = read(dump(tmp_path / "a.json", content), fps=25)
    assert (sequence.skeleton.id, sequence.num_frames, sequence.fps) == ("coco_17", 6, 25.0)
    assert sequence.valid.all(axis=2).tolist() == [[True, True, False, False, True, True]]
    np.testing.assert_allclose(sequence.positions[0, [0, 1, 4, 5]], people[0], rtol=1e-6)
    assert sequence.meta["first_frame"] == "7"


@pytest.mark.parametrize("key", ["track_id", "id"])
def test_ids_decide_the_slots(tmp_path, key):
    people = walks(2, 3)
    content = [
        coco_entry(frame, people[(person + frame) % 2, frame], **{key: 5 + person})
        for frame in range(3)
        for person in range(2)
    ]
    sequence = read(dump(tmp_path / "a.json", content))
    assert sequence.person_ids == ("5", "6")
    expected = np.stack([[people[(person + frame) % 2, frame] for frame in range(3)] for person in range(2)])
    np.testing.assert_allclose(sequence.positions, expected, rtol=1e-6)


def test_ids_that_only_count_the_entries_are_no_persons(tmp_path):
    people = walks(1, 3)
    content = [coco_entry(frame, people[0, frame], id=900 + frame) for frame in range(3)]
    assert read(dump(tmp_path / "a.json", content)).num_persons == 1


def test_zeros_and_scores_of_zero_are_missing(tmp_path):
    points = walks(1, 1)[0, 0]
    points[3] = 0
    entry = coco_entry(0, points)
    entry["keypoints"][3 * 5 + 2] = 0
    sequence = read(dump(tmp_path / "a.json", [entry]))
    assert np.flatnonzero(~sequence.valid[0, 0]).tolist() == [3, 5]


def test_images_that_are_no_video_are_refused_before_allocation(tmp_path):
    points = walks(1, 1)[0, 0]
    with pytest.raises(FileLimitError, match="frames"):
        read(dump(tmp_path / "a.json", [coco_entry(0, points), coco_entry(10**9, points)]))


def test_another_number_of_joints_needs_a_name(tmp_path):
    path = dump(tmp_path / "a.json", [coco_entry(0, walks(1, 1, joints=14)[0, 0])])
    with pytest.raises(FileFormatError, match=r"14 joints.*crowdpose_14, lsp_14, aic_14"):
        read(path)
    assert read(path, skeleton="aic_14").skeleton.id == "aic_14"
