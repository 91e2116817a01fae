"""The reader of AlphaPose results, in its three forms."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.keypoint_files import coco_entry, dump, flat, walks

from msclr.errors import FileFormatError, UnknownFormatError
from msclr.io.registry import read


def openpose_form(people: np.ndarray, name: str, key: str) -> dict[str, object]:
    return {
        f"{frame}.jpg": {"version": "AlphaPose v0.3", name: [{key: flat(person[frame])} for person in people]}
        for frame in range(people.shape[1])
    }


@pytest.mark.parametrize(("joints", "skeleton"), [(17, "coco_17"), (26, "halpe_26"), (136, "halpe_136")])
def test_the_list_by_its_number_of_joints(tmp_path, joints, skeleton):
    people = walks(1, 3, joints)
    content = [coco_entry(f"{frame}.jpg", people[0, frame], box=[1, 2, 3, 4], idx=[0.0]) for frame in range(3)]
    sequence = read(dump(tmp_path / "alphapose-results.json", content))
    assert (sequence.skeleton.id, sequence.num_persons) == (skeleton, 1)
    np.testing.assert_allclose(sequence.positions[0], people[0], rtol=1e-6)


def test_scores_over_one_are_clipped_and_counted(tmp_path):
    content = [coco_entry("0.jpg", walks(1, 1)[0, 0], 4.6)]
    sequence = read(dump(tmp_path / "a.json", content))
    assert sequence.confidence.min() == 1
    assert sequence.meta["scores_clipped_to_1"] == "17"


def test_idx_decides_unless_it_is_zero_for_all(tmp_path):
    people = walks(2, 3)

    def content(idx):
        return [
            coco_entry(f"v_{frame}.jpg", people[person, frame], idx=idx(person))
            for frame in range(3)
            for person in ((0, 1) if frame != 1 else (1, 0))
        ]

    followed = read(dump(tmp_path / "a.json", content(lambda person: person + 1)))
    assert followed.person_ids == ("1", "2")
    tracked = read(dump(tmp_path / "b.json", content(lambda person: [0.0])))
    np.testing.assert_allclose(tracked.positions, people, rtol=1e-6)
    np.testing.assert_allclose(followed.positions, people, rtol=1e-6)


@pytest.mark.parametrize(("name", "key"), [("people", "pose_keypoints_2d"), ("bodies", "joints")])
def test_open_and_cmu_forms(tmp_path, name, key):
    people = walks(2, 3, 18)
    content = openpose_form(people, name, key)
    sequence = read(dump(tmp_path / "a.json", content))
    assert sequence.skeleton.id == "openpose_coco_18"
    np.testing.assert_allclose(sequence.positions, people, rtol=1e-6)
    alone = read(dump(tmp_path / "0.json", content["0.jpg"]))
    np.testing.assert_allclose(alone.positions[:, 0], people[:, 0], rtol=1e-6)


def test_the_malformed_sample_is_a_clean_error(data_root):
    path = data_root / "raw" / "alphapose" / "results-sample.json"
    with pytest.raises(UnknownFormatError, match="no format recognises"):
        read(path)
    with pytest.raises(FileFormatError, match=r"results-sample.json: .*line \d+, column \d+"):
        read(path, format="alphapose")


def test_images_of_two_recordings_are_refused(tmp_path):
    points = walks(1, 1)[0, 0]
    content = [coco_entry("walk_1.jpg", points), coco_entry("run_1.jpg", points)]
    with pytest.raises(FileFormatError, match="2 recordings"):
        read(dump(tmp_path / "a.json", content))
