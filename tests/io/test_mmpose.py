"""The reader of MMPose predictions, in its layouts."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.keypoint_files import dump, mmpose_instance, mmpose_meta, mmpose_video, walks

from msclr import get_skeleton
from msclr.errors import FileFormatError
from msclr.io.registry import read


def test_one_image(tmp_path):
    people = walks(2, 1)
    sequence = read(dump(tmp_path / "a.json", [mmpose_instance(p) for p in people[:, 0]]), skeleton="coco_17")
    np.testing.assert_allclose(sequence.positions, people, rtol=1e-6)


def test_a_video_in_any_order_of_persons(tmp_path):
    people = walks(3, 6, joints=26)
    sequence = read(dump(tmp_path / "a.json", mmpose_video(people, np.random.default_rng(1))))
    assert sequence.skeleton.id == "halpe_26"
    np.testing.assert_allclose(sequence.positions, people, rtol=1e-6)


def test_an_ambiguous_number_of_joints_lists_the_choices(tmp_path):
    path = dump(tmp_path / "a.json", mmpose_video(walks(1, 2)))
    with pytest.raises(FileFormatError, match=r"17 joints in 2D.*coco_17, posetrack18_17"):
        read(path)
    assert read(path, skeleton="posetrack18_17").num_frames == 2


def test_meta_info_names_the_joints(tmp_path):
    joints = get_skeleton("coco_17").joints
    content = {"meta_info": mmpose_meta("coco", joints, [[15, 13]]), "instance_info": mmpose_video(walks(1, 2))}
    assert read(dump(tmp_path / "a.json", content)).skeleton.id == "coco_17"
    other = ("pelvis", "left_hip", "right_hip")
    content = {"meta_info": mmpose_meta("legs", other, []), "instance_info": mmpose_video(walks(1, 2, 3))}
    own = read(dump(tmp_path / "b.json", content)).skeleton
    assert (own.id, own.joints, own.pairs) == ("legs", other, (("left_hip", "right_hip"),))
    content["instance_info"] = mmpose_video(walks(1, 2, 4))
    with pytest.raises(FileFormatError, match="4 joints"):
        read(dump(tmp_path / "c.json", content))


def test_lifted_poses_have_z_up_and_no_unit(tmp_path):
    people = walks(1, 2, 17, 3)
    sequence = read(dump(tmp_path / "a.json", mmpose_video(people)), skeleton="h36m_17")
    assert (sequence.unit, sequence.up, sequence.dims) == ("unknown", "+z", 3)
    np.testing.assert_allclose(sequence.positions, people, rtol=1e-6)


def test_scores_at_both_ends(tmp_path):
    content = [mmpose_instance(walks(1, 1)[0, 0])]
    content[0]["keypoint_scores"][:3] = [-0.1, 0.0, 3.5]
    sequence = read(dump(tmp_path / "a.json", content), skeleton="coco_17")
    assert np.flatnonzero(~sequence.valid[0, 0]).tolist() == [0, 1]
    assert sequence.meta["scores_clipped_to_1"] == "1"


def test_empty_frames_stay(tmp_path):
    content = mmpose_video(walks(1, 4))
    content[1]["instances"] = []
    del content[2]
    sequence = read(dump(tmp_path / "a.json", content), skeleton="coco_17")
    assert sequence.valid.all(axis=2).tolist() == [[True, False, False, True]]
