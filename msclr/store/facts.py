"""What the index of a store says in words about a recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msclr.errors import StoreError
from msclr.strict_json import JsonValue


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


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
