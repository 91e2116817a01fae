"""The layouts in which MediaPipe's hands are dumped to JSON, one frame at a time; `msclr.io.mediapipe` lists them.

A file has the hands of both sides. One side is read at a time, by what the file says of each hand, never by its place
in a list.
"""

from __future__ import annotations

from collections.abc import Mapping

from msclr.errors import FileFormatError
from msclr.io.json_shape import a_list, shown_value
from msclr.io.mediapipe_layouts import FloatArray, Frame, frame_number, parse_persons
from msclr.strict_json import JsonValue

JOINTS = 21
FIELDS: Mapping[str, tuple[str, ...]] = {
    "image": ("hand_landmarks", "multi_hand_landmarks", "multiHandLandmarks"),
    "world": ("hand_world_landmarks", "multi_hand_world_landmarks", "multiHandWorldLandmarks"),
}
UNNAMED = {"image": ("landmarks",), "world": ("worldLandmarks",)}  # of hands only where handedness stands beside them
HANDEDNESS = ("handedness", "handednesses", "multi_handedness", "multiHandedness")
OTHER = {"left": "right", "right": "left"}

_LABELS = ("category_name", "categoryName", "label", "display_name", "displayName")


def sided_fields(side: str) -> dict[str, tuple[str, ...]]:
    """Return the names that holistic results have for the landmarks of one hand."""
    return {
        "image": (f"{side}_hand_landmarks", f"{side}HandLandmarks"),
        "world": (f"{side}_hand_world_landmarks", f"{side}HandWorldLandmarks"),
    }


def field_names() -> set[str]:
    """Return all names by which a file can be told to be about hands."""
    sided = {name for side in OTHER for fields in sided_fields(side).values() for name in fields}
    return sided | {name for fields in FIELDS.values() for name in fields} | set(HANDEDNESS)


def parse_hands(frame: JsonValue, side: str, where: str) -> Frame:
    """Return the hands of one side in one frame, as `parse_frame` returns persons; their visibility means nothing.

    Args:
        frame: The frame.
        side: "left" or "right", by the file's own labels.
        where: The place, for messages.

    Raises:
        FileFormatError: If it has none of the layouts, or does not say of each hand which one it is.
    """
    if not frame and (frame is None or isinstance(frame, list | dict)):
        return Frame(where, None, {})
    if not isinstance(frame, dict):
        raise FileFormatError(
            "landmarks without saying which hand", where=where, expected="'hand_landmarks' with 'handedness'"
        )
    sides = _handedness(frame, where)
    hands: dict[str, list[FloatArray]] = {}
    for kind, names in FIELDS.items():
        alone = [name for name in sided_fields(side)[kind] if name in frame]
        shared = [name for name in names + (UNNAMED[kind] if sides is not None else ()) if name in frame]
        if len(alone) + len(shared) > 1:
            first, second = (alone + shared)[:2]
            raise FileFormatError(f"both {first!r} and {second!r}", where=where, expected="one of them")
        for name in alone:
            hands[kind] = parse_persons(frame[name], JOINTS, f"{where}.{name}")
        for name in shared:
            if frame[name] is None and sides:
                continue  # legacy results have the field also where it was not asked for
            hands[kind] = _of_side(frame[name], sides, side, f"{where}.{name}")
    for entries in hands.values():
        for hand in entries:
            hand[:, 3] = float("nan")  # MediaPipe fills the field, and does not estimate it for hands
    return Frame(where, frame_number(frame, where), hands)


def _of_side(value: JsonValue, sides: list[str] | None, side: str, where: str) -> list[FloatArray]:
    found = parse_persons(value, JOINTS, where)
    if len(found) != len(sides or ()):
        raise FileFormatError(
            f"{len(found)} hands, but 'handedness' of {len(sides)}" if sides else "hands without 'handedness'",
            where=where,
            expected="'handedness' with one entry for each hand",
        )
    return [hand for hand, its in zip(found, sides or (), strict=True) if its == side]


def _handedness(frame: Mapping[str, JsonValue], where: str) -> list[str] | None:
    given = [name for name in HANDEDNESS if name in frame and frame[name] is not None]
    if not given:
        return [] if any(name in frame for name in HANDEDNESS) else None
    place = f"{where}.{given[0]}"
    entries = a_list(frame[given[0]], place, "one entry for each hand")
    return [_side(entry, f"{place}[{index}]") for index, entry in enumerate(entries)]


def _side(entry: JsonValue, where: str) -> str:
    """Return "left" or "right" of one entry: its best category, which comes first."""
    value = entry
    if isinstance(value, dict) and "classification" in value:
        value = value["classification"]
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = next((value[name] for name in _LABELS if value.get(name)), None)
    side = value.casefold() if isinstance(value, str) else ""
    if side not in OTHER:
        raise FileFormatError(f"a hand that is {shown_value(value)}", where=where, expected="'Left' or 'Right'")
    return side
