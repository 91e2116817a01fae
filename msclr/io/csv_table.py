"""Tables of joints in CSV, as msclr writes them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from msclr.errors import FileFormatError, PoseError
from msclr.io import guard
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.io.tables import COLUMNS, scatter, write_csv
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton, list_skeletons
from msclr.skeletons.spec import SkeletonSpec

HEADER = ",".join(COLUMNS)

_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,60}(\.\d{0,60})?|\.\d{1,60})([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Row:
    frame: int
    person: str
    joint: int
    values: tuple[float, ...]
    """x, y, perhaps z, perhaps the confidence."""


def _recognise(probe: Probe) -> bool:
    first = probe.head.split(b"\n", 1)[0].removeprefix(b"\xef\xbb\xbf").rstrip(b"\r")
    return first == HEADER.encode()


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    text = guard.read_text(path, options.limits)
    lines = text.splitlines(keepends=True)
    if not lines or lines[0].rstrip("\r\n") != HEADER:
        raise FileFormatError(
            f"the header {lines[0].strip()[:80]!r}" if lines else "no header",
            where=where,
            expected=HEADER,
            remedy="pandas.read_csv and PoseSequence.from_array(array, skeleton, layout=...) for tables of others",
        )
    reader = csv.reader(lines, strict=True)
    try:
        table = list(reader)
    except csv.Error as error:
        raise FileFormatError(f"no CSV ({error})", where=f"{where}, line {reader.line_num}", expected=HEADER) from None
    if len(table) < 2:
        raise FileFormatError("a table without rows", where=where, expected="one row for each known joint")
    spec = _skeleton(options.skeleton, table, where)
    dims, scored = 3 if table[1][5:6] != [""] else 2, table[1][6:7] != [""]
    rows = list(_rows(table, spec, dims, scored, where))
    slots = {person: slot for slot, person in enumerate(dict.fromkeys(row.person for row in rows))}
    shape = (len(slots), 1 + max(row.frame for row in rows), spec.num_joints)
    guard.check_size(*shape, dims, bytes_read=len(text), limits=options.limits, where=where)
    places = np.array([(slots[row.person], row.frame, row.joint) for row in rows]).T
    with np.errstate(over="ignore"):
        values = np.array([row.values for row in rows]).astype(np.float32)
    positions, valid, confidence = scatter((places[0], places[1], places[2]), values, shape, dims)
    return PoseSequence.from_array(
        positions,
        spec,
        valid=valid,
        confidence=confidence,
        fps=options.fps,
        unit=options.unit,
        up=options.up,
        person_ids=list(slots),
        source=where,
    )


def _skeleton(given: SkeletonSpec | None, table: list[list[str]], where: str) -> SkeletonSpec:
    """Return the convention that the caller named; the names of joints alone are often those of several."""
    names = {row[2] for row in table[1:] if len(row) == len(COLUMNS)}
    if given is None:
        fitting = [each for each in list_skeletons() if names <= set(get_skeleton(each).joints)]
        raise PoseError(
            "a table without a joint convention",
            where=where,
            expected="skeleton=",
            remedy=f"one that has these joints: {', '.join(fitting[:6])}" if fitting else "the one it was written in",
        )
    return given


def _rows(table: list[list[str]], spec: SkeletonSpec, dims: int, scored: bool, where: str) -> Iterator[_Row]:
    columns = ["x", "y"] + ["z"] * (dims == 3) + ["confidence"] * scored
    places = {name: place for place, name in enumerate(spec.joints)}
    seen: set[tuple[int, str, int]] = set()
    for number, row in enumerate(table[1:], start=2):
        place = f"{where}, row {number}"
        if len(row) != len(COLUMNS):
            raise FileFormatError(f"{len(row)} columns", where=place, expected=f"{len(COLUMNS)}: {HEADER}")
        fields = dict(zip(COLUMNS, row, strict=True))
        if not _WHOLE.fullmatch(fields["frame"]):
            raise FileFormatError(f"the frame {fields['frame']!r:.60}", where=place, expected="a number from 0")
        if fields["joint"] not in places:
            raise FileFormatError(
                f"the joint {fields['joint']!r:.60}",
                where=place,
                expected=f"a joint of {spec.id!r}",
                remedy="skeleton= of the convention the table is in",
            )
        if (fields["z"] == "") != (dims == 2) or (fields["confidence"] == "") == scored:
            raise FileFormatError(
                f"z={fields['z']!r:.40} and confidence={fields['confidence']!r:.40}",
                where=place,
                expected="both given or empty as in the first row",
            )
        for column in columns:
            if not _NUMBER.fullmatch(fields[column]):
                raise FileFormatError(f"{column}={fields[column]!r:.60}", where=place, expected="a number")
        if scored and not 0 <= float(fields["confidence"]) <= 1:
            raise FileFormatError(f"confidence={fields['confidence']!r:.60}", where=place, expected="0 to 1")
        key = (int(fields["frame"]), fields["person"], places[fields["joint"]])
        if key in seen:
            raise FileFormatError(
                f"joint {fields['joint']!r} of person {fields['person']!r:.60} in frame {key[0]} a second time",
                where=place,
                expected="one row for each",
            )
        seen.add(key)
        yield _Row(*key, tuple(float(fields[column]) for column in columns))


def _write(sequence: PoseSequence, path: Path) -> None:
    write_csv(sequence, path)


FORMAT = Format(
    name="csv",
    title="msclr table in CSV",
    suffixes=(".csv",),
    recognise=_recognise,
    read=_read,
    write=_write,
    description="One row for each known joint; needs skeleton=, and does not say rate, unit and axes.",
)
