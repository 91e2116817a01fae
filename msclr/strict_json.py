"""JSON that refuses what `json.loads` lets through: duplicate keys, NaN, endless nesting, endless numbers."""

from __future__ import annotations

import json
import math
import re
from typing import TypeAlias

from msclr.errors import FileFormatError, FileLimitError

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None

MAXIMUM_NESTING = 64
MAXIMUM_DIGITS = 400

# Possessive, and content with a missing end, so that no text makes it look at a character twice.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_LONG_NUMBER = re.compile(rf"[0-9.eE+-]{{{MAXIMUM_DIGITS},}}")


def loads(text: str | bytes, *, where: str = "JSON", maximum_bytes: int = 64 * 2**20) -> JsonValue:
    """Parse JSON text and refuse anything ambiguous, non-finite or unbounded.

    Args:
        text: JSON in UTF-8 (a byte order mark is accepted) or as a string.
        where: Name of the file or object for error messages.
        maximum_bytes: Largest accepted length of `text`.

    Returns:
        The parsed value: dict, list, str, float, int, bool or None.

    Raises:
        FileFormatError: If the text is not strict JSON; the message has line and column where known.
        FileLimitError: If the text is longer than `maximum_bytes`, or nests deeper than 64 levels.

    Example:
        >>> loads('{"joints": ["hip", "knee"]}')
        {'joints': ['hip', 'knee']}
        >>> loads('{"id": 1, "id": 2}')
        Traceback (most recent call last):
        ...
        msclr.errors.FileFormatError: JSON: the key 'id' occurs twice in one object; expected each key once
    """
    if len(text) > maximum_bytes:
        raise FileLimitError(f"{len(text):,} bytes of JSON", where=where, expected=f"at most {maximum_bytes:,}")
    if isinstance(text, bytes):
        text = _decode(text, where)
    text = text.removeprefix("\ufeff")
    _check_shape(text, where)

    def refuse(constant: str) -> float:
        raise FileFormatError(f"the number {constant}", where=where, expected="finite numbers")

    def finite(literal: str) -> float:
        number = float(literal)
        return number if math.isfinite(number) else refuse(literal)

    def unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {}
        for key, value in pairs:
            if key in found:
                raise FileFormatError(
                    f"the key {key!r} occurs twice in one object", where=where, expected="each key once"
                )
            found[key] = value
        return found

    try:
        value: JsonValue = json.loads(text, parse_constant=refuse, parse_float=finite, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise FileFormatError(
            f"{error.msg} at line {error.lineno}, column {error.colno}", where=where, expected="valid JSON"
        ) from None
    return value


def _decode(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"byte {error.start} is not UTF-8",
            where=where,
            expected="JSON in UTF-8",
            remedy="re-save the file as UTF-8",
        ) from None


def _check_shape(text: str, where: str) -> None:
    """Bound nesting and the length of numbers before the recursive parser sees the text."""
    depth = deepest = 0
    structure = _STRING.sub("", text)
    for character in re.findall(r"[\[\]{}]", structure):
        depth += 1 if character in "[{" else -1
        deepest = max(deepest, depth)
    if deepest > MAXIMUM_NESTING:
        raise FileLimitError(f"{deepest} nested levels", where=where, expected=f"at most {MAXIMUM_NESTING}")
    if _LONG_NUMBER.search(structure):
        raise FileLimitError("a number of over 400 characters", where=where, expected="numbers of usual length")
