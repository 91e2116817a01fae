"""Clips for pretraining: where they are, which ones may be used, and which belong together."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from msclr.errors import ConfigError
from msclr.skeletons.spec import SkeletonSpec
from msclr.store import ClipStore
from msclr.store.layout import Table
from msclr.store.recordings import LoadedRecordings, Recordings, open_recordings
from msclr.strict_json import JsonValue
from msclr.train.config import SourceConfig, TrainConfig
from msclr.train.held_out import HeldOut, having
from msclr.train.identity import digest

IntArray: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float64]
FloatArray32: TypeAlias = npt.NDArray[np.float32]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

FEWEST_CLIPS_OF_A_CLASS = 3


@dataclass(frozen=True, eq=False)
class Source:
    """Training clips of one convention: a data set, or the recordings of one table of a clip store.

    Args:
        title: What it is called in messages.
        weight: How often to draw from it, relative to the others.
        recordings: Where the clips are.
        rows: Number of each clip in `recordings`.
        table: What the coordinates mean.
        names: Name of each clip; the same motion has the same name in all sources of a group.
        allowed: Indices of the clips that may be trained on.
        family: Its group, or its file if it has none.
        grouped: Whether it is in a group.
        partners: For each name of a clip that may be trained on its index, for pairing within the group.
        labels: [clips] class of each clip, -1 without.
        classes: Names of the classes of the family.
    """

    title: str
    weight: float
    recordings: Recordings
    rows: IntArray
    table: Table
    names: tuple[str, ...]
    allowed: IntArray
    family: str
    grouped: bool
    partners: dict[str, int]
    labels: IntArray
    classes: tuple[str, ...]

    @property
    def skeleton(self) -> SkeletonSpec:
        """The joint convention."""
        return self.table.skeleton

    @cached_property
    def frames(self) -> IntArray:
        """[clips] int64, number of frames of each clip."""
        return self.recordings.frames[self.rows]

    @cached_property
    def seconds(self) -> FloatArray:
        """[clips] float64, length of each clip."""
        return np.asarray(self.frames / self.recordings.fps[self.rows])

    def at(self, clips: IntArray, frames: IntArray) -> tuple[FloatArray32, BoolArray]:
        """Return the first person [m, t, j, c] of clips [m] at frames [m, t], and which joints are known [m, t, j]."""
        (block,) = self.recordings.cut(self.rows[clips], frames.astype(np.float64), persons=1)
        return block.positions[:, 0].numpy(), block.valid[:, 0].numpy()

    def fingerprint(self) -> dict[str, JsonValue]:
        """Return counts and hashes, which change when a clip, the order, a label or what is held out does."""
        return {
            **content_of(self.recordings),
            "allowed": len(self.allowed),
            "chosen": digest(self.allowed, self.labels),
        }


def load_sources(config: TrainConfig, folder: Path) -> list[Source]:
    """Open the files of a run, leaving out what is held out.

    Raises:
        MissingFileError: If a file is missing.
        ConfigError: If a source has no clip left, or clips that the method cannot use.
    """
    entries = _entries(config)
    files = dict.fromkeys(entry.file for entry in (*entries, *config.exclude_clips))
    opened = {file: open_recordings(folder / file) for file in files}
    held_out = HeldOut.of(config, folder, opened)
    parts = [part for entry in entries for part in _parts(entry, opened[entry.file])]
    usable = [_allowed(part, held_out) for part in parts]
    classes = _classes(parts, usable)
    sources = []
    for part, allowed in zip(parts, usable, strict=True):
        family = part.entry.group or part.entry.file
        lookup = {name: number for number, name in enumerate(classes.get(family, ()))}
        sources.append(
            Source(
                title=part.title,
                weight=part.weight,
                recordings=part.recordings,
                rows=part.rows,
                table=part.table,
                names=part.names,
                allowed=np.array(allowed),
                family=family,
                grouped=part.entry.group is not None,
                partners={part.names[index]: index for index in allowed},
                labels=np.array([lookup.get(value, -1) for value in part.class_names()]),
                classes=classes.get(family, ()),
            )
        )
    return sources


@dataclass(frozen=True, eq=False)
class _Part:
    """The recordings of one table of an entry of the configuration."""

    entry: SourceConfig
    title: str
    weight: float
    recordings: Recordings
    rows: IntArray
    table: Table
    names: tuple[str, ...]

    def facts(self, name: str) -> tuple[str, ...]:
        """One fact of each clip, "" where it is not known."""
        values = self.recordings.column(name)
        return tuple(values[row] or "" for row in self.rows)

    def class_names(self) -> tuple[str, ...]:
        """The label of each clip, "" without."""
        label = self.entry.label
        return tuple(value.casefold() for value in self.facts(label)) if label else ("",) * len(self.rows)


def _entries(config: TrainConfig) -> list[SourceConfig]:
    """The sources without those that are left out."""
    unknown = sorted(set(config.leave_out) - {entry.file for entry in config.sources})
    if unknown:
        raise ConfigError(f"leave_out: {unknown[0]!r:.80} is no source", expected="a file of the sources")
    left = [entry for entry in config.sources if entry.file not in config.leave_out]
    if not left:
        raise ConfigError("all sources are left out", expected="one to train on")
    return left


def _parts(entry: SourceConfig, recordings: Recordings) -> list[_Part]:
    """The recordings of an entry by table; each has its share of the weight."""
    there = (recordings.frames > 0) & (recordings.persons > 0)
    there &= having(entry, recordings)
    if entry.part is not None:
        if entry.part not in recordings.sources:
            listed = ", ".join(recordings.sources[:20])
            raise ConfigError(f"no part {entry.part!r:.60}", where=entry.file, expected=f"one of {listed}")
        there &= recordings.source_of == recordings.sources.index(entry.part)
    if not there.any():
        raise ConfigError("no recording with frames", where=entry.file, expected="at least one")
    if entry.label and not any(recordings.column(entry.label)):
        raise ConfigError(f"no clip has a fact {entry.label!r:.60}", where=entry.file, expected="a label of the clips")
    known = recordings.motions if entry.group is not None else recordings.names
    parts = []
    for number, table in enumerate(recordings.tables):
        rows = np.flatnonzero(there & (recordings.table_of == number))
        if not len(rows):
            continue
        names = tuple(known[row] for row in rows)
        title = entry.file if len(recordings.tables) == 1 else f"{entry.file}, {table.skeleton.id}"
        _check_part(title, recordings.fps[rows], names, grouped=entry.group is not None)
        weight = entry.weight * (len(rows) / int(there.sum()))
        parts.append(_Part(entry, title, weight, recordings, rows, table, names))
    return parts


def _check_part(title: str, fps: FloatArray, names: tuple[str, ...], *, grouped: bool) -> None:
    if not fps.all():
        raise ConfigError(
            f"the frame rate of {names[int((fps == 0).argmax())]!r:.80} is unknown",
            where=title,
            expected="fps of all recordings",
            remedy="msclr prepare --fps 30",
        )
    if grouped and len(set(names)) < len(names):
        twice, _ = Counter(names).most_common(1)[0]
        raise ConfigError(
            f"several recordings of {twice!r:.80} in one convention",
            where=title,
            expected="one of each motion in a source of a group",
            remedy="a store with --pairing name, or sources without a group",
        )


def _allowed(part: _Part, held_out: HeldOut) -> list[int]:
    allowed = held_out.leaves(part.recordings, part.rows)
    if not allowed:
        raise ConfigError(f"no clip of {part.title} is left to train on", expected="fewer exclusions")
    return allowed


def _classes(parts: list[_Part], usable: list[list[int]]) -> dict[str, tuple[str, ...]]:
    """Classes of each family of sources: labels that occur often enough to learn from."""
    counts: dict[str, Counter[str]] = {}
    for part, allowed in zip(parts, usable, strict=True):
        values = part.class_names()
        counts.setdefault(part.entry.group or part.entry.file, Counter()).update(values[index] for index in allowed)
    return {
        family: tuple(sorted(name for name, count in counter.items() if name and count >= FEWEST_CLIPS_OF_A_CLASS))
        for family, counter in counts.items()
    }


def content_of(recordings: Recordings) -> dict[str, JsonValue]:
    """Return counts and hashes of recordings: of a data set in memory of all that is in it, of a store of its manifest.

    Args:
        recordings: Either of them.
    """
    if isinstance(recordings, ClipStore):
        return recordings.fingerprint()
    if not isinstance(recordings, LoadedRecordings):
        raise ConfigError(f"a {type(recordings).__name__}", expected="a ClipStore or a data set")
    clips = recordings.clips
    return {
        "clips": len(clips),
        "frames": len(clips.positions),
        "names": hashlib.sha256(json.dumps(clips.names).encode()).hexdigest(),
        "offsets": digest(clips.offsets),
        "content": digest(clips.positions, clips.valid),
    }
