"""Tables of joints in CSV, as msclr writes them."""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Iterable, Iterator
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


def _recognise(probe: Probe) -> bool:
    first = probe.head.split(b"\n", 1)[0].removeprefix(b"\xef\xbb\xbf").rstrip(b"\r")
    return first == HEADER.encode()


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    text = guard.read_text(path, options.limits)
    lines = _lines(text)
    header = next(lines).rstrip("\r\n")
    if header != HEADER:
        raise FileFormatError(
            f"the header {header[:80]!r}",
            where=where,
            expected=HEADER,
            remedy="pandas.read_csv and PoseSequence.from_array(array, skeleton, layout=...) for tables of others",
        )
    reader = csv.reader(lines, strict=True)
    try:
        if options.skeleton is None:
            raise _no_skeleton({row[2] for row in reader if len(row) == len(COLUMNS)}, where)
        return _sequence(_Table(options.skeleton, where), reader, len(text), options)
    except csv.Error as error:
        place = f"{where}, line {reader.line_num + 1}"
        raise FileFormatError(f"no CSV ({error})", where=place, expected=HEADER) from None


def _lines(text: str) -> Iterator[str]:
    """Yield the lines, ended by line feeds only: names may contain the other ends of lines that Unicode knows."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _no_skeleton(names: set[str], where: str) -> PoseError:
    """Return the error for a table whose convention nobody named: the same names are often those of several."""
    fitting = [each for each in list_skeletons() if names <= set(get_skeleton(each).joints)]
    return PoseError(
        "a table without a joint convention",
        where=where,
        expected="skeleton=",
        remedy=f"one that has these joints: {', '.join(fitting[:6])}" if fitting else "the one it was written in",
    )


class _Table:
    """The rows of a table as numbers, checked one by one."""

    def __init__(self, spec: SkeletonSpec, where: str) -> None:
        self.where = where
        self.spec = spec
        self.joints = {name: place for place, name in enumerate(spec.joints)}
        self.persons: dict[str, int] = {}
        self.columns: tuple[str, ...] = ()
        self.places = array("q")
        self.values = array("d")

    def add(self, row: list[str], number: int) -> None:
        """Check one row and keep its numbers."""
        if len(row) != len(COLUMNS):
            raise self._refuse(number, f"{len(row)} columns", f"{len(COLUMNS)}: {HEADER}")
        fields = dict(zip(COLUMNS, row, strict=True))
        if not _WHOLE.fullmatch(fields["frame"]):
            raise self._refuse(number, f"the frame {fields['frame']!r:.60}", "a number from 0")
        if fields["joint"] not in self.joints:
            raise self._refuse(number, f"the joint {fields['joint']!r:.60}", f"a joint of {self.spec.id!r}")
        given = tuple(name for name in COLUMNS[3:] if fields[name])
        self.columns = self.columns or given
        if given != self.columns or given[:2] != ("x", "y"):
            raise self._refuse(number, f"numbers for {', '.join(given) or 'nothing'}", _expected(self.columns))
        for name in given:
            if not _NUMBER.fullmatch(fields[name]):
                raise self._refuse(number, f"{name}={fields[name]!r:.60}", "a number")
        if given[-1] == "confidence" and not 0 <= float(fields["confidence"]) <= 1:
            raise self._refuse(number, f"confidence={fields['confidence']!r:.60}", "0 to 1")
        person = self.persons.setdefault(fields["person"], len(self.persons))
        self.places.extend((person, int(fields["frame"]), self.joints[fields["joint"]]))
        self.values.extend(float(fields[name]) for name in given)

    def _refuse(self, number: int, found: str, expected: str) -> FileFormatError:
        remedy = "skeleton= of the convention the table is in" if found.startswith("the joint") else None
        return FileFormatError(found, where=f"{self.where}, row {number}", expected=expected, remedy=remedy)


def _expected(columns: tuple[str, ...]) -> str:
    return f"{', '.join(columns)}, as in the first row" if columns[:2] == ("x", "y") else "x and y, perhaps z"


def _sequence(table: _Table, rows: Iterable[list[str]], size: int, options: ReadOptions) -> PoseSequence:
    for number, row in enumerate(rows, start=2):
        table.add(row, number)
    if not table.places:
        raise FileFormatError("a table without rows", where=table.where, expected="one row for each known joint")
    persons, frames, joints = np.array(table.places).reshape(-1, 3).T
    dims = 3 if "z" in table.columns else 2
    shape = (len(table.persons), 1 + int(frames.max()), table.spec.num_joints)
    guard.check_size(*shape, dims, bytes_read=size, limits=options.limits, where=table.where)
    cells = np.ravel_multi_index((persons, frames, joints), shape)
    _, first = np.unique(cells, return_index=True)
    if len(first) < len(cells):
        again = int(np.setdiff1d(np.arange(len(cells)), first)[0])
        found = f"joint {table.spec.joints[joints[again]]!r} of a person in frame {frames[again]} a second time"
        raise FileFormatError(found, where=f"{table.where}, row {again + 2}", expected="one row for each")
    with np.errstate(over="ignore"):
        values = np.array(table.values).reshape(len(cells), -1).astype(np.float32)
    positions, valid, confidence = scatter((persons, frames, joints), values, shape, dims)
    return PoseSequence.from_array(
        positions,
        table.spec,
        valid=valid,
        confidence=confidence,
        fps=options.fps,
        unit=options.unit,
        up=options.up,
        person_ids=list(table.persons),
        source=table.where,
    )


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
