"""A shard: the recordings of a few inputs, one after the other, complete or not there at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from msclr import strict_json
from msclr.atomic import sync_folder
from msclr.errors import MsclrError, PoseError, StoreError
from msclr.io.guard import shown
from msclr.poses.sequence import PoseSequence
from msclr.store.inputs import InputOutcome
from msclr.store.layout import (
    CONFIDENCE,
    CONTENT,
    INDEX,
    INPUTS,
    NO_CONFIDENCE,
    POSITIONS,
    RECORD,
    TEXTS,
    VALID,
    Precision,
    Table,
    coordinate_type,
    pack_masks,
    table_of,
)

TABLES = "tables.json"


class ShardWriter:
    """Appends recordings to open files; made by `shard_writer`.

    Args:
        files: Name to open file.
        precision: Number type of the positions.
    """

    def __init__(self, files: dict[str, BinaryIO], precision: Precision) -> None:
        self.tables: dict[Table, int] = {}
        self.recordings = 0
        self._files = files
        self._precision = precision
        self._texts = 0
        self._scores = 0

    def add(self, clip: PoseSequence, *, name: str, recording: str | None, input: int, source: int) -> None:
        """Append a recording.

        Args:
            clip: The recording.
            name: Its name.
            recording: Name of what was recorded, the same for all conventions that it was recorded in.
            input, source: Numbers of its file and of what was asked for.

        Raises:
            PoseError: If a coordinate is too large for the precision.
        """
        valid = np.asarray(clip.valid)
        with np.errstate(over="ignore"):
            stored = clip.positions.astype(coordinate_type(self._precision))
        if not np.isfinite(stored).all():
            raise PoseError(
                f"coordinates up to {np.abs(clip.positions).max():g}",
                where=clip.source,
                expected="at most 65504, the largest number of float16",
                remedy="precision='float32'",
            )
        text: dict[str, object] = {"name": name}
        if clip.source is not None:
            text["source"] = clip.source
        if recording is not None:
            text["recording"] = recording
        if clip.person_ids != tuple(map(str, range(clip.num_persons))):
            text["person_ids"] = list(clip.person_ids)
        if clip.meta:
            text["meta"] = {str(key): str(value) for key, value in clip.meta.items()}
        line = json.dumps(text).encode("ascii") + b"\n"
        table = Table(clip.skeleton, clip.dims, clip.unit, clip.up)
        record = np.zeros((), RECORD)
        record["table"] = self.tables.setdefault(table, len(self.tables))
        record["input"], record["source"] = input, source
        record["persons"], record["frames"] = valid.shape[:2]
        record["fps"] = clip.fps or 0.0
        record["text"], record["text_bytes"] = self._texts, len(line)
        record["confidence"] = NO_CONFIDENCE if clip.confidence is None else self._scores
        self._files[POSITIONS].write(stored.tobytes())
        self._files[VALID].write(pack_masks(valid).tobytes())
        if clip.confidence is not None:
            scores = np.ascontiguousarray(clip.confidence, dtype="<f4")
            self._files[CONFIDENCE].write(scores.tobytes())
            self._scores += scores.size
        self._files[TEXTS].write(line)
        self._files[INDEX].write(record.tobytes())
        self._texts += len(line)
        self.recordings += 1

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Take back what the block has added if it ends with an error."""
        tables, counts = dict(self.tables), (self.recordings, self._texts, self._scores)
        places = {name: file.tell() for name, file in self._files.items()}
        try:
            yield
        except BaseException:
            for name, file in self._files.items():
                file.seek(places[name])
                file.truncate()
            self.tables = tables
            self.recordings, self._texts, self._scores = counts
            raise

    def account(self, outcome: InputOutcome) -> None:
        """Note what has become of an input."""
        self._files[INPUTS].write(outcome.to_json() + b"\n")


@contextmanager
def shard_writer(folder: Path, precision: Precision) -> Iterator[ShardWriter]:
    """Open a writer whose files are at `folder`, on the disk, once the block has ended without an error.

    Raises:
        StoreError: If the files cannot be written.
    """
    temporary = folder.with_name(f".{folder.name}-{secrets.token_hex(8)}.tmp")
    try:
        temporary.mkdir()
        files: dict[str, BinaryIO] = {}
        try:
            for name in CONTENT:
                files[name] = (temporary / name).open("xb")
            writer = ShardWriter(files, precision)
            yield writer
            for file in files.values():
                file.flush()
                os.fsync(file.fileno())
        finally:
            for file in files.values():
                file.close()
        with (temporary / TABLES).open("xb") as tables:
            tables.write(json.dumps([table.to_json() for table in writer.tables]).encode("ascii"))
            tables.flush()
            os.fsync(tables.fileno())
        sync_folder(temporary)
        if folder.exists():  # made by somebody else meanwhile, of the same inputs
            shutil.rmtree(temporary)
        else:
            temporary.rename(folder)
        sync_folder(folder.parent)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, MsclrError):
            raise StoreError(
                f"cannot write: {error.strerror or error}",
                where=shown(folder.parent),
                expected="a writable folder with enough room",
                remedy="the same command once there is room: what is done is kept",
            ) from None
        raise


def read_tables(folder: Path) -> list[Table]:
    """Return the tables of a shard."""
    where = shown(folder / TABLES)
    entries = strict_json.loads((folder / TABLES).read_bytes(), where=where)
    return [table_of(entry, where) for entry in entries] if isinstance(entries, list) else []


def read_outcomes(folder: Path) -> list[InputOutcome]:
    """Return what became of the inputs of a shard."""
    where = shown(folder / INPUTS)
    return [InputOutcome.from_json(line, where) for line in (folder / INPUTS).read_bytes().splitlines()]


def nothing_left(outcomes: Sequence[InputOutcome], where: str) -> StoreError:
    """Return the error for inputs none of which gave a recording, with the reason of the first."""
    first = next((each for each in outcomes if each.reason), None)
    return StoreError(
        f"no recording is left of {len(outcomes):,} inputs"
        + (f"; the first, {first.path!r:.200}: {first.reason}" if first else ""),
        where=where,
        expected="at least one",
    )
