"""What is given to prepare: files, folders of files, and what has become of each."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from msclr import strict_json
from msclr.errors import StoreError
from msclr.io import guard
from msclr.io.folder import frame_format
from msclr.io.limits import ReadLimits
from msclr.io.registry import PathLike, format_named, formats

Outcome: TypeAlias = Literal["done", "failed", "left out"]


@dataclass(frozen=True)
class Input:
    """One file, or folder of one recording, to be read.

    Args:
        number: Its place among all inputs.
        path: Where it is.
        label: Name for what is in it.
        source: Number of the argument that it came with.
        root: Folder that links must not lead out of, None for what was named itself.
        reason: Why it is not to be read, "" if it is.
    """

    number: int
    path: str
    label: str
    source: int
    root: str | None = None
    reason: str = ""

    def fingerprint(self) -> str:
        """Return what changes when the file does: its name, size and time."""
        return json.dumps([self.number, self.path, self.label, self.source, self.reason, _state(Path(self.path))])


@dataclass(frozen=True)
class InputOutcome:
    """What has become of an input.

    Args:
        path: The file or folder.
        outcome: "done", "failed" or "left out".
        recordings: Number of recordings of it in the store.
        reason: Why it failed or was left out; for what is done, what of it was left out.
    """

    path: str
    outcome: Outcome
    recordings: int
    reason: str = ""

    def to_json(self) -> bytes:
        """Return a line of inputs.jsonl, without its end."""
        fields = {
            "input": self.path,
            "outcome": self.outcome,
            "recordings": self.recordings,
            "reason": self.reason,
        }
        return json.dumps(fields).encode("ascii")

    @classmethod
    def from_json(cls, line: bytes, where: str) -> InputOutcome:
        """Read a line of inputs.jsonl."""
        fields = strict_json.loads(line, where=where)
        if not isinstance(fields, dict):
            raise StoreError("a line that is no object", where=where, expected="one input on each line")
        path, outcome, recordings, reason = (fields.get(k) for k in ("input", "outcome", "recordings", "reason"))
        if (
            not isinstance(path, str)
            or outcome not in ("done", "failed", "left out")
            or not isinstance(recordings, int)
            or not isinstance(reason, str)
        ):
            raise StoreError(f"the line {line[:80]!r}", where=where, expected="input, outcome, recordings, reason")
        return cls(path, outcome, recordings, reason)  # type: ignore[arg-type]  # checked above


def list_inputs(
    paths: Sequence[PathLike], format: str, limits: ReadLimits, *, follow_symlinks: bool
) -> tuple[list[Input], list[str]]:
    """List every input exactly once, in the order of the arguments and then of the names.

    Args:
        paths: Files, folders that are one recording, and folders of these, however deep.
        format: Name of the format, or "auto".
        limits: How many entries a folder may have.
        follow_symlinks: Let links lead out of the folders given.

    Returns:
        The inputs, and for each argument the name of its source.

    Raises:
        StoreError: If there is nothing to read.
        MissingFileError: If there is nothing at a path.
        UnknownFormatError: If no format has that name.
    """
    if format != "auto":
        format_named(format)
    found: list[Input] = []
    seen: dict[str, str] = {}
    sources: list[str] = []
    for number, given in enumerate(paths):
        path = guard.to_path(given)
        base = path.name or path.resolve().name
        sources.append(_unique(base, sources))
        if guard.is_folder(path) and not _is_recording(path, format, limits):
            entries = _walk(path, base, format, limits, follow_symlinks=follow_symlinks)
            root: str | None = None if follow_symlinks else str(path)
        else:
            entries, root = iter([(path, base, "")]), None
        for place, label, reason in entries:
            real = os.path.realpath(place)
            reason = reason or (f"the same file as {guard.shown(seen[real])}" if real in seen else "")
            seen.setdefault(real, str(place))
            found.append(Input(len(found), str(place), label, number, root, reason))
    if not any(not entry.reason for entry in found):
        raise StoreError(
            f"nothing to read in {len(found):,} inputs", where=", ".join(sources)[:160] or None, expected="pose files"
        )
    return found, sources


def _walk(
    folder: Path, label: str, format: str, limits: ReadLimits, *, follow_symlinks: bool
) -> Iterator[tuple[Path, str, str]]:
    """Yield what is in a folder and its folders: path, label, and why it is not to be read."""
    suffixes = () if format == "auto" else format_named(format).suffixes
    waiting = [(folder / name, f"{label}/{name}") for name in reversed(guard.list_folder(folder, limits))]
    while waiting:  # no recursion: folders may be nested deeper than Python's stack
        path, inner = waiting.pop()
        name = path.name
        if name.startswith("."):
            continue
        if path.is_dir():
            if path.is_symlink() and not follow_symlinks:
                yield path, inner, "a link to a folder"
            elif _is_recording(path, format, limits):
                yield path, inner, ""
            elif path.is_symlink():
                yield path, inner, "a link to a folder of recordings"
            else:
                waiting += [(path / each, f"{inner}/{each}") for each in reversed(guard.list_folder(path, limits))]
        elif suffixes and not name.lower().endswith(suffixes):
            yield path, inner, f"its name does not end in {' or '.join(suffixes)}"
        elif name.lower().endswith(".asf"):
            yield path, inner, "the skeleton of the .amc files beside it"
        elif not suffixes and not name.lower().endswith(_known_suffixes()):
            yield path, inner, "no format has this ending"
        else:
            yield path, inner, ""


def _is_recording(folder: Path, format: str, limits: ReadLimits) -> bool:
    """Return whether a folder is one recording, with a file for each frame."""
    return frame_format(folder, guard.list_folder(folder, limits), format) is not None


def _known_suffixes() -> tuple[str, ...]:
    return tuple(sorted({suffix for known in formats() for suffix in known.suffixes}))


def _unique(name: str, taken: Sequence[str]) -> str:
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name} ({number})"
    return unique


def _state(path: Path) -> list[object]:
    """Return size and time of a file, of all files of a folder."""
    try:
        status = path.stat()
        if not path.is_dir():
            return [status.st_size, status.st_mtime_ns]
        with os.scandir(path) as entries:
            inside = sorted((each.name, each.stat().st_size, each.stat().st_mtime_ns) for each in entries)
        return [hashlib.sha256(json.dumps(inside).encode("ascii")).hexdigest()]
    except OSError as error:
        return [type(error).__name__]
