"""Text with one frame in each line: a fixed number of coordinates, between commas or blanks."""

from __future__ import annotations

import re
from array import array

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, FileLimitError
from msclr.io.limits import ReadLimits

MAXIMUM_WIDTH = 64

_SEPARATORS = re.compile(r"[,\s]+")
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?|[nN][aA][nN]")


def has_columns(head: bytes, columns: int) -> bool:
    """Tell whether the first line of a file has that many numbers, and the next complete ones too."""
    if b"\0" in head:
        return False
    lines = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").splitlines()
    if len(lines) > 1 and not head.endswith(b"\n"):
        lines = lines[:-1]  # the head may end within a line
    rows = [_split(line) for line in lines[:5] if line.strip()]
    return bool(rows) and all(len(row) == columns and all(map(_NUMBER.fullmatch, row)) for row in rows)


def parse_rows(text: str, columns: int, limits: ReadLimits, where: str) -> npt.NDArray[np.float64]:
    r"""Return the numbers of a text, one frame in each line.

    Args:
        text: The text; empty lines may stand at its end only.
        columns: Numbers in each line.
        limits: Refuses too many frames.
        where: The file, for messages.

    Returns:
        [t, columns] float64.

    Raises:
        FileFormatError: If a line has another number of values, or one that is no number; the message has the line.
        FileLimitError: If there are too many lines.

    Example:
        >>> parse_rows("1, 2\n3, 4.5\n", 2, ReadLimits(), "a.txt").tolist()
        [[1.0, 2.0], [3.0, 4.5]]
    """
    lines = text.rstrip().splitlines()
    if len(lines) > limits.maximum_frames:
        raise FileLimitError(
            f"{len(lines):,} frames",
            where=where,
            expected=f"at most {limits.maximum_frames:,}",
            remedy="limits=ReadLimits(maximum_frames=...)",
        )
    values = array("d")
    for index, line in enumerate(lines):
        place = f"{where}, line {index + 1}"
        if len(line) > columns * MAXIMUM_WIDTH:
            raise FileFormatError(f"{len(line):,} characters", where=place, expected=f"{columns} numbers in each line")
        row = _split(line)
        if len(row) != columns:
            raise FileFormatError(f"{len(row)} values", where=place, expected=f"{columns} numbers in each line")
        odd = next((cell for cell in row if not _NUMBER.fullmatch(cell)), None)
        if odd is not None:
            raise FileFormatError(f"{odd[:40]!r} among the values", where=place, expected=f"{columns} numbers")
        values.extend(map(float, row))
    return np.frombuffer(values).reshape(-1, columns)


def _split(line: str) -> list[str]:
    return _SEPARATORS.split(line.strip().rstrip(",").strip()) if line.strip() else []
