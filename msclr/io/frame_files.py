"""One file for each frame: which frame a file is, by its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from msclr.errors import FileFormatError


def number_files(names: Sequence[str], pattern: re.Pattern[str], where: str, *, example: str) -> list[tuple[int, str]]:
    """Return (frame number, name) of the files of one recording in order; gaps in the numbers stay gaps.

    Args:
        names: Names of files that `pattern` matches.
        pattern: Has the groups "stem" and "number"; a single file may go without a number and is frame 0.
        where: The folder, for messages.
        example: A name as it should be.

    Raises:
        FileFormatError: If the files are of several recordings, have no number, or bear the same one.

    Example:
        >>> pattern = re.compile(r"(?P<stem>.*?)(?P<number>[0-9]+)?[.]txt")
        >>> number_files(["walk_10.txt", "walk_9.txt"], pattern, "labels", example="walk_1.txt")
        [(9, 'walk_9.txt'), (10, 'walk_10.txt')]
    """
    matches = [(name, match) for name in names if (match := pattern.fullmatch(name))]
    stems = sorted({match["stem"] for _, match in matches})
    if len(stems) > 1:
        raise FileFormatError(
            f"{len(stems)} recordings: {', '.join(f'{stem!r:.40}' for stem in stems[:4])}",
            where=where,
            expected="one recording in one folder",
            remedy="a folder for each",
        )
    if len(matches) > 1 and any(match["number"] is None for _, match in matches):
        raise FileFormatError("file names without a frame number", where=where, expected=example)
    numbered = sorted((int(match["number"] or 0), name) for name, match in matches)
    for (number, name), (following, other) in pairwise(numbered):
        if number == following:
            raise FileFormatError(
                f"frame {number} twice: {name!r:.60} and {other!r:.60}", where=where, expected="each frame once"
            )
    return numbered
