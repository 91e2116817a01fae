"""What is in a saved file of MeTRAbs predictions: the poses of each frame, and what it says about their joints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, PoseError
from msclr.io import guard
from msclr.io.instances import numbers
from msclr.io.json_shape import a_list, an_object, load_json, shown_value
from msclr.io.npz import read_members
from msclr.io.registry import ReadOptions
from msclr.strict_json import JsonValue

FloatArray = npt.NDArray[np.float64]
Arrays = Mapping[str, npt.NDArray[np.generic]]

NAMES = ("joint_names", "joints")
FRAMES = ("frame", "frames", "frame_idx", "frame_index")
COUNTS = ("num_people", "num_persons")
VARIANTS = ("frames", "image")


@dataclass(slots=True)
class Saved:
    """The content of a file.

    Args:
        poses: Frame number to poses [n, j, 3] in millimetres, NaN where missing; frames of nobody included.
        size: Bytes that were read.
        names: Joint names, if the file has them.
        skeleton: The convention's name, if the file has it.
        indices: Convention to joint indices, if the file has them.
        fps: Frames per second, if the file has them.
    """

    poses: dict[int, FloatArray]
    size: int
    names: list[str] | None = None
    skeleton: str | None = None
    indices: dict[str, list[int]] = field(default_factory=dict)
    fps: float | None = None


def load(path: Path, options: ReadOptions) -> Saved:
    """Read a .npz or .json file of predictions; see `msclr.io.metrabs` for the layouts.

    Raises:
        FileFormatError: If it is neither, or its arrays contradict each other.
        FileLimitError: If it is too large.
        PoseError: If `options.variant` is none.
    """
    where = guard.shown(path)
    if options.variant not in (None, *VARIANTS):
        raise PoseError(f"variant={options.variant!r:.40}", where=where, expected="'frames' or 'image'")
    if guard.read_head(path).startswith(b"PK\x03\x04"):
        data = guard.open_regular(path, options.limits)
        wanted = ("poses3d", "boxes", "fps", "skeleton", *NAMES, *FRAMES, *COUNTS)
        members = read_members(data, options.limits, where, only=wanted, texts=(*NAMES, "skeleton"))
        return _from_arrays(members, len(data), options.variant, where)
    content, size = load_json(path, options)
    if isinstance(content, list):
        return Saved(_frames_of(content, where), size)
    return _from_object(an_object(content, where, "'poses3d'"), size, where)


def _from_arrays(members: Arrays, size: int, variant: str | None, where: str) -> Saved:
    poses = members.get("poses3d")
    if poses is None or poses.ndim not in (3, 4) or poses.shape[-1] != 3:
        found = "no array poses3d" if poses is None else f"poses3d of shape {poses.shape}"
        raise FileFormatError(found, where=where, expected="poses [n, joints, 3], or [frames, n, joints, 3]")
    values = poses.astype(np.float64)
    _check_boxes(members, values.shape, where)
    names = _texts(members, NAMES, where)
    skeleton = _texts(members, ("skeleton",), where)
    if skeleton is not None and len(skeleton) != 1:
        raise FileFormatError(f"{len(skeleton)} texts in skeleton", where=where, expected="one")
    return Saved(
        dict(_by_frame(values, members, variant, where)),
        size,
        names,
        (skeleton or [""])[0] or None,
        fps=_one_number(members["fps"], f"{where}, fps") if "fps" in members else None,
    )


def _by_frame(values: FloatArray, members: Arrays, variant: str | None, where: str) -> list[tuple[int, FloatArray]]:
    """Return the poses of each frame: by the axes, the frame numbers, the counts, or what the caller said."""
    frames = next((members[name] for name in FRAMES if name in members), None)
    counts = next((members[name] for name in COUNTS if name in members), None)
    if values.ndim == 4:
        sizes = [values.shape[1]] * len(values) if counts is None else _whole(counts, len(values), where)
        if max(sizes, default=0) > values.shape[1]:
            raise FileFormatError(f"{max(sizes)} persons in poses3d of shape {values.shape}", where=where)
        numbering = list(range(len(values))) if frames is None else _whole(frames, len(values), where)
        if len(set(numbering)) < len(numbering):
            raise FileFormatError("a frame number twice", where=where, expected="each frame once")
        return [(frame, poses[:size]) for frame, poses, size in zip(numbering, values, sizes, strict=True)]
    if frames is not None:
        numbered = np.asarray(_whole(frames, len(values), where), dtype=np.int64)
        order = np.argsort(numbered, kind="stable")
        present, starts = np.unique(numbered[order], return_index=True)
        return list(zip(present.tolist(), np.split(values[order], starts[1:]), strict=True)) if len(values) else []
    if counts is not None:
        sizes = _whole(counts, counts.size, where)
        if sum(sizes) != len(values):
            raise FileFormatError(f"{len(values)} poses for {sum(sizes)} persons", where=where, expected="as many")
        return list(enumerate(np.split(values, np.cumsum(sizes)[:-1]))) if sizes else []
    if variant is None and len(values) > 1:
        raise FileFormatError(
            f"{len(values)} poses without frame numbers",
            where=where,
            expected="an array frame or num_people beside them",
            remedy="variant='frames' if each is one person's pose in a frame, 'image' if all are of one image",
        )
    return list(enumerate(values[:, None])) if variant == "frames" else [(0, values)]


def _check_boxes(members: Arrays, shape: tuple[int, ...], where: str) -> None:
    boxes = members.get("boxes")
    if boxes is not None and boxes.shape[:-1] != shape[:-2]:
        raise FileFormatError(f"boxes {boxes.shape} for poses {shape}", where=where, expected="a box for each pose")


def _whole(array: npt.NDArray[np.generic], count: int, where: str) -> list[int]:
    values = array.astype(np.float64) if array.dtype.kind in "fiub" else np.array([np.nan])
    if values.shape != (count,) or not ((values >= 0) & (values < 2**53) & (values == np.floor(values))).all():
        raise FileFormatError(
            f"frame numbers or counts of shape {array.shape}", where=where, expected=f"{count} whole numbers from 0 up"
        )
    return [int(value) for value in values]


def _texts(members: Arrays, names: Sequence[str], where: str) -> list[str] | None:
    array = next((members[name] for name in names if name in members), None)
    if array is None:
        return None
    if array.dtype.kind not in "US":
        raise FileFormatError(f"joint names of type {array.dtype}", where=where, expected="text")
    try:
        values = array.reshape(-1).tolist()
        return [value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values]
    except ValueError:  # code points that do not exist, bytes that are not UTF-8
        raise FileFormatError("joint names that are no text", where=where, expected="text in UTF-8") from None


def _one_number(array: npt.NDArray[np.generic], where: str) -> float:
    if array.size != 1 or array.dtype.kind not in "fiu":
        raise FileFormatError(f"an array of shape {array.shape}", where=where, expected="one number")
    return float(array.reshape(1).astype(np.float64)[0])


def _from_object(content: dict[str, JsonValue], size: int, where: str) -> Saved:
    names = next((content[name] for name in NAMES if content.get(name) is not None), None)
    settings = content.get("options")
    skeleton = content.get("skeleton", settings.get("skeleton") if isinstance(settings, dict) else None)
    indices = an_object(content.get("per_skeleton_indices", {}), f"{where}, per_skeleton_indices", "joint indices")
    saved = Saved(
        _poses_of(content, where),
        size,
        None if names is None else _strings(names, f"{where}, joint_names"),
        skeleton if isinstance(skeleton, str) and skeleton else None,
        {name: _indices(value, f"{where}, per_skeleton_indices, {name}") for name, value in indices.items()},
    )
    if content.get("fps") is not None:
        saved.fps = float(numbers([content["fps"]], f"{where}, fps")[0])
    return saved


def _poses_of(content: dict[str, JsonValue], where: str) -> dict[int, FloatArray]:
    """Return the poses of an object with those of one image, or of all frames: how deep the lists are tells."""
    poses = a_list(content.get("poses3d"), f"{where}, poses3d", "poses")
    boxes = content.get("boxes")
    deep, boxes_deep = _depth(poses), _depth(boxes)
    if deep is not None and boxes_deep is not None and deep != boxes_deep + 1:
        raise FileFormatError(
            f"poses {deep} lists deep, boxes {boxes_deep}",
            where=where,
            expected="a pose for each box",
            remedy="average_aug=True, where the model was asked for several poses of each person",
        )
    if deep != 4 and (deep is not None or not poses):
        return {0: _poses(poses, boxes, where)}
    if boxes is not None and len(a_list(boxes, f"{where}, boxes", "boxes")) != len(poses):
        raise FileFormatError(
            f"poses of {len(poses)} frames, boxes of others", where=where, expected="boxes of as many frames"
        )
    rows = boxes if isinstance(boxes, list) else [None] * len(poses)
    return {
        frame: _poses(entry, box, f"{where}, frame {frame}")
        for frame, (entry, box) in enumerate(zip(poses, rows, strict=True))
    }


def _frames_of(content: list[JsonValue], where: str) -> dict[int, FloatArray]:
    """Return the poses of a list with an object for each frame, which may have its number."""
    result: dict[int, FloatArray] = {}
    for place, value in enumerate(content):
        spot = f"{where}, [{place}]"
        entry = an_object(value, spot, "'poses3d'")
        frame = next((entry[name] for name in FRAMES if entry.get(name) is not None), place)
        if type(frame) is not int or frame < 0 or frame in result:
            raise FileFormatError(
                f"frame {shown_value(frame)}", where=spot, expected="a whole number that no other frame has"
            )
        result[frame] = _poses(entry.get("poses3d"), entry.get("boxes"), spot)
    return result


def _depth(value: JsonValue) -> int | None:
    """Return how many lists are around the first number; None if there is no number."""
    if isinstance(value, list):
        return next((depth + 1 for entry in value if (depth := _depth(entry)) is not None), None)
    return 0 if isinstance(value, int | float) else None


def _poses(value: JsonValue, boxes: JsonValue, where: str) -> FloatArray:
    """Return the poses [n, j, 3] of one image."""
    persons = a_list(value, f"{where}, poses3d", "poses")
    if isinstance(boxes, list) and len(boxes) != len(persons):
        raise FileFormatError(f"{len(persons)} poses, {len(boxes)} boxes", where=where, expected="a box for each pose")
    tables: list[FloatArray] = []
    for place, person in enumerate(persons):
        spot = f"{where}, poses3d[{place}]"
        joints = [a_list(joint, spot, "x, y, z") for joint in a_list(person, spot, "joints")]
        if not joints or any(len(joint) != 3 for joint in joints):
            raise FileFormatError("joints that are not x, y, z", where=spot, expected="3 numbers for each joint")
        tables.append(numbers([number for joint in joints for number in joint], spot).reshape(-1, 3))
    if len({len(table) for table in tables}) > 1:
        raise FileFormatError("persons with different numbers of joints", where=where, expected="one convention")
    return np.stack(tables) if tables else np.zeros((0, 0, 3))


def _strings(value: JsonValue, where: str) -> list[str]:
    entries = a_list(value, where, "names")
    if not all(isinstance(entry, str) for entry in entries):
        raise FileFormatError("a name that is no text", where=where, expected="joint names")
    return [str(entry) for entry in entries]


def _indices(value: JsonValue, where: str) -> list[int]:
    entries = a_list(value, where, "joint indices")
    if not all(type(entry) is int for entry in entries):
        raise FileFormatError("an index that is no whole number", where=where, expected="joint indices")
    return [entry for entry in entries if isinstance(entry, int)]
