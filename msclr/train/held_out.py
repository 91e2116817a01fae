"""What is never trained on: found by subject, by name, and by what the recordings hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from msclr.errors import ConfigError, MissingFileError
from msclr.store.gather import IntArray
from msclr.store.recordings import Recordings
from msclr.train.config import ClipsConfig, TrainConfig
from msclr.train.identity import digest

BoolArray: TypeAlias = npt.NDArray[np.bool_]
Shape: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class HeldOut:
    """What is held out of a run.

    Args:
        names: Of recordings and motions, in whatever source they turn up.
        contents: `content_of_clip` of recordings, by `shape_of_clip`, so that few recordings need be looked at.
        subjects: Persons.

    Example:
        >>> import tempfile
        >>> from msclr.samples import sample_paths
        >>> from msclr.store import prepare
        >>> from msclr.store.recordings import open_recordings
        >>> four = open_recordings(prepare(list(sample_paths().values()), tempfile.mkdtemp() + "/store").path)
        >>> HeldOut(frozenset(four.names[:1]), {}, frozenset()).leaves(four, np.arange(4))
        [1, 2, 3]
    """

    names: frozenset[str]
    contents: Mapping[Shape, set[str]]
    subjects: frozenset[str]

    @classmethod
    def of(cls, config: TrainConfig, folder: Path, opened: Mapping[str, Recordings]) -> HeldOut:
        """Read what a run names.

        Args:
            config: The run.
            folder: Data folder.
            opened: The files of `exclude_clips`.

        Raises:
            MissingFileError: If a file is missing.
            ConfigError: If a file has no such clips.
        """
        names = {name for file in config.exclude_pairs for name in _pair_names(folder / file)}
        contents: dict[Shape, set[str]] = {}
        for entry in config.exclude_clips:
            recordings = opened[entry.file]
            for row in np.flatnonzero(having(entry, recordings)).tolist():
                names |= {recordings.motions[row], recordings.names[row]}
                contents.setdefault(shape_of_clip(recordings, row), set()).add(content_of_clip(recordings, row))
        return cls(frozenset(names), contents, frozenset(config.exclude_subjects))

    def leaves(self, recordings: Recordings, rows: IntArray) -> list[int]:
        """Return which of some recordings are not held out: indices into `rows`.

        Args:
            recordings: Where they are.
            rows: [n] their numbers there.
        """
        subjects, names, motions = recordings.column("subject"), recordings.names, recordings.motions
        return [
            index
            for index, row in enumerate(rows.tolist())
            if subjects[row] not in self.subjects
            and self.names.isdisjoint((motions[row], *_endings(names[row])))
            and not self._has_copy(recordings, row)
        ]

    def _has_copy(self, recordings: Recordings, row: int) -> bool:
        alike = self.contents.get(shape_of_clip(recordings, row))
        return alike is not None and content_of_clip(recordings, row) in alike


def having(entry: ClipsConfig, recordings: Recordings) -> BoolArray:
    """Say which recordings [n] have the facts that an entry asks for.

    Args:
        entry: A file and facts.
        recordings: What is in the file.

    Raises:
        ConfigError: If no recording has them.
    """
    chosen = np.ones(len(recordings), bool)
    for name, wanted in entry.only.items():
        values = recordings.column(name)
        chosen &= np.array([value == wanted for value in values], bool)
        if not chosen.any():
            known = ", ".join(sorted({value for value in values if value})[:10])
            raise ConfigError(
                f"no clip whose {name!r:.60} is {wanted!r:.60}",
                where=entry.file,
                expected=f"one of {known}" if known else "a fact that the clips have",
            )
    return chosen


def shape_of_clip(recordings: Recordings, row: int) -> Shape:
    """Return frames, persons, joints and coordinates of a recording."""
    table = recordings.tables[recordings.table_of[row]]
    return int(recordings.frames[row]), int(recordings.persons[row]), table.skeleton.num_joints, table.dims


def content_of_clip(recordings: Recordings, row: int) -> str:
    """Return a hash of the coordinates of a recording: the same for a copy under another name.

    Args:
        recordings: Where it is.
        row: Its number there.
    """
    times = np.arange(float(recordings.frames[row]))[None]
    blocks = recordings.cut(np.array([row]), times)
    return digest(*(array.numpy() for block in blocks for array in (block.positions, block.valid)))


def _endings(name: str) -> Iterator[str]:
    """A name in a store, and what it may have been called in its file: "set.npz/walk" is "walk", too."""
    places = name.split("/")
    return ("/".join(places[start:]) for start in range(len(places)))


def _pair_names(path: Path) -> list[str]:
    if not path.is_file():
        raise MissingFileError("no such file", where=str(path), expected="a list of held-out pairs")
    return [name for pair in json.loads(path.read_bytes()) for name in (pair["name_a"], pair["name_b"])]
