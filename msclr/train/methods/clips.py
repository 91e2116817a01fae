"""The clips of a published run: all of one length, the same recordings in one or several joint conventions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from msclr.augment.clips import Clips, pack
from msclr.augment.pipeline import Augmentation
from msclr.errors import ConfigError, MissingFileError
from msclr.io.collection import ClipCollection, read_collection
from msclr.poses.batch import PoseBatch
from msclr.poses.canonical import unify
from msclr.poses.convert import convert
from msclr.poses.cros_line import cros_line
from msclr.poses.isc_line import isc_line
from msclr.poses.resample import resample
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.strict_json import JsonValue
from msclr.train.identity import digest
from msclr.train.methods.config import ClipConfig


@dataclass(frozen=True, eq=False)
class AlignedClips:
    """The same n recordings in each format: row i of every member of `formats` is recording i.

    Args:
        formats: One `Clips` for each convention.
        names: Names of the recordings.
    """

    formats: tuple[Clips, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def fingerprint(self) -> dict[str, dict[str, JsonValue]]:
        """Return counts and hashes of every format, which change when a clip or the order of the clips does."""
        names = hashlib.sha256(json.dumps(self.names).encode()).hexdigest()
        return {
            f"format {number} ({clips.skeleton.id})": {
                "clips": len(self),
                "frames": clips.num_frames,
                "names": names,
                "content": digest(clips.positions.numpy(), clips.valid.numpy()),
            }
            for number, clips in enumerate(self.formats)
        }


@dataclass(frozen=True, eq=False)
class View:
    """One augmented view of some clips, packed by convention.

    Args:
        batch: The packed clips.
        rows: int64 [b]; clip i of the view is clip `rows[i]` of the batch.
    """

    batch: PoseBatch
    rows: Tensor

    def to(self, device: torch.device) -> View:
        """Return the view on another device."""
        return View(self.batch.to(device), self.rows.to(device))


def draw_views(
    clips: AlignedClips, index: Tensor, formats: Tensor, augmentation: Augmentation, generator: torch.Generator
) -> Iterator[tuple[Tensor, Clips]]:
    """Augment clips in the convention drawn for each.

    Args:
        clips: All clips.
        index: int64 [b], the recordings.
        formats: int64 [b], the format of each.
        augmentation: What varies them.
        generator: Source of randomness.

    Yields:
        For each format that was drawn, the places [m] of its clips in `index`, and the clips.
    """
    for number, source in enumerate(clips.formats):
        places = (formats == number).nonzero()[:, 0]
        if len(places):
            yield places, augmentation(source.select(index[places]), generator=generator)


def packed_view(blocks: Sequence[tuple[Tensor, Clips]]) -> View:
    """Pack blocks of clips and remember the order they had."""
    places = torch.cat([places for places, _ in blocks])
    return View(pack([clips for _, clips in blocks]), places.argsort())


def load_clips(config: ClipConfig, folder: Path) -> AlignedClips:
    """Read, convert and prepare the clips of a run.

    Args:
        config: What to read.
        folder: Folder that the files are relative to.

    Returns:
        The recordings that every file has.

    Raises:
        MissingFileError: If a file is missing.
        ConfigError: If the files have no recording in common, or none on this side of the split.
        ConversionError: If a format cannot be derived from the clips.
    """
    main = config.formats[0].file or ""
    wanted = [entry.file or main for entry in config.formats]
    files = {name: _collection(folder / name) for name in dict.fromkeys(wanted)}
    first = files[main]
    lookups = {name: _rows(file, config.split) for name, file in files.items()}
    names = [name for name in first.names if all(name in lookup for lookup in lookups.values())]
    if not names:
        raise ConfigError(
            f"no recording is in all of {', '.join(map(str, files))}", expected="clips of the same names in each file"
        )
    if config.limit is not None and config.limit < len(names):
        names = [names[row] for row in np.linspace(0, len(names) - 1, config.limit).round().astype(int)]
    formats = tuple(
        _prepared(config, files[file], [lookups[file][name] for name in names], entry.skeleton)
        for file, entry in zip(wanted, config.formats, strict=True)
    )
    return AlignedClips(formats, tuple(names))


def _collection(path: Path) -> ClipCollection:
    if not path.is_file():
        raise MissingFileError(
            "no such file",
            where=str(path),
            remedy="msclr protocol, which makes it of NTU RGB+D or PKU-MMD; or --set clips.formats.0.file=ANOTHER.npz",
        )
    return read_collection(path)


def _rows(file: ClipCollection, split: str | None) -> dict[str, int]:
    """The row of each clip of a file that is on the wanted side of its split."""
    sides = file.columns.get("split")
    rows = {name: row for row, name in enumerate(file.names) if split is None or sides is None or sides[row] == split}
    if not rows:
        raise ConfigError(
            f"no clip with split {split!r}", where=file.source, expected="one of " + ", ".join(sorted(set(sides or ())))
        )
    return rows


def _prepared(config: ClipConfig, file: ClipCollection, rows: Sequence[int], skeleton: str) -> Clips:
    spec = get_skeleton(skeleton)
    recordings = []
    for row in rows:
        recording = file[row]
        if recording.skeleton != spec:
            recording = convert(recording, spec)
        recordings.append(_prepare(config, recording))
    return Clips.from_sequences(recordings)


def _prepare(config: ClipConfig, recording: PoseSequence) -> PoseSequence:
    if config.preparation == "none":
        prepared = recording
    elif config.preparation == "cros":
        prepared = cros_line(recording, frames=config.frames)
    elif config.preparation == "isc":
        prepared = isc_line(recording)
    else:
        prepared = resample(unify(recording), frames=config.frames)
    return prepared.persons(range(min(config.persons, prepared.num_persons)))
