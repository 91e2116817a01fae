"""OpenPose JSON: a folder with one file per frame, or a single frame.

A person has up to eight lists of key points, for the body, the face and both hands, in 2D and in 3D. `variant=` says
which are meant, in one or two words:

- `body` (also without `variant`): by the number of values MPI 15, COCO 18, BODY_25 or BODY_135, which has hands and
  face in the list of the body. BODY_25B has as many joints as BODY_25: `skeleton="openpose_body25b_25"` reads it.
- `left_hand`, `right_hand`: 21 joints, whose names begin with the side. `face`: 70 points.
- `whole_body`: body, hands and face of each person as `coco_wholebody_133`, joint by joint; neck, mid hip and pupils,
  which it does not have, are left out, and what OpenPose did not look for is masked.
- `2d` or `3d`: which of both. Without either, 2D for a person who has it.

Persons without ids are followed by their bodies, also where a hand or face is read, so that a hand that is not seen for
a while stays with its person.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from msclr import strict_json
from msclr.errors import FileFormatError, FileLimitError
from msclr.io import guard
from msclr.io.frame_files import number_files
from msclr.io.instances import Instance, to_sequence
from msclr.io.openpose_people import PARTS, Choice, Person, lists_of, parse_part, skeleton_of
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.io.variants import parse_variant
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import SkeletonSpec
from msclr.strict_json import JsonValue

MAXIMUM_JSON_BYTES = 64 * 2**20
VARIANTS = {"part": PARTS, "dims": ("2d", "3d")}

_NOBODY = np.zeros((0, 1), dtype=np.float32)
_NAME = re.compile(r"(?P<stem>.*?)(?P<number>\d{1,18})?_keypoints\.json", re.IGNORECASE | re.DOTALL)


def _recognise(probe: Probe) -> bool:
    if probe.is_folder:
        return any(_NAME.fullmatch(name) for name in probe.names)
    head = probe.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(b"{") and b'"people"' in head and b'"AlphaPose' not in head


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    words = parse_variant(options.variant, VARIANTS, where)
    dims = int(words["dims"][0]) if words["dims"] else None
    choice = Choice(words["part"] or "body", dims, options.skeleton)
    if guard.is_folder(path):
        files = _number_files(guard.list_folder(path, options.limits), where)
        paths = [(number, path / name) for number, name in files]
    else:
        paths = [(0, path)]
    guard.check_size(0, paths[-1][0] - paths[0][0] + 1, 0, 2, bytes_read=0, limits=options.limits, where=where)
    people = _People(choice, options)
    for frame, file in paths:
        people.add(frame, file, root=file.parent if file != path else None, where=where)
    return to_sequence(
        people.instances,
        people.skeleton(where),
        numbers_of_frames=[frame for frame, _ in paths],
        size=people.size,
        where=where,
        options=options,
    )


def _number_files(names: list[str], where: str) -> list[tuple[int, str]]:
    """Return (frame number, name) of the keypoint files in order."""
    found = [name for name in names if _NAME.fullmatch(name)]
    if not found:
        raise FileFormatError("no file NAME_000000000000_keypoints.json", where=where, expected="OpenPose JSON files")
    return number_files(found, _NAME, where, example="NAME_000000000012_keypoints.json")


class _People:
    """The persons of all frames."""

    def __init__(self, choice: Choice, options: ReadOptions) -> None:
        self.choice = choice
        self.options = options
        self.instances: list[Instance] = []
        self.shape: tuple[int, ...] | None = None
        self.lists: set[str] = set()
        self.found = False
        self.size = 0

    def add(self, frame: int, file: Path, *, root: Path | None, where: str) -> None:
        """Read one frame."""
        limits = self.options.limits
        data = guard.open_regular(file, limits, root=root, follow_symlinks=self.options.follow_symlinks)
        self.size += len(data)
        if self.size > limits.maximum_bytes:
            raise FileLimitError(f"over {limits.maximum_bytes:,} bytes of JSON", where=where)
        place = guard.shown(file)
        for index, person in enumerate(_people_of(data, place, self.options)):
            self._add_person(frame, person, f"{place}, people[{index}]", place)

    def _add_person(self, frame: int, person: Person, where: str, file: str) -> None:
        lists = lists_of(person)
        if not lists:
            raise FileFormatError(
                "a person without key points", where=where, expected="pose_keypoints_2d or pose_keypoints_3d"
            )
        self.lists.update(lists)
        table = parse_part(person, self.choice, where)
        self.found |= table is not None
        track = _parse_id(person.get("person_id", -1), where)
        follow = None
        if self.choice.part != "body":
            body = parse_part(person, Choice("body", None, None), where)
            follow = None if body is None else body[:, :-1]
        if table is None or not table[:, -1].any():
            table = _NOBODY
        else:
            self._check_equal(table.shape, file)
        self.instances.append(Instance(frame, table, track, follow))

    def _check_equal(self, shape: tuple[int, ...], file: str) -> None:
        self.shape = self.shape or shape
        if shape != self.shape:
            raise FileFormatError(
                f"{shape[0]} joints in {shape[1] - 1}D after {self.shape[0]} joints in {self.shape[1] - 1}D",
                where=file,
                expected="one joint convention in one recording",
                remedy="variant='2d' or variant='3d'" if shape[0] == self.shape[0] else None,
            )

    def skeleton(self, where: str) -> SkeletonSpec:
        """Return the convention of what was found.

        Raises:
            FileFormatError: If there are persons, and none has the part that was asked for.
        """
        part, dims = self.choice.part, self.choice.dims
        if self.lists and not self.found:
            raise FileFormatError(
                f"no {part.replace('_', ' ')}{f' in {dims}D' if dims else ''}, but {', '.join(sorted(self.lists))}",
                where=where,
                expected="the part that was asked for",
                remedy=f"another variant: {', '.join(PARTS)}, with 2d or 3d",
            )
        if self.options.skeleton is not None:
            return self.options.skeleton
        joints, columns = self.shape or (25, (dims or 2) + 1)
        if columns == 4:
            return skeleton_of(part, joints).replace(dims=3, unit="unknown", up="unknown")
        return skeleton_of(part, joints).replace(dims=2, unit="px", up="-y")


def _people_of(data: bytes, where: str, options: ReadOptions) -> list[Person]:
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
    persons: list[Person] = []
    for index, person in enumerate(people):
        if not isinstance(person, dict):
            raise FileFormatError(
                f"a JSON {type(person).__name__}", where=f"{where}, people[{index}]", expected="an object"
            )
        persons.append(person)
    return persons


def _parse_id(value: JsonValue, where: str) -> str | None:
    """OpenPose writes [-1] where it does not follow persons."""
    if isinstance(value, list):
        value = value[0] if value else -1
    if isinstance(value, bool) or not isinstance(value, int):
        raise FileFormatError(f"person_id {str(value)[:40]!r}", where=where, expected="a whole number, or [-1]")
    return None if value < 0 else str(value)


FORMAT = Format(
    name="openpose",
    title="OpenPose JSON",
    suffixes=(".json",),
    recognise=_recognise,
    read=_read,
    description="A folder with one file per frame; 15, 18, 25 or 135 joints by their number; variant='left_hand', "
    "'right_hand', 'face' or 'whole_body', and '2d' or '3d'.",
)
