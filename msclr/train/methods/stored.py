"""Clips that are cut and prepared when they are used: recordings that stay on the disk, random windows of any."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from msclr.augment.clips import Clips
from msclr.errors import ConfigError, PoseError
from msclr.poses.canonical import unify
from msclr.poses.convert import conversion_map, convert
from msclr.poses.cros_line import cros_line
from msclr.poses.isc_line import isc_line
from msclr.poses.resample import resample
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import SkeletonSpec
from msclr.store.gather import WindowBlock
from msclr.store.recordings import Recordings
from msclr.strict_json import JsonValue
from msclr.train.identity import digest
from msclr.train.methods.config import ClipConfig
from msclr.train.sources import content_of

IntArray = npt.NDArray[np.int64]


class StoredClips:
    """Recordings, seen in one convention, that become clips when they are drawn.

    A window is prepared by itself, as a recording of that length would be when it is embedded: what centres, turns and
    scales it is in the window. Prepared in advance, it would be centred and turned by what lies outside of it.

    Args:
        recordings: Where they are.
        rows: int64 [n], the number of each in `recordings`.
        skeleton: The convention wanted; those in others are converted.
        config: How they are prepared.
        where: What the recordings are called in messages.

    Raises:
        ConfigError: If some are 2D and others 3D.
        PoseError: If the first recording of a convention cannot be prepared so.
    """

    def __init__(
        self, recordings: Recordings, rows: IntArray, skeleton: SkeletonSpec, config: ClipConfig, where: str
    ) -> None:
        self.recordings = recordings
        self.rows = rows
        self.config = config
        self.where = where
        tables, first = np.unique(recordings.table_of[rows], return_index=True)
        dims = {recordings.tables[number].dims for number in tables.tolist()}
        if len(dims) > 1:
            raise ConfigError("2D and 3D recordings together", where=where, expected="one of them in each format")
        self.dims = dims.pop()
        native = all(recordings.tables[number].skeleton == skeleton for number in tables.tolist())
        self.skeleton = skeleton if native or skeleton.dims == self.dims else _flattened(skeleton, recordings, tables)
        self.persons = min(config.persons, int(recordings.persons[rows].max()))
        self.longest = int(recordings.frames[rows].max())
        self._frames = recordings.frames[rows]
        self._names = recordings.names
        if config.window is not None and config.preparation != "none":
            for place in first.tolist():
                self._prepared(place, *self._span(place, np.array([0.0, 1.0])), lenient=False)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Tensor, windows: Tensor | None = None) -> Clips:
        """Cut and prepare clips.

        Args:
            index: int64 [b], places in `rows`.
            windows: float64 [b, 2], where the window of each starts and how long it is, as shares of the recording;
                None for whole recordings.

        Returns:
            The clips. A window in which nobody can be prepared is a clip without anybody.

        Raises:
            PoseError: If a whole recording cannot be prepared.
            StoreError: If a coordinate in the store is damaged.
        """
        places = index.tolist()
        spans = [self._span(place, None if windows is None else windows[row]) for row, place in enumerate(places)]
        if self.config.preparation == "none":
            return self._as_they_are(self.rows[places], spans, stretched=windows is not None)
        lenient = windows is not None
        clips = [self._prepared(place, *span, lenient=lenient) for place, span in zip(places, spans, strict=True)]
        return Clips.from_sequences(clips)

    def fingerprint(self) -> dict[str, JsonValue]:
        """Return counts and hashes, which change when a recording or their order does."""
        return {**content_of(self.recordings), "chosen": digest(self.rows)}

    def _span(self, place: int, window: npt.NDArray[np.float64] | Tensor | None) -> tuple[int, int]:
        """First frame, and number of frames of a window."""
        frames = int(self._frames[place])
        if window is None:
            return 0, frames
        count = min(max(1, round(float(window[1]) * frames)), frames)
        return min(int(float(window[0]) * frames), frames - count), count

    def _as_they_are(self, rows: IntArray, spans: list[tuple[int, int]], *, stretched: bool) -> Clips:
        """Cut all at once: windows stretched to the length of clips, recordings filled up to the longest of all."""
        first, count = np.array(spans, np.float64).reshape(-1, 2).T[..., None]
        if stretched:
            times = first + (count - 1) * np.linspace(0, 1, self.config.frames)
        else:
            times = np.tile(np.arange(float(self.longest)), (len(rows), 1))
        shape = (len(rows), self.persons, times.shape[1], self.skeleton.num_joints)
        positions, valid = torch.zeros(*shape, self.dims), torch.zeros(shape, dtype=torch.bool)
        for block in self.recordings.cut(rows, times, persons=self.persons):
            places, known = self._seen(block)
            positions[block.order, : places.shape[1]] = places
            valid[block.order, : places.shape[1]] = known
        return Clips(positions, valid, self.skeleton)

    def _seen(self, block: WindowBlock) -> tuple[Tensor, Tensor]:
        """The windows of a block in the convention wanted."""
        table = block.table
        if table.skeleton == self.skeleton:
            return block.positions, block.valid
        source = table.skeleton if table.skeleton.dims == table.dims else table.skeleton.replace(dims=table.dims)
        return conversion_map(source, self.skeleton).apply(block.positions, block.valid)

    def _prepared(self, place: int, first: int, count: int, *, lenient: bool) -> PoseSequence:
        """Cut one window and prepare it."""
        row = self.rows[place : place + 1]
        (block,) = self.recordings.cut(row, np.arange(first, first + count, dtype=np.float64)[None])
        rate = float(self.recordings.fps[row[0]])
        window = PoseSequence(
            positions=block.positions[0].numpy(),
            valid=block.valid[0].numpy(),
            skeleton=block.table.skeleton,
            fps=rate or None,
            unit=block.table.unit,
            up=block.table.up,
            source=f"{self.where}:{self._names[row[0]]}",
        )
        if block.table.skeleton != self.skeleton:
            window = convert(window, self.skeleton)
        try:
            return prepare(self.config, window)
        except PoseError:
            if not lenient:
                raise
        nobody = np.zeros((1, self.config.frames, self.skeleton.num_joints), bool)
        return window.replace(
            positions=np.zeros((*nobody.shape, self.dims), np.float32), valid=nobody, person_ids=(), confidence=None
        )


def prepare(config: ClipConfig, recording: PoseSequence) -> PoseSequence:
    """Prepare a recording, or a window of one, as the configuration says.

    Args:
        config: How.
        recording: In the convention that it is to be seen in.

    Raises:
        PoseError: If nothing in it is known that the preparation needs.
    """
    if config.preparation == "none":
        prepared = recording
    elif config.preparation == "cros":
        prepared = cros_line(recording, frames=config.frames)
    elif config.preparation == "isc":
        prepared = isc_line(recording)
    else:
        prepared = resample(unify(recording), frames=config.frames)
    return prepared.persons(range(min(config.persons, prepared.num_persons)))


def _flattened(skeleton: SkeletonSpec, recordings: Recordings, tables: IntArray) -> SkeletonSpec:
    """A convention as `convert` returns recordings of other dimensions in it."""
    table = recordings.tables[int(tables[0])]
    return skeleton.replace(dims=table.dims, unit=table.unit, up=table.up)
