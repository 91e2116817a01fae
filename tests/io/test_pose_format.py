"""Poses of pose-format: stand-ins of the same shape, and the package where installed."""

from __future__ import annotations

from types import SimpleNamespace as Fake

import numpy as np
import pytest
import torch

from msclr import get_skeleton
from msclr.errors import PoseError, PoseTypeError, UnknownJointError
from msclr.io.live import from_pose_format

FACE = ["nose", "left_eye", "right_eye"]


def points(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(10, 600, size=shape)


def header(**components: list[str]) -> Fake:
    entries = [Fake(name=name, points=names, limbs=[(0, 1)], format="XYZC") for name, names in components.items()]
    return Fake(components=entries)


def body(values: np.ndarray, scores: np.ndarray, fps: float = 25.0) -> Fake:
    mask = np.repeat((scores == 0)[..., None], values.shape[-1], axis=3)
    return Fake(fps=fps, data=np.ma.masked_array(values, mask), confidence=scores)


MEDIAPIPE = list(get_skeleton("mediapipe_pose_33").source_names)
HAND = list(get_skeleton("mediapipe_hand_21").source_names)


def holistic(frames: int = 4) -> tuple[Fake, np.ndarray]:
    values = points(frames, 1, 87, 3)
    scores = np.full((frames, 1, 87), 0.8)
    scores[1, 0, 33:54] = 0
    names = {"POSE_LANDMARKS": MEDIAPIPE, "LEFT_HAND_LANDMARKS": HAND, "POSE_WORLD_LANDMARKS": MEDIAPIPE}
    return Fake(header=header(**names), body=body(values, scores)), values


def test_pose_format_components_are_the_registered_conventions():
    pose, values = holistic()
    image = from_pose_format(pose, "POSE_LANDMARKS")
    world = from_pose_format(pose, component="POSE_WORLD_LANDMARKS")
    hand = from_pose_format(pose, "LEFT_HAND_LANDMARKS", fps=50)
    assert [clip.skeleton.id for clip in (image, world, hand)] == [
        "mediapipe_pose_33",
        "mediapipe_pose_33",
        "mediapipe_hand_21",
    ]
    assert [(clip.dims, clip.unit, clip.up) for clip in (image, world)] == [(2, "px", "-y"), (3, "m", "-y")]
    np.testing.assert_allclose(image.positions[0], values[:, 0, :33, :2], rtol=1e-6)
    np.testing.assert_allclose(world.positions[0], values[:, 0, 54:], rtol=1e-6)
    assert (image.fps, hand.fps) == (25.0, 50.0)
    assert hand.valid[0].any(axis=1).tolist() == [True, False, True, True]
    np.testing.assert_allclose(image.confidence, 0.8, rtol=1e-6)


def test_pose_format_people_are_followed_not_taken_by_place():
    first, second = points(3, 2), points(3, 2) + 3000
    values = np.stack([np.stack([first, second]), np.stack([second, first])])
    clip = from_pose_format(Fake(header=header(face=FACE), body=body(values, np.ones((2, 2, 3)))))
    np.testing.assert_allclose(clip.positions[0], [first, first], rtol=1e-6)
    assert clip.skeleton.joints == tuple(FACE)


def test_pose_format_masks_of_tensors_are_the_other_way_round():
    values, known = torch.tensor(points(2, 1, 3, 2)), torch.ones(2, 1, 3, 2, dtype=torch.bool)
    known[1, 0, 2] = False
    data = Fake(tensor=values, mask=known)
    pose = Fake(header=header(face=FACE), body=Fake(fps=0, data=data, confidence=torch.ones(2, 1, 3)))
    clip = from_pose_format(pose)
    assert np.argwhere(~clip.valid).tolist() == [[0, 1, 2]]
    assert clip.fps is None


def test_pose_format_refuses():
    pose, _ = holistic()
    with pytest.raises(PoseError, match=r"3 components; expected component= one of POSE_LANDMARKS, LEFT_"):
        from_pose_format(pose)
    with pytest.raises(PoseError, match="component='FACE'"):
        from_pose_format(pose, "FACE")
    with pytest.raises(PoseTypeError, match=r"a ndarray; expected a pose_format\.Pose"):
        from_pose_format(points(3, 2))
    with pytest.raises(PoseError, match=r"data of shape \(2, 1, 4, 2\)"):
        from_pose_format(Fake(header=header(face=FACE), body=body(points(2, 1, 4, 2), np.ones((2, 1, 4)))))
    bad = Fake(fps=1, data=points(2, 1, 3, 2), confidence=np.ones((2, 3)))
    with pytest.raises(PoseError, match=r"confidence of shape \(2, 3\)"):
        from_pose_format(Fake(header=header(face=FACE), body=bad))
    with pytest.raises(UnknownJointError, match="no joint name means 'nose'"):
        from_pose_format(pose, "LEFT_HAND_LANDMARKS", skeleton="coco_17")


def test_pose_format_itself():
    numpy_body = pytest.importorskip("pose_format.numpy").NumPyPoseBody
    module = pytest.importorskip("pose_format.pose_header")
    openpose = pytest.importorskip("pose_format.utils.openpose")
    from pose_format import Pose

    components = openpose.OpenPose_Components
    size = sum(len(component.points) for component in components)
    values = points(3, 1, size, 2)
    scores = np.full((3, 1, size), 0.9)
    scores[2, 0, 5] = 0
    dimensions = module.PoseHeaderDimensions(width=640, height=480, depth=0)
    pose = Pose(module.PoseHeader(0.1, dimensions, components), numpy_body(24.0, values, scores))
    clip = from_pose_format(pose, "pose_keypoints_2d")
    assert (clip.skeleton, clip.fps, clip.unit) == (get_skeleton("openpose_body25_25"), 24.0, "px")
    assert np.argwhere(~clip.valid).tolist() == [[0, 2, 5]]
    np.testing.assert_allclose(
        clip.positions[clip.valid], values[:, :, :25].transpose(1, 0, 2, 3)[clip.valid], rtol=1e-6
    )
    as_torch = from_pose_format(pose.torch(), "pose_keypoints_2d")
    np.testing.assert_array_equal(as_torch.valid, clip.valid)
    hand = from_pose_format(pose, "hand_left_keypoints_2d")
    assert hand.num_joints == 21
