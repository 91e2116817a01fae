"""Ultralytics (YOLO) text labels: a folder with one file per frame, or a single frame.

Each line is a person: `class cx cy w h`, then `px py` (kpt_shape [K, 2]) or `px py v` (kpt_shape [K, 3]) for every key
point, then what `save_conf=True` and tracking append: the score of the box and the id of the person. `v` is the score
of the key point or, in annotations, 0, 1 or 2. Frames without anybody have no file.

Coordinates are in image widths and heights, so that figures of wide images are thin; with `variant="1280x720"`, the
size of the images, they are read as pixels. The convention is COCO's 17 joints unless `skeleton=` says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, FileLimitError, MsclrError, PoseError
from msclr.io import guard
from msclr.io.frame_files import number_files
from msclr.io.instances import Instance, to_sequence
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton

FloatArray = npt.NDArray[np.float64]

SKELETON = "coco_17"
BOX = 5
FEWEST_JOINTS = 3
BORDER = 2.0

_NAME = re.compile(r"(?P<stem>.*?)(?P<number>\d{1,18})?\.txt", re.IGNORECASE | re.DOTALL)
_IMAGE_SIZE = re.compile(r"(?P<width>[1-9]\d{0,5})x(?P<height>[1-9]\d{0,5})")


@dataclass(slots=True)
class _Line:
    """One person in one frame: the numbers of one line."""

    frame: int
    values: FloatArray
    where: str


def _recognise(probe: Probe) -> bool:
    head = probe.head
    if probe.is_folder:
        name = next((name for name in probe.names if (match := _NAME.fullmatch(name)) and match["number"]), None)
        if name is None:
            return False
        try:
            head = guard.read_head(probe.path / name)
        except MsclrError:
            return False
    try:
        values = _numbers(head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("ascii"), "")
    except (MsclrError, UnicodeDecodeError):
        return False
    return (
        len(values) >= BOX + 2 * FEWEST_JOINTS
        and float(values[0]).is_integer()
        and bool(values[0] >= 0 and (abs(values[1:BOX]) <= BORDER).all())
    )


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    scale = _image_size(options.variant, where)
    if guard.is_folder(path):
        files = [
            (number, path / name) for number, name in _number_files(guard.list_folder(path, options.limits), where)
        ]
    else:
        match = _NAME.fullmatch(path.name)
        files = [(int(match["number"] or 0) if match else 0, path)]
    guard.check_size(0, files[-1][0] - files[0][0] + 1, 0, 2, bytes_read=0, limits=options.limits, where=where)
    skeleton = options.skeleton or get_skeleton(SKELETON)
    if skeleton.num_joints < FEWEST_JOINTS:
        raise PoseError(f"a skeleton of {skeleton.num_joints} joints", where=where, expected=f"{FEWEST_JOINTS} or more")
    lines: list[_Line] = []
    total = 0
    for number, file in files:
        root = file.parent if file != path else None
        text = guard.read_text(file, options.limits, root=root, follow_symlinks=options.follow_symlinks)
        total += len(text)
        if total > options.limits.maximum_bytes:
            raise FileLimitError(f"over {options.limits.maximum_bytes:,} bytes of labels", where=where)
        lines.extend(_parse(text, number, guard.shown(file), skeleton.num_joints))
    boxes = sum(len(line.values) <= BOX + 2 for line in lines)
    persons = [line for line in lines if len(line.values) > BOX + 2]
    if boxes and not persons:
        raise FileFormatError("boxes without key points", where=where, expected="the labels of a pose model")
    instances, scored = _to_instances(persons, skeleton.num_joints, scale or (1.0, 1.0), where)
    sequence = to_sequence(
        instances,
        skeleton.replace(dims=2),
        numbers_of_frames=[number for number, _ in files],
        size=total,
        where=where,
        options=replace(options, unit=options.unit or ("px" if scale else "normalized"), up=options.up or "-y"),
    )
    meta = {**sequence.meta} | ({"boxes_without_key_points": str(boxes)} if boxes else {})
    return sequence.replace(meta=meta, **({} if scored else {"confidence": None}))


def _number_files(names: list[str], where: str) -> list[tuple[int, str]]:
    """Return (frame number, name) of the label files in order."""
    found = [name for name in names if (match := _NAME.fullmatch(name)) and match["number"]]
    if not found:
        raise FileFormatError("no file NAME_1.txt", where=where, expected="the folder 'labels' of a prediction")
    return number_files(found, _NAME, where, example="NAME_1.txt")


def _parse(text: str, frame: int, where: str, joints: int) -> list[_Line]:
    lines: list[_Line] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.strip()
        if not content:
            continue
        place = f"{where}, line {number}"
        if content in seen:
            raise FileFormatError(
                f"the same as line {seen[content]}",
                where=place,
                expected="each person once",
                remedy="labels of a single run: Ultralytics appends to files that are there",
            )
        seen[content] = number
        values = _numbers(content, place)
        _check(values, place, joints)
        lines.append(_Line(frame, values, place))
    return lines


def _numbers(line: str, where: str) -> FloatArray:
    words = line.split()
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        values = np.array([np.nan])
    if not np.isfinite(values).all() or "_" in line:
        bad = next((word for word in words if not _is_number(word)), line)
        raise FileFormatError(f"{bad[:40]!r}", where=where, expected="numbers")
    return values


def _is_number(word: str) -> bool:
    try:
        return "_" not in word and bool(np.isfinite(float(word)))
    except ValueError:
        return False


def _check(values: FloatArray, where: str, joints: int) -> None:
    extra = len(values) - BOX
    if extra not in (0, 1, 2) and _dims(extra, joints) is None:
        raise FileFormatError(
            f"{len(values)} values",
            where=where,
            expected=f"{BOX} of the box and {joints} key points of 2 or 3 values, perhaps a score and an id",
            remedy="skeleton=, if the model has another number of key points",
        )
    if values[0] < 0 or not values[0].is_integer():
        raise FileFormatError(f"class {values[0]:g}", where=where, expected="a whole number")
    worst = np.abs(values[1:BOX]).max()
    if extra > 2:
        points = values[BOX:].copy()[: joints * (_dims(extra, joints) or 2)].reshape(joints, -1)
        worst = max(worst, np.abs(points[:, :2]).max())
        if points.shape[1] == 3 and not (points[:, 2].min() >= 0 and points[:, 2].max() <= 2):
            raise FileFormatError(
                f"visibilities from {points[:, 2].min():g} to {points[:, 2].max():g}", where=where, expected="0 to 1"
            )
    if worst > BORDER:
        raise FileFormatError(
            f"a coordinate of {worst:g}", where=where, expected="coordinates in image widths and heights, 0 to 1"
        )


def _dims(extra: int, joints: int) -> int | None:
    """Return 2 or 3 values per key point, for this many values behind the box; None if neither fits."""
    return next((dims for dims in (2, 3) if 0 <= extra - dims * joints <= 2), None)


def _to_instances(
    lines: Sequence[_Line], joints: int, scale: tuple[float, float], where: str
) -> tuple[list[Instance], bool]:
    """Return the persons, and whether their joints have scores; each joint stays at its index, seen or not."""
    dims = {_dims(len(line.values) - BOX, joints) or 2 for line in lines}
    if len(dims) > 1:
        line = next(line for line in lines if _dims(len(line.values) - BOX, joints) != min(dims))
        raise FileFormatError("key points with and without v", where=line.where, expected="labels of a single model")
    per_joint = max(dims, default=2)
    stop = BOX + per_joint * joints
    ids = _ids(lines, stop, where)
    instances: list[Instance] = []
    visible = [line.values[BOX + 2 : stop : 3] for line in lines] if per_joint == 3 else []
    flags = any(values.max() > 1 for values in visible)
    if flags and any((values % 1).any() for values in visible):
        raise FileFormatError("visibilities over 1 that are not 0, 1 and 2", where=where, expected="scores, or 0, 1, 2")
    for line, id in zip(lines, ids, strict=True):
        points = line.values[BOX:stop].reshape(joints, per_joint)
        scores = np.ones(joints) if per_joint == 2 or flags else points[:, 2]
        missing = (points[:, :2] == 0).all(axis=1) | (points[:, per_joint - 1] == 0 if per_joint == 3 else False)
        table = np.column_stack([points[:, :2] * scale, scores])
        table[missing] = [np.nan, np.nan, 0]
        instances.append(Instance(line.frame, table.astype(np.float32), id))
    return instances, per_joint == 3 and not flags


def _ids(lines: Sequence[_Line], stop: int, where: str) -> list[str | None]:
    """Return the id that ends each line, where it does: behind the score of the box if that was saved."""
    extras = {len(line.values) - stop for line in lines}
    last = [line.values[-1] if len(line.values) > stop else 0.0 for line in lines]
    if max(extras, default=0) == 1:
        whole = [value for value in last if not float(value).is_integer()] == []
        alone = len({(line.frame, value) for line, value in zip(lines, last, strict=True)}) == len(lines)
        longest = 1 if (whole and alone) or extras == {0, 1} else 2
    else:
        longest = max(extras, default=0)
    if longest == 2 and 0 in extras:
        raise FileFormatError("lines with and without a box score", where=where, expected="labels of a single run")
    ids: list[str | None] = []
    for line, value in zip(lines, last, strict=True):
        has_id = longest > 0 and len(line.values) - stop == longest
        if has_id and (value < 0 or not float(value).is_integer()):
            raise FileFormatError(f"person id {value:g}", where=line.where, expected="a whole number")
        ids.append(f"{int(value)}" if has_id else None)
    return ids


def _image_size(variant: str | None, where: str) -> tuple[float, float] | None:
    if variant is None:
        return None
    match = _IMAGE_SIZE.fullmatch(variant)
    if match is None:
        raise PoseError(f"variant={variant!r:.40}", where=where, expected="the size of the images, as '1280x720'")
    return float(match["width"]), float(match["height"])


FORMAT = Format(
    name="ultralytics",
    title="Ultralytics text labels",
    suffixes=(".txt",),
    recognise=_recognise,
    read=_read,
    description="A folder with one file per frame; variant='1280x720' (the image size) keeps proportions.",
)
