"""Put shards together: the recordings of each convention behind one another, in the order of the inputs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from msclr.atomic import sync_folder, write_bytes
from msclr.errors import MsclrError, StoreError
from msclr.io.guard import shown
from msclr.store.layout import (
    CONFIDENCE,
    CONTENT,
    INDEX,
    INPUTS,
    MANIFEST,
    NO_CONFIDENCE,
    POSITIONS,
    RECORD,
    TEXTS,
    VALID,
    Manifest,
    Precision,
    Records,
    Table,
    sha256_of,
)
from msclr.store.shard import read_tables

_PIECE = 16 * 2**20


@dataclass(frozen=True)
class Part:
    """One shard: its folder, its records, and for each of its tables the number in the store."""

    folder: Path
    records: Records
    numbers: tuple[int, ...]


class Sections:
    """Where the next row of each table goes, in positions and masks.

    Args:
        tables: The tables of the store.
        rows: Number of rows of each.
        precision: Number type of the positions.
    """

    def __init__(self, tables: Sequence[Table], rows: Sequence[int], precision: Precision) -> None:
        sizes = [(table.row_bytes(precision), table.mask_bytes) for table in tables]
        self.tables = tables
        self.next = [0] * len(tables)
        self.row_bytes = sizes
        self.starts = []
        self.totals = [0, 0]
        for (coordinates, mask), count in zip(sizes, rows, strict=True):
            self.starts.append(tuple(self.totals))
            self.totals = [self.totals[0] + count * coordinates, self.totals[1] + count * mask]

    def place(self, table: int, rows: int) -> tuple[int, tuple[int, int], tuple[int, int]]:
        """Take room for rows: the first row, and (offset, bytes) in positions and in masks."""
        row = self.next[table]
        self.next[table] += rows
        spans = [
            (start + row * size, rows * size)
            for start, size in zip(self.starts[table], self.row_bytes[table], strict=True)
        ]
        return row, spans[0], spans[1]


def assemble(shards: Sequence[Path], folder: Path, precision: Precision, sources: Sequence[str], plan: str) -> int:
    """Make a store of shards.

    Args:
        shards: Their folders, in the order of the inputs.
        folder: Where the store shall be; nothing is there yet.
        precision: Number type of the positions.
        sources: Names of what was given.
        plan: Fingerprint of inputs and options.

    Returns:
        Number of recordings.

    Raises:
        StoreError: If a shard is damaged, or the store cannot be written.
    """
    try:
        parts, tables, rows = _survey(shards)
        folder.mkdir()
        with _Files(folder) as files:
            sections = Sections(tables, rows, precision)
            files[POSITIONS].truncate(sections.totals[0])
            files[VALID].truncate(sections.totals[1])
            names: dict[str, int] = {}
            for part in parts:
                _append(part, files, sections, names)
        listed = {name: ((folder / name).stat().st_size, sha256_of(folder / name)) for name in CONTENT}
        recordings = sum(len(part.records) for part in parts)
        manifest = Manifest(precision, recordings, tuple(tables), tuple(rows), tuple(sources), listed, plan)
        write_bytes(folder / MANIFEST, manifest.to_json())
        sync_folder(folder)
        return recordings
    except OSError as error:
        if isinstance(error, MsclrError):
            raise
        raise StoreError(
            f"cannot write: {error.strerror or error}",
            where=shown(folder),
            expected="room for the whole store beside what is being put together",
            remedy="the same command once there is room: what is done is kept",
        ) from None


def _survey(shards: Sequence[Path]) -> tuple[list[Part], list[Table], list[int]]:
    """Return the shards, and the tables in the order in which they first occur, with their rows."""
    numbers: dict[Table, int] = {}
    rows: list[int] = []
    parts = []
    for shard in shards:
        records: Records = np.fromfile(shard / INDEX, RECORD)
        mine = tuple(numbers.setdefault(table, len(numbers)) for table in read_tables(shard))
        rows += [0] * (len(numbers) - len(rows))
        for number, table in enumerate(mine):
            chosen = records[records["table"] == number]
            rows[table] += int((chosen["persons"] * chosen["frames"]).sum())
        parts.append(Part(shard, records, mine))
    return parts, list(numbers), rows


def _append(part: Part, files: _Files, sections: Sections, names: dict[str, int]) -> None:
    """Copy the recordings of a shard to where they belong."""
    where = shown(part.folder)
    with (
        (part.folder / POSITIONS).open("rb") as positions,
        (part.folder / VALID).open("rb") as masks,
        (part.folder / CONFIDENCE).open("rb") as scores,
        (part.folder / TEXTS).open("rb") as texts,
        (part.folder / INPUTS).open("rb") as inputs,
    ):
        for given in part.records:
            record = given.copy()
            table = part.numbers[int(given["table"])]
            count = int(given["persons"]) * int(given["frames"])
            row, coordinates, mask = sections.place(table, count)
            record["table"], record["row"] = table, row
            _copy(positions, files[POSITIONS], *coordinates, where)
            _copy(masks, files[VALID], *mask, where)
            if int(given["confidence"]) != NO_CONFIDENCE:
                record["confidence"] = files[CONFIDENCE].tell() // 4
                joints = sections.tables[table].skeleton.num_joints
                _copy(scores, files[CONFIDENCE], files[CONFIDENCE].tell(), 4 * count * joints, where)
            line = _renamed(texts.read(int(given["text_bytes"])), names)
            record["text"], record["text_bytes"] = files[TEXTS].tell(), len(line)
            files[TEXTS].write(line)
            files[INDEX].write(record.tobytes())
        while piece := inputs.read(_PIECE):
            files[INPUTS].write(piece)


def _renamed(line: bytes, names: dict[str, int]) -> bytes:
    """Give the second recording of a name another one."""
    text = json.loads(line)
    name = text["name"]
    while name in names:
        names[text["name"]] += 1
        name = f"{text['name']} ({names[text['name']]})"
    names[name] = 1
    return line if name == text["name"] else json.dumps({**text, "name": name}).encode("ascii") + b"\n"


def _copy(source: BinaryIO, target: BinaryIO, offset: int, size: int, where: str) -> None:
    target.seek(offset)
    while size:
        piece = source.read(min(size, _PIECE))
        if not piece:
            raise StoreError("a shard that ends too early", where=where, remedy="remove this folder, and try again")
        target.write(piece)
        size -= len(piece)


class _Files:
    """The files of a store, open for writing; on the disk when the block ends."""

    def __init__(self, folder: Path) -> None:
        self._files = {name: (folder / name).open("xb") for name in CONTENT}

    def __getitem__(self, name: str) -> BinaryIO:
        return self._files[name]

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
            file.close()
