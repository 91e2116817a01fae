"""What a JSON file looks like from its beginning, and how it is opened: the part that all key point readers share."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from msclr import strict_json
from msclr.errors import FileFormatError, FileLimitError
from msclr.io import guard
from msclr.io.registry import ReadOptions

DEEPEST = 3

# Bytes that CPython needs for the smallest object and the smallest list, at most.
_OBJECT_BYTES, _LIST_BYTES = 232, 96
_FREE_BYTES = 16 * 2**20

# Possessive, and content with a missing end, so that no text makes it look at a character twice.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"(?P<key>\s*+:)?)?|[\[\]{}]', re.DOTALL)


@lru_cache(maxsize=2)
def keys_by_depth(head: bytes) -> tuple[str, tuple[frozenset[str], ...]]:
    r"""Name the keys in the beginning of a JSON text, by how deep they are.

    Args:
        head: The first bytes of a file, cut anywhere.

    Returns:
        The first bracket, "[" or "{" ("" if the text does not begin with one), and for the depths 0, 1, 2, 3 the keys
        of the objects in that many brackets.

    Example:
        >>> first, keys = keys_by_depth(b'[{"frame_id": 0, "instances": [{"score": 1}')
        >>> first, [sorted(level) for level in keys]
        ('[', [[], [], ['frame_id', 'instances'], []])
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    levels: list[set[str]] = [set() for _ in range(DEEPEST + 1)]
    if not text.startswith((b"[", b"{")):
        return "", tuple(frozenset(level) for level in levels)
    depth = 0
    for token in _TOKEN.finditer(text):
        character = token[0][:1]
        if character == b'"':
            if token["key"] is not None and depth <= DEEPEST:
                levels[depth].add(token[0][1 : token[0].rindex(b'"')].decode("utf-8", "replace"))
        else:
            depth += 1 if character in b"[{" else -1
            if depth <= 0:
                break
    return text[:1].decode(), tuple(frozenset(level) for level in levels)


def load_json(path: Path, options: ReadOptions, *, root: Path | None = None) -> tuple[strict_json.JsonValue, int]:
    """Read a JSON file within the limits.

    Args:
        path: The file.
        options: What the caller of `read` asked for.
        root: The folder that a folder reader was given.

    Returns:
        The value, and the size of the file in bytes.

    Raises:
        FileFormatError: If it is not strict JSON in UTF-8.
        FileLimitError: If it is too large, too deep, or nothing but brackets, which take far more memory than text.
    """
    where = guard.shown(path)
    data = guard.open_regular(path, options.limits, root=root, follow_symlinks=options.follow_symlinks)
    guard.refuse_binary(data, where)
    needed = data.count(b"{") * _OBJECT_BYTES + data.count(b"[") * _LIST_BYTES
    if needed > 12 * len(data) + _FREE_BYTES:
        raise FileLimitError(
            f"{data.count(b'{'):,} objects and {data.count(b'['):,} lists in {len(data):,} bytes",
            where=where,
            expected="key points, which are mostly numbers",
        )
    return strict_json.loads(data, where=where, maximum_bytes=options.limits.maximum_bytes), len(data)


def a_list(value: strict_json.JsonValue, where: str, of: str) -> list[strict_json.JsonValue]:
    """Return a value that must be a list."""
    if not isinstance(value, list):
        raise FileFormatError(_kind(value), where=where, expected=f"a list of {of}")
    return value


def an_object(value: strict_json.JsonValue, where: str, of: str) -> dict[str, strict_json.JsonValue]:
    """Return a value that must be an object."""
    if not isinstance(value, dict):
        raise FileFormatError(_kind(value), where=where, expected=f"an object with {of}")
    return value


def shown_value(value: strict_json.JsonValue) -> str:
    """Return a value for a message: short, and without the inside of lists and objects."""
    return _kind(value) if isinstance(value, list | dict) else f"{value!r:.40}"


def _kind(value: strict_json.JsonValue) -> str:
    names = {
        list: "a JSON list",
        dict: "a JSON object",
        str: "a JSON string",
        type(None): "null",
        bool: "true or false",
    }
    return names.get(type(value), "a JSON number")
