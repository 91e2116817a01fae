"""Damage files at random, read them, and say what came of it."""

from __future__ import annotations

import io
import itertools
import os
import random
import re
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from oracles.reader_files import LAYOUTS
from oracles.recording import Recording

from msclr import PoseSequence, read
from msclr.errors import MsclrError
from msclr.poses.arrays import MAXIMUM_COORDINATE
from msclr.poses.sequence import MAXIMUM_FPS

FRAMES = 4
SLACK_SECONDS = 0.2  # of the processor, on top of one second per 100 kB
KEPT = 40  # different failures

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_TOKEN = re.compile(rb"[A-Za-z_]\w*|\"[^\"\n]{0,40}\"|[\[\]{}:,]")
_NUMBERS = (
    b"0", b"-1", b"1", b"-0.0", b"2", b"1e8", b"1.1", b"-1e30", b"1e300", b"1e400", b"NaN", b"nan", b"inf",
    b"-Infinity", b"2147483648", b"4294967295", b"9223372036854775808", b"18446744073709551616", b"9" * 30,
    b"9" * 5000, b"1e-320", b"0x10", b"1_0", b"1,5", b"+3", b"1e", b"-", b"\xd9\xa1", b"true", b"null", b'"1"', b"[]",
)  # fmt: skip
_CHUNKS = (
    b"", b"\0", b"\n", b"\r", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"}", b"[", b"]", b'"', b",", b":", b" ", b"\t",
    b"[" * 2000, b'{"a":' * 500, b"\x80\x04", b"PK\x03\x04", b"\x93NUMPY\x01\0", b"\xc3\x28", b"\\ud800", b"#", b"-",
)  # fmt: skip
FLOODS = (
    b"9", b"0", b" ", b"\t", b"\n", b"\r\n", b"\n ", b",", b"-", b".", b"1.", b"1 ", b"1,", b"{", b"[", b"[]", b"{}",
    b"{},", b'"', b'\\"', b"\\", b'"a":', b'"",', b"a", b"a1", b"a:", b"(", b"\0", b"\x80", b"\xc3\xa9", b"{\n",
    b"}\n", b"1\n", b"1e5", b"e", b"0\n0\n", b"nan ", b"JOINT a {", b"begin\n", b"'", b"#\n", b":\n",
)  # fmt: skip
_INTEGERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return a damaged copy; what is inside a zip archive is damaged with the checksums kept right, mostly."""
    if data.startswith(b"PK\x03\x04") and rng.random() < 0.7:
        try:
            return _inside_archive(data, rng)
        except (zipfile.BadZipFile, ValueError, OSError):
            pass
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 6))):
        change = rng.choice(_CHANGES) if rng.random() < 0.97 else _flood
        change(content, rng)
        del content[1_000_000:]
    return bytes(content)


def _inside_archive(data: bytes, rng: random.Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    place = rng.randrange(len(members))
    name, content = members[place]
    kind = rng.random()
    if kind < 0.75:
        members[place] = (name, mutate(content, rng))
    elif kind < 0.83:
        del members[place]
    elif kind < 0.91:
        members[place] = (name, rng.choice(members)[1])
    else:
        members[place] = (rng.choice(members)[0][:-4] + rng.choice(("2", "", "joints")) + ".npy", content)
    made = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the same name twice
        with zipfile.ZipFile(made, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
            for name, content in members:
                archive.writestr(name, content)
    return made.getvalue()


def _place(content: bytearray, rng: random.Random) -> int:
    """Return a place, half of the time near the front, where the headers are."""
    return rng.randrange(max(1, len(content) if rng.random() < 0.5 else min(len(content), 200)))


def _flip(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 4)) if content else 0):
        content[_place(content, rng)] ^= 1 << rng.randrange(8)


def _overwrite(content: bytearray, rng: random.Random) -> None:
    place = _place(content, rng)
    content[place : place + rng.choice((1, 1, 4, 16))] = rng.randbytes(rng.choice((1, 1, 4, 16)))


def _integer(content: bytearray, rng: random.Random) -> None:
    place, width = _place(content, rng), rng.choice((1, 2, 4, 8))
    value = rng.choice(_INTEGERS) & (256**width - 1)
    content[place : place + width] = value.to_bytes(width, rng.choice(("little", "big")))


def _delete(content: bytearray, rng: random.Random) -> None:
    place = _place(content, rng)
    del content[place : place + rng.choice((1, 2, 7, 40, 400))]


def _truncate(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(1, max(2, len(content))) :]


def _duplicate(content: bytearray, rng: random.Random) -> None:
    place = _place(content, rng)
    content[place:place] = content[place : place + rng.choice((1, 5, 40, 400))] * rng.choice((1, 1, 2, 50))


def _splice(content: bytearray, rng: random.Random) -> None:
    start, length = _place(content, rng), rng.choice((3, 20, 200))
    place = _place(content, rng)
    content[place : place + rng.choice((0, length))] = content[start : start + length]


def _insert(content: bytearray, rng: random.Random) -> None:
    place = _place(content, rng)
    content[place:place] = rng.choice(_CHUNKS)


def _number(content: bytearray, rng: random.Random) -> None:
    found = _NUMBER.search(content, _place(content, rng)) or _NUMBER.search(content)
    if found:
        content[found.start() : found.end()] = rng.choice(_NUMBERS)


def _token(content: bytearray, rng: random.Random) -> None:
    first = _TOKEN.search(content, _place(content, rng))
    second = _TOKEN.search(content, _place(content, rng))
    if first and second:
        content[first.start() : first.end()] = second.group()


def _lines(content: bytearray, rng: random.Random) -> None:
    lines = content.split(b"\n", 2000)
    first, second, kind = rng.randrange(len(lines)), rng.randrange(len(lines)), rng.random()
    if kind < 0.35:
        del lines[first : first + rng.choice((1, 1, 1, 5))]
    elif kind < 0.65:
        lines[first], lines[second] = lines[second], lines[first]
    elif kind < 0.85:
        lines.insert(first, lines[second])
    else:
        words = lines[first].split()
        rng.shuffle(words)
        lines[first] = bytearray(b" ".join(words[: rng.randrange(len(words) + 1)]))
    content[:] = b"\n".join(lines)


def _flood(content: bytearray, rng: random.Random) -> None:
    """Repeat something short for a long time: what takes quadratic time shows."""
    place = _place(content, rng)
    piece = rng.choice((*FLOODS, bytes(content[place : place + rng.choice((1, 2, 3, 8, 30))])))
    times = rng.choice((300, 3000, 30_000)) // max(1, len(piece))
    content[place:place] = piece * times


_CHANGES = (
    _flip, _overwrite, _integer, _delete, _truncate, _duplicate, _splice, _insert, _number, _number, _number, _token,
    _token, _lines, _lines,
)  # fmt: skip


def broken_invariants(sequence: PoseSequence) -> list[str]:
    """List what a sequence that came out of a reader must not be."""
    positions, valid, confidence = sequence.positions, sequence.valid, sequence.confidence
    shape = (sequence.num_persons, sequence.num_frames, sequence.skeleton.num_joints)
    checks = {
        "shapes": valid.shape == shape and positions.shape == (*shape, sequence.dims) and sequence.dims in (2, 3),
        "types": positions.dtype == np.float32 and valid.dtype == np.bool_,
        "read-only": not positions.flags.writeable and not valid.flags.writeable,
        "finite": bool(np.isfinite(positions).all()) and bool((np.abs(positions) <= MAXIMUM_COORDINATE).all()),
        "zero where unknown": not positions[~valid].any(),
        "ids": len(set(sequence.person_ids)) == len(sequence.person_ids) == shape[0],
        "fps": sequence.fps is None or (type(sequence.fps) is float and 0 < sequence.fps <= MAXIMUM_FPS),
        "meta": all(type(key) is str and type(value) is str for key, value in sequence.meta.items()),
    }
    if confidence is not None:
        checks["confidence"] = (
            confidence.shape == shape
            and confidence.dtype == np.float32
            and not confidence.flags.writeable
            and bool(((confidence >= 0) & (confidence <= 1)).all())
        )
    return [name for name, holds in checks.items() if not holds]


@dataclass
class Report:
    """What a campaign found: how many files were made, how many refused, and what went wrong, each kind once."""

    made: int = 0
    refused: int = 0
    slowest: float = 0.0
    failures: dict[str, str] = field(default_factory=dict)


class Campaign:
    """Damage the files of one layout again and again; the n-th damage depends on the seed and n alone."""

    def __init__(self, layout: str, folder: Path, *, seed: int = 0, frames: int = FRAMES) -> None:
        self.layout, self.seed, self.keep = layout, seed, os.environ.get("MSCLR_FUZZ_KEEP")
        self.format, build = LAYOUTS[layout]
        folder.mkdir(parents=True, exist_ok=True)
        self.recording: Recording = build(folder, frames)
        self.originals = {path: path.read_bytes() for path in self.recording.files}
        self.size = sum(map(len, self.originals.values()))
        self.damaged: Path | None = None
        problems = broken_invariants(read(self.recording.path, format=self.format, **self.recording.options))
        if problems:
            raise AssertionError(f"the undamaged {layout} is read wrongly: {problems}")

    def run(self, *, mutations: int = 0, seconds: float = 0.0, first: int = 0) -> Report:
        """Make so many damaged files, and more until the time is over."""
        report, end = Report(), time.monotonic() + seconds
        for number in itertools.count(first):
            if report.made >= mutations and time.monotonic() > end:
                break
            self.attempt(number, report)
        return report

    def attempt(self, number: int, report: Report) -> None:
        """Make the damaged file of this number beside undamaged ones, and read it."""
        rng = random.Random(f"{self.layout}/{self.seed}/{number}")
        path = rng.choice(list(self.originals))
        damaged = mutate(self.originals[path], rng)
        format = self.format if rng.random() < 0.8 else "auto"
        if self.damaged not in (None, path):
            self.damaged.write_bytes(self.originals[self.damaged])
        path.write_bytes(damaged)
        self.damaged = path
        report.made += 1
        allowed = SLACK_SECONDS + (self.size + len(damaged)) / 100_000
        problem, seconds = self._read(format, report, time.perf_counter)  # asking for processor time is slow itself
        if problem is None and seconds > allowed:
            problem, seconds = self._read(format, Report(), time.process_time)
            if problem is None and seconds > allowed:
                problem = f"slow: {seconds:.2f} s of {allowed:.2f}"
        report.slowest = max(report.slowest, seconds)
        if problem is not None and len(report.failures) < KEPT and problem not in report.failures:
            report.failures[problem] = f"{self.layout} {format}, seed {self.seed}, number {number}: {path.name}"
            if self.keep:
                Path(self.keep).mkdir(parents=True, exist_ok=True)
                (Path(self.keep) / f"{self.layout}-{self.seed}-{number}-{path.name}").write_bytes(damaged)

    def _read(self, format: str, report: Report, clock: Callable[[], float]) -> tuple[str | None, float]:
        start = clock()
        problem: str | None = None
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", UserWarning)  # what msclr says of zeros and scores
            try:
                sequence = read(self.recording.path, format=format, **self.recording.options)
                broken = broken_invariants(sequence)
                problem = f"wrong: {', '.join(broken)}" if broken else None
            except MsclrError as error:
                report.refused += 1
                problem = unhelpful(error)
            except Exception as error:
                last = traceback.extract_tb(error.__traceback__)[-1]
                problem = f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno} ({error!s:.100})"
        return problem, clock() - start


def unhelpful(error: MsclrError) -> str | None:
    """Say what an error's text lacks: the place, an end, one line."""
    text = str(error)
    kind = type(error).__name__
    if not error.where:
        return f"{kind} without a place: {re.sub(r'[0-9]+', '#', text):.60}"
    if not (error.expected or error.remedy) and not error.found:
        return f"{kind} says nothing: {text:.60}"
    if len(text) > 2000 or not text.isprintable():
        return (
            f"{kind} of {'many' if len(text) > 2000 else 'unprintable'} characters: {re.sub(r'[0-9]+', '#', text):.60}"
        )
    return None
