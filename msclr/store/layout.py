"""The files of a clip store: their names, their records, and what the manifest says; see docs/store.md."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from msclr import strict_json
from msclr.errors import MsclrError, StoreError
from msclr.skeletons.spec import SkeletonSpec, Unit, UpAxis
from msclr.strict_json import JsonValue

Precision: TypeAlias = Literal["float32", "float16"]
Records: TypeAlias = npt.NDArray[np.void]

FORMAT = "msclr clip store"
VERSION = 1
MANIFEST = "store.json"
POSITIONS, VALID, CONFIDENCE = "positions.bin", "valid.bin", "confidence.bin"
INDEX, TEXTS, INPUTS = "index.bin", "texts.jsonl", "inputs.jsonl"
CONTENT = (POSITIONS, VALID, CONFIDENCE, INDEX, TEXTS, INPUTS)
NO_CONFIDENCE = -1
MAXIMUM_MANIFEST_BYTES = 256 * 2**20

RECORD = np.dtype(
    [
        ("table", "<u4"),
        ("input", "<u4"),
        ("source", "<u4"),
        ("persons", "<u4"),
        ("frames", "<u8"),
        ("row", "<u8"),
        ("confidence", "<i8"),
        ("fps", "<f8"),
        ("text", "<u8"),
        ("text_bytes", "<u4"),
        ("reserved", "<u4"),
    ]
)
_TYPES: Mapping[Precision, str] = {"float32": "<f4", "float16": "<f2"}


@dataclass(frozen=True)
class Table:
    """The recordings of one convention whose numbers mean the same: one section of the flat files.

    Args:
        skeleton: The convention.
        dims: Coordinates of a joint, 2 or 3.
        unit, up: What the numbers mean.
    """

    skeleton: SkeletonSpec
    dims: int
    unit: Unit
    up: UpAxis

    @property
    def mask_bytes(self) -> int:
        """Bytes of the validity bits of one row."""
        return (self.skeleton.num_joints + 7) // 8

    def row_bytes(self, precision: Precision) -> int:
        """Bytes of the positions of one row."""
        return self.skeleton.num_joints * self.dims * coordinate_type(precision).itemsize

    def to_json(self) -> dict[str, JsonValue]:
        """Return the table as an object of the manifest."""
        return {
            "skeleton": json.loads(self.skeleton.to_json()),
            "dims": self.dims,
            "unit": self.unit,
            "up": self.up,
        }


@dataclass(frozen=True)
class Manifest:
    """What `store.json` says.

    Args:
        precision: Number type of the positions.
        recordings: Number of recordings.
        tables: The sections, in their order in the files.
        rows: Number of rows of each table.
        sources: Names of what the recordings were prepared from.
        files: Name to (bytes, sha256) of the other files.
        plan: Fingerprint of inputs and options, "" if unknown.
    """

    precision: Precision
    recordings: int
    tables: tuple[Table, ...]
    rows: tuple[int, ...]
    sources: tuple[str, ...]
    files: Mapping[str, tuple[int, str]]
    plan: str = ""

    def to_json(self) -> bytes:
        """Return the content of the file."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "precision": self.precision,
            "recordings": self.recordings,
            "tables": [{**table.to_json(), "rows": rows} for table, rows in zip(self.tables, self.rows, strict=True)],
            "sources": list(self.sources),
            "files": {name: {"bytes": size, "sha256": digest} for name, (size, digest) in self.files.items()},
            "plan": self.plan,
        }
        return json.dumps(content, indent=1).encode("ascii")

    @classmethod
    def from_json(cls, content: bytes, where: str) -> Manifest:
        """Read the file.

        Raises:
            StoreError: If it is not the manifest of a store that this version reads.
        """
        try:
            fields = strict_json.loads(content, where=where, maximum_bytes=MAXIMUM_MANIFEST_BYTES)
            if not isinstance(fields, dict) or fields.get("format") != FORMAT:
                raise StoreError("not the manifest of a clip store", where=where, expected=f'"format": "{FORMAT}"')
            if fields.get("version") != VERSION:
                found = f"version {fields.get('version')!r:.40} of the format"
                raise StoreError(found, where=where, expected=f"version {VERSION}", remedy="a newer msclr")
            return cls._parse(fields, where)
        except StoreError:
            raise
        except MsclrError as error:
            raise StoreError(error.found, where=error.where or where, expected=error.expected) from None

    @classmethod
    def _parse(cls, fields: dict[str, JsonValue], where: str) -> Manifest:
        precision = fields.get("precision")
        tables = [_table(entry, where) for entry in _objects(fields.get("tables"), "tables", where)]
        files = fields.get("files")
        if precision not in get_args(Precision) or not isinstance(files, dict) or set(files) != set(CONTENT):
            raise StoreError("no precision, or not the files of a store", where=where, expected=", ".join(CONTENT))
        listed = {name: _file(files[name], name, where) for name in CONTENT}
        sources = fields.get("sources")
        if not isinstance(sources, list) or not all(isinstance(source, str) for source in sources):
            raise StoreError("sources that are no list of names", where=where)
        return cls(
            precision="float16" if precision == "float16" else "float32",
            recordings=count(fields.get("recordings"), "recordings", where),
            tables=tuple(table for table, _ in tables),
            rows=tuple(rows for _, rows in tables),
            sources=tuple(str(source) for source in sources),
            files=listed,
            plan=str(fields.get("plan", "")),
        )


def coordinate_type(precision: Precision) -> np.dtype[np.floating]:
    """Return the number type of the positions on disk."""
    return np.dtype(_TYPES[precision])


def count(value: JsonValue, name: str, where: str) -> int:
    """Return a number of things; refuse what is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise StoreError(f"{name} = {value!r:.40}", where=where, expected="a whole number from 0")
    return value


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack_masks(valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Return masks [..., j] as bits, the first joint in the lowest bit of the first byte."""
    return np.packbits(valid, axis=-1, bitorder="little")


def unpack_masks(bits: npt.NDArray[np.uint8], joints: int) -> npt.NDArray[np.bool_]:
    """Return bits [..., ceil(j / 8)] as masks [..., j]."""
    return np.unpackbits(bits, axis=-1, count=joints, bitorder="little").view(np.bool_)


def table_of(fields: JsonValue, where: str) -> Table:
    """Return a table from its object in a manifest."""
    (entry,) = _objects([fields], "tables", where)
    return _table({"rows": 0, **entry}, where)[0]


def _table(entry: dict[str, JsonValue], where: str) -> tuple[Table, int]:
    dims, unit, up = entry.get("dims"), entry.get("unit"), entry.get("up")
    if dims not in (2, 3) or isinstance(dims, float) or unit not in get_args(Unit) or up not in get_args(UpAxis):
        raise StoreError(f"a table of dims {dims!r:.20}, unit {unit!r:.20}, up {up!r:.20}", where=where)
    skeleton = SkeletonSpec.from_json(json.dumps(entry.get("skeleton")), where=f"{where}, skeleton")
    table = Table(skeleton, 2 if dims == 2 else 3, unit, up)  # type: ignore[arg-type]  # checked above
    return table, count(entry.get("rows"), "rows", where)


def _objects(value: JsonValue, name: str, where: str) -> Sequence[dict[str, JsonValue]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise StoreError(f"{name} that are no list of objects", where=where)
    return [entry for entry in value if isinstance(entry, dict)]


def _file(entry: JsonValue, name: str, where: str) -> tuple[int, str]:
    if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
        raise StoreError(f"no size and sha256 of {name}", where=where)
    return count(entry.get("bytes"), f"bytes of {name}", where), str(entry["sha256"])
