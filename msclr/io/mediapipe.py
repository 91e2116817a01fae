"""MediaPipe pose and hand landmarks, dumped to JSON.

MediaPipe itself writes no file; these are the layouts that its users write, of the legacy solutions and of the tasks:

- a recording: `[FRAME, ...]`, or `{"frames": [FRAME, ...], "fps": 30, "width": 1280, "height": 720}` (all but `frames`
  optional), or a single FRAME;
- FRAME: `{"pose_landmarks": PERSONS, "pose_world_landmarks": PERSONS}` with either or both, perhaps with the number of
  the frame as `frame`, `frame_id`, `frame_index` or `frame_number`; the names of JavaScript (`poseLandmarks`,
  `landmarks`, `poseWorldLandmarks`, `worldLandmarks`) do as well; or PERSONS alone, which needs `variant=`;
- hands in a FRAME: `{"hand_landmarks": PERSONS, "hand_world_landmarks": PERSONS, "handedness": [...]}`, or the legacy
  `multi_hand_landmarks`, `multi_hand_world_landmarks` and `multi_handedness`, or by side `left_hand_landmarks`,
  `right_hand_landmarks` (holistic), beside the pose or alone; the names of JavaScript do as well;
- PERSONS: `null`, `[]` or `{}` (nobody), one person, or a list of persons;
- a person: 33 landmarks in a list (a hand: 21), or that list as `{"landmark": [...]}`;
- a landmark: `{"x": 0.5, "y": 0.4, "z": -0.1, "visibility": 0.9}` or `[x, y, z]` or `[x, y, z, visibility]`.

World landmarks (`variant="world"`) are metres around the person's own hips. Image landmarks (`variant="image"`) are
read in 2D; their x is in image widths and their y in image heights, so that figures of wide images are thin, unless the
file has `width` and `height`: then they are pixels. Where a file has both kinds, one must be chosen.

A hand is read with `variant="left_hand"` or `"right_hand"`, with `world` or `image` behind a blank where the file has
both; its joints are named `left_wrist`, ..., so that it cannot be taken for the other. Which hand it is, MediaPipe says
by `handedness`; several of one side are different persons. Legacy solutions and older tasks take every image for a
mirrored one, as of a front camera: where it is not, their labels are exchanged, and `variant="left_hand swapped"` reads
the hands labelled "Right".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, FileLimitError, PoseError
from msclr.io import guard
from msclr.io.instances import LARGEST, Instance, to_sequence
from msclr.io.json_shape import a_list, keys_by_depth, load_json, shown_value
from msclr.io.mediapipe_hands import JOINTS as HAND_JOINTS
from msclr.io.mediapipe_hands import OTHER, field_names, parse_hands
from msclr.io.mediapipe_layouts import FIELDS, Frame, is_landmark, number_frames, parse_frame
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.io.variants import parse_variant
from msclr.poses.arrays import wrong_joint_count
from msclr.poses.sequence import PoseSequence
from msclr.poses.tracking import MAXIMUM_GAP, track_persons
from msclr.skeletons.part_skeletons import hand_skeleton
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec
from msclr.strict_json import JsonValue

FloatArray = npt.NDArray[np.float64]

SKELETON = "mediapipe_pose_33"
VARIANTS = {"part": ("pose", "left_hand", "right_hand"), "landmarks": ("world", "image"), "labels": ("swapped",)}


def _recognise(probe: Probe) -> bool:
    if probe.is_folder:
        return False
    names = {name for fields in FIELDS.values() for name in fields} | field_names()
    first, keys = keys_by_depth(probe.head)
    if not first:
        return False
    return any(names & level for level in keys) or any({"x", "y", "z", "visibility"} <= level for level in keys)


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    content, size = load_json(path, options)
    frames: Sequence[JsonValue]
    image_size: tuple[float, float] | None = None
    if isinstance(content, dict) and "frames" in content:
        frames = a_list(content["frames"], f"{where}, frames", "frames")
        image_size = _image_size(content, where)
        if options.fps is None and content.get("fps") is not None:
            options = replace(options, fps=_positive(content["fps"], f"{where}, fps"))
    elif isinstance(content, list) and not (content and is_landmark(content[0])):
        frames = content
    else:
        frames = [content]
    return assemble(frames, image_size=image_size, size=size, where=where, options=options)


def assemble(
    content: Sequence[JsonValue],
    *,
    image_size: tuple[float, float] | None,
    size: int,
    where: str,
    options: ReadOptions,
) -> PoseSequence:
    """Make one recording of frames in the layouts above.

    Args:
        content: The frames.
        image_size: Width and height of the images in pixels, if known.
        size: Bytes that were read.
        where: The file or object, for messages.
        options: `variant` has "world" or "image" where the frames have both, and the hand if one is meant.

    Raises:
        FileFormatError: If the frames contradict the layouts, or both kinds are there and none was chosen.
        FileLimitError: If there are too many frames or persons.
        PoseError: If `variant` has another word.
    """
    if not content:
        raise FileFormatError("no frames", where=where, expected="at least one")
    words = parse_variant(options.variant, VARIANTS, where)
    part = words["part"] or "pose"
    skeleton, frames = _parse_frames(content, part, words["labels"] is not None, where, options)
    kind = _choose(frames, part, words["landmarks"], where)
    numbers = number_frames(frames)
    for frame in frames:
        frame.persons.setdefault(kind, frame.persons.pop("unnamed", []))
    seen = _has_visibility(frames, kind)
    ids = _follow_in_image(frames, numbers, where, options) if kind == "world" else {}
    if kind == "world":
        columns, unit, scale = [0, 1, 2, 3], "m", (1.0, 1.0)
    else:
        columns, unit, scale = [0, 1, 3], "px" if image_size else "normalized", image_size or (1.0, 1.0)
    instances: list[Instance] = []
    for frame, number in zip(frames, numbers, strict=True):
        for place, person in enumerate(frame.persons[kind]):
            table = np.where(np.arange(4) < 3, person, person if seen else 1.0)
            table[:, :2] *= scale
            table = table[:, columns]
            table[table[:, -1] <= 0, :-1] = np.nan
            instances.append(Instance(number, table.astype(np.float32), ids.get((number, place))))
    sequence = to_sequence(
        instances,
        skeleton.replace(dims=len(columns) - 1, unit=unit, up="-y"),
        numbers_of_frames=numbers,
        size=size,
        where=where,
        options=options,
    )
    meta = {**sequence.meta, "landmarks": kind}
    return sequence.replace(meta=meta, **({} if seen else {"confidence": None}))


def _parse_frames(
    content: Sequence[JsonValue], part: str, swapped: bool, where: str, options: ReadOptions
) -> tuple[SkeletonSpec, list[Frame]]:
    """Return the joint convention of a part and its frames."""
    places = [f"{where}, frame {place}" for place in range(len(content))]
    if part == "pose":
        if swapped:
            raise PoseError("variant='swapped' without a hand", where=where, expected="'left_hand' or 'right_hand'")
        skeleton = options.skeleton or get_skeleton(SKELETON)
        parsed = [parse_frame(frame, skeleton.num_joints, place) for frame, place in zip(content, places, strict=True)]
        return skeleton, parsed
    side: Literal["left", "right"] = "left" if part == "left_hand" else "right"
    skeleton = options.skeleton or hand_skeleton(side)
    if skeleton.num_joints != HAND_JOINTS:
        raise wrong_joint_count(HAND_JOINTS, skeleton, where)
    label = OTHER[side] if swapped else side
    return skeleton, [parse_hands(frame, label, place) for frame, place in zip(content, places, strict=True)]


def _choose(frames: Sequence[Frame], part: str, wanted: str | None, where: str) -> str:
    fields = {"image": f"{part}_landmarks", "world": f"{part}_world_landmarks"}
    kinds = {kind for frame in frames for kind, persons in frame.persons.items() if persons}
    kinds = kinds or {kind for frame in frames for kind in frame.persons if kind != "unnamed"}
    named = kinds - {"unnamed"}
    if part != "pose" and not named:
        raise FileFormatError("no hands", where=where, expected="'hand_landmarks' with 'handedness' in some frame")
    if wanted is None:
        if len(kinds) == 1 and named:
            return named.pop()
        found = (
            f"both {fields['image']} and {fields['world']}"
            if len(named) == 2
            else "landmarks without saying which ones"
        )
        prefix = "" if part == "pose" else f"{part} "
        raise FileFormatError(
            found,
            where=where,
            expected="a choice",
            remedy=f"variant='{prefix}world' ({fields['world']}: metres) or "
            f"variant='{prefix}image' ({fields['image']}: in the image)",
        )
    if named and wanted not in kinds:
        raise FileFormatError(
            f"no {fields[wanted]}", where=where, expected=f"them, for variant={wanted!r}", remedy="the other one"
        )
    return wanted


def _has_visibility(frames: Sequence[Frame], kind: str) -> bool:
    first: bool | None = None
    for frame in frames:
        for person in frame.persons[kind]:
            given = ~np.isnan(person[:, 3])
            first = bool(given[0]) if first is None else first
            if (given != first).any():
                raise FileFormatError(
                    "visibility of some landmarks only", where=frame.where, expected="of all landmarks, or of none"
                )
            if kind == "world" and np.isnan(person[:, 2]).any():
                raise FileFormatError("world landmarks without z", where=frame.where, expected="x, y and z")
    return bool(first)


def _follow_in_image(
    frames: Sequence[Frame], numbers: Sequence[int], where: str, options: ReadOptions
) -> dict[tuple[int, int], str]:
    """Name persons by where they are in the image: world landmarks put everybody at the origin."""
    if all(len(frame.persons["world"]) <= 1 for frame in frames):
        return {}
    for frame in frames:
        world, image = len(frame.persons["world"]), len(frame.persons.get("image", []))
        if world != image:
            raise FileFormatError(
                f"{world} persons with world landmarks, {image} with image landmarks",
                where=frame.where,
                expected="both for each: world landmarks have their origin in the person's own hips, or hand",
                remedy="keep pose_landmarks or hand_landmarks in the file",
            )
    occupied = [(frame, number) for frame, number in zip(frames, numbers, strict=True) if frame.persons["world"]]
    nobody = np.zeros((0, 1, 2))
    poses: list[FloatArray] = []
    places: list[int] = []
    before = occupied[0][1] - 1
    for frame, number in occupied:
        poses += [nobody] * min(number - before - 1, MAXIMUM_GAP + 1)  # who is gone for longer is gone
        places.append(len(poses))
        poses.append(np.stack(frame.persons["image"])[..., :2])
        before = number
    try:
        tracks = track_persons(poses, maximum_tracks=options.limits.maximum_persons)
    except PoseError as error:
        raise FileLimitError(error.found, where=where, expected=error.expected, remedy=error.remedy) from None
    return {
        (number, person): f"track {track}"
        for (_, number), place in zip(occupied, places, strict=True)
        for person, track in enumerate(tracks[place].tolist())
    }


def _image_size(content: Mapping[str, JsonValue], where: str) -> tuple[float, float] | None:
    given = [content.get(name) or content.get(f"image_{name}") for name in ("width", "height")]
    if given == [None, None]:
        return None
    return _positive(given[0], f"{where}, width"), _positive(given[1], f"{where}, height")


def _positive(value: JsonValue, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < LARGEST:
        raise FileFormatError(shown_value(value), where=where, expected="a number over 0")
    return float(value)


FORMAT = Format(
    name="mediapipe",
    title="MediaPipe pose and hand landmarks",
    suffixes=(".json",),
    recognise=_recognise,
    read=_read,
    description="A JSON dump of pose_landmarks (variant='image') or pose_world_landmarks (variant='world'); "
    "one hand with variant='left_hand image' and the like.",
)
