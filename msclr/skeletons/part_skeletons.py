"""Joint conventions put together: hands that have a side, OpenPose's face, and its BODY_135.

They are made of registered conventions. The registered `mediapipe_hand_21` names no side; a recorded hand
has one, and with `left_` or `right_` in each joint name it cannot be taken for the other.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec

HAND = "mediapipe_hand_21"
WHOLE_BODY = "coco_wholebody_133"
BODY_25B = "openpose_body25b_25"

_FACE = slice(23, 91)  # of COCO-WholeBody: the 68 points that OpenPose has in the same order
_PUPILS = {"right_pupil": "right_eye_1", "left_pupil": "left_eye_1"}
_FACE_ROOT = "nose_middle"
_SOURCE = "CMU-Perceptual-Computing-Lab/openpose: src/openpose/pose/poseParameters.cpp"


@cache
def hand_skeleton(side: Literal["left", "right"]) -> SkeletonSpec:
    """Return the convention of one hand, left or right, in the order that MediaPipe and OpenPose share.

    Args:
        side: Which hand.

    Example:
        >>> hand_skeleton("left").id, hand_skeleton("left").joints[:2]
        ('left_hand_21', ('left_wrist', 'left_thumb_cmc'))
    """
    hand = get_skeleton(HAND)
    return SkeletonSpec(
        f"{side}_hand_21",
        [f"{side}_{joint}" for joint in hand.joints],
        hand.parents,
        dims=hand.dims,
        unit=hand.unit,
        up=hand.up,
        source_names=hand.source_names,
        center=[f"{side}_{joint}" for joint in hand.center],
        extra_edges=[(f"{side}_{first}", f"{side}_{second}") for first, second in hand.extra_edges],
        title=f"{side.capitalize()} hand 21 (MediaPipe / OpenPose order)",
        source=hand.source,
    )


@cache
def openpose_face() -> SkeletonSpec:
    """Return the convention of OpenPose's face: the 68 iBUG points, then the right and the left pupil.

    Example:
        >>> openpose_face().num_joints, openpose_face().joints[-2:]
        (70, ('right_pupil', 'left_pupil'))
    """
    joints = _face_joints()
    parents = _face_parents()
    parents = {joint: parents[joint] if parents[joint] in joints else _FACE_ROOT for joint in joints}
    return SkeletonSpec(
        "openpose_face_70",
        joints,
        [-1 if joint == _FACE_ROOT else joints.index(parents[joint]) for joint in joints],
        anatomy=_anatomy(joints),
        pairs=_pairs(joints),
        dims=2,
        unit="px",
        up="-y",
        center=[_FACE_ROOT],
        title="OpenPose face 70",
        source=_SOURCE,
    )


@cache
def openpose_body135() -> SkeletonSpec:
    """Return the convention of OpenPose's BODY_135: BODY_25B, both hands without their wrists, and the face.

    Example:
        >>> openpose_body135().num_joints, openpose_body135().joints[24:27]
        (135, ('right_heel', 'left_thumb_cmc', 'left_thumb_mcp'))
    """
    body, hands = get_skeleton(BODY_25B), (hand_skeleton("left"), hand_skeleton("right"))
    joints = [*body.joints, *(joint for hand in hands for joint in hand.joints[1:]), *_face_joints()]
    parents = {joint: spec.joints[parent] for spec in (body, *hands) for joint, parent in _tree(spec) if parent >= 0}
    parents |= _face_parents()
    return SkeletonSpec(
        "openpose_body135_135",
        joints,
        [joints.index(parents[joint]) if joint in parents else -1 for joint in joints],
        anatomy=_anatomy(joints),
        pairs=_pairs(joints),
        dims=2,
        unit="px",
        up="-y",
        center=body.center,
        title="OpenPose BODY_135",
        source=_SOURCE,
        notes="The hands share the wrists of the body. Face edges are added for a connected tree.",
    )


def _tree(spec: SkeletonSpec) -> list[tuple[str, int]]:
    return list(zip(spec.joints, spec.parents, strict=True))


def _face_joints() -> list[str]:
    return [*get_skeleton(WHOLE_BODY).joints[_FACE], *_PUPILS]


def _face_parents() -> dict[str, str]:
    spec = get_skeleton(WHOLE_BODY)
    return {joint: spec.joints[parent] for joint, parent in _tree(spec)[_FACE]} | _PUPILS


def _anatomy(joints: list[str]) -> list[str | None]:
    """Name what is in the vocabulary; pupils are not."""
    return [None if joint in _PUPILS else joint for joint in joints]


def _pairs(joints: list[str]) -> list[tuple[str, str]]:
    rights = {joint: joint.replace("left_", "right_", 1) for joint in joints if joint.startswith("left_")}
    return [(left, right) for left, right in rights.items() if right in joints]
