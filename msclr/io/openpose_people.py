"""One person of an OpenPose file: which lists there are, and the part that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError
from msclr.io.instances import LARGEST
from msclr.skeletons.part_skeletons import WHOLE_BODY, hand_skeleton, openpose_body135, openpose_face
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec
from msclr.strict_json import JsonValue

FloatArray = npt.NDArray[np.float32]

BODIES = {15: "openpose_mpi_15", 18: "openpose_coco_18", 25: "openpose_body25_25", 135: "openpose_body135_135"}
PARTS = ("body", "left_hand", "right_hand", "face", "whole_body")
LISTS: Mapping[str, str] = {
    "body": "pose_keypoints",
    "left_hand": "hand_left_keypoints",
    "right_hand": "hand_right_keypoints",
    "face": "face_keypoints",
}
MAXIMUM_SCORE = 2.0

Person = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Choice:
    """What the caller wants: the part, 2 or 3 dimensions (None: 2 where a person has them), perhaps a convention."""

    part: str
    dims: int | None
    skeleton: SkeletonSpec | None


def skeleton_of(part: str, joints: int) -> SkeletonSpec:
    """Return the convention of a part with that many joints."""
    if part == "body":
        return openpose_body135() if joints == 135 else get_skeleton(BODIES[joints])
    if part == "whole_body":
        return get_skeleton(WHOLE_BODY)
    return openpose_face() if part == "face" else hand_skeleton("left" if part == "left_hand" else "right")


def lists_of(person: Person) -> list[str]:
    """Return the names of the lists of key points that a person has, empty ones left out."""
    names = [f"{stem}{ending}" for stem in LISTS.values() for ending in ("_2d", "", "_3d")]
    return [name for name in names if person.get(name)]


def parse_part(person: Person, choice: Choice, where: str) -> FloatArray | None:
    """Return the part of a person as a table [j, c + 1], NaN and score 0 where missing; None where it is not there.

    Args:
        person: One object of "people".
        choice: The part.
        where: The place, for messages.

    Raises:
        FileFormatError: If a list has a length that the part cannot have, or something else than numbers.
    """
    if choice.part != "whole_body":
        table = _parse_list(person, choice.part, choice, where)
        if table is not None or choice.part == "body":
            return table
        return _from_body135(person, choice, where)
    alone = Choice("body", choice.dims, None)
    body = _parse_list(person, "body", alone, where)
    if body is None:
        return None
    dims = body.shape[1] - 1
    rows = dict(zip(skeleton_of("body", len(body)).joints, body, strict=True))
    for side in ("left", "right"):
        hand = _parse_list(person, f"{side}_hand", Choice("", dims, None), where)
        if hand is not None:
            rows |= dict(zip(hand_skeleton("left" if side == "left" else "right").joints[1:], hand[1:], strict=True))
            rows[f"{side}_hand_root"] = hand[0]
    face = _parse_list(person, "face", Choice("", dims, None), where)
    if face is not None:
        rows |= dict(zip(openpose_face().joints, face, strict=True))
    return _pick(rows, get_skeleton(WHOLE_BODY), dims)


def _from_body135(person: Person, choice: Choice, where: str) -> FloatArray | None:
    """Return a hand or face out of BODY_135, which has them in the list of the body."""
    body = _parse_list(person, "body", Choice("body", choice.dims, None), where)
    if body is None or len(body) != 135:
        return None
    return _pick(
        dict(zip(openpose_body135().joints, body, strict=True)), skeleton_of(choice.part, 0), body.shape[1] - 1
    )


def _pick(rows: dict[str, FloatArray], skeleton: SkeletonSpec, dims: int) -> FloatArray:
    missing = np.array([np.nan] * dims + [0], dtype=np.float32)
    for side in ("left", "right"):
        rows.setdefault(f"{side}_hand_root", rows.get(f"{side}_wrist", missing))
    return np.stack([rows.get(joint, missing) for joint in skeleton.joints])


def _parse_list(person: Person, part: str, choice: Choice, where: str) -> FloatArray | None:
    for dims, endings in ((2, ("_2d", "")), (3, ("_3d",))):
        for name in (f"{LISTS[part]}{ending}" for ending in endings):
            if choice.dims in (None, dims) and person.get(name):
                return _parse_keypoints(person[name], dims, _joints(part, choice, dims), f"{where}.{name}")
    return None


def _joints(part: str, choice: Choice, dims: int) -> dict[int, str]:
    """Return by number of joints what a list may have."""
    if choice.skeleton is not None and part == choice.part:
        return {choice.skeleton.num_joints: choice.skeleton.id}
    return BODIES if part == "body" else {skeleton_of(part, 0).num_joints: skeleton_of(part, 0).id}


def _parse_keypoints(values: JsonValue, dims: int, known: Mapping[int, str], where: str) -> FloatArray:
    if not isinstance(values, list):
        raise FileFormatError(f"a JSON {type(values).__name__}", where=where, expected="a list of numbers")
    if len(values) % (dims + 1) or len(values) // (dims + 1) not in known:
        layout = "x, y, score" if dims == 2 else "x, y, z, score"
        listed = ", ".join(f"{count * (dims + 1)} ({name})" for count, name in known.items())
        raise FileFormatError(f"{len(values)} values", where=where, expected=f"{layout} for each joint: {listed}")
    for index, value in enumerate(values):
        if type(value) not in (int, float) or not abs(value) < LARGEST:  # type: ignore[arg-type]  # a number by the test before
            raise FileFormatError(f"{str(value)[:40]!r}", where=f"{where}[{index}]", expected="a number")
    table = np.array(values, dtype=np.float64).reshape(-1, dims + 1)
    scores = table[:, dims]
    if scores.min() < 0 or scores.max() > MAXIMUM_SCORE:
        worst = int(np.argmax(np.abs(scores)) if scores.max() > MAXIMUM_SCORE else np.argmin(scores))
        raise FileFormatError(
            f"score {scores[worst]:g}", where=f"{where}[{worst * (dims + 1) + dims}]", expected="a score from 0 to 1"
        )
    missing = (table[:, :dims] == 0).all(axis=1) | (scores == 0)
    table[missing] = [np.nan] * dims + [0]
    return table.astype(np.float32)
