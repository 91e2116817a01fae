"""NTU RGB+D .skeleton files: Kinect v2 bodies, frame by frame, as text."""

from __future__ import annotations

import io
import re
from array import array
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, FileLimitError
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.registry import Format, PathLike, Probe, ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton

SKELETON = "kinect_v2_25"
FPS = 30.0
NUM_JOINTS = 25
BODY_FIELDS = 10
JOINT_FIELDS = 12
INFERRED_CONFIDENCE = 0.5

_COUNT = re.compile(rb"\d{1,10}")
_BODY_ID = re.compile(rb"\d{1,20}")
_NUMBER = re.compile(rb"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
_FILE_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class ClipName:
    """What the name of an NTU RGB+D clip says; all numbers count from 1.

    Args:
        setup: Height and distance of the cameras.
        camera: Which of three.
        performer: The subject, the first one if there are two.
        replication: The first or second time.
        action: The class.

    Example:
        >>> name = ClipName.find("data/S001C002P003R002A013.skeleton")
        >>> name.performer, name.action, str(name)
        (3, 13, 'S001C002P003R002A013')
    """

    setup: int
    camera: int
    performer: int
    replication: int
    action: int

    @classmethod
    def find(cls, text: str) -> ClipName | None:
        """Return the name in a text such as a path, the last one if there are several; None if there is none."""
        found = _FILE_NAME.findall(text)
        return cls(*map(int, found[-1])) if found else None

    def __str__(self) -> str:
        numbers = (self.setup, self.camera, self.performer, self.replication, self.action)
        return "".join(f"{letter}{number:03d}" for letter, number in zip("SCPRA", numbers, strict=True))


class _Lines:
    """The lines of a file one after the other, each with its number."""

    def __init__(self, data: bytes, where: str) -> None:
        self.file = io.BytesIO(data)
        self.where = where
        self.number = 0

    def next(self, expected: str) -> bytes:
        line = self.file.readline()
        self.number += 1
        if not line or line.isspace():
            found = "an empty line" if line else "the end of the file"
            raise self.error(found, expected)
        return line

    def count(self, what: str) -> int:
        line = self.next(f"the number of {what}").strip()
        if not _COUNT.fullmatch(line):
            raise self.error(f"{_quote(line)} as the number of {what}", "a whole number")
        return int(line)

    def error(self, found: str, expected: str) -> FileFormatError:
        return FileFormatError(found, where=f"{self.where}, line {self.number}", expected=expected)


class _Bodies:
    """What the file says of each body: slot, frame, 25 positions and tracking states."""

    def __init__(self) -> None:
        self.slots: dict[bytes, int] = {}
        self.places = array("q")
        self.positions = array("d")
        self.states = array("b")

    def add(self, lines: _Lines, frame: int, seen: set[int], limits: ReadLimits) -> None:
        fields = lines.next("the line of a body").split()
        if len(fields) != BODY_FIELDS or not _BODY_ID.fullmatch(fields[0]):
            raise lines.error(f"{len(fields)} values, {_quote(fields[0])} first", "a body id and 9 numbers")
        slot = self.slots.setdefault(fields[0], len(self.slots))
        if slot in seen:
            raise lines.error(f"body {_quote(fields[0])} for the second time in frame {frame}", "each body once")
        if slot >= limits.maximum_persons:
            raise FileLimitError(
                f"over {limits.maximum_persons:,} bodies",
                where=f"{lines.where}, line {lines.number}",
                remedy="limits=ReadLimits(maximum_persons=...)",
            )
        seen.add(slot)
        joints = lines.count("joints")
        if joints != NUM_JOINTS:
            raise lines.error(f"{joints} joints", f"{NUM_JOINTS}, as Kinect v2 has")
        self.places.extend((slot, frame))
        for joint in range(NUM_JOINTS):
            self._add_joint(lines, joint)

    def _add_joint(self, lines: _Lines, joint: int) -> None:
        fields = lines.next(f"joint {joint} of {NUM_JOINTS}").split()
        if len(fields) != JOINT_FIELDS:
            raise lines.error(f"{len(fields)} values for joint {joint}", f"{JOINT_FIELDS} numbers")
        try:
            numbers = [float(field) for field in fields]
        except ValueError:
            raise lines.error(f"text among the values of joint {joint}", f"{JOINT_FIELDS} numbers") from None
        if numbers[11] not in (0, 1, 2):
            raise lines.error(f"tracking state {_quote(fields[11])} of joint {joint}", "0, 1 or 2")
        self.positions.extend(numbers[:3])
        self.states.append(int(numbers[11]))


def _recognise(probe: Probe) -> bool:
    if b"\0" in probe.head:
        return False
    lines = [line.split() for line in probe.head.removeprefix(b"\xef\xbb\xbf").splitlines()[:400]]
    single = [len(fields) == 1 and _NUMBER.fullmatch(fields[0]) is not None for fields in lines]
    if not single or not single[0]:
        return False
    body = single.index(False) if False in single else len(lines)
    return body == len(lines) or not lines[body] or (body >= 2 and len(lines[body]) == BODY_FIELDS)


def read_bodies(path: PathLike, slots: int = 2, *, limits: ReadLimits | None = None) -> npt.NDArray[np.float64]:
    r"""Read the first bodies of each frame in the order of the file, whoever they are, as the published code did.

    `msclr.read` gives every body a slot of its own, and leaves out joints that were not tracked; this does neither.

    Args:
        path: A .skeleton file.
        slots: How many bodies of a frame.
        limits: How much the file may ask for.

    Returns:
        [slots, t, 25, 3] in metres, y up; zeros where a frame has fewer bodies.

    Raises:
        FileFormatError: If a line is not as it should be, or a coordinate is not finite.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "S001C001P001R001A001.skeleton"
        >>> joint = "0.1 0.9 3 0 0 0 0 0 0 0 0 2"
        >>> _ = path.write_text("\n".join(["1", "1", "7 0 0 0 0 0 0 0 0 2", "25", *[joint] * 25]))
        >>> read_bodies(path)[:, 0, 0].tolist()
        [[0.1, 0.9, 3.0], [0.0, 0.0, 0.0]]
    """
    place, limits = guard.to_path(path), limits or ReadLimits()
    bodies, frames, size = _parse(place, limits)
    where = guard.shown(place)
    guard.check_size(slots, frames, NUM_JOINTS, 6, bytes_read=size, limits=limits, where=where)
    chosen = np.zeros((slots, frames, NUM_JOINTS, 3))
    counts = [0] * frames
    positions = np.frombuffer(bodies.positions).reshape(-1, NUM_JOINTS, 3)
    for pose, frame in zip(positions, bodies.places[1::2], strict=True):
        if not np.isfinite(pose).all():
            raise FileFormatError("a coordinate that is not finite", where=f"{where}, frame {frame}")
        if counts[frame] < slots:
            chosen[counts[frame], frame] = pose
        counts[frame] += 1
    return chosen


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    bodies, frames, size = _parse(path, options.limits)
    return _to_sequence(bodies, frames, size, path, options)


def _parse(path: Path, limits: ReadLimits) -> tuple[_Bodies, int, int]:
    """Return the bodies of a file, its number of frames and its size in bytes."""
    where = guard.shown(path)
    data = guard.open_regular(path, limits)
    guard.refuse_binary(data, where)
    lines = _Lines(data.removeprefix(b"\xef\xbb\xbf"), where)
    frames = _read_frame_count(lines, data, limits)
    bodies = _Bodies()
    if b"_" in data:  # Python would take 1_0 for 10
        line = data.count(b"\n", 0, data.index(b"_")) + 1
        raise FileFormatError("an underscore", where=f"{where}, line {line}", expected="numbers")
    for frame in range(frames):
        seen: set[int] = set()
        for _ in range(lines.count("bodies")):
            bodies.add(lines, frame, seen, limits)
    rest = lines.file.read()
    if rest.strip():
        lines.number += 1 + rest.count(b"\n", 0, len(rest) - len(rest.lstrip()))
        raise lines.error(f"text after the last of {frames:,} frames", "the end of the file")
    return bodies, frames, len(data)


def _read_frame_count(lines: _Lines, data: bytes, limits: ReadLimits) -> int:
    frames = lines.count("frames")
    place = f"{lines.where}, line 1"
    if frames > limits.maximum_frames:
        raise FileLimitError(
            f"{frames:,} frames",
            where=place,
            expected=f"at most {limits.maximum_frames:,}",
            remedy="limits=ReadLimits(maximum_frames=...)",
        )
    available = data.count(b"\n") - data.endswith(b"\n")
    if not 1 <= frames <= available:
        raise lines.error(f"{frames:,} frames announced in a file of {available + 1:,} lines", "as many as there are")
    return frames


def _to_sequence(bodies: _Bodies, frames: int, size: int, path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    persons = len(bodies.slots)
    guard.check_size(persons, frames, NUM_JOINTS, 3, bytes_read=size, limits=options.limits, where=where)
    slot, frame = np.frombuffer(bodies.places, dtype=np.int64).reshape(-1, 2).T if persons else np.zeros((2, 0), int)
    positions = np.full((persons, frames, NUM_JOINTS, 3), np.nan, dtype=np.float32)
    confidence = np.zeros((persons, frames, NUM_JOINTS), dtype=np.float32)
    if persons:
        states = np.frombuffer(bodies.states, dtype=np.int8).reshape(-1, NUM_JOINTS)
        with np.errstate(over="ignore"):  # from_array refuses what overflows
            positions[slot, frame] = np.frombuffer(bodies.positions).reshape(-1, NUM_JOINTS, 3)
        confidence[slot, frame] = np.array([0, INFERRED_CONFIDENCE, 1], dtype=np.float32)[states]
    name = ClipName.find(path.name)
    return PoseSequence.from_array(
        positions,
        options.skeleton or get_skeleton(SKELETON),
        fps=FPS if options.fps is None else options.fps,
        confidence=confidence,
        unit=options.unit,
        up=options.up,
        person_ids=[body.decode("ascii") for body in bodies.slots],
        source=where,
        meta={fact: str(number) for fact, number in asdict(name).items()} if name else None,
    )


def _quote(token: bytes) -> str:
    return repr(token[:40].decode("utf-8", "replace"))


FORMAT = Format(
    name="ntu",
    title="NTU RGB+D .skeleton",
    suffixes=(".skeleton",),
    recognise=_recognise,
    read=_read,
    description="Kinect v2 bodies as text; bodies keep their slot by body id.",
)
