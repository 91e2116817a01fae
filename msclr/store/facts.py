"""What the index of a store says in words about a recording."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from msclr import strict_json
from msclr.errors import MsclrError, StoreError
from msclr.strict_json import JsonValue

_AT_ONCE = 10_000


@dataclass(frozen=True)
class Facts:
    """What is known about a recording beside its poses.

    Args:
        name: Its name in the store.
        source: Where the poses came from.
        recording: Name of what was recorded, the same in all conventions.
        person_ids: One id for each person, () for their numbers.
        meta: Facts, for example {"label": "waving"}.
    """

    name: str
    source: str | None
    recording: str | None
    person_ids: tuple[str, ...]
    meta: Mapping[str, str]


def facts_of(fields: JsonValue, where: str) -> Facts:
    """Return the facts of a line of texts.jsonl.

    Raises:
        StoreError: If it is no such line.

    Example:
        >>> facts_of({"name": "walk", "meta": {"label": "walking"}}, "texts.jsonl").meta
        {'label': 'walking'}
    """
    if not isinstance(fields, dict) or not isinstance(fields.get("name"), str):
        raise StoreError("no name", where=where, expected="an object with a name")
    ids, meta = fields.get("person_ids", []), fields.get("meta", {})
    if (
        not isinstance(ids, list)
        or not isinstance(meta, dict)
        or not all(isinstance(each, str) for each in meta.values())
    ):
        raise StoreError("person_ids or meta that are none", where=where, expected="a list, and an object of texts")
    return Facts(
        name=str(fields["name"]),
        source=_text(fields.get("source")),
        recording=_text(fields.get("recording")),
        person_ids=tuple(str(each) for each in ids),
        meta={name: str(value) for name, value in meta.items()},
    )


def all_facts(texts: npt.NDArray[np.uint8], ends: Sequence[int], where: str) -> Iterator[Facts]:
    """Go through what is known about all recordings, reading many lines at once.

    Args:
        texts: The bytes of texts.jsonl.
        ends: Where each line ends; they lie one behind the other.
        where: The store, for messages.

    Yields:
        The facts of each recording, in order.

    Raises:
        StoreError: If the lines are not one object for each recording.
    """
    start = 0
    for first in range(0, len(ends), _AT_ONCE):
        count = min(_AT_ONCE, len(ends) - first)
        end = ends[first + count - 1]
        content = b"[" + b",".join(texts[start:end].tobytes().splitlines()) + b"]"
        place = f"{where}, recordings from {first}"
        try:
            entries = strict_json.loads(content, where=place, maximum_bytes=len(content))
        except MsclrError as error:
            raise StoreError(error.found, where=error.where, expected=error.expected) from None
        if not isinstance(entries, list) or len(entries) != count:
            raise StoreError("lines that are not one for each recording", where=place)
        yield from (facts_of(entry, place) for entry in entries)
        start = end


def motion_of(name: str, recording: str | None) -> str:
    """Return what a recording is of: the motion that it names, else the last part of its own name.

    Example:
        >>> motion_of("kinect.npz/walk_1", None), motion_of("kinect.npz/walk_1", "walk")
        ('walk_1', 'walk')
    """
    return recording if recording is not None else name.rpartition("/")[2]


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
