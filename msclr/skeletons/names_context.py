"""What ambiguous joint names mean in the company of the others: a `shoulder` beside an `arm` is the collar bone."""

from __future__ import annotations

import re
from collections.abc import Iterable

Overlay = dict[str, tuple[str, str]]
"""Key without a side -> (point without a side, reason); an empty point says that the name is no joint of ours."""

_FOREARM = frozenset(("forearm", "lowerarm", "farm", "forearmbend", "lowarm"))
_ARM = frozenset(("arm", "upperarm", "uparm", "uarm", "shldr", "shldrbend"))
_SHANK = frozenset(("leg", "lowerleg", "shin", "calf", "lowleg", "lleg"))
_THIGH = frozenset(("upleg", "upperleg", "thigh", "thighbend", "uleg"))
_COLLAR = frozenset(("collar", "clavicle", "cla"))
_ANKLE = frozenset(("ankle", "ank"))
_HEEL = frozenset(("heel", "hee"))
_WRIST = frozenset(("wrist", "wri"))

_ASF: dict[str, str] = {
    "hipjoint": "hip",
    "femur": "knee",
    "tibia": "ankle",
    "foot": "toe_base",
    "toes": "toe_end",
    "clavicle": "shoulder",
    "humerus": "elbow",
    "radius": "wrist",
    "wrist": "hand_base",
    "hand": "hand",
    "fingers": "hand_tip",
    "thumb": "thumb_tip",
    "lowerback": "spine1",
    "upperback": "spine2",
    "head": "head_top",
}
_OPENSIM: dict[str, str] = {
    "femur": "hip",
    "tibia": "knee",
    "talus": "ankle",
    "calcn": "heel",
    "humerus": "shoulder",
    "ulna": "elbow",
    "radius": "",
    "hand": "wrist",
}
_MMM: dict[str, str] = {
    "bp": "spine1",
    "bt": "spine2",
    "bln": "neck",
    "bun": "head",
    "s": "shoulder",
    "e": "elbow",
    "w": "wrist",
    "h": "hip",
    "k": "knee",
    "a": "ankle",
    "mrot": "foot",
    "f": "toe",
}
_MHAD: dict[str, str] = {
    "head": "head_marker",
    "back": "back_marker",
    "backl": "back_low_marker",
    "backt": "back_top_marker",
    "side": "side_marker",
    "bell": "belly_marker",
    "chest": "chest_marker",
    "sho1": "shoulder1_marker",
    "sho2": "shoulder2_marker",
    "arm": "upper_arm_marker",
    "elb": "elbow_marker",
    "wri": "wrist_marker",
    "han1": "hand1_marker",
    "han2": "hand2_marker",
    "han3": "hand3_marker",
    "hipb": "hip_back_marker",
    "hipf": "hip_front_marker",
    "hipl": "hip_side_marker",
    "leg": "upper_leg_marker",
    "kne": "knee_marker",
    "ank": "ankle_marker",
    "hee": "heel_marker",
    "foo": "foot_marker",
}
# Names of one or two letters that mean something only where the whole skeleton speaks like this.
DIALECT_KEYS: frozenset[str] = frozenset((*_MMM, *_MHAD, *_OPENSIM))


def overlay(keys: Iterable[str], centre: Iterable[str]) -> Overlay:
    """Find what the ambiguous names of one skeleton mean, from the names it has.

    Args:
        keys: Names in lower case without side and separators; those that bear a side.
        centre: The same for those without a side.

    Returns:
        For each ambiguous key its point without the side, and the reason.
    """
    sided, middle = frozenset(keys), frozenset(centre)
    found: Overlay = {}
    for table, mark, reason in (
        (_ASF, {"femur", "humerus"} <= sided and "talus" not in sided, "ASF bones are named at their end"),
        (_OPENSIM, {"femur", "talus"} <= sided, "OpenSim bodies begin at the joint"),
        (_MMM, "bln" in middle, "MMM abbreviation"),
        (_MHAD, {"hipb", "hipf"} <= sided, "Berkeley MHAD marker"),
    ):
        if mark:
            found = {key: (name, reason) for key, name in table.items()}
            if table is not _OPENSIM:
                return found
    found.update(_arms(sided))
    found.update(_legs(sided))
    found.update(_spine(middle, rig=bool(sided & (_FOREARM | _ARM | _COLLAR))))
    found.update(_head(middle))
    found.update(_fingers(sided))
    return found


def _arms(keys: frozenset[str]) -> Overlay:
    found: Overlay = {}
    if keys & _ARM:
        found["shoulder"] = ("clavicle", "shoulder beside an arm bone is the collar bone")
    if keys & (_FOREARM | _ARM) and not keys & _WRIST:
        found["hand"] = ("wrist", "hand bone begins at the wrist")
    return found


def _legs(keys: frozenset[str]) -> Overlay:
    found: Overlay = {}
    feet = keys & {"foot", "foo"}
    toes = keys & {"toe", "toebase", "toes"}
    if keys & (_SHANK | _THIGH) and not keys & _ANKLE:
        found["foot"] = ("ankle", "foot bone begins at the ankle")
        found["toe"] = ("toe_base", "toe bone begins at the ball of the foot")
    elif not keys & _ANKLE:
        if keys & _WRIST:
            found["foot"] = ("ankle", "foot where hands are wrists")
    elif feet and (keys & _COLLAR or toes) and not (keys & {"handtip", "toe2"} or (toes and keys & _HEEL)):
        found["foot"] = found["foo"] = ("toe_base", "foot beyond the ankle is the ball of the foot")
        found["toe"] = ("toe_end", "toe beyond the ball of the foot")
    elif keys & _COLLAR and not feet:
        found["toe"] = ("toe_base", "toe joint of a rig")
    if "hipjoint" in keys and keys & _THIGH:
        found["hipjoint"] = ("hip_helper", "hip joint beside an upper leg is a helper of the pelvis")
    return found


def _spine(keys: frozenset[str], rig: bool) -> Overlay:
    if {"bell", "spin", "thor"} <= keys:
        reason = "belly, spine, thorax of SMPL"
        return {"bell": ("spine1", reason), "spin": ("spine2", reason), "thor": ("spine3", reason)}
    chain = sorted((_number(key), key) for key in keys if re.fullmatch(r"(spine|spin|spi)\d*", key))
    numbers = [number for number, _ in chain]
    reason = "counted up from the pelvis"
    if len(chain) > 1 and (numbers[0] == 0 or numbers == [-1, *range(1, len(chain))]):
        found = {key: (f"spine{i}", reason) for i, (_, key) in enumerate(chain, start=1) if i <= 7}
    elif len(chain) == 1 and (rig or "chest" in keys) and numbers[0] == -1 and keys & {"chest", "upperchest"}:
        found = {chain[0][1]: ("spine1", reason)}
    else:
        found = {key: (f"spine{number}", reason) for number, key in chain if 1 <= number <= 7}
    chests = sorted((_number(key), key) for key in keys if re.fullmatch(r"chest\d*|upperchest", key))
    if chests and (rig or found):
        chests = [item for item in chests if item[1] != "upperchest"] + [c for c in chests if c[1] == "upperchest"]
        below = len(found) + len(keys & {"abdomen", "ab"})
        found.update({key: (f"spine{below + i}", reason) for i, (_, key) in enumerate(chests, 1) if below + i <= 7})
    return found


def _head(keys: frozenset[str]) -> Overlay:
    found: Overlay = {}
    if {"neck", "neck1"} <= keys:
        found["neck1"] = ("upper_neck", "second neck joint")
    if {"head", "head2"} <= keys:
        found["head2"] = ("head_end", "second head joint")
    if "spinebase" in keys and not keys & {"pelvis", "pelv", "hips", "hip"}:
        found["spinebase"] = ("pelvis", "base of the spine where no joint is called pelvis")
    if "necknose" in keys:
        found["head"] = ("head_top", "head above Neck/Nose")
    if "root" in keys and keys & {"hips", "pelvis", "hip"}:
        found["root"] = ("ground_root", "root beside a pelvis stands on the floor")
    return found


def _fingers(keys: frozenset[str]) -> Overlay:
    found: Overlay = {}
    if {"footindex", "pinky", "index", "thumb"} <= keys:
        reason = "MediaPipe knuckle"
        found = {name: (f"{name}_mcp", reason) for name in ("thumb", "index", "pinky")}
    if "thumbendsite" in keys:
        found["thumb"] = ("thumb_base", "thumb with an end site")
    if keys & {"handthumbstart", "thumbmetacarpal"}:
        reason = "thumb joint after its metacarpal"
        for prefix in ("thumb", "handthumb"):
            found[f"{prefix}1"], found[f"{prefix}2"] = ("thumb_mcp", reason), ("thumb_ip", reason)
    if "thu2" in keys:
        found["thu"] = ("thumb_base", "first of two thumb joints")
        found["thu2"] = ("thumb_tip", "second of two thumb joints")
    return found


def _number(key: str) -> int:
    digits = re.search(r"\d+$", key)
    return int(digits.group()) if digits else -1
