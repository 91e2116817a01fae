"""COCO key point results: one JSON list with an entry for each person in each image.

    [{"image_id": 12, "category_id": 1, "keypoints": [x, y, score, ...], "score": 0.9, "track_id": 3}, ...]

`image_id` is the frame: gaps in it are missing frames. Persons are told apart by `track_id`, or by `id` where the same
numbers come back in several frames (else `id` only counts the entries). Without either they are followed by position.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msclr.errors import FileFormatError
from msclr.io import guard
from msclr.io.instances import Instance, choose_skeleton, flat_table, mask_missing, number_frames, to_sequence
from msclr.io.json_shape import a_list, an_object, keys_by_depth, load_json, shown_value
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.strict_json import JsonValue

SKELETONS = {17: "coco_17", 133: "coco_wholebody_133"}

Entry = dict[str, JsonValue]


def is_result_list(probe: Probe) -> bool:
    """Return whether a file begins like a list of results with images."""
    if probe.is_folder:
        return False
    first, keys = keys_by_depth(probe.head)
    return first == "[" and "image_id" in keys[2] and bool({"category_id", "keypoints"} & keys[2])


def named_images(head: bytes) -> bool:
    """Return whether the first image id is a name: AlphaPose writes names, COCO prescribes numbers."""
    after = head.partition(b'"image_id"')[2].lstrip().removeprefix(b":").lstrip()
    return after.startswith(b'"')


def parse_entries(value: JsonValue, where: str) -> tuple[list[Entry], list[int]]:
    """Return the entries of a result list and the frame of each."""
    entries = [
        an_object(entry, f"{where}, [{place}]", "image_id and keypoints")
        for place, entry in enumerate(a_list(value, where, "results"))
    ]
    if not entries:
        raise FileFormatError("an empty list", where=where, expected="at least one person")
    for place, entry in enumerate(entries):
        if "keypoints" not in entry:
            found = "a box without key points" if "bbox" in entry or "box" in entry else "no 'keypoints'"
            raise FileFormatError(
                found, where=f"{where}, [{place}]", expected="results of a pose estimator, not of a detector"
            )
    return entries, number_frames([entry.get("image_id") for entry in entries], f"{where}, image_id")


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    content, size = load_json(path, options)
    entries, frames = parse_entries(content, where)
    tracks = _tracks(entries, frames, where)
    instances = []
    for place, (entry, frame, track) in enumerate(zip(entries, frames, tracks, strict=True)):
        spot = f"{where}, [{place}].keypoints"
        instances.append(Instance(frame, mask_missing(flat_table(entry["keypoints"], 2, spot), spot), track))
    skeleton = choose_skeleton(len(instances[0].table), 2, where, options, SKELETONS)
    return to_sequence(instances, skeleton, numbers_of_frames=frames, size=size, where=where, options=options)


def _tracks(entries: Sequence[Entry], frames: Sequence[int], where: str) -> list[str | None]:
    if any("track_id" in entry for entry in entries):
        return [
            whole_number(entry.get("track_id"), f"{where}, [{place}].track_id") for place, entry in enumerate(entries)
        ]
    ids = [entry.get("id") for entry in entries]
    if not all(type(id) is int for id in ids):
        return [None] * len(entries)
    sightings = set(zip(ids, frames, strict=True))
    returning = len(set(ids)) < len(sightings) == len(entries)
    return [str(id) if returning else None for id in ids]


def whole_number(value: JsonValue, where: str) -> str | None:
    """Return a person id as text; None and negative numbers mean that nobody was followed."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return str(int(value)) if value >= 0 else None
    if value is None:
        return None
    raise FileFormatError(shown_value(value), where=where, expected="a whole number")


FORMAT = Format(
    name="coco",
    title="COCO key point results",
    suffixes=(".json",),
    recognise=lambda probe: is_result_list(probe) and not named_images(probe.head),
    read=_read,
    description="A JSON list of image_id, keypoints, score; 17 or 133 joints, others with skeleton=.",
)
