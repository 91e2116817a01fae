"""One random window of each recording of a store, as a data set for torch's DataLoader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from msclr.errors import ConfigError, PoseError, StoreError
from msclr.poses.batch import PoseBatch
from msclr.poses.sequence import PoseSequence
from msclr.store.clip_store import ClipStore

Transform: TypeAlias = Callable[[PoseSequence], PoseSequence]


class WindowDataset(Dataset[PoseSequence]):
    """One random window of each recording of a store, for a DataLoader with `collate`; may be sent to other processes.

    Which window of a recording it is depends on seed, epoch and recording only: not on workers, nor on what was asked
    for before.

    Args:
        store: The recordings; those of no frames or persons are left out.
        frames: Frames of a window: consecutive ones, the rest unknown where the recording has fewer; or, with
            `seconds`, spread evenly over a stretch of that length.
        seconds: Length of the stretch, or the recording if that is less; its frame rate must be known.
        persons: Most persons, None for as many as there are.
        transform: Called with each window; it must return one of as many frames.
        seed: Of the windows.

    Raises:
        ConfigError: If a number is out of range.
        PoseError: If `seconds` are asked of a recording without a frame rate.
        StoreError: If there is nothing in the store.

    Example:
        >>> import tempfile
        >>> from torch.utils.data import DataLoader
        >>> from msclr.samples import sample_paths
        >>> from msclr.store import prepare
        >>> store = ClipStore(prepare(list(sample_paths().values()), tempfile.mkdtemp() + "/store").path)
        >>> windows = WindowDataset(store, frames=16)
        >>> batches = DataLoader(windows, batch_size=4, collate_fn=collate)
        >>> next(iter(batches)).num_clips
        4
    """

    def __init__(
        self,
        store: ClipStore,
        *,
        frames: int,
        seconds: float | None = None,
        persons: int | None = None,
        transform: Transform | None = None,
        seed: int = 0,
    ) -> None:
        if frames < 1 or (persons is not None and persons < 1):
            raise ConfigError(f"frames={frames}, persons={persons}", expected="whole numbers from 1")
        if seconds is not None and not 0 < seconds < float("inf"):
            raise ConfigError(f"seconds={seconds!r:.40}", expected="a number over 0")
        self.store = store
        self.frames = frames
        self.seconds = seconds
        self.persons = persons
        self.transform = transform
        self.seed = seed
        self.epoch = 0
        self.clips = np.flatnonzero((store.frames > 0) & (store.persons > 0))
        if not len(self.clips):
            raise StoreError("no recording to draw from", where=str(store.path), expected="at least one with frames")
        unknown = self.clips[store.fps[self.clips] == 0]
        if seconds is not None and len(unknown):
            raise PoseError(
                f"the frame rate of recording {unknown[0]} is unknown",
                where=str(store.path),
                expected="fps of all recordings",
                remedy="frames alone, or prepare(..., fps=30.0)",
            )

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> PoseSequence:
        """Return the window of a recording.

        Raises:
            StoreError: If the recording is damaged, or the transform returns something else.
        """
        index = range(len(self))[index]
        (block,) = self.store.cut(self.clips[index : index + 1], self.times([index]), persons=self.persons)
        table = block.table
        window = PoseSequence(
            positions=block.positions[0].numpy(),
            valid=block.valid[0].numpy(),
            skeleton=table.skeleton,
            unit=table.unit,
            up=table.up,
            source=self.name(index),
        )
        return window if self.transform is None else self._checked(self.transform(window), index)

    def times(self, indices: Sequence[int]) -> npt.NDArray[np.float64]:
        """Return the times [b, t] of the windows of recordings, in their frames."""
        found = np.empty((len(indices), self.frames))
        for row, index in enumerate(indices):
            length = int(self.store.frames[self.clips[index]])
            start = np.random.default_rng((self.seed, self.epoch, index)).random()
            if self.seconds is None:
                found[row] = np.floor(start * (max(length - self.frames, 0) + 1)) + np.arange(self.frames)
            else:
                share = min(1.0, self.seconds * float(self.store.fps[self.clips[index]]) / length)
                found[row] = (start * (1 - share) + share * np.linspace(0, 1, self.frames)) * (length - 1)
        return found

    def name(self, index: int) -> str:
        """Return what a recording is called in messages."""
        number = int(self.clips[index])
        return f"{self.store.path}, recording {number} ({self.store.facts(number).name!r:.80})"

    def _checked(self, window: PoseSequence, index: int) -> PoseSequence:
        given: object = window
        if not isinstance(given, PoseSequence) or window.num_frames != self.frames:
            found = f"{window.num_frames} frames" if isinstance(given, PoseSequence) else f"a {type(given).__name__}"
            raise StoreError(
                f"the transform returned {found}",
                where=self.name(index),
                expected=f"a PoseSequence of {self.frames} frames",
            )
        return window


def collate(windows: Sequence[PoseSequence]) -> PoseBatch:
    """Pack the windows of a batch, for `DataLoader(..., collate_fn=collate)`; see `PoseBatch.from_sequences`."""
    return PoseBatch.from_sequences(windows)
