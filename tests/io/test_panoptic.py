"""The reader of CMU Panoptic poses."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.keypoint_files import dump, panoptic_frame, walks

from msclr.errors import FileFormatError
from msclr.io.registry import read


def write(folder, frames):
    folder.mkdir()
    for number, bodies in frames.items():
        dump(folder / f"body3DScene_{number:08d}.json", panoptic_frame(bodies))
    return folder


def test_a_folder_with_a_gap_and_persons_in_any_order(tmp_path):
    people = walks(2, 3, 19, 3)
    frames = {
        100: {4: people[0, 0], 7: people[1, 0]},
        101: {7: people[1, 1], 4: people[0, 1]},
        103: {7: people[1, 2]},
    }
    sequence = read(write(tmp_path / "hdPose3d_stage1_coco19", frames))
    assert (sequence.skeleton.id, sequence.unit, sequence.fps) == ("panoptic_19", "cm", 29.97)
    assert sequence.person_ids == ("4", "7")
    assert sequence.valid.all(axis=2).tolist() == [[True, True, False, False], [True, True, False, True]]
    np.testing.assert_allclose(sequence.positions[1, [0, 1, 3]], people[1], rtol=1e-6)


def test_a_single_frame_and_unseen_joints(tmp_path):
    frame = panoptic_frame({0: walks(1, 1, 19, 3)[0, 0]})
    frame["bodies"][0]["joints19"][3] = -1
    sequence = read(dump(tmp_path / "body3DScene_00000000.json", frame), fps=10)
    assert np.flatnonzero(~sequence.valid[0, 0]).tolist() == [0]
    assert sequence.fps == 10


def test_other_joints_are_refused(tmp_path):
    frame = panoptic_frame({0: walks(1, 1, 15, 3)[0, 0]})
    with pytest.raises(FileFormatError, match="15 joints; expected 19"):
        read(dump(tmp_path / "a.json", frame))


def test_nobody(tmp_path):
    assert read(write(tmp_path / "a", {0: {}, 5: {}})).positions.shape == (0, 6, 19, 3)
