"""Open the files of a store: sizes and every record are checked before anything is mapped."""

from __future__ import annotations

import mmap
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msclr.errors import MissingFileError, MsclrError, StoreError
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.store.layout import (
    CONFIDENCE,
    CONTENT,
    INDEX,
    MANIFEST,
    MAXIMUM_MANIFEST_BYTES,
    NO_CONFIDENCE,
    POSITIONS,
    RECORD,
    TEXTS,
    VALID,
    Manifest,
    Records,
    Table,
    coordinate_type,
)

Bytes = npt.NDArray[np.uint8]

MAXIMUM_PERSONS = 1_000_000


@dataclass(frozen=True, eq=False)
class Section:
    """One table, mapped.

    Args:
        table: What the numbers mean.
        positions: [rows, j * c] float32 or float16; a row is one person in one frame.
        bits: [rows, ceil(j / 8)] uint8, which joints are known.
    """

    table: Table
    positions: npt.NDArray[np.floating]
    bits: Bytes


@dataclass(frozen=True, eq=False)
class StoreFiles:
    """A store, mapped and read-only.

    Args:
        path: The folder.
        manifest: What `store.json` says.
        records: [recordings] structured, see `RECORD`.
        sections: One for each table.
        scattered: The same, mapped for windows here and there: the system reads what is asked for, not megabytes ahead.
        confidence: [n] float32.
        texts: The bytes of texts.jsonl.
    """

    path: Path
    manifest: Manifest
    records: Records
    sections: tuple[Section, ...]
    scattered: tuple[Section, ...]
    confidence: npt.NDArray[np.float32]
    texts: Bytes


def open_store(path: Path) -> StoreFiles:
    """Map a store.

    Raises:
        MissingFileError: If there is no such folder.
        StoreError: If it is no store, or its files are not what its manifest says.
    """
    where = guard.shown(path)
    if not guard.is_folder(path):
        raise StoreError("a file, not a folder", where=where, expected="a clip store")
    try:
        content = guard.open_regular(path / MANIFEST, ReadLimits(maximum_bytes=MAXIMUM_MANIFEST_BYTES))
    except MissingFileError:
        raise StoreError(
            f"a folder without {MANIFEST}", where=where, expected="a clip store", remedy="msclr prepare FILES -o STORE"
        ) from None
    except MsclrError as error:
        raise StoreError(error.found, where=error.where, expected=error.expected) from None
    manifest = Manifest.from_json(content, guard.shown(path / MANIFEST))
    _check_sizes(path, manifest)
    for name in CONTENT:
        _check_file(path / name, manifest.files[name][0])
    records: Records = _map(path / INDEX, manifest.files[INDEX][0]).view(RECORD)
    _check_records(records, manifest, guard.shown(path / INDEX))
    return StoreFiles(
        path=path,
        manifest=manifest,
        records=records,
        sections=_sections(path, manifest),
        scattered=_sections(path, manifest, scattered=True),
        confidence=_map(path / CONFIDENCE, manifest.files[CONFIDENCE][0]).view("<f4"),
        texts=_map(path / TEXTS, manifest.files[TEXTS][0]),
    )


def _check_sizes(path: Path, manifest: Manifest) -> None:
    """Refuse a manifest whose sizes contradict each other."""
    tables = list(zip(manifest.tables, manifest.rows, strict=True))
    needed = {
        POSITIONS: sum(rows * table.row_bytes(manifest.precision) for table, rows in tables),
        VALID: sum(rows * table.mask_bytes for table, rows in tables),
        INDEX: manifest.recordings * RECORD.itemsize,
    }
    for name, size in needed.items():
        if manifest.files[name][0] != size:
            raise StoreError(
                f"{manifest.files[name][0]:,} bytes of {name}",
                where=guard.shown(path / MANIFEST),
                expected=f"the {size:,} of its tables and recordings",
            )
    if manifest.files[CONFIDENCE][0] % 4:
        raise StoreError(
            f"{manifest.files[CONFIDENCE][0]:,} bytes of {CONFIDENCE}",
            where=guard.shown(path / MANIFEST),
            expected="a multiple of 4",
        )


def _check_file(path: Path, size: int) -> None:
    where = guard.shown(path)
    try:
        status = path.lstat()
    except OSError:
        raise StoreError("no such file", where=where, expected="all files of the store") from None
    if not stat.S_ISREG(status.st_mode):
        raise StoreError("not a regular file", where=where, expected="a file of the store")
    if status.st_size != size:
        raise StoreError(
            f"{status.st_size:,} bytes",
            where=where,
            expected=f"the {size:,} of the manifest",
            remedy="copy the whole store again",
        )


def _map(path: Path, size: int, *, scattered: bool = False) -> Bytes:
    if size == 0:  # nothing cannot be mapped
        return np.zeros(0, np.uint8)
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        if scattered and hasattr(mmap, "MADV_RANDOM"):
            mapped.madvise(mmap.MADV_RANDOM)
        return np.frombuffer(mapped, np.uint8)
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise StoreError(f"cannot be mapped: {reason}", where=guard.shown(path)) from None


def _sections(path: Path, manifest: Manifest, *, scattered: bool = False) -> tuple[Section, ...]:
    coordinates = _map(path / POSITIONS, manifest.files[POSITIONS][0], scattered=scattered)
    masks = _map(path / VALID, manifest.files[VALID][0], scattered=scattered)
    sections = []
    at = masked = 0
    for table, rows in zip(manifest.tables, manifest.rows, strict=True):
        end, end_mask = at + rows * table.row_bytes(manifest.precision), masked + rows * table.mask_bytes
        numbers = coordinates[at:end].view(coordinate_type(manifest.precision))
        sections.append(
            Section(
                table,
                numbers.reshape(rows, table.skeleton.num_joints * table.dims),
                masks[masked:end_mask].reshape(rows, table.mask_bytes),
            )
        )
        at, masked = end, end_mask
    return tuple(sections)


def _check_records(records: Records, manifest: Manifest, where: str) -> None:
    """Refuse the first record that leads out of the files."""
    if not len(records):
        return
    tables = np.minimum(records["table"], max(len(manifest.tables) - 1, 0)).astype(np.int64)
    rows = np.array(manifest.rows or (0,), np.float64)[tables]
    joints = np.array([table.skeleton.num_joints for table in manifest.tables] or [0], np.float64)[tables]
    count = records["persons"].astype(np.float64) * records["frames"].astype(np.float64)
    scores = np.where(records["confidence"] == NO_CONFIDENCE, 0, records["confidence"] + count * joints)
    fps = records["fps"]
    problems = {
        "a table that is not there": records["table"] >= len(manifest.tables),
        "a source that is not there": records["source"] >= len(manifest.sources),
        "rows behind the end of its table": records["row"] + count > rows,
        "confidence outside of its file": (records["confidence"] < NO_CONFIDENCE)
        | (4 * scores > manifest.files[CONFIDENCE][0]),
        "a text behind the end of its file": records["text"].astype(np.float64) + records["text_bytes"]
        > manifest.files[TEXTS][0],
        "a text that is not behind the one before": records["text"].astype(np.float64)
        != np.concatenate([[0.0], np.cumsum(records["text_bytes"], dtype=np.float64)[:-1]]),
        "too many persons or frames": (records["persons"] > MAXIMUM_PERSONS) | (records["frames"] > 2**40),
        "no frame rate": ~(np.isfinite(fps) & (fps >= 0) & (fps <= 100_000)),
    }
    for found, bad in problems.items():
        if bad.any():
            raise StoreError(f"{found}, in record {int(bad.argmax())}", where=where, expected="a sound index")
