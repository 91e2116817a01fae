"""What became of every key of a foreign checkpoint."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from msclr.strict_json import JsonValue

Use: TypeAlias = Literal[
    "encoder", "head", "key encoder", "queue", "other encoder", "other format", "counter", "unknown"
]

_NOT_IN_THE_FOLDER: dict[str, str] = {
    "head": "kept apart from the encoder",
    "key encoder": "the slow copy, needed to go on training only",
    "queue": "negatives, needed to go on training only",
    "other encoder": "another stream or representation",
    "other format": "a format that was not asked for",
    "counter": "batches seen by a normalisation; nothing depends on it",
    "unknown": "not part of the published layout",
}


@dataclass(frozen=True)
class KeyUse:
    """One key of a checkpoint.

    Args:
        key: Its name in the file.
        shape: Of the tensor.
        use: What it is.
        target: What it became in the encoder, or "".
    """

    key: str
    shape: tuple[int, ...]
    use: Use
    target: str = ""


@dataclass(frozen=True)
class ImportReport:
    """What was found in a checkpoint, and what was made of it.

    Args:
        family: The published system.
        stream: The stream that the encoder looks at.
        skeletons: Conventions of the encoder.
        keys: What became of every tensor.
        other: Entries of the file that are no tensors.
        notes: What to know before using the encoder.
    """

    family: str
    stream: str
    skeletons: tuple[str, ...]
    keys: tuple[KeyUse, ...]
    other: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the keys that are in the encoder."""
        return tuple(each.key for each in self.keys if each.use == "encoder")

    @property
    def unused(self) -> tuple[str, ...]:
        """Names of all other keys."""
        return tuple(each.key for each in self.keys if each.use != "encoder")

    def table(self) -> str:
        """Return the report as text, one line for each key.

        Example:
            >>> key = KeyUse("encoder_q.A", (3, 25, 25), "encoder", "conventions.0.adjacency")
            >>> print(ImportReport("aimclr", "joint", ("kinect_v2_25",), (key,)).table().splitlines()[1])
            encoder_q.A  3x25x25  conventions.0.adjacency
        """
        lines = [f"{self.family}, {self.stream} stream, for {', '.join(self.skeletons)}"]
        rows = [(each.key, "x".join(map(str, each.shape)) or "number", _became(each)) for each in self.keys]
        widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
        lines += [f"{key:<{widths[0]}}  {shape:<{widths[1]}}  {became}" for key, shape, became in rows]
        lines += [f"{name}  -  not used: no tensor" for name in self.other]
        counts = Counter(each.use for each in self.keys)
        unused = ", ".join(f"{count} {use}" for use, count in counts.items() if use != "encoder")
        lines.append(
            f"{counts['encoder']} of {len(self.keys)} tensors used" + (f"; not used: {unused}" if unused else "")
        )
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def to_data(self) -> dict[str, JsonValue]:
        """Return the report as JSON values."""
        keys: list[JsonValue] = [
            {"key": each.key, "shape": list(each.shape), "use": each.use, "target": each.target} for each in self.keys
        ]
        return {
            "family": self.family,
            "stream": self.stream,
            "skeletons": list(self.skeletons),
            "keys": keys,
            "other": list(self.other),
            "notes": list(self.notes),
        }


def _became(use: KeyUse) -> str:
    if use.use == "encoder":
        return use.target
    return f"not used: {use.use} ({_NOT_IN_THE_FOLDER[use.use]})"
