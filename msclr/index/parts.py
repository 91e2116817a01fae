"""The files of an index: parts of some ten thousand vectors in safetensors, and a manifest with their sha256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import safetensors.numpy
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from torch import Tensor

from msclr import strict_json
from msclr.atomic import write_bytes
from msclr.errors import FileFormatError, MissingFileError, MsclrError, NotAFileError
from msclr.index.texts import Texts
from msclr.io import guard
from msclr.io.limits import ReadLimits

MANIFEST = "vectors.json"
FORMAT_VERSION = 1
PART_ROWS = 65_536
MAXIMUM_PART_BYTES = 2**31

Precision: TypeAlias = Literal["float32", "float16"]
TYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "float16": torch.float16}

_OTHERS = {"names": np.uint8, "names_ends": np.int64, "skeletons": np.uint8, "skeletons_ends": np.int64}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileFacts(_Strict):
    """What a file must be: name, number of rows, bytes and sha256."""

    file: Annotated[str, Field(pattern=r"^(part-\d{6,9}|cells)\.(safetensors|parquet)$")]
    rows: Annotated[int, Field(ge=0, le=2**32)]
    size: Annotated[int, Field(ge=1, le=MAXIMUM_PART_BYTES)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class VectorManifest(_Strict):
    """What a folder of vectors consists of.

    Args:
        dim: Length of the vectors.
        precision: Number type that they are stored as.
        parts: Their files, in order.
        cells: The file for approximate search, if there is one.
        model: Name of the model that made them, "" if unknown.
        model_sha256: Fingerprint of its weights, "" if unknown.
        plan: Fingerprint of what a corpus was made of, "" for other folders.
        format_version: Version of this layout.
    """

    dim: Annotated[int, Field(ge=1, le=2**16)]
    precision: Precision
    parts: Annotated[tuple[FileFacts, ...], Field(min_length=1, max_length=10**7)]
    cells: FileFacts | None = None
    model: Annotated[str, Field(max_length=4096)] = ""
    model_sha256: Annotated[str, Field(max_length=64)] = ""
    plan: Annotated[str, Field(max_length=64)] = ""
    format_version: Literal[1] = 1

    @property
    def rows(self) -> int:
        """Number of vectors."""
        return sum(part.rows for part in self.parts)

    def write(self, folder: Path) -> None:
        """Write the manifest, the last file of a folder."""
        write_bytes(folder / MANIFEST, (json.dumps(self.model_dump(mode="json"), indent=1) + "\n").encode())


@dataclass(frozen=True, eq=False)
class Part:
    """Some vectors and what they are vectors of.

    Args:
        vectors: [n, dim] float32 or float16 on the CPU.
        names: n names.
        skeletons: n ids of joint conventions.
    """

    vectors: Tensor
    names: Texts
    skeletons: Texts


def read_manifest(folder: Path) -> VectorManifest:
    """Read the manifest of a folder of vectors.

    Raises:
        MissingFileError: If there is no such folder, or no manifest in it.
        NotAFileError: If the folder is a file.
        FileFormatError: If it is something else, or of a newer msclr.
    """
    where = guard.shown(folder / MANIFEST)
    if not guard.is_folder(folder):
        raise NotAFileError("a file", where=guard.shown(folder), expected="a folder of vectors")
    try:
        content = guard.open_regular(folder / MANIFEST, ReadLimits(maximum_bytes=2**31))
    except MissingFileError:
        raise MissingFileError(
            f"a folder without {MANIFEST}",
            where=guard.shown(folder),
            expected="a folder that msclr index or msclr embed-corpus completed",
        ) from None
    fields = strict_json.loads(content, where=where, maximum_bytes=2**31)
    version = fields.get("format_version") if isinstance(fields, dict) else None
    if type(version) is int and version > FORMAT_VERSION:
        raise FileFormatError(
            f"format {version}", where=where, expected=f"{FORMAT_VERSION}", remedy="pip install --upgrade msclr"
        )
    try:
        return VectorManifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise FileFormatError(f"{place}: {first['msg']}", where=where, expected="the manifest of vectors") from None


def check_sizes(folder: Path, manifest: VectorManifest) -> None:
    """Refuse files that cannot hold what the manifest claims, before memory is asked for.

    Raises:
        MissingFileError: If one is missing.
        FileFormatError: If its size is another, or too small for its vectors.
    """
    for facts in manifest.parts:
        path = folder / facts.file
        where = guard.shown(path)
        if not path.is_file():
            raise MissingFileError("this part is missing", where=where, remedy="make the folder again")
        found, needed = path.stat().st_size, facts.rows * manifest.dim * TYPES[manifest.precision].itemsize
        if found != facts.size or found < needed:
            raise _damaged(f"{found:,} bytes, where the manifest says {facts.size:,} and {facts.rows:,} vectors", where)


def encode_part(part: Part) -> bytes:
    """Return a part as the content of a safetensors file."""
    arrays = {**part.names.to_arrays("names"), **part.skeletons.to_arrays("skeletons")}
    arrays["vectors"] = part.vectors.contiguous().numpy()
    return safetensors.numpy.save(arrays)


def write_part(folder: Path, file: str, part: Part) -> FileFacts:
    """Write a part; return what the manifest says about it."""
    return write_file(folder, file, encode_part(part), len(part.names))


def write_file(folder: Path, file: str, content: bytes, rows: int) -> FileFacts:
    """Write a file, complete or not at all; return what the manifest says about it."""
    write_bytes(folder / file, content)
    return FileFacts(file=file, rows=rows, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def read_part(folder: Path, facts: FileFacts, dim: int, precision: Precision) -> Part:
    """Read a part, if it is byte for byte what the manifest says.

    Raises:
        FileFormatError: If it is not, or its vectors, names and conventions do not fit each other.
        MissingExtraError: If it is a Parquet file, and pyarrow is not installed.
    """
    where = guard.shown(folder / facts.file)
    content = read_verified(folder, facts)
    if facts.file.endswith(".parquet"):
        from msclr.index.parquet import decode_parquet

        part = decode_parquet(content, dim, where)
    else:
        part = _decode(content, where)
    shape, kind = tuple(part.vectors.shape), part.vectors.dtype
    if shape != (facts.rows, dim) or kind != TYPES[precision]:
        raise FileFormatError(f"vectors {shape} of {kind}", where=where, expected=f"{facts.rows, dim} of {precision}")
    if not len(part.names) == len(part.skeletons) == facts.rows:
        raise FileFormatError(
            f"{len(part.names)} names and {len(part.skeletons)} conventions", where=where, expected=f"{facts.rows} each"
        )
    finite = part.vectors.isfinite().all(dim=1)
    if not bool(finite.all()):
        row = int(finite.long().argmin())
        raise FileFormatError(
            f"NaN or infinite numbers in row {row}, of {guard.shown(part.names[row])!r}",
            where=where,
            expected="finite vectors",
            remedy="make the folder again",
        )
    return part


def read_verified(folder: Path, facts: FileFacts) -> bytes:
    """Read a file of a folder of vectors, if it is byte for byte what the manifest says."""
    where = guard.shown(folder / facts.file)
    try:
        content = guard.open_regular(folder / facts.file, ReadLimits(maximum_bytes=MAXIMUM_PART_BYTES))
    except FileFormatError as error:
        raise _damaged(error.found, where) from None
    except MissingFileError:
        raise MissingFileError("this part is missing", where=where, remedy="make the folder again") from None
    if len(content) != facts.size or hashlib.sha256(content).hexdigest() != facts.sha256:
        raise _damaged(f"{len(content):,} bytes that are not those of the manifest", where)
    return content


def tensors_of(content: bytes, where: str) -> dict[str, Tensor]:
    """Return the tensors of a verified safetensors file."""
    try:
        return safetensors.torch.load(content)
    except (SafetensorError, ValueError, RuntimeError, KeyError) as error:
        raise _damaged(f"not readable ({type(error).__name__})", where) from None


def _decode(content: bytes, where: str) -> Part:
    tensors = tensors_of(content, where)
    others: Mapping[str, npt.NDArray[np.generic]] = {
        name: value.numpy() for name, value in tensors.items() if name != "vectors"
    }
    types = {name: value.dtype for name, value in others.items()}
    if "vectors" not in tensors or types != {name: np.dtype(kind) for name, kind in _OTHERS.items()}:
        raise _damaged(f"tensors {', '.join(sorted(tensors))[:200]}", where)
    return Part(
        tensors["vectors"], Texts.from_arrays(others, "names", where), Texts.from_arrays(others, "skeletons", where)
    )


def _damaged(found: str, where: str) -> MsclrError:
    return FileFormatError(found, where=where, expected="the file that was written", remedy="make the folder again")


def cut(vectors: Tensor, names: Texts, skeletons: Texts) -> Iterator[Part]:
    """Cut many vectors into parts."""
    for start in range(0, max(len(vectors), 1), PART_ROWS):
        rows = slice(start, start + PART_ROWS)
        yield Part(vectors[rows], _cut_texts(names, rows), _cut_texts(skeletons, rows))


def _cut_texts(texts: Texts, rows: slice) -> Texts:
    ends = texts.ends[rows]
    start = int(texts.ends[rows.start - 1]) if rows.start else 0
    return Texts(texts.data[start : int(ends[-1]) if len(ends) else start], ends - start)


def joined(parts: Iterable[Part], dim: int, rows: int, precision: Precision) -> Part:
    """Put parts one behind the other, without holding the vectors twice."""
    vectors = torch.empty(rows, dim, dtype=TYPES[precision])
    names: list[Texts] = []
    skeletons: list[Texts] = []
    start = 0
    for part in parts:
        vectors[start : start + len(part.vectors)] = part.vectors
        start += len(part.vectors)
        names.append(part.names)
        skeletons.append(part.skeletons)
    return Part(vectors, Texts.join(names), Texts.join(skeletons))


def part_name(number: int, suffix: str = "safetensors") -> str:
    """Return the name of a part."""
    return f"part-{number:06d}.{suffix}"
