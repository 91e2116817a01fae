"""Text with a name, so that every error can say file, line and column."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from msclr.errors import FileFormatError, SkeletonError
from msclr.skeletons.checks import clean_name

_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class TextSource:
    r"""A text and where it came from.

    Example:
        >>> TextSource("HIERARCHY\nROOT hips", "walk.bvh").place(15)
        'walk.bvh, line 2, column 6'
    """

    text: str
    where: str

    def place(self, position: int) -> str:
        """Name a position of the text as file, line and column."""
        line = self.text.count("\n", 0, position) + 1
        column = position - self.text.rfind("\n", 0, position)
        return f"{self.where}, line {line}, column {column}"

    def error(
        self, position: int, found: str, expected: str | None = None, remedy: str | None = None
    ) -> FileFormatError:
        """Return the error for what was found at a position."""
        return FileFormatError(found, where=self.place(position), expected=expected, remedy=remedy)

    def number(self, token: str, position: int) -> float:
        """Return a token as a finite number.

        Raises:
            FileFormatError: If it is anything else, "nan" and "1,5" included.
        """
        if not _NUMBER.fullmatch(token):
            raise self.not_a_number(token, position)
        value = float(token)
        if not math.isfinite(value):
            raise self.error(position, f"the number {quote(token)} is too large", "finite numbers")
        return value

    def name(self, token: str, position: int) -> str:
        """Return a token as a joint name in Unicode NFC.

        Raises:
            FileFormatError: If it is empty, too long, or has control characters.
        """
        try:
            return clean_name(token, self.where)
        except SkeletonError as error:
            raise self.error(position, error.found, error.expected) from None

    def not_a_number(self, token: str, position: int) -> FileFormatError:
        """Return the error for a token that should have been a number."""
        remedy = "write decimals with a point" if "," in token else None
        return self.error(position, f"{quote(token)} is not a number", "a finite number", remedy)


def quote(token: str) -> str:
    """Return a piece of a file for a message: quoted, and not too long."""
    return repr(token if len(token) <= 40 else f"{token[:37]}...")
