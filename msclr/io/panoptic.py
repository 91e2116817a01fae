"""CMU Panoptic 3D poses: a folder with one file `body3DScene_00000000.json` for each frame, or a single frame.

    {"univTime": 53541.5, "fpsType": "hd_29_97", "bodies": [{"id": 0, "joints19": [x, y, z, score, ...]}]}

Centimetres, y down. A joint with a score below 0 was not seen. The file's `id` tells persons apart.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from msclr.errors import FileFormatError, FileLimitError
from msclr.io import guard
from msclr.io.coco import whole_number
from msclr.io.instances import Instance, flat_table, mask_missing, to_sequence
from msclr.io.json_shape import a_list, an_object, keys_by_depth, load_json
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.strict_json import JsonValue

RATES = {"hd_29_97": 29.97, "vga_25": 25.0}

_NAME = re.compile(r"body3DScene_(\d{1,18})\.json", re.IGNORECASE)


def _recognise(probe: Probe) -> bool:
    if probe.is_folder:
        return any(_NAME.fullmatch(name) for name in probe.names)
    first, keys = keys_by_depth(probe.head)
    return first == "{" and "bodies" in keys[1] and ("univTime" in keys[1] or "joints19" in keys[3])


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    files = [(0, path)]
    root = None
    if guard.is_folder(path):
        root = path
        matches = [(name, _NAME.fullmatch(name)) for name in guard.list_folder(path, options.limits)]
        files = sorted((int(match[1]), path / name) for name, match in matches if match)
        if not files:
            raise FileFormatError("no file body3DScene_00000000.json", where=where, expected="CMU Panoptic JSON files")
        if len({number for number, _ in files}) < len(files):
            raise FileFormatError("a frame number in two file names", where=where, expected="each frame once")
    instances: list[Instance] = []
    rate = options.fps
    total = 0
    for frame, file in files:
        content, size = load_json(file, options, root=root)
        total += size
        if total > options.limits.maximum_bytes:
            raise FileLimitError(f"over {options.limits.maximum_bytes:,} bytes of JSON", where=where)
        found, kind = _parse(content, frame, guard.shown(file))
        instances.extend(found)
        rate = rate or RATES.get(kind)
    return to_sequence(
        instances,
        options.skeleton or get_skeleton("panoptic_19"),
        numbers_of_frames=[frame for frame, _ in files],
        size=total,
        where=where,
        options=replace(options, fps=rate),
    )


def _parse(content: JsonValue, frame: int, where: str) -> tuple[list[Instance], str]:
    fields = an_object(content, where, "'bodies'")
    instances = []
    for place, body in enumerate(a_list(fields.get("bodies"), f"{where}, bodies", "persons")):
        spot = f"{where}, bodies[{place}]"
        entry = an_object(body, spot, "id and joints19")
        if "joints19" not in entry:
            raise FileFormatError("no 'joints19'", where=spot, expected="the 19 joints of hdPose3d_stage1_coco19")
        table = flat_table(entry["joints19"], 3, f"{spot}.joints19")
        if len(table) != 19:
            raise FileFormatError(f"{len(table)} joints", where=f"{spot}.joints19", expected="19")
        instances.append(
            Instance(frame, mask_missing(table, spot, zeros=False, negative=True), whole_number(entry.get("id"), spot))
        )
    return instances, str(fields.get("fpsType", ""))


FORMAT = Format(
    name="panoptic",
    title="CMU Panoptic JSON",
    suffixes=(".json",),
    recognise=_recognise,
    read=_read,
    description="A folder of body3DScene files with joints19, in centimetres.",
)
