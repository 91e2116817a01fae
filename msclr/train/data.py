"""Random windows of clips for pretraining, in pairs of the same motion."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from msclr.poses.transfer import to_device
from msclr.skeletons.spec import SkeletonSpec
from msclr.train.config import TrainConfig
from msclr.train.sources import FloatArray, IntArray, Source


@dataclass(frozen=True, eq=False)
class Block:
    """Windows of clips of one source: positions [m, t, j, c] in the source's unit and axes, valid [m, t, j]."""

    source: int
    clips: IntArray
    skeleton: SkeletonSpec
    positions: Tensor
    valid: Tensor

    def to(self, device: torch.device | str) -> Block:
        """Return the windows on another device."""
        return replace(self, positions=to_device(self.positions, device), valid=to_device(self.valid, device))


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
        weights = np.array([source.weight for source in sources])
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
            names = [source.names[clip] for clip in clips]
            if other != number:
                clips = np.array([clip for clip, name in zip(clips, names, strict=True) if name in partner.partners])
                names = [source.names[clip] for clip in clips]
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

    def _windows(self, number: int, clips: IntArray, *, paired: bool) -> tuple[FloatArray, FloatArray]:
        """Start and length of a window of each clip, as shares of the clip."""
        longest = np.minimum(1.0, self.config.views.seconds / self.sources[number].seconds[clips])
        shortest = 0.7 if paired else self.config.views.shortest
        length = longest * self.random.uniform(shortest, 1.0, len(clips))
        start = self.random.uniform(0, 1, len(clips)) * (1 - length)
        return start, length

    def _cut(self, number: int, clips: IntArray, start: FloatArray, length: FloatArray) -> Block:
        """Resample windows to the encoder's number of frames, linearly in time."""
        source = self.sources[number]
        last = source.frames[clips][:, None] - 1
        share = start[:, None] + length[:, None] * np.linspace(0, 1, self.config.encoder.frames)
        times = share * last  # m t
        before = np.floor(times).astype(np.int64)
        blend = (times - before)[..., None, None].astype(np.float32)
        first, known = source.at(clips, before)
        second, also = source.at(clips, np.minimum(before + 1, last))
        positions = (1 - blend) * first + blend * second
        return Block(number, clips, source.skeleton, torch.from_numpy(positions), torch.from_numpy(known & also))
