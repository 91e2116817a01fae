"""Random windows of the recordings of a store, drawn in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from msclr.errors import ConfigError, PoseError, PoseTypeError, StoreError
from msclr.store.gather import IntArray, WindowBlock

if TYPE_CHECKING:
    from msclr.store.clip_store import ClipStore
    from msclr.store.recordings import Recordings

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """What windows are drawn; see `Windows`."""

    frames: int
    resample: bool = False
    seconds: float | None = None
    shortest: float = 1.0
    persons: int | None = None
    weights: Mapping[str, float] | None = None
    by_length: bool = False
    clips: Sequence[int] | None = None


class Windows(Iterator[tuple[WindowBlock, ...]]):
    """Random windows of the recordings of a store, batch after batch without end; made by `ClipStore.windows`.

    Each window is of a recording drawn at random, with replacement. What is drawn depends on the generator only, so
    that whoever keeps its state can go on from there.

    Args:
        store: The recordings. Those of no frames or persons are never drawn.
        generator: Of the random numbers, on the CPU.
        size: Windows in a batch.
        choice: `frames` of each window: consecutive ones of a recording, the rest unknown if it has fewer; or, with
            `resample`, spread evenly over a stretch of it by linear interpolation. The stretch is the recording, or
            `seconds` of it if that is less, times a random share from `shortest` to 1. `persons` is the most person
            slots, None for as many as there are. `weights` says how often to draw from each source, those not named
            weigh 1; without, all recordings are alike. Within a source a recording is drawn as often as any other, or,
            with `by_length`, as often as it has frames. `clips` are the numbers of the recordings that may be drawn.

    Raises:
        ConfigError: If an argument is out of range.
        PoseError: If `seconds` are asked of a recording without a frame rate.
        StoreError: If there is nothing to draw.

    Example:
        >>> import tempfile, torch
        >>> from msclr.samples import sample_paths
        >>> from msclr.store import ClipStore, prepare
        >>> store = ClipStore(prepare(list(sample_paths().values()), tempfile.mkdtemp() + "/store").path)
        >>> blocks = next(store.windows(torch.Generator().manual_seed(0), size=32, frames=16, resample=True))
        >>> sum(len(block.clips) for block in blocks), blocks[0].positions.shape[2]
        (32, 16)
    """

    def __init__(self, store: ClipStore, generator: torch.Generator, size: int, choice: Choice) -> None:
        given: object = generator
        if not isinstance(given, torch.Generator) or given.device.type != "cpu":
            raise PoseTypeError(f"{generator!r:.60}", expected="a torch.Generator of the CPU")
        _check(size, choice)
        self.size = size
        self.choice = choice
        self._store = store
        self._generator = generator
        self._clips = _eligible(store, choice)
        self._frames = store.frames[self._clips]
        shares = draw_shares(
            store, self._clips, weights=choice.weights, by_length=choice.by_length, where=str(store.path)
        )
        self._limits = np.cumsum(shares)
        self._longest = _longest(store, self._clips, self._frames, choice)

    def __next__(self) -> tuple[WindowBlock, ...]:
        """Draw a batch: one block for each table that occurs in it."""
        which, length, start = torch.rand(3, self.size, generator=self._generator, dtype=torch.float64).numpy()
        drawn = np.searchsorted(self._limits, which * self._limits[-1], side="right")
        drawn = np.minimum(drawn, len(self._limits) - 1)
        times = self._times(drawn, length, start)
        return self._store.cut(self._clips[drawn], times, persons=self.choice.persons)

    def _times(self, drawn: IntArray, length: FloatArray, start: FloatArray) -> FloatArray:
        """Return the times [b, t] of windows, from random numbers in [0, 1)."""
        count, frames = self._frames[drawn], self.choice.frames
        if not self.choice.resample:
            first = np.floor(start * (np.maximum(count - frames, 0) + 1))
            return np.asarray(first[:, None] + np.arange(frames), np.float64)
        share = self._longest[drawn] * (self.choice.shortest + (1 - self.choice.shortest) * length)
        begin = start * (1 - share)
        within = begin[:, None] + share[:, None] * np.linspace(0, 1, frames)
        return np.asarray(np.minimum(within, 1.0) * (count[:, None] - 1), np.float64)


def _check(size: int, choice: Choice) -> None:
    for name, number in (("size", size), ("frames", choice.frames), ("persons", choice.persons)):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise ConfigError(f"{name} = {number!r:.40}", expected="a whole number from 1")
    if not 0 < choice.shortest <= 1:
        raise ConfigError(f"shortest = {choice.shortest!r:.40}", expected="over 0, at most 1")
    if choice.seconds is not None and not 0 < choice.seconds < float("inf"):
        raise ConfigError(f"seconds = {choice.seconds!r:.40}", expected="a number over 0")
    if not choice.resample and (choice.seconds is not None or choice.shortest != 1):
        raise ConfigError("seconds or shortest without resample", expected="resample=True with them")


def _eligible(store: ClipStore, choice: Choice) -> IntArray:
    """Return the numbers of the recordings that may be drawn."""
    there = (store.frames > 0) & (store.persons > 0)
    if choice.clips is not None:
        wanted = np.zeros(len(store), bool)
        for clip in choice.clips:
            wanted[store.number(clip)] = True
        there &= wanted
    found = np.flatnonzero(there)
    if not len(found):
        raise StoreError("no recording to draw from", where=str(store.path), expected="at least one with frames")
    return found


def draw_shares(
    recordings: Recordings, clips: IntArray, *, weights: Mapping[str, float] | None, by_length: bool, where: str
) -> FloatArray:
    """Return how often each recording is to be drawn, relative to the others.

    Args:
        recordings: All recordings.
        clips: [n] numbers of those that may be drawn.
        weights: How often to draw from each source, those not named weigh 1; None makes all recordings alike.
        by_length: Within a source, draw a recording as often as it has frames, instead of all alike.
        where: The recordings, for messages.

    Returns:
        [n] float64.

    Raises:
        ConfigError: If there is no such source, or a weight is out of range.
        StoreError: If all recordings weigh 0.
    """
    shares = recordings.frames[clips].astype(np.float64) if by_length else np.ones(len(clips))
    if weights is None:
        return shares
    for name, weight in weights.items():
        if name not in recordings.sources:
            raise ConfigError(
                f"weight of {name!r:.60}", where=where, expected="one of " + ", ".join(recordings.sources[:20])
            )
        if not 0 <= weight < float("inf"):
            raise ConfigError(f"weight {weight!r:.40} of {name!r:.60}", where=where, expected="a number from 0")
    source = recordings.source_of[clips]
    listed = np.array([weights.get(name, 1.0) for name in recordings.sources])
    totals = np.bincount(source, shares, len(recordings.sources))
    shares = shares * (listed / np.where(totals > 0, totals, 1))[source]
    if not shares.any():
        raise StoreError("all recordings weigh 0", where=where, expected="a source that weighs more")
    return shares


def _longest(store: ClipStore, clips: IntArray, frames: IntArray, choice: Choice) -> FloatArray:
    """Return the longest stretch of each recording, as a share of it."""
    if choice.seconds is None:
        return np.ones(len(clips))
    rates = store.fps[clips]
    if not rates.all():
        number = int(clips[(rates == 0).argmax()])
        raise PoseError(
            f"the frame rate of recording {number} is unknown",
            where=str(store.path),
            expected="fps of all that may be drawn",
            remedy="clips= without it, or prepare(..., fps=30.0)",
        )
    return np.asarray(np.minimum(1.0, choice.seconds * rates / frames), np.float64)
