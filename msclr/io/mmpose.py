"""MMPose predictions: what the inferencer saves, and what the demo scripts save.

    [{"keypoints": [[x, y], ...], "keypoint_scores": [...]}, ...]                            (inferencer, one image)
    [{"frame_id": 0, "instances": [{"keypoints": ..., "keypoint_scores": ...}]}, ...]        (inferencer, video)
    {"meta_info": {...}, "instance_info": [{"frame_id": 1, "instances": [...]}, ...]}        (demo scripts)

The joints are named in `meta_info` only; without it the number of joints decides where one convention has it, else
`skeleton=` must say. 17 joints in 2D are usually `skeleton="coco_17"`. Lifted 3D poses have z up and no known unit. A
score of 0 or less is a missing joint, scores over 1 become 1. Persons are followed by position unless `track_id` is
there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from msclr.errors import FileFormatError
from msclr.io import guard
from msclr.io.coco import whole_number
from msclr.io.instances import FloatArray, Instance, choose_skeleton, mask_missing, numbers, to_sequence
from msclr.io.json_shape import a_list, an_object, keys_by_depth, load_json
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton, list_skeletons
from msclr.skeletons.spec import SkeletonSpec
from msclr.strict_json import JsonValue


def _recognise(probe: Probe) -> bool:
    if probe.is_folder:
        return False
    first, keys = keys_by_depth(probe.head)
    if first == "{":
        return bool({"meta_info", "instance_info"} & keys[1])
    return first == "[" and bool({"keypoint_scores", "instances"} & keys[2]) and "image_id" not in keys[2]


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    content, size = load_json(path, options)
    meta: JsonValue = None
    if isinstance(content, dict):
        meta = content.get("meta_info")
        content = content.get("instance_info")
    frames, instances = _parse_frames(content, where)
    shape = instances[0].table.shape if instances else (0, 3)
    joints, dims = shape[0], shape[1] - 1
    skeleton = options.skeleton or _from_meta(meta, joints, dims)
    if skeleton is None and not instances:
        raise FileFormatError(
            f"nobody in {len(frames)} frames, and no joint names", where=where, expected="skeleton=", remedy="'coco_17'"
        )
    skeleton = skeleton or choose_skeleton(joints, dims, where, options)
    if dims == 3:
        options = replace(options, unit=options.unit or "unknown", up=options.up or "+z")
    return to_sequence(instances, skeleton, numbers_of_frames=frames, size=size, where=where, options=options)


def _parse_frames(content: JsonValue, where: str) -> tuple[list[int], list[Instance]]:
    entries = [
        an_object(entry, f"{where}, [{place}]", "instances or keypoints")
        for place, entry in enumerate(a_list(content, where, "frames or instances"))
    ]
    if not any("instances" in entry for entry in entries):
        return [0], [_parse_instance(entry, 0, f"{where}, [{place}]") for place, entry in enumerate(entries)]
    frames: dict[int, str] = {}
    instances: list[Instance] = []
    for place, entry in enumerate(entries):
        spot = f"{where}, [{place}]"
        frame = entry.get("frame_id")
        if type(frame) is not int or frame < 0:
            raise FileFormatError("no frame number", where=f"{spot}.frame_id", expected="a whole number")
        if frame in frames:
            raise FileFormatError(f"frame {frame} twice", where=spot, expected="each frame once")
        frames[frame] = spot
        for index, value in enumerate(a_list(entry.get("instances"), f"{spot}.instances", "persons")):
            person = f"{spot}.instances[{index}]"
            instances.append(_parse_instance(an_object(value, person, "keypoints"), frame, person))
    return list(frames), instances


def _parse_instance(entry: dict[str, JsonValue], frame: int, where: str) -> Instance:
    if "keypoints" not in entry or "keypoint_scores" not in entry:
        found = "a box without key points" if "bbox" in entry and "keypoints" not in entry else "no key points"
        raise FileFormatError(found, where=where, expected="'keypoints' and 'keypoint_scores'")
    points = _points(entry["keypoints"], f"{where}.keypoints")
    scores = numbers(entry["keypoint_scores"], f"{where}.keypoint_scores")
    if len(scores) != len(points):
        raise FileFormatError(f"{len(scores)} scores for {len(points)} joints", where=where, expected="as many of each")
    table = np.concatenate([points, scores[:, None]], axis=1)
    flat = points.shape[1] == 2
    track = whole_number(entry.get("track_id"), f"{where}.track_id")
    return Instance(frame, mask_missing(table, where, zeros=flat, negative=True), track)


def _points(value: JsonValue, where: str) -> FloatArray:
    """Return nested coordinates as [j, c], flat ones never: their number of axes would be a guess."""
    rows = [
        a_list(row, f"{where}[{place}]", "x, y or x, y, z") for place, row in enumerate(a_list(value, where, "joints"))
    ]
    dims = len(rows[0]) if rows else 0
    for place, row in enumerate(rows):
        if len(row) != dims or dims not in (2, 3):
            raise FileFormatError(f"{len(row)} values", where=f"{where}[{place}]", expected="x, y or x, y, z")
    if not rows:
        raise FileFormatError("no joints", where=where, expected="x, y or x, y, z for each joint")
    return numbers([number for row in rows for number in row], where).reshape(-1, dims)


def _from_meta(meta: JsonValue, joints: int, dims: int) -> SkeletonSpec | None:
    """Return the registered convention with the joint names of `meta_info`, else one made from these names."""
    if not isinstance(meta, dict) or not isinstance(meta.get("keypoint_id2name"), dict):
        return None
    from msclr.skeletons.mmpose_meta import from_mmpose_meta

    spec = from_mmpose_meta(meta, dims=dims)
    if joints not in (0, spec.num_joints):
        raise FileFormatError(
            f"{joints} joints",
            where="meta_info",
            expected=f"{spec.num_joints}, as many as it names",
            remedy="skeleton=",
        )
    for name in list_skeletons(joints=spec.num_joints, dims=dims):
        known = get_skeleton(name)
        if known.anatomy == spec.anatomy and None not in known.anatomy:
            return known
    return spec


FORMAT = Format(
    name="mmpose",
    title="MMPose predictions",
    suffixes=(".json",),
    recognise=_recognise,
    read=_read,
    description="Predictions of the inferencer (image or video) and of the demo scripts, 2D or 3D.",
)
