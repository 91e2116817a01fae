"""YAML that means what JSON can mean, without aliases, repeated keys or endless nesting."""

from __future__ import annotations

import json
from collections import Counter

from msclr.errors import FileFormatError, FileLimitError

MAXIMUM_NESTING = 16


def to_json(data: bytes, *, where: str) -> str:
    """Turn YAML into JSON text, or say why it cannot be.

    Args:
        data: YAML in UTF-8.
        where: Name of the file for error messages.

    Raises:
        FileFormatError: If it is not YAML, or has an alias, a key twice, or values that JSON lacks.
        FileLimitError: If it nests deeper than 16 levels.

    Example:
        >>> to_json(b"joints: [hip, knee]", where="mine.yaml")
        '{"joints": ["hip", "knee"]}'
    """
    import yaml  # type: ignore[import-untyped]  # types-PyYAML is not worth a dependency

    try:
        _check_nodes(yaml.compose(data, Loader=yaml.SafeLoader), where)
        return json.dumps(yaml.safe_load(data))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileFormatError(" ".join(str(error).split())[:200], where=where, expected="valid YAML") from None
    except (TypeError, ValueError) as error:
        if isinstance(error, FileFormatError | FileLimitError):
            raise
        raise FileFormatError(str(error)[:120], where=where, expected="text, numbers and lists") from None
    except RecursionError:
        raise FileLimitError("endless nesting", where=where, expected=f"at most {MAXIMUM_NESTING} levels") from None


def from_json(text: str) -> str:
    """Turn JSON text into YAML that `to_json` takes, in the same order.

    Args:
        text: JSON that is known to be sound: our own.

    Example:
        >>> print(from_json('{"rate": 1e-5, "split": null, "switch": "no"}'), end="")
        rate: 1.0e-05
        split: null
        switch: 'no'
    """
    import yaml

    written: str = yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True)
    return written


def _check_nodes(root: object, where: str) -> None:
    """Refuse what makes a short YAML text huge or ambiguous: aliases, deep nesting, a key for the second time."""
    waiting = [(root, 1)]
    seen: set[int] = set()
    while waiting:
        node, depth = waiting.pop()
        children = getattr(node, "value", None)
        line = getattr(getattr(node, "start_mark", None), "line", 0) + 1
        if id(node) in seen:
            raise FileFormatError("a YAML alias", where=f"{where}, line {line}", expected="values written out")
        seen.add(id(node))
        if depth > MAXIMUM_NESTING:
            raise FileLimitError("deep nesting", where=f"{where}, line {line}", expected=f"at most {MAXIMUM_NESTING}")
        if not isinstance(children, list):
            continue
        keys = [child[0].value for child in children if isinstance(child, tuple)]
        times = Counter(key for key in keys if isinstance(key, str))
        twice = next((key for key, count in times.items() if count > 1), None)
        if twice is not None:
            raise FileFormatError(
                f"the key {twice!r:.60} occurs twice", where=f"{where}, line {line}", expected="each key once"
            )
        for child in children:
            waiting.extend((part, depth + 1) for part in (child if isinstance(child, tuple) else (child,)))
