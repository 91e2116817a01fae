"""Guess the tree of a skeleton from the anatomical points it has."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence

from msclr.skeletons.anatomy import mirror, vocabulary

# Each point hangs from the nearest one before it that the skeleton has.
_TRUNK: tuple[str, ...] = (
    *("pelvis", "spine_base", "spine1", "spine_navel", "spine2", "belly", "spine_mid", "torso", "spine3", "chest"),
    *("spine_chest", "spine4", "spine5", "spine6", "spine7", "thorax", "neck", "neck2", "neck3", "neck4", "upper_neck"),
    "head",
)
_ROOTS: tuple[str, ...] = (*_TRUNK, "head_top", "nose", "belly_marker", "c7_marker", "body_root", "ground_root")
_LEFT_CHAINS: tuple[str, ...] = (
    "shoulder shoulder_marker shoulder1_marker shoulder2_marker upper_arm_marker elbow elbow_marker forearm_marker "
    "wrist wrist_a_marker wrist_b_marker",
    "wrist_a_marker wrist_marker hand_root hand_base hand hand_tip hand_tip_end",
    "hip hip_front_marker hip_side_marker hip_back_marker",
    "hip asis_marker psis_marker",
    "hip_helper hip asis_marker hip_front_marker thigh_marker upper_leg_marker knee knee_marker tibia_marker ankle "
    "ankle_marker foot toe_base toe_end",
    "ankle_marker heel heel_marker",
    "toe_base toe toe2",
    "toe_base big_toe",
    "toe_base small_toe",
    "toe_base foot_index",
    "ankle_marker foot_marker",
    "ankle_marker toe_marker",
    "hand thumb_base thumb_cmc thumb_mcp thumb_ip thumb_tip",
    "thumb_base thumb_end",
    *(f"hand_root finger_base {f}_cmc {f}_mcp {f}_pip {f}_dip {f}_tip" for f in ("index", "middle", "ring", "pinky")),
    "index_mcp index_end",
    "hand_tip finger",
    "hand_root hand1_marker hand2_marker hand3_marker",
    "hand_root finger_marker",
    "eye_inner eye eye_outer ear",
    "eye eyeball",
    "eye eye_upper_lid",
    "eye eye_lower_lid",
    "eyebrow_5 eyebrow_4 eyebrow_3 eyebrow_2 eyebrow_1",
    "eye_4 eye_3 eye_2 eye_1",
    "eye_4 eye_5 eye_6",
    "nose_1 nose_2",
    "mouth_3 mouth_2 mouth_1",
    "mouth_4 mouth_5",
    "lip_2 lip_1",
    "contour_8 contour_7 contour_6 contour_5 contour_4 contour_3 contour_2 contour_1",
)
_UNSIDED_CHAINS: tuple[str, ...] = (
    "wrist palm",
    "palm thumb_cmc thumb_mcp thumb_ip thumb_tip",
    *(f"palm {finger}_mcp {finger}_pip {finger}_dip {finger}_tip" for finger in ("index", "middle", "ring", "pinky")),
    "head nose",
    "head head_top",
    "head head_end",
    "head jaw",
    "nose chin",
    "chin left_contour_8",
    "chin right_contour_8",
    "nose nose_bridge_4 nose_bridge_3 nose_bridge_2 nose_bridge_1",
    "nose nose_middle mouth_top lip_top lip_bottom mouth_bottom",
    *(f"nose_bridge_1 {side}_{stem}" for side in ("left", "right") for stem in ("eyebrow_5", "eye_4")),
    *(f"nose_middle {side}_nose_1" for side in ("left", "right")),
    *(f"mouth_top {side}_mouth_3" for side in ("left", "right")),
    *(f"mouth_bottom {side}_mouth_4" for side in ("left", "right")),
    *(f"lip_top {side}_lip_2" for side in ("left", "right")),
    *(f"lip_bottom {side}_lip_3" for side in ("left", "right")),
)


def tree_from_anatomy(names: Sequence[str | None]) -> tuple[int, ...]:
    """Guess which joint each joint hangs from.

    Every joint hangs from its nearest ancestor on the body that the skeleton has: a wrist from the elbow or, without
    one, from the shoulder. Joints without a known place hang from the root, the lowest trunk joint if any.

    Args:
        names: Per joint its anatomical point, or None where it is not known.

    Returns:
        Per joint the index of its parent; -1 for the root, of which there is exactly one unless there are no joints.

    Example:
        >>> tree_from_anatomy(["pelvis", "left_hip", "left_ankle", "neck", "head", None])
        (-1, 0, 1, 0, 3, 0)
    """
    if not names:
        return ()
    position: dict[str, int] = {}
    for index, name in enumerate(names):
        if name is not None:
            position.setdefault(name, index)
    root = _root(names, position)
    parents = []
    for index, name in enumerate(names):
        places = (position[ancestor] for ancestor in _ancestors(name, position) if ancestor in position)
        parents.append(-1 if index == root else next((place for place in places if place != index), root))
    return tuple(parents)


def _root(names: Sequence[str | None], position: Mapping[str, int]) -> int:
    for candidate in _ROOTS:
        if candidate in position:
            return position[candidate]
    for index, name in enumerate(names):
        if name in vocabulary() and not any(ancestor in position for ancestor in _ancestors(name, position)):
            return index
    return 0


def _ancestors(name: str | None, present: Mapping[str, int]) -> Iterator[str]:
    known = _parents()
    while name:
        side, _, stem = name.partition("_")
        if stem in ("shoulder", "clavicle") and side in ("left", "right"):
            yield from _above_shoulder(side, stem, present)
            return
        if stem in ("hip", "hip_helper") and side in ("left", "right"):
            yield from (f"{side}_hip_helper",) if stem == "hip" else ()
            yield from (*_TRUNK[: _TRUNK.index("neck") + 1], f"{side}_shoulder", "upper_neck", "head", "nose")
            return
        above = known.get(name)
        if above is None:
            return
        yield above
        name = above


def _above_shoulder(side: str, stem: str, present: Mapping[str, int]) -> Iterator[str]:
    rig = f"{side}_clavicle" in present
    spine = [f"spine{number}" for number in range(7, 0, -1)] if rig else []
    yield from (f"{side}_clavicle",) if stem == "shoulder" else ()
    yield from ("thorax", *spine, "neck", *reversed(_TRUNK[: _TRUNK.index("thorax")]), "upper_neck", "head")
    yield from ("head_top", "nose")


@functools.cache
def _parents() -> Mapping[str, str]:
    parents: dict[str, str] = {name: below for below, name in itertools.pairwise(_TRUNK)}
    chains = [chain.split() for chain in _UNSIDED_CHAINS]
    for chain in (text.split() for text in _LEFT_CHAINS):
        left = [f"left_{stem}" for stem in chain]
        chains += [left, [mirror(name) for name in left]]
    for chain in chains:
        for above, name in itertools.pairwise(chain):
            parents.setdefault(name, above)
    for name, entry in vocabulary().items():
        if name not in parents and name not in ("pelvis", "wrist", "head") and not name.endswith(("_shoulder", "_hip")):
            parents[name] = {"head": "nose", "torso": "thorax"}.get(entry.segment, "pelvis")
    return parents
