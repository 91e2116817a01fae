"""The clips of a published run: all of one length, the same recordings in one or several joint conventions."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from msclr.augment.clips import Clips
from msclr.errors import ConfigError, MissingFileError
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec
from msclr.store.recordings import LoadedRecordings, Recordings, open_recordings
from msclr.store.windows import draw_shares
from msclr.strict_json import JsonValue
from msclr.train.identity import digest
from msclr.train.methods.config import ClipConfig, WindowConfig
from msclr.train.methods.stored import StoredClips
from msclr.train.methods.views import Block
from msclr.train.sources import IntArray


@dataclass(frozen=True, eq=False)
class AlignedClips:
    """The same n recordings in each format: row i of every member of `formats` is recording i.

    Args:
        formats: For each convention the clips, in memory or where they are stored.
        names: Names of the recordings.
        window: Which stretch of a recording becomes a clip; None for all of it.
        longest: float64 [n], the longest window of each recording, as a share of it.
        shares: float64 [n], how often to draw each recording; None passes over all of them.
    """

    formats: tuple[Clips | StoredClips, ...]
    names: tuple[str, ...]
    window: WindowConfig | None = None
    longest: Tensor | None = None
    shares: Tensor | None = None

    def __len__(self) -> int:
        return len(self.names)

    def order(self, generator: torch.Generator) -> Tensor:
        """Draw the recordings of an epoch, int64 [n formats]: each once for every format, or by their shares."""
        count = len(self) * len(self.formats)
        if self.shares is None:
            return torch.randperm(count, generator=generator) % len(self)
        limits = self.shares.cumsum(0)
        drawn = torch.rand(count, generator=generator, dtype=torch.float64) * limits[-1]
        return torch.searchsorted(limits, drawn, right=True).clamp_max(len(self) - 1)

    def draw(self, index: Tensor, generator: torch.Generator, device: torch.device | str = "cpu") -> DrawnClips:
        """Draw a window of each of the recordings `index` [b], the same for all its views in all formats."""
        if self.window is None or self.longest is None:
            return DrawnClips(self, index, device=device)
        longer, start = torch.rand(2, len(index), generator=generator, dtype=torch.float64)
        shortest = self.window.shortest
        length = self.longest[index] * (shortest + (1 - shortest) * longer)
        return DrawnClips(self, index, torch.stack((start * (1 - length), length), dim=1), device)

    def fingerprint(self) -> dict[str, dict[str, JsonValue]]:
        """Return counts and hashes of every format, which change when a clip or the order of the clips does."""
        names = hashlib.sha256(json.dumps(self.names).encode()).hexdigest()
        prints: dict[str, dict[str, JsonValue]] = {}
        for number, clips in enumerate(self.formats):
            content: dict[str, JsonValue]
            if isinstance(clips, StoredClips):
                content = clips.fingerprint()
            else:
                content = {
                    "frames": clips.num_frames,
                    "content": digest(clips.positions.numpy(), clips.valid.numpy()),
                }
            prints[f"format {number} ({clips.skeleton.id})"] = {"clips": len(self), "names": names, **content}
        return prints


class DrawnClips:
    """The clips of an update, as they are recorded: on the device that they are wanted on, not augmented yet.

    Args:
        clips: All clips.
        index: int64 [b], the recordings.
        windows: float64 [b, 2], start and length of the window of each, as shares of the recording; None for all of it.
        device: Where they are wanted.
    """

    def __init__(
        self,
        clips: AlignedClips,
        index: Tensor,
        windows: Tensor | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.clips = clips
        self.index = index
        self.windows = windows
        self.device = torch.device(device)
        self._taken: dict[tuple[int, bytes], Block] = {}  # the views of a clip differ in what varies them only

    def __len__(self) -> int:
        return len(self.index)

    def block(self, number: int, places: Tensor) -> Block:
        """Return the clips at places [m] of `index` in a format."""
        key = number, places.numpy().tobytes()
        if key not in self._taken:
            source, index = self.clips.formats[number], self.index[places]
            if isinstance(source, Clips):
                clips = source.select(index)
            else:
                clips = source.take(index, None if self.windows is None else self.windows[places])
            there = None if self.device.type == "cpu" else clips.valid.any(dim=3).any(dim=2)
            self._taken[key] = Block(places, clips.to(self.device), there)
        return self._taken[key]


def load_clips(config: ClipConfig, folder: Path) -> AlignedClips:
    """Find the clips of a run, and prepare those that are to be in memory.

    Whole clips of prepared data sets are converted and prepared here, once. What is in a clip store, and random windows
    of either, are cut and prepared when they are drawn.

    Args:
        config: What to read.
        folder: Folder that the files are relative to.

    Returns:
        The recordings that every format has.

    Raises:
        MissingFileError: If a file is missing.
        ConfigError: If the files have no recording in common, or none on this side of the split.
        ConversionError: If a format cannot be derived from the clips.
    """
    main = config.formats[0].file or ""
    opened = {name: _open(folder / name) for name in dict.fromkeys(entry.file or main for entry in config.formats)}
    specs = [get_skeleton(entry.skeleton) for entry in config.formats]
    files = [entry.file or main for entry in config.formats]
    chosen: list[tuple[str, IntArray]] = []
    for number, (file, entry) in enumerate(zip(files, config.formats, strict=True)):
        derived = entry.file is None and number > 0
        spec = specs[0] if derived else specs[number]
        chosen.append((file, _usable(opened[file], spec, config.split, file)))
    joined = any(file != files[0] or not np.array_equal(rows, chosen[0][1]) for file, rows in chosen)
    lookups = [_by_name(opened[file], rows, file, joined=joined) for file, rows in chosen]
    names = [name for name in lookups[0] if all(name in lookup for lookup in lookups)]
    if not names:
        raise ConfigError(
            f"no recording is in all of {', '.join(opened)}", expected="clips of the same names in each file"
        )
    if config.limit is not None and config.limit < len(names):
        names = [names[row] for row in np.linspace(0, len(names) - 1, config.limit).round().astype(int)]
    formats: list[Clips | StoredClips] = []
    for file, spec, lookup in zip(files, specs, lookups, strict=True):
        stored = StoredClips(opened[file], np.array([lookup[name] for name in names]), spec, config, file)
        whole = isinstance(opened[file], LoadedRecordings) and config.window is None
        formats.append(stored.take(torch.arange(len(names))) if whole else stored)
    rows = np.array([lookups[0][name] for name in names])
    return AlignedClips(
        tuple(formats),
        tuple(names),
        config.window,
        _longest(config.window, opened[main], rows, main),
        _shares(config, opened[main], rows, main),
    )


def _open(path: Path) -> Recordings:
    if not path.exists():
        raise MissingFileError(
            "no such file",
            where=str(path),
            remedy="msclr protocol, which makes it of NTU RGB+D or PKU-MMD; or --set clips.formats.0.file=ANOTHER.npz",
        )
    return open_recordings(path)


def _usable(file: Recordings, spec: SkeletonSpec, split: str | None, where: str) -> IntArray:
    """The rows that are on the wanted side of the split: those in the convention, if there are any, else all."""
    there = (file.frames > 0) & (file.persons > 0)
    sides = file.column("split") if split is not None else ()
    if any(side is not None for side in sides):
        there &= np.array([side == split for side in sides])
    if not there.any():
        listed = ", ".join(sorted({side for side in sides if side is not None}))
        raise ConfigError(f"no clip with split {split!r}", where=where, expected=f"one of {listed}")
    native = there & np.array([table.skeleton.joints == spec.joints for table in file.tables])[file.table_of]
    return np.flatnonzero(native if native.any() else there)


def _by_name(file: Recordings, rows: IntArray, where: str, *, joined: bool) -> dict[str, int]:
    """The row of each recording, by the motion that it is of if formats of several are to be joined."""
    known = file.motions if joined else file.names
    found: dict[str, int] = {}
    for row in rows.tolist():
        name = known[row]
        if name not in found:
            found[name] = row
        elif not joined:
            found[f"{name} ({row})"] = row
        else:
            raise ConfigError(
                f"two recordings of {name!r:.80}",
                where=where,
                expected="one of each name in a convention, to know which belong together",
                remedy="other names; for a store of files, msclr prepare --pairing name",
            )
    return found


def _longest(window: WindowConfig | None, file: Recordings, rows: IntArray, where: str) -> Tensor | None:
    """The longest window of each recording, as a share of it."""
    if window is None:
        return None
    frames = file.frames[rows].astype(np.float64)
    if window.frames is not None:
        return torch.from_numpy(np.minimum(1.0, window.frames / frames))
    rates = file.fps[rows]
    if not rates.all():
        raise ConfigError(
            f"the frame rate of {file.names[rows[int((rates == 0).argmax())]]!r:.80} is unknown",
            where=where,
            expected="fps of all recordings",
            remedy="clips.window.frames, or msclr prepare --fps 30",
        )
    return torch.from_numpy(np.minimum(1.0, (window.seconds or 0.0) * rates / frames))


def _shares(config: ClipConfig, file: Recordings, rows: IntArray, where: str) -> Tensor | None:
    if config.weights is None and not config.by_length:
        return None
    return torch.from_numpy(draw_shares(file, rows, weights=config.weights, by_length=config.by_length, where=where))
