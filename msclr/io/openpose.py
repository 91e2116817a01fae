"""OpenPose JSON: a folder with one file per frame, or a single frame."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msclr import strict_json
from msclr.errors import FileFormatError, FileLimitError, PoseError
from msclr.io import guard
from msclr.io.frame_files import number_files
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.poses.tracking import track_persons
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec

SKELETONS = {15: "openpose_mpi_15", 18: "openpose_coco_18", 25: "openpose_body25_25"}
FIELDS = {2: ("pose_keypoints_2d", "pose_keypoints"), 3: ("pose_keypoints_3d",)}
MAXIMUM_JSON_BYTES = 64 * 2**20
LARGEST = 1e15  # its square still is a float32
MAXIMUM_SCORE = 2.0

_NAME = re.compile(r"(?P<stem>.*?)(?P<number>\d{1,18})?_keypoints\.json", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class _Person:
    """One person in one frame: [j, c] positions (NaN = missing), [j] scores, the producer's id or -1."""

    frame: int
    positions: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    id: int


def _recognise(probe: Probe) -> bool:
    if probe.is_folder:
        return any(_NAME.fullmatch(name) for name in probe.names)
    head = probe.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(b"{") and b'"people"' in head and b'"AlphaPose' not in head


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    if guard.is_folder(path):
        files = _number_files(guard.list_folder(path, options.limits), where)
        first = files[0][0]
        frames = files[-1][0] - first + 1
        paths = [(number - first, path / name) for number, name in files]
    else:
        first, frames, paths = 0, 1, [(0, path)]
    guard.check_size(0, frames, 0, 2, bytes_read=0, limits=options.limits, where=where)
    persons: list[_Person] = []
    total = 0
    for frame, file in paths:
        root = file.parent if file != path else None
        data = guard.open_regular(file, options.limits, root=root, follow_symlinks=options.follow_symlinks)
        total += len(data)
        if total > options.limits.maximum_bytes:
            raise FileLimitError(f"over {options.limits.maximum_bytes:,} bytes of JSON", where=where)
        persons.extend(person for person in _parse(data, frame, guard.shown(file), options) if person.scores.any())
    _check_equal_counts(persons, paths)
    return _to_sequence(persons, frames, total, first, where, options)


def _number_files(names: list[str], where: str) -> list[tuple[int, str]]:
    """Return (frame number, name) of the keypoint files in order."""
    found = [name for name in names if _NAME.fullmatch(name)]
    if not found:
        raise FileFormatError("no file NAME_000000000000_keypoints.json", where=where, expected="OpenPose JSON files")
    return number_files(found, _NAME, where, example="NAME_000000000012_keypoints.json")


def _parse(data: bytes, frame: int, where: str, options: ReadOptions) -> Iterator[_Person]:
    guard.refuse_binary(data, where)
    content = strict_json.loads(data, where=where, maximum_bytes=min(options.limits.maximum_bytes, MAXIMUM_JSON_BYTES))
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list):
        raise FileFormatError("no list 'people'", where=where, expected='{"people": [{"pose_keypoints_2d": [...]}]}')
    if len(people) > options.limits.maximum_persons:
        raise FileLimitError(
            f"{len(people):,} people",
            where=where,
            expected=f"at most {options.limits.maximum_persons:,}",
            remedy="limits=ReadLimits(maximum_persons=...)",
        )
    for index, person in enumerate(people):
        place = f"{where}, people[{index}]"
        if not isinstance(person, dict):
            raise FileFormatError(f"a JSON {type(person).__name__}", where=place, expected="an object")
        yield _parse_person(person, frame, place)


def _parse_person(person: dict[str, strict_json.JsonValue], frame: int, where: str) -> _Person:
    for dims, names in FIELDS.items():
        for name in names:
            if person.get(name):
                positions, scores = _parse_keypoints(person[name], dims, f"{where}.{name}")
                return _Person(frame, positions, scores, _parse_id(person.get("person_id", -1), where))
    raise FileFormatError("a person without key points", where=where, expected="pose_keypoints_2d or pose_keypoints_3d")


def _parse_keypoints(
    values: strict_json.JsonValue, dims: int, where: str
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    if not isinstance(values, list):
        raise FileFormatError(f"a JSON {type(values).__name__}", where=where, expected="a list of numbers")
    if len(values) % (dims + 1) or len(values) // (dims + 1) not in SKELETONS:
        layout = "x, y, score" if dims == 2 else "x, y, z, score"
        listed = ", ".join(f"{count * (dims + 1)} ({name})" for count, name in SKELETONS.items())
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
    positions = np.where(missing[:, None], np.nan, table[:, :dims]).astype(np.float32)
    return positions, np.where(missing, 0, scores).astype(np.float32)


def _parse_id(value: strict_json.JsonValue, where: str) -> int:
    """OpenPose writes [-1] where it does not follow persons."""
    if isinstance(value, list):
        value = value[0] if value else -1
    if isinstance(value, bool) or not isinstance(value, int):
        raise FileFormatError(f"person_id {str(value)[:40]!r}", where=where, expected="a whole number, or [-1]")
    return max(value, -1)


def _check_equal_counts(persons: list[_Person], paths: list[tuple[int, Path]]) -> None:
    for person in persons:
        if person.positions.shape != persons[0].positions.shape:
            name = dict(paths)[person.frame]
            (joints, dims), (first, first_dims) = person.positions.shape, persons[0].positions.shape
            raise FileFormatError(
                f"{joints} joints in {dims}D after {first} joints in {first_dims}D",
                where=guard.shown(name),
                expected="one joint convention in one recording",
            )


def _assign(persons: list[_Person], where: str, maximum: int) -> tuple[list[str], list[int]]:
    """Return the names of the slots and the slot of each person."""
    slots: dict[str, int] = {}
    names: list[str] = [f"{person.id}" for person in persons]
    unknown = [index for index, person in enumerate(persons) if person.id < 0]
    frames = [list(group) for _, group in groupby(unknown, key=lambda index: persons[index].frame)]
    if any(len(group) > 1 for group in frames):
        by_frame = {persons[group[0]].frame: group for group in frames}
        empty = np.zeros((0, *persons[0].positions.shape), dtype=np.float32)
        start, stop = min(by_frame), max(by_frame) + 1
        poses = [
            np.stack([persons[index].positions for index in by_frame[frame]]) if frame in by_frame else empty
            for frame in range(start, stop)
        ]
        for frame, tracks in zip(range(start, stop), track_persons(poses, maximum_tracks=maximum), strict=True):
            for index, track in zip(by_frame.get(frame, []), tracks, strict=True):
                names[index] = f"track {track}"
    else:
        for index in unknown:
            names[index] = "track 0"
    taken: set[tuple[int, str]] = set()
    for person, name in zip(persons, names, strict=True):
        if (person.frame, name) in taken:
            raise FileFormatError(
                f"person_id {name} for the second time in frame {person.frame}",
                where=where,
                expected="each person once",
            )
        taken.add((person.frame, name))
        slots.setdefault(name, len(slots))
    return list(slots), [slots[name] for name in names]


def _to_sequence(
    persons: list[_Person], frames: int, size: int, first: int, where: str, options: ReadOptions
) -> PoseSequence:
    spec = options.skeleton or get_skeleton(SKELETONS[25])
    joints, dims = persons[0].positions.shape if persons else (spec.num_joints, spec.dims)
    guard.check_size(min(len(persons), 1), frames, joints, dims, bytes_read=size, limits=options.limits, where=where)
    try:
        ids, slots = _assign(persons, where, options.limits.maximum_persons)
    except PoseError as error:
        raise FileLimitError(error.found, where=where, expected=error.expected, remedy=error.remedy) from None
    guard.check_size(len(ids), frames, joints, dims, bytes_read=size, limits=options.limits, where=where)
    positions = np.full((len(ids), frames, joints, dims), np.nan, dtype=np.float32)
    confidence = np.zeros((len(ids), frames, joints), dtype=np.float32)
    for person, slot in zip(persons, slots, strict=True):
        positions[slot, person.frame] = person.positions
        confidence[slot, person.frame] = person.scores
    clipped = int((confidence > 1).sum())
    meta = {"first_frame": str(first)} | ({"scores_clipped_to_1": str(clipped)} if clipped else {})
    return PoseSequence.from_array(
        positions,
        options.skeleton or (_skeleton(joints, dims) if persons else spec),
        fps=options.fps,
        confidence=np.minimum(confidence, 1),
        unit=options.unit,
        up=options.up,
        person_ids=ids,
        source=where,
        meta=meta,
    )


def _skeleton(joints: int, dims: int) -> SkeletonSpec:
    spec = get_skeleton(SKELETONS[joints])
    return spec if dims == 2 else spec.replace(dims=3, unit="unknown", up="unknown")


FORMAT = Format(
    name="openpose",
    title="OpenPose JSON",
    suffixes=(".json",),
    recognise=_recognise,
    read=_read,
    description="A folder with one file per frame; 15, 18 or 25 joints, by their number.",
)
