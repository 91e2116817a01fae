"""Recordings that windows are cut from, on the disk or in memory: what training looks at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from msclr.io import guard
from msclr.io.collection import ClipCollection, read_collection
from msclr.io.registry import PathLike
from msclr.store.clip_store import ClipStore
from msclr.store.gather import IntArray, WindowBlock, around, blend, check_windows
from msclr.store.layout import Table

FloatArray = npt.NDArray[np.float64]


class Recordings(Protocol):
    """What a `ClipStore` and a data set in memory have in common."""

    def __len__(self) -> int: ...

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each."""
        ...

    @property
    def motions(self) -> tuple[str, ...]:
        """What each is of, the same in all conventions."""
        ...

    @property
    def tables(self) -> tuple[Table, ...]:
        """The conventions."""
        ...

    @property
    def table_of(self) -> IntArray:
        """[recordings] int64, number of the table of each."""
        ...

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of what they came from."""
        ...

    @property
    def source_of(self) -> IntArray:
        """[recordings] int64, number of the source of each."""
        ...

    @property
    def frames(self) -> IntArray:
        """[recordings] int64, number of frames of each."""
        ...

    @property
    def persons(self) -> IntArray:
        """[recordings] int64, number of person slots of each."""
        ...

    @property
    def fps(self) -> FloatArray:
        """[recordings] float64, frames per second of each, 0 where unknown."""
        ...

    def column(self, name: str) -> tuple[str | None, ...]:
        """Return one fact of every recording, None where it is not known."""
        ...

    def cut(self, clips: IntArray, times: FloatArray, *, persons: int | None = None) -> tuple[WindowBlock, ...]:
        """Return recordings at given times; see `ClipStore.cut`."""
        ...


def open_recordings(path: PathLike) -> Recordings:
    """Open a clip store, or read a prepared data set.

    Args:
        path: A folder that `msclr prepare` made, or a `.npz` in the layout of `msclr.io.collection`.

    Raises:
        MissingFileError: If there is nothing.
        StoreError, FileFormatError: If it is neither.

    Example:
        >>> import tempfile
        >>> from msclr.samples import sample_paths
        >>> from msclr.store.build import prepare
        >>> len(open_recordings(prepare(list(sample_paths().values()), tempfile.mkdtemp() + "/store").path))
        4
    """
    place = guard.to_path(path)
    return ClipStore(place) if place.is_dir() else LoadedRecordings(read_collection(place))


@dataclass(frozen=True, eq=False)
class LoadedRecordings:
    """A data set in memory, with what a `ClipStore` has for training.

    Args:
        clips: The data set.

    Example:
        >>> import numpy as np
        >>> from msclr import get_skeleton
        >>> walk = np.arange(3.0 * 17 * 2, dtype=np.float32).reshape(3, 1, 17, 2)
        >>> known, ends = np.ones((3, 1, 17), bool), np.array([0, 3])
        >>> clips = ClipCollection(walk, known, ends, get_skeleton("coco_17"), "px", "-y", 25.0, ("walk",))
        >>> (block,) = LoadedRecordings(clips).cut(np.array([0]), np.array([[0.5, 7.0]]))
        >>> block.positions[0, 0, :, 0].tolist(), block.valid[0, 0, :, 0].tolist()
        ([[17.0, 18.0], [0.0, 0.0]], [True, False])
    """

    clips: ClipCollection

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each clip."""
        return self.clips.names

    @property
    def motions(self) -> tuple[str, ...]:
        """The same: clips of one name in several files are one motion."""
        return self.clips.names

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The one convention."""
        clips = self.clips
        return (Table(clips.skeleton, 2 if clips.positions.shape[-1] == 2 else 3, clips.unit, clips.up),)

    @property
    def table_of(self) -> IntArray:
        """[clips] int64, zeros."""
        return np.zeros(len(self), np.int64)

    @property
    def sources(self) -> tuple[str, ...]:
        """The name of the file."""
        return (self.clips.source,)

    @property
    def source_of(self) -> IntArray:
        """[clips] int64, zeros."""
        return np.zeros(len(self), np.int64)

    @cached_property
    def frames(self) -> IntArray:
        """[clips] int64, number of frames of each clip."""
        return np.diff(self.clips.offsets)

    @property
    def persons(self) -> IntArray:
        """[clips] int64, number of person slots of each clip."""
        return np.full(len(self), self.clips.positions.shape[1], np.int64)

    @property
    def fps(self) -> FloatArray:
        """[clips] float64, frames per second of each clip."""
        return np.full(len(self), self.clips.fps, np.float64)

    def column(self, name: str) -> tuple[str | None, ...]:
        """Return one fact of every clip, None where it is not known."""
        return self.clips.columns.get(name, (None,) * len(self))

    def cut(self, clips: IntArray, times: FloatArray, *, persons: int | None = None) -> tuple[WindowBlock, ...]:
        """Return clips at given times; see `ClipStore.cut`."""
        data = self.clips
        check_windows(clips, times, len(self), data.source)
        before, after, share, inside = around(times, self.frames[clips][:, None])
        first = data.offsets[clips][:, None]
        positions, valid = self._frames(first + before, persons)
        if share.any():
            second, also = self._frames(first + after, persons)
            positions, valid = blend(positions, valid, second, also, share[:, None, :, None].astype(np.float32))
        if not inside.all():
            valid &= inside[:, None, :, None]
        if not valid.all():
            positions[~valid] = 0
        block = WindowBlock(
            table=self.tables[0],
            clips=torch.from_numpy(clips),
            order=torch.arange(len(clips)),
            times=torch.from_numpy(times),
            positions=torch.from_numpy(positions),
            valid=torch.from_numpy(valid),
        )
        return (block,) if len(clips) else ()

    def _frames(self, rows: IntArray, persons: int | None) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Return positions [b, p, t, j, c] and masks [b, p, t, j] of frames [b, t], as copies."""
        slots = slice(persons)
        positions, valid = self.clips.positions[rows, slots], self.clips.valid[rows, slots]
        return np.ascontiguousarray(positions.swapaxes(1, 2)), np.ascontiguousarray(valid.swapaxes(1, 2))
