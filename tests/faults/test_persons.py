"""Faults B15 and B22 for the readers: scores beyond 1, and persons who swap, appear, and come twice."""

from __future__ import annotations

import json

import numpy as np
import pytest
from oracles.estimator_files import image_pose, label_line, landmarks, write_json, write_labels
from oracles.keypoint_files import coco_entry, dump, mmpose_video, panoptic_frame, walks
from oracles.pose_files import ntu_lines, openpose_person, write_lines, write_openpose

from msclr import read
from msclr.errors import FileFormatError

POINTS = walks(1, 2)[0]


def openpose(folder, score):
    return write_openpose(folder / "a", {0: [openpose_person(walks(1, 1, 25)[0, 0], score)]}), {}


def alphapose(folder, score):
    return dump(folder / "a.json", [coco_entry("0.jpg", POINTS[0], score)]), {}


def coco(folder, score):
    return dump(folder / "a.json", [coco_entry(0, POINTS[0], score)]), {}


def mmpose(folder, score):
    content = mmpose_video(POINTS[None])
    for frame in content:
        frame["instances"][0]["keypoint_scores"] = [score] * 17
    return dump(folder / "a.json", content), {"skeleton": "coco_17"}


def panoptic(folder, score):
    return dump(folder / "body3DScene_00000000.json", panoptic_frame({0: walks(1, 1, 19, 3)[0, 0]}, score)), {}


def mediapipe(folder, score):
    return write_json(folder / "a.json", [{"pose_landmarks": [landmarks(image_pose(0), score)]}]), {}


def ultralytics(folder, score):
    return write_labels(folder / "labels", {1: [label_line(image_pose(0, joints=17)[:, :2], score)]}), {}


EXCEEDING = [openpose, alphapose, mmpose]  # producers that are known to exceed 1
OTHERS = [coco, panoptic, mediapipe, ultralytics]


@pytest.mark.parametrize("producer", EXCEEDING)
def test_b15_scores_of_producers_that_exceed_1_are_clipped_and_counted(tmp_path, producer):
    path, options = producer(tmp_path, 1.05)
    sequence = read(path, **options)
    assert sequence.confidence.max() == 1
    assert int(sequence.meta["scores_clipped_to_1"]) == sequence.valid.sum() > 0


@pytest.mark.parametrize("producer", OTHERS)
def test_b15_scores_of_other_producers_stay_in_range_or_are_refused(tmp_path, producer):
    path, options = producer(tmp_path, 4.0)
    try:
        sequence = read(path, **options)
    except FileFormatError as error:
        assert "4" in str(error)  # noqa: PT017  # either outcome is right, a silent 4 is not
    else:
        assert sequence.confidence.max() == 1
        assert int(sequence.meta["scores_clipped_to_1"]) == sequence.valid.sum()


@pytest.mark.parametrize("producer", [*EXCEEDING, *OTHERS])
def test_b15_a_score_that_is_no_number_is_refused(tmp_path, producer):
    path, options = producer(tmp_path, 0.5)
    target = path if path.is_file() else next(path.iterdir())
    text = target.read_text()
    assert "0.5" in text
    start = text.rindex("0.5")
    target.write_text(f"{text[:start]}NaN{text[start + 3 :]}")
    format = producer.__name__
    with pytest.raises(FileFormatError):
        read(path, format=format, **options)


def test_b22_ids_that_swap_places_in_the_file_keep_their_person(tmp_path):
    people = walks(2, 4)
    entries = [
        coco_entry(frame, people[person, frame], track_id=person + 5)
        for frame in range(4)
        for person in ((0, 1) if frame % 2 else (1, 0))
    ]
    sequence = read(dump(tmp_path / "a.json", entries))
    order = [sequence.person_ids.index(name) for name in ("5", "6")]
    np.testing.assert_allclose(sequence.positions[order], people, rtol=1e-6)


def test_b22_a_person_who_appears_in_the_middle_has_a_slot_of_its_own(tmp_path):
    first, second = (np.random.default_rng(seed).normal(size=(25, 3)) for seed in (1, 2))
    lines = ntu_lines([{7: first}, {7: first}, {3: second, 7: first}, {3: second}])
    sequence = read(write_lines(tmp_path / "a.skeleton", lines))
    assert sequence.valid.any(axis=2).tolist() == [[True, True, True, False], [False, False, True, True]]
    assert sequence.person_ids == ("7", "3")


@pytest.mark.parametrize("producer", ["ntu", "openpose", "coco", "panoptic"])
def test_b22_an_id_twice_in_one_frame_is_refused_with_the_frame(tmp_path, producer):
    people = walks(2, 1, 25)[:, 0]
    if producer == "ntu":
        lines = ntu_lines([{7: np.ones((25, 3))}, {7: np.ones((25, 3)), 8: np.ones((25, 3))}])
        lines[lines.index("8 0 1 1 0 0 0 0.1 -0.2 2")] = "7 0 1 1 0 0 0 0.1 -0.2 2"
        path = write_lines(tmp_path / "a.skeleton", lines)
    elif producer == "openpose":
        path = write_openpose(tmp_path / "a", {1: [openpose_person(each, person_id=2) for each in people]})
    elif producer == "coco":
        path = dump(tmp_path / "a.json", [coco_entry(1, each[:17], track_id=2) for each in people])
    else:
        frame = panoptic_frame({2: walks(1, 1, 19, 3)[0, 0]})
        frame["bodies"] *= 2
        path = tmp_path / "body3DScene_00000001.json"
        path.write_text(json.dumps(frame))
    with pytest.raises(FileFormatError, match=r"frame 1\b|frame 0\b|00000001"):
        read(path)
