"""The layouts in which MediaPipe landmarks are dumped to JSON, one frame at a time; `msclr.io.mediapipe` lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError
from msclr.io.instances import LARGEST
from msclr.io.json_shape import a_list, shown_value
from msclr.strict_json import JsonValue

FloatArray = npt.NDArray[np.float64]

FIELDS: Mapping[str, tuple[str, ...]] = {
    "image": ("pose_landmarks", "poseLandmarks", "landmarks"),
    "world": ("pose_world_landmarks", "poseWorldLandmarks", "worldLandmarks", "world_landmarks"),
}
FRAME_NUMBERS = ("frame", "frame_id", "frame_index", "frame_number")
MAXIMUM_VISIBILITY = 1.001


@dataclass(slots=True)
class Frame:
    """One frame: by "image", "world" or "unnamed" its persons, each [j, 4] x, y, z, visibility (NaN = not given)."""

    where: str
    number: int | None
    persons: dict[str, list[FloatArray]]


def parse_frame(frame: JsonValue, joints: int, where: str) -> Frame:
    """Return the persons in one frame; the landmarks may or may not say whether they are in the image or in space.

    Raises:
        FileFormatError: If it has none of the layouts; the message has the landmark.
    """
    if not isinstance(frame, dict) or "landmark" in frame or is_landmark(frame):
        return Frame(where, None, {"unnamed": parse_persons(frame, joints, where)})
    persons: dict[str, list[FloatArray]] = {}
    for kind, names in FIELDS.items():
        given = [name for name in names if name in frame]
        if len(given) > 1:
            raise FileFormatError(f"both {given[0]!r} and {given[1]!r}", where=where, expected="one of them")
        if given:
            persons[kind] = parse_persons(frame[given[0]], joints, f"{where}.{given[0]}")
    if frame and not persons:
        listed = ", ".join(f"{key!r:.40}" for key in list(frame)[:5])
        hands = any("hand" in key.lower() for key in frame)
        raise FileFormatError(
            f"an object with {listed}",
            where=where,
            expected="'pose_landmarks' or 'pose_world_landmarks'",
            remedy="variant='left_hand' or 'right_hand', one at a time" if hands else None,
        )
    return Frame(where, frame_number(frame, where), persons)


def frame_number(frame: Mapping[str, JsonValue], where: str) -> int | None:
    """Return the number that a frame bears, if it bears one."""
    number = next((frame[name] for name in FRAME_NUMBERS if name in frame), None)
    if number is not None and (type(number) is not int or number < 0):
        raise FileFormatError(f"frame number {shown_value(number)}", where=where, expected="a whole number from 0 up")
    return number


def parse_persons(value: JsonValue, joints: int, where: str) -> list[FloatArray]:
    """Return the persons of one field, each [j, 4] x, y, z, visibility."""
    if not value and (value is None or isinstance(value, list | dict)):
        return []
    if isinstance(value, dict) or (isinstance(value, list) and is_landmark(value[0])):
        return [_landmarks(value, joints, where)]
    return [
        _landmarks(person, joints, f"{where}[{place}]") for place, person in enumerate(a_list(value, where, "persons"))
    ]


def is_landmark(value: JsonValue) -> bool:
    """Tell a landmark from what holds landmarks."""
    if isinstance(value, dict):
        return "x" in value
    return isinstance(value, list) and bool(value) and isinstance(value[0], int | float)


def _landmarks(person: JsonValue, joints: int, where: str) -> FloatArray:
    entries = a_list(person.get("landmark") if isinstance(person, dict) else person, where, "landmarks")
    if len(entries) != joints:
        raise FileFormatError(
            f"{len(entries)} landmarks", where=where, expected=f"{joints} in a list", remedy="lists of one kind only"
        )
    table = np.full((joints, 4), np.nan)
    for joint, entry in enumerate(entries):
        if isinstance(entry, dict):
            values: list[JsonValue] = [entry.get(name) for name in ("x", "y", "z", "visibility")]
        else:
            values = a_list(entry, f"{where}[{joint}]", "x, y, z and perhaps visibility")
            if len(values) not in (3, 4):
                raise FileFormatError(
                    f"{len(values)} values", where=f"{where}[{joint}]", expected="x, y, z, visibility"
                )
        for column, value in enumerate(values):
            if value is None and column == 3:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST:
                raise FileFormatError(
                    f"{'xyzv'[column]} is {shown_value(value)}", where=f"{where}[{joint}]", expected="a number"
                )
            table[joint, column] = value
    shown = table[:, 3][~np.isnan(table[:, 3])]
    if shown.size and not (shown.min() >= 0 and shown.max() <= MAXIMUM_VISIBILITY):
        raise FileFormatError(
            f"visibilities from {shown.min():g} to {shown.max():g}", where=where, expected="values from 0 to 1"
        )
    return table


def number_frames(frames: Sequence[Frame]) -> list[int]:
    """Return the frame numbers: those in the file if it has any, which must grow, else by position."""
    if all(frame.number is None for frame in frames):
        return list(range(len(frames)))
    numbers: list[int] = []
    for frame in frames:
        if frame.number is None:
            raise FileFormatError("no frame number", where=frame.where, expected="one in each frame, or in none")
        if numbers and frame.number <= numbers[-1]:
            raise FileFormatError(
                f"frame {frame.number} after frame {numbers[-1]}", where=frame.where, expected="numbers that grow"
            )
        numbers.append(frame.number)
    return numbers
