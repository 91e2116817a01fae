"""Clips for pretraining: which ones may be used, which belong together, and random windows of them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from msclr.errors import ConfigError, MissingFileError
from msclr.io.collection import ClipCollection, read_collection
from msclr.skeletons.spec import SkeletonSpec
from msclr.strict_json import JsonValue
from msclr.train.config import SourceConfig, TrainConfig
from msclr.train.identity import digest

IntArray: TypeAlias = npt.NDArray[np.int64]

FEWEST_CLIPS_OF_A_CLASS = 3


@dataclass(frozen=True, eq=False)
class Source:
    """One file of training clips.

    Args:
        clips: The file.
        allowed: Indices of the clips that may be trained on.
        family: Its group, or its file if it has none.
        grouped: Whether it is in a group.
        partners: For each clip name the index in this file, for pairing within the group.
        labels: [clips] class of each clip, -1 without.
        classes: Names of the classes of the family.
    """

    clips: ClipCollection
    allowed: IntArray
    family: str
    grouped: bool
    partners: dict[str, int]
    labels: IntArray
    classes: tuple[str, ...]

    def fingerprint(self) -> dict[str, JsonValue]:
        """Return counts and hashes, which change when a clip, the order, a label or what is held out does."""
        clips = self.clips
        return {
            "clips": len(clips),
            "allowed": len(self.allowed),
            "frames": len(clips.positions),
            "names": hashlib.sha256(json.dumps(clips.names).encode()).hexdigest(),
            "offsets": digest(clips.offsets),
            "chosen": digest(self.allowed, self.labels),
            "content": digest(clips.positions, clips.valid),
        }


@dataclass(frozen=True, eq=False)
class Block:
    """Windows of clips of one source: positions [m, t, j, c] in the source's unit and axes, valid [m, t, j]."""

    source: int
    clips: IntArray
    skeleton: SkeletonSpec
    positions: Tensor
    valid: Tensor


def load_sources(config: TrainConfig, folder: Path) -> list[Source]:
    """Read the files of a run, leaving out what is held out.

    Raises:
        MissingFileError: If a file is missing.
        ConfigError: If a source has no clip left.
    """
    held_out = {name for file in config.exclude_pairs for name in _pair_names(folder / file)}
    collections = [read_collection(folder / entry.file) for entry in config.sources]
    usable = [
        _allowed(config, entry, clips, held_out) for entry, clips in zip(config.sources, collections, strict=True)
    ]
    classes = _classes(config, collections, usable)
    sources = []
    for entry, clips, allowed in zip(config.sources, collections, usable, strict=True):
        family = entry.group or entry.file
        lookup = {name: number for number, name in enumerate(classes.get(family, ()))}
        values = _class_names(clips, entry)
        sources.append(
            Source(
                clips=clips,
                allowed=np.array(allowed),
                family=family,
                grouped=entry.group is not None,
                partners={clips.names[index]: index for index in allowed},
                labels=np.array([lookup.get(value, -1) for value in values]),
                classes=classes.get(family, ()),
            )
        )
    return sources


def _allowed(config: TrainConfig, entry: SourceConfig, clips: ClipCollection, held_out: set[str]) -> list[int]:
    subjects = clips.columns.get("subject", ("",) * len(clips))
    allowed = [
        index
        for index, (name, subject) in enumerate(zip(clips.names, subjects, strict=True))
        if name not in held_out and subject not in config.exclude_subjects
    ]
    if not allowed:
        raise ConfigError(f"no clip of {entry.file} is left to train on", expected="fewer exclusions")
    return allowed


def _class_names(clips: ClipCollection, entry: SourceConfig) -> tuple[str, ...]:
    return tuple(value.casefold() for value in clips.column(entry.label)) if entry.label else ("",) * len(clips)


def _classes(
    config: TrainConfig, collections: list[ClipCollection], usable: list[list[int]]
) -> dict[str, tuple[str, ...]]:
    """Classes of each family of sources: labels that occur often enough to learn from."""
    counts: dict[str, Counter[str]] = {}
    for entry, clips, allowed in zip(config.sources, collections, usable, strict=True):
        values = _class_names(clips, entry)
        counts.setdefault(entry.group or entry.file, Counter()).update(values[index] for index in allowed)
    return {
        family: tuple(sorted(name for name, count in counter.items() if name and count >= FEWEST_CLIPS_OF_A_CLASS))
        for family, counter in counts.items()
    }


def _pair_names(path: Path) -> list[str]:
    if not path.is_file():
        raise MissingFileError("no such file", where=str(path), expected="a list of held-out pairs")
    return [name for pair in json.loads(path.read_bytes()) for name in (pair["name_a"], pair["name_b"])]


class WindowSampler:
    """Draw pairs of windows: the same stretch of motion twice, from one source or from two that recorded it.

    Args:
        sources: The training clips.
        weights: How often to draw from each source.
        config: The run.
        seed: Of its random numbers.
    """

    def __init__(self, sources: list[Source], config: TrainConfig, seed: int) -> None:
        self.sources = sources
        self.config = config
        self.random = np.random.default_rng(seed)
        weights = np.array([entry.weight for entry in config.sources])
        self.weights = weights / weights.sum()
        self._relatives = [self._relatives_of(number) for number in range(len(sources))]

    def draw(self) -> list[tuple[Block, Block]]:
        """Draw one batch: for each block of clips the windows for the query and those for the key view."""
        config = self.config
        size = max(1, config.batch_size // config.blocks)
        chosen = self.random.choice(len(self.sources), size=config.blocks, p=self.weights)
        pairs = []
        for number in chosen.tolist():
            source = self.sources[number]
            clips = self.random.choice(source.allowed, size=size, replace=len(source.allowed) < size)
            relatives = self._relatives[number]
            other = int(self.random.choice(relatives)) if relatives else number
            partner = self.sources[other]
            names = [source.clips.names[clip] for clip in clips]
            if other != number:
                clips = np.array([clip for clip, name in zip(clips, names, strict=True) if name in partner.partners])
                names = [source.clips.names[clip] for clip in clips]
            if len(clips) == 0:
                continue
            matching = clips if other == number else np.array([partner.partners[name] for name in names])
            start, length = self._windows(number, clips, paired=other != number)
            shift = self.random.uniform(-1, 1, len(clips)) * config.views.shift * length
            pairs.append(
                (
                    self._cut(number, clips, start, length),
                    self._cut(other, matching, np.clip(start + shift, 0, 1 - length), length),
                )
            )
        return pairs

    def _relatives_of(self, number: int) -> list[int]:
        """Sources that recorded much of the same motion: same group, and at least half of the recordings in common."""
        mine = self.sources[number]
        return [
            other
            for other, source in enumerate(self.sources)
            if mine.grouped
            and source.family == mine.family
            and 2 * len(source.partners.keys() & mine.partners.keys()) >= len(mine.partners)
        ]

    def _windows(
        self, number: int, clips: IntArray, *, paired: bool
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Start and length of a window of each clip, as shares of the clip."""
        clip_length = np.diff(self.sources[number].clips.offsets)[clips] / self.sources[number].clips.fps
        longest = np.minimum(1.0, self.config.views.seconds / clip_length)
        shortest = 0.7 if paired else self.config.views.shortest
        length = longest * self.random.uniform(shortest, 1.0, len(clips))
        start = self.random.uniform(0, 1, len(clips)) * (1 - length)
        return start, length

    def _cut(
        self, number: int, clips: IntArray, start: npt.NDArray[np.float64], length: npt.NDArray[np.float64]
    ) -> Block:
        """Resample windows to the encoder's number of frames, linearly in time."""
        data = self.sources[number].clips
        frames = np.diff(data.offsets)[clips]
        share = start[:, None] + length[:, None] * np.linspace(0, 1, self.config.encoder.frames)
        times = share * (frames[:, None] - 1)  # m t
        before = np.floor(times).astype(np.int64)
        after = np.minimum(before + 1, frames[:, None] - 1)
        blend = (times - before)[..., None, None].astype(np.float32)
        first, second = data.offsets[clips][:, None] + before, data.offsets[clips][:, None] + after
        positions = (1 - blend) * data.positions[first, 0] + blend * data.positions[second, 0]
        valid = data.valid[first, 0] & data.valid[second, 0]
        return Block(number, clips, data.skeleton, torch.from_numpy(positions), torch.from_numpy(valid))
