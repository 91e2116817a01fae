"""PKU-MMD: the split files of part I and part II."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from msclr.errors import FileFormatError
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.registry import PathLike

CLASSES = 51

_IDS = {1: re.compile(r"(\d{4})-[LMR]"), 2: re.compile(r"A\d\dN\d\d-[LMR]")}
_FIRST, _LAST = 2, 364  # recordings of part I
_LINES = {2: "training", 4: "test"}


@dataclass(frozen=True)
class PkuSplit:
    """The recordings of PKU-MMD that are for training and for testing.

    Args:
        train, test: Names of recordings, "0002-M" in part I, "A01N02-L" in part II.
        part: 1 or 2.
    """

    train: frozenset[str]
    test: frozenset[str]
    part: int

    def side_of(self, recording: str) -> Literal["train", "test"] | None:
        """Return on which side a recording is, None if on neither.

        Example:
            >>> PkuSplit(frozenset({"0002-M"}), frozenset({"0003-M"}), 1).side_of("0003-M")
            'test'
        """
        if recording in self.train:
            return "train"
        return "test" if recording in self.test else None


def read_pku_split(path: PathLike, *, limits: ReadLimits | None = None) -> PkuSplit:
    r"""Read a split file of PKU-MMD: `cross-subject.txt` or `cross-view.txt`, in part II with `_v2`.

    Args:
        path: A text file whose second line has the names for training and whose fourth line those for testing, with
            commas between.
        limits: How much the file may ask for.

    Raises:
        FileFormatError: If a line is missing or empty, has something else than names of recordings, names of both
            parts, or a name twice.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "cross-view.txt"
        >>> _ = path.write_text("Training videos:\n0002-M, 0002-R\nTest videos:\n0002-L\n")
        >>> split = read_pku_split(path)
        >>> split.part, sorted(split.train), sorted(split.test)
        (1, ['0002-M', '0002-R'], ['0002-L'])

    Source:
        Liu et al. 2017 (PKU-MMD).
    """
    place = guard.to_path(path)
    where = guard.shown(place)
    lines = guard.read_text(place, limits or ReadLimits()).splitlines()
    sides: list[Set[str]] = []
    parts: set[int] = set()
    for number, side in _LINES.items():
        line = lines[number - 1] if number <= len(lines) else ""
        names: set[str] = set()
        for text in filter(None, map(str.strip, line.split(","))):
            name = text.removesuffix(".txt")
            part = _part_of(name)
            if part is None or name in names or any(name in other for other in sides):
                problem = "is no recording" if part is None else "stands there twice"
                raise FileFormatError(
                    f"{text[:60]!r} {problem}",
                    where=f"{where}, line {number}",
                    expected="names as 0002-M or A01N02-L, each once",
                )
            names.add(name)
            parts.add(part)
        if not names:
            raise FileFormatError(f"no {side} recordings", where=f"{where}, line {number}", expected="their names")
        sides.append(names)
    if len(parts) != 1:
        raise FileFormatError("recordings of both parts", where=where, expected="those of part I or of part II")
    train, test = sides
    return PkuSplit(frozenset(train), frozenset(test), parts.pop())


def _part_of(name: str) -> int | None:
    for part, pattern in _IDS.items():
        found = pattern.fullmatch(name)
        if found and (part == 2 or _FIRST <= int(found[1]) <= _LAST):
            return part
    return None
