"""How anatomical points relate: the bones that carry each segment, and points that follow from others."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Bone = tuple[str, str]
Combination = tuple[tuple[str, float], ...]

_CENTRE_BONES: dict[str, tuple[Bone, ...]] = {
    "pelvis": (("right_hip", "left_hip"), ("pelvis", "spine_mid"), ("pelvis", "thorax"), ("pelvis", "neck")),
    "torso": (
        ("pelvis", "thorax"),
        ("pelvis", "neck"),
        ("pelvis", "spine_chest"),
        ("pelvis", "spine_mid"),
        ("torso", "neck"),
        ("right_shoulder", "left_shoulder"),
    ),
    "head": (
        ("neck", "head_top"),
        ("upper_neck", "head_top"),
        ("thorax", "head_top"),
        ("neck", "head"),
        ("thorax", "head"),
        ("head", "head_top"),
        ("neck", "nose"),
        ("right_ear", "left_ear"),
    ),
}
_LEFT_BONES: dict[str, tuple[Bone, ...]] = {
    "upper_arm": (("shoulder", "elbow"), ("shoulder", "wrist")),
    "forearm": (("elbow", "wrist"), ("elbow", "hand")),
    "hand": (
        ("wrist", "middle_mcp"),
        ("wrist", "hand_tip"),
        ("wrist", "hand"),
        ("wrist", "middle_tip"),
        ("wrist", "index_mcp"),
        ("elbow", "wrist"),
        ("elbow", "hand"),
    ),
    "thigh": (("hip", "knee"), ("hip", "ankle")),
    "shank": (("knee", "ankle"), ("knee", "foot")),
    "foot": (
        ("ankle", "foot_index"),
        ("ankle", "big_toe"),
        ("ankle", "toe_base"),
        ("ankle", "toe_end"),
        ("ankle", "foot"),
        ("ankle", "toe"),
        ("heel", "big_toe"),
        ("knee", "ankle"),
    ),
}

# Height of a trunk point between the pelvis (0) and the thorax (1).
_TRUNK: dict[str, float] = {
    "spine_base": 0.08,
    "spine1": 0.2,
    "spine_navel": 0.35,
    "spine2": 0.41,
    "belly": 0.45,
    "spine_mid": 0.51,
    "torso": 0.51,
    "spine3": 0.57,
    "chest": 0.61,
    "spine_chest": 0.67,
    "spine4": 0.69,
    "spine5": 0.8,
    "spine6": 0.88,
    "spine7": 0.94,
}
_HIPS: Combination = (("left_hip", 0.5), ("right_hip", 0.5))
_SHOULDERS: Combination = (("left_shoulder", 0.5), ("right_shoulder", 0.5))
_EARS: Combination = (("left_ear", 0.5), ("right_ear", 0.5))
_NECK_MARKERS: Combination = (("c7_marker", 0.5), ("clavicle_notch_marker", 0.5))
_HEAD_MARKERS: Combination = (
    ("left_front_head_marker", 0.25),
    ("right_front_head_marker", 0.25),
    ("left_back_head_marker", 0.25),
    ("right_back_head_marker", 0.25),
)


def _scaled(combination: Combination, weight: float) -> Combination:
    return tuple((name, round(share * weight, 6)) for name, share in combination)


_CENTRE_POINTS: dict[str, tuple[Combination, ...]] = {
    "pelvis": (_HIPS, (("body_root", 1.0),), (("spine_base", 1.0),)),
    "body_root": ((("pelvis", 1.0),), _HIPS),
    "thorax": (_SHOULDERS, _NECK_MARKERS, (("neck", 1.0),), (("left_clavicle", 0.5), ("right_clavicle", 0.5))),
    "neck": (_SHOULDERS, _NECK_MARKERS, (("thorax", 1.0),)),
    "neck2": ((("neck", 0.75), ("upper_neck", 0.25)), (("neck", 0.85), ("head", 0.15))),
    "neck3": ((("neck", 0.5), ("upper_neck", 0.5)), (("neck", 0.7), ("head", 0.3))),
    "neck4": ((("neck", 0.25), ("upper_neck", 0.75)), (("neck", 0.55), ("head", 0.45))),
    "upper_neck": (
        (("neck", 0.45), ("head", 0.55)),
        (("neck", 0.7), ("head_top", 0.3)),
        (*_scaled(_EARS, 0.55), ("neck", 0.45)),
    ),
    "head": (
        _EARS,
        (("neck", 0.5), ("head_top", 0.5)),
        (("upper_neck", 0.67), ("head_top", 0.33)),
        (*_scaled(_HEAD_MARKERS, 0.75), *_scaled(_NECK_MARKERS, 0.25)),
        (("left_head_marker", 0.5), ("right_head_marker", 0.5)),
    ),
    "head_top": (
        (("head_end", 1.0),),
        (*_scaled(_HEAD_MARKERS, 1.3), *_scaled(_NECK_MARKERS, -0.3)),
        (("head", 1.95), ("neck", -0.95)),
        (*_scaled(_EARS, 1.95), ("neck", -0.95)),
        (("head", 1.75), ("thorax", -0.75)),
    ),
    "head_end": ((("head_top", 1.0),),),
    "jaw": ((("head", 0.6), ("chin", 0.4)), _EARS),
    "nose": ((("nose_bridge_4", 1.0),), (("nose_middle", 1.0),)),
    "nose_bridge_4": ((("nose", 1.0),),),
}

_LEFT_POINTS: dict[str, tuple[Combination, ...]] = {
    "left_clavicle": (
        (("left_shoulder", 0.65), ("right_shoulder", 0.35)),
        (("thorax", 0.7), ("left_shoulder", 0.3)),
        (("neck", 0.7), ("left_shoulder", 0.3)),
    ),
    "left_shoulder": (
        (("left_shoulder_marker", 0.85), ("left_elbow_marker", 0.15)),
        (("left_shoulder1_marker", 0.425), ("left_shoulder2_marker", 0.425), ("left_elbow_marker", 0.15)),
    ),
    "left_elbow": ((("left_elbow_marker", 1.0),),),
    "left_wrist": (
        (("left_hand_root", 1.0),),
        (("left_wrist_a_marker", 0.5), ("left_wrist_b_marker", 0.5)),
        (("left_wrist_marker", 1.0),),
    ),
    "left_hand_root": ((("left_wrist", 1.0),),),
    "left_hand_base": ((("left_wrist", 0.83), ("left_hand_tip", 0.17)), (("left_wrist", 0.63), ("left_hand", 0.37))),
    "left_hand": (
        (("left_wrist", 0.15), ("left_middle_mcp", 0.85)),
        (("left_wrist", 0.1), ("left_index_mcp", 0.45), ("left_pinky_mcp", 0.45)),
        (("left_wrist", 0.55), ("left_hand_tip", 0.45)),
        (("left_wrist", 0.57), ("left_middle_tip", 0.43)),
        (("left_wrist", 1.32), ("left_elbow", -0.32)),
    ),
    "left_hand_tip": (
        (("left_middle_tip", 1.0),),
        (("left_finger", 1.0),),
        (("left_hand", 2.25), ("left_wrist", -1.25)),
        (("left_wrist", 1.7), ("left_elbow", -0.7)),
    ),
    "left_hand_tip_end": ((("left_middle_tip", 1.0),), (("left_hand_tip", 1.0),)),
    "left_finger": ((("left_hand_tip", 1.0),), (("left_middle_tip", 1.0),)),
    "left_finger_base": ((("left_wrist", 0.72), ("left_hand_tip", 0.28)), (("left_wrist", 0.38), ("left_hand", 0.62))),
    "left_middle_tip": ((("left_hand_tip", 1.0),),),
    "left_middle_mcp": (
        (("left_wrist", 0.47), ("left_hand_tip", 0.53)),
        (("left_index_mcp", 0.6), ("left_ring_mcp", 0.4)),
    ),
    "left_thumb_base": ((("left_thumb_cmc", 1.0),),),
    "left_thumb_cmc": ((("left_thumb_base", 1.0),),),
    "left_thumb_end": ((("left_thumb_tip", 1.0),),),
    "left_thumb_tip": ((("left_thumb_end", 1.0),), (("left_thumb_ip", 2.0), ("left_thumb_mcp", -1.0))),
    "left_index_end": ((("left_index_dip", 0.5), ("left_index_tip", 0.5)),),
    "left_hip": (
        (("left_asis_marker", 0.425), ("left_psis_marker", 0.425), ("left_knee_marker", 0.15)),
        (("left_hip_front_marker", 0.425), ("left_hip_back_marker", 0.425), ("left_knee_marker", 0.15)),
    ),
    "left_hip_helper": ((("pelvis", 0.67), ("left_hip", 0.33)), (("left_hip", 0.67), ("right_hip", 0.33))),
    "left_knee": ((("left_knee_marker", 1.0),),),
    "left_ankle": ((("left_ankle_marker", 1.0),),),
    "left_heel": (
        (("left_heel_marker", 1.0),),
        (("left_ankle", 1.57), ("left_knee", -0.17), ("left_toe_base", -0.4)),
        (("left_ankle", 1.47), ("left_knee", -0.17), ("left_foot_index", -0.3)),
        (("left_ankle", 1.47), ("left_knee", -0.17), ("left_big_toe", -0.3)),
    ),
    "left_foot": (
        (("left_toe_base", 0.85), ("left_ankle", 0.15)),
        (("left_foot_index", 0.55), ("left_ankle", 0.45)),
        (("left_big_toe", 0.35), ("left_small_toe", 0.35), ("left_ankle", 0.3)),
        (("left_toe", 0.6), ("left_ankle", 0.4)),
    ),
    "left_toe_base": (
        (("left_toe_end", 0.7), ("left_ankle", 0.3)),
        (("left_big_toe", 0.4), ("left_small_toe", 0.45), ("left_heel", 0.15)),
        (("left_foot_index", 0.7), ("left_ankle", 0.3)),
        (("left_toe", 0.75), ("left_ankle", 0.25)),
        (("left_foot", 1.0),),
        (("left_foot_marker", 1.0),),
        (("left_toe_marker", 1.0),),
    ),
    "left_eye": (
        (("left_eye_inner", 0.5), ("left_eye_outer", 0.5)),
        (("left_eye_1", 0.5), ("left_eye_4", 0.5)),
        (("left_eye_upper_lid", 0.5), ("left_eye_lower_lid", 0.5)),
        (("left_eyeball", 1.0),),
    ),
    "left_eyeball": ((("left_eye", 1.0),),),
}
# Names of one spot: each stands in for the others.
_SAME_SPOT: tuple[tuple[str, ...], ...] = (
    ("left_toe", "left_foot_index", "left_toe_end", "left_big_toe", "left_toe2"),
    ("left_eye_outer", "left_eye_1"),
    ("left_eye_inner", "left_eye_4"),
    ("left_mouth_corner", "left_mouth_1"),
)


def _other(name: str) -> str:
    if name.startswith("left_"):
        return "right_" + name[5:]
    return "left_" + name[6:] if name.startswith("right_") else name


def _segment_bones() -> Mapping[str, tuple[tuple[str, str], ...]]:
    bones = dict(_CENTRE_BONES)
    for side in ("left", "right"):
        for segment, pairs in _LEFT_BONES.items():
            bones[f"{side}_{segment}"] = tuple((f"{side}_{start}", f"{side}_{end}") for start, end in pairs)
    return MappingProxyType(bones)


def _virtual_points() -> Mapping[str, tuple[Combination, ...]]:
    points = dict(_CENTRE_POINTS)
    for name, height in _TRUNK.items():
        low = round(1.0 - height, 6)
        points[name] = (
            (("pelvis", low), ("thorax", height)),
            (("pelvis", low), ("neck", height)),
            (*_scaled(_HIPS, low), *_scaled(_SHOULDERS, height)),
        )
    left = dict(_LEFT_POINTS)
    for group in _SAME_SPOT:
        for name in group:
            left[name] = tuple(((other, 1.0),) for other in group if other != name)
    for name, combinations in left.items():
        points[name] = combinations
        points[_other(name)] = tuple(tuple((_other(n), w) for n, w in terms) for terms in combinations)
    return MappingProxyType(points)


SEGMENT_BONES: Mapping[str, tuple[Bone, ...]] = _segment_bones()
"""Per rigid segment the bones (proximal, distal) that can carry it, the best first; the pelvis runs right to left."""

VIRTUAL_POINTS: Mapping[str, tuple[Combination, ...]] = _virtual_points()
"""Per point its combinations of other points, the best first; weights sum to 1, and some extrapolate."""
