"""Results of pose estimators as they are in memory."""

from __future__ import annotations

from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from oracles.estimator_files import image_pose, landmark_objects, world_pose, yolo_result

from msclr.errors import PoseError, PoseTypeError, UnknownJointError, UnknownSkeletonError
from msclr.io.live import from_mediapipe, from_metrabs, from_rtmlib, from_ultralytics
from msclr.skeletons.registry import get_skeleton

Solution = namedtuple("Solution", ["pose_landmarks", "pose_world_landmarks", "segmentation_mask"])


def people(seed: int, count: int, joints: int = 17) -> np.ndarray:
    """Persons [n, j, 2] side by side, in pixels."""
    points = np.random.default_rng(seed).uniform(1, 80, size=(count, joints, 2))
    return points + np.arange(count)[:, None, None] * [300, 0]


def task(*persons: int) -> SimpleNamespace:
    return SimpleNamespace(
        pose_landmarks=[landmark_objects(image_pose(seed, 0.2 * seed)) for seed in persons],
        pose_world_landmarks=[landmark_objects(world_pose(seed)) for seed in persons],
        segmentation_masks=None,
    )


def solution(seed: int) -> Solution:
    return Solution(
        SimpleNamespace(landmark=landmark_objects(image_pose(seed))),
        SimpleNamespace(landmark=landmark_objects(world_pose(seed))),
        None,
    )


def test_mediapipe_tasks():
    sequence = from_mediapipe([task(1, 3), task(), task(3, 1), None], landmarks="world", fps=30)
    assert (sequence.unit, sequence.up, sequence.fps, sequence.dims) == ("m", "-y", 30.0, 3)
    assert sequence.valid.any(axis=2).tolist() == [[True, False, True, False]] * 2
    np.testing.assert_allclose(sequence.positions[:, 2], np.stack([world_pose(1), world_pose(3)]), rtol=1e-6)
    np.testing.assert_allclose(sequence.confidence[sequence.valid], 0.9, rtol=1e-6)


def test_mediapipe_legacy():
    nobody = Solution(None, None, None)
    sequence = from_mediapipe([solution(0), nobody, solution(2)], landmarks="image", image_size=(640, 480))
    assert (sequence.unit, sequence.dims) == ("px", 2)
    assert sequence.valid.any(axis=2).tolist() == [[True, False, True]]
    np.testing.assert_allclose(sequence.positions[0, 2], image_pose(2)[:, :2] * [640, 480], rtol=1e-5)


def test_mediapipe_of_a_single_image():
    for result in (task(1), solution(1), SimpleNamespace(pose_world_landmarks=landmark_objects(world_pose(1)))):
        sequence = from_mediapipe(result, landmarks="world")
        np.testing.assert_allclose(sequence.positions[0, 0], world_pose(1), rtol=1e-6)


def test_mediapipe_without_visibility():
    points = landmark_objects(world_pose(0), None)
    assert from_mediapipe([SimpleNamespace(pose_world_landmarks=[points])], landmarks="world").confidence is None


def test_mediapipe_refuses():
    with pytest.raises(PoseError, match="landmarks='both'; expected 'world' or 'image'"):
        from_mediapipe([task(1)], landmarks="both")
    with pytest.raises(PoseError, match="no frames"):
        from_mediapipe([], landmarks="world")
    with pytest.raises(PoseError, match="no pose_world_landmarks"):
        from_mediapipe([SimpleNamespace(pose_landmarks=task(1).pose_landmarks)], landmarks="world")
    with pytest.raises(PoseTypeError, match="frame 1: a dict; expected an object with pose_landmarks"):
        from_mediapipe([task(1), {}], landmarks="world")
    with pytest.raises(PoseTypeError, match="a int"):
        from_mediapipe(3, landmarks="world")
    with pytest.raises(PoseTypeError, match="a landmark whose y is None"):
        from_mediapipe([SimpleNamespace(pose_landmarks=[[SimpleNamespace(x=1.0)]])], landmarks="image")
    with pytest.raises(PoseError, match="21 landmarks; expected 33"):
        from_mediapipe([SimpleNamespace(pose_landmarks=landmark_objects(world_pose(0, 21)))], landmarks="image")


@pytest.mark.parametrize("as_array", [np.asarray, torch.tensor])
def test_ultralytics_with_and_without_ids(as_array):
    points = people(0, 2)
    frames = [
        yolo_result(as_array(points), ids=[4, 9]),
        yolo_result(as_array(points[::-1].copy()), ids=[9, 4]),
        yolo_result(as_array(points[:1]), ids=None),
    ]
    sequence = from_ultralytics(frames, fps=25)
    assert sequence.person_ids == ("4", "9", "track 0")
    assert (sequence.unit, sequence.up, sequence.fps) == ("px", "-y", 25.0)
    np.testing.assert_allclose(sequence.positions[0, :2], np.stack([points[0]] * 2), rtol=1e-6)
    np.testing.assert_allclose(sequence.positions[1, :2], np.stack([points[1]] * 2), rtol=1e-6)
    anonymous = from_ultralytics(iter([yolo_result(points), yolo_result(points[::-1])]))
    np.testing.assert_allclose(anonymous.positions, np.stack([points, points], axis=1), rtol=1e-6)


def test_ultralytics_refuses():
    points = people(0, 2)
    with pytest.raises(PoseTypeError, match="frame 0: a SimpleNamespace without key points"):
        from_ultralytics([SimpleNamespace(boxes=None, keypoints=None)])
    with pytest.raises(PoseTypeError, match="expected a list of results"):
        from_ultralytics(3)
    with pytest.raises(PoseError, match="frame 0: 14 joints"):
        from_ultralytics([yolo_result(people(0, 1, joints=14))])
    with pytest.raises(PoseError, match="1 ids for 2 persons"):
        from_ultralytics([yolo_result(points, ids=[1])])
    with pytest.raises(PoseError, match="person '1' 2 times in frame 0"):
        from_ultralytics([yolo_result(points, ids=[1, 1])])
    with pytest.raises(PoseError, match="with and without conf"):
        from_ultralytics([yolo_result(points), yolo_result(points, conf=None)])
    with pytest.raises(PoseError, match="a score for each point"):
        from_ultralytics([bad_conf(points)])
    with pytest.raises(PoseError, match="frame 0, person 1: an infinite"):
        from_ultralytics([yolo_result(np.where(np.arange(2)[:, None, None] == 1, np.inf, points))])
    with pytest.raises(PoseError, match="no frames"):
        from_ultralytics([])


def bad_conf(points: np.ndarray) -> SimpleNamespace:
    return SimpleNamespace(keypoints=SimpleNamespace(xy=points, conf=np.ones((2, 16))), boxes=None)


def test_rtmlib_scores_over_one_are_clipped_and_counted():
    points, scores = people(0, 2), np.full((2, 17), 0.8)
    scores[0, :3], scores[1, 5], scores[1, 6] = 4.5, -0.2, np.nan
    sequence = from_rtmlib([points, points[::-1]], [scores, scores[::-1]], skeleton="coco_17", fps=30)
    assert sequence.meta["scores_clipped_to_1"] == "6"
    assert (sequence.confidence.max(), sequence.confidence.min()) == (1, 0)
    assert np.argwhere(~sequence.valid).tolist() == [[1, 0, 5], [1, 0, 6], [1, 1, 5], [1, 1, 6]]
    np.testing.assert_allclose(sequence.positions[0], np.stack([points[0]] * 2), rtol=1e-6)


def test_rtmlib_of_an_image_and_of_nobody():
    points, scores = people(0, 1, joints=26), np.full((1, 26), 0.8)
    assert from_rtmlib(points, scores, skeleton="halpe_26").num_frames == 1
    assert from_rtmlib(np.stack([points] * 3), np.stack([scores] * 3), skeleton="halpe_26").num_frames == 3
    nobody = from_rtmlib([np.zeros((0, 26, 2)), points], [np.zeros((0, 26)), scores], skeleton="halpe_26")
    assert nobody.valid.any(axis=2).tolist() == [[False, True]]
    with pytest.raises(PoseError, match=r"26 joints; expected the 17 joints of 'coco_17'"):
        from_rtmlib([points], [scores], skeleton="coco_17")
    with pytest.raises(PoseError, match="1 frames of key points, 2 of scores"):
        from_rtmlib([points], [scores, scores], skeleton="halpe_26")
    with pytest.raises(PoseError, match=r"scores \(1, 25\) for key points \(1, 26, 2\)"):
        from_rtmlib([points], [scores[:, 1:]], skeleton="halpe_26")


def prediction(poses: np.ndarray) -> dict[str, object]:
    return {"boxes": np.ones((len(poses), 5)), "poses3d": poses, "poses2d": poses[..., :2]}


def bodies(seed: int, count: int, joints: int) -> np.ndarray:
    """Persons [n, j, 3] side by side, in millimetres."""
    poses = np.random.default_rng(seed).normal(size=(count, joints, 3)) * 300
    return poses + np.arange(count)[:, None, None] * [4000.0, 0, 0] + [0, 0, 5000]


def test_metrabs_in_one_convention():
    poses = bodies(0, 2, 24)
    sequence = from_metrabs([prediction(poses), prediction(poses[::-1])], skeleton="smpl_24", fps=25)
    assert (sequence.skeleton.id, sequence.unit, sequence.up, sequence.fps) == ("smpl_24", "mm", "-y", 25.0)
    assert sequence.confidence is None
    np.testing.assert_allclose(sequence.positions, np.stack([poses, poses], axis=1), rtol=1e-5)


def test_metrabs_in_many_conventions_gives_aligned_sequences():
    first, second = bodies(0, 2, 60), bodies(1, 2, 60)
    frames = [prediction(first), prediction(np.zeros((0, 60, 3))), prediction(second[::-1])]
    wanted = {"smpl_24": np.arange(24) + 30, "coco_19": np.arange(19), "h36m_17": np.arange(17) * 3}
    clips = from_metrabs(frames, skeleton=wanted, fps=30)
    assert list(clips) == list(wanted)
    for name, clip in clips.items():
        assert (clip.person_ids, clip.num_frames, clip.unit) == (("track 0", "track 1"), 3, "mm")
        np.testing.assert_allclose(clip.positions[:, 0], first[:, wanted[name]], rtol=1e-5)
        np.testing.assert_allclose(clip.positions[:, 2], second[:, wanted[name]], rtol=1e-5)
        assert not clip.valid[:, 1].any()
    assert clips["coco_19"].skeleton.id == "panoptic_19"


def test_metrabs_joints_are_matched_by_name():
    spec = get_skeleton("metrabs_smplx_42")
    order = np.random.default_rng(0).permutation(42)
    poses = bodies(0, 1, 42)
    names = [spec.source_names[joint] for joint in order]
    sequence = from_metrabs([prediction(poses[:, order])], skeleton="smplx_42", joint_names=names)
    np.testing.assert_allclose(sequence.positions[0, 0], poses[0], rtol=1e-5)


def test_metrabs_joints_are_matched_by_what_their_names_mean():
    names = get_skeleton("smpl+head_30").source_names[:24]
    assert names[1] == "lhip_smpl"
    order = np.random.default_rng(1).permutation(24)
    poses = bodies(0, 1, 24)
    clips = from_metrabs(
        [prediction(poses[:, order])],
        skeleton={"smpl_24": range(24)},
        joint_names={"smpl_24": [names[joint] for joint in order]},
    )
    np.testing.assert_allclose(clips["smpl_24"].positions[0, 0], poses[0], rtol=1e-5)
    with pytest.raises(UnknownJointError, match="no joint name means 'pelvis'"):
        from_metrabs([prediction(poses)], skeleton="smpl_24", joint_names=["x", *names[1:]])


def test_metrabs_convention_that_is_not_registered_is_understood_by_its_names():
    names = ["pelv", "lhip", "lkne", "lank", "rhip", "rkne", "rank"]
    sequence = from_metrabs([prediction(bodies(0, 1, 7))], skeleton="legs_7", joint_names=names)
    assert sequence.skeleton.anatomy[:2] == ("pelvis", "left_hip")
    assert (sequence.unit, sequence.up) == ("mm", "-y")
    with pytest.raises(UnknownSkeletonError, match="legs_7"):
        from_metrabs([prediction(bodies(0, 1, 7))], skeleton="legs_7")


def test_metrabs_batches_and_augmented_poses():
    poses = bodies(0, 2, 24)
    batch = {"boxes": np.ones((3, 2, 5)), "poses3d": np.stack([poses] * 3)}
    lists = {"boxes": [np.ones((2, 5)), np.ones((0, 5))], "poses3d": [poses, poses[:0]]}
    assert from_metrabs(batch, skeleton="smpl_24").positions.shape == (2, 3, 24, 3)
    assert from_metrabs(lists, skeleton="smpl_24").valid.any(axis=2).tolist() == [[True, False]] * 2
    augmented = {"boxes": np.ones((2, 5)), "poses3d": np.stack([poses - 10, poses + 10], axis=1)}
    np.testing.assert_allclose(from_metrabs(augmented, skeleton="smpl_24").positions[:, 0], poses, rtol=1e-4, atol=1e-2)
    with pytest.raises(PoseError, match=r"an array of shape \(3, 2, 24, 3\)"):
        from_metrabs({"poses3d": batch["poses3d"]}, skeleton="smpl_24")


def test_metrabs_refuses():
    poses = bodies(0, 1, 24)
    with pytest.raises(PoseTypeError, match="frame 0: a dict without 'poses3d'"):
        from_metrabs([{"boxes": []}], skeleton="smpl_24")
    with pytest.raises(PoseTypeError, match="a int; expected a dict"):
        from_metrabs(3, skeleton="smpl_24")
    with pytest.raises(PoseError, match="24 joints; expected the 19 joints"):
        from_metrabs([prediction(poses)], skeleton="coco_19")
    with pytest.raises(PoseError, match="joint index 24 of 24 joints"):
        from_metrabs([prediction(poses)], skeleton={"coco_19": range(6, 25)})
    with pytest.raises(PoseError, match="joint index -1"):
        from_metrabs([prediction(poses)], skeleton={"coco_19": range(-1, 18)})
    with pytest.raises(PoseError, match="one for each box"):
        from_metrabs([{"boxes": np.ones((2, 5)), "poses3d": poses}], skeleton="smpl_24")
    with pytest.raises(PoseError, match="poses of 1 images, boxes of 2"):
        from_metrabs({"boxes": [np.ones((1, 5))] * 2, "poses3d": [poses]}, skeleton="smpl_24")
    with pytest.raises(PoseError, match="23 joint names for 24 joints"):
        from_metrabs([prediction(poses)], skeleton="smpl_24", joint_names=["pelv"] * 23)
    with pytest.raises(PoseTypeError, match="joint names of several skeletons"):
        from_metrabs([prediction(poses)], skeleton="smpl_24", joint_names={})
    with pytest.raises(PoseTypeError, match="one list of joint names"):
        from_metrabs([prediction(poses)], skeleton={"smpl_24": range(24)}, joint_names=[])
    with pytest.raises(PoseError, match="no frames"):
        from_metrabs([], skeleton="smpl_24")
