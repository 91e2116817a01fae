"""Tables of joints in Apache Parquet, with all that a table cannot say in the metadata of the file."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, FileLimitError, MissingExtraError, MsclrError, PoseError
from msclr.io import guard
from msclr.io.atomic import atomic_file
from msclr.io.header import Header, header_of
from msclr.io.registry import Format, PathLike, Probe, ReadOptions
from msclr.io.tables import COLUMNS, scatter
from msclr.poses import arrays
from msclr.poses.sequence import PoseSequence

MAGIC = b"PAR1"
KEY = b"msclr"

_TYPES = {
    "frame": "int32",
    # Names are kept as dictionaries: a long one that many rows share must not be unfolded.
    **dict.fromkeys(("person", "joint"), "dictionary<values=string, indices=int32, ordered=0>"),
    **dict.fromkeys(("x", "y", "z", "confidence"), "float"),
}
_MAXIMUM_ROW_GROUPS = 10_000
_BYTES_PER_ROW = 50  # of the arrays that a row becomes at the least; equal rows take no room in a file
_MAXIMUM_THRIFT = 16 * 2**20


def write_parquet(sequence: PoseSequence, path: PathLike) -> None:
    """Write poses as a Parquet table with the columns of `write_csv`, one row for each joint that is known.

    Missing joints have no row. `z` is null for 2D poses and `confidence` where the producer gives none. The convention,
    frame rate, persons, unit, axes and facts stand in the metadata of the file, so that `msclr.read` gives all of it
    back.

    Args:
        sequence: The poses.
        path: The file to write; it appears complete or not at all.

    Raises:
        MissingExtraError: If pyarrow is not installed.
        PoseError: If two persons have ids that look the same in Unicode.
        NotAFileError: If the folder is missing, read-only or full.

    Example:
        >>> import tempfile
        >>> from msclr.io.registry import read
        >>> path = tempfile.mkdtemp() + "/clip.parquet"
        >>> write_parquet(PoseSequence.from_array(np.full((4, 17, 2), 0.5), "coco_17", fps=25), path)
        >>> read(path)
        PoseSequence(coco_17: 1 person, 4 frames at 25 fps, 17 joints in 2D px, 100.0 % of joints known)
    """
    pyarrow, parquet = _pyarrow()
    frames, persons, joints = np.nonzero(sequence.valid.transpose(1, 0, 2))
    ids, names = _unicode(sequence.person_ids), _unicode(sequence.skeleton.joints)
    if len(set(ids)) < len(ids) or len(set(names)) < len(names):
        raise PoseError("two ids that look the same in Unicode", where=sequence.source, expected="different ids")
    positions = sequence.positions[persons, frames, joints]
    nothing = pyarrow.nulls(len(frames), pyarrow.float32())
    columns = [
        pyarrow.array(frames.astype(np.int32)),
        pyarrow.DictionaryArray.from_arrays(persons.astype(np.int32), pyarrow.array(ids, pyarrow.string())),
        pyarrow.DictionaryArray.from_arrays(joints.astype(np.int32), pyarrow.array(names, pyarrow.string())),
        *(pyarrow.array(np.ascontiguousarray(positions[:, axis])) for axis in range(sequence.dims)),
        *[nothing] * (3 - sequence.dims),
        nothing if sequence.confidence is None else pyarrow.array(sequence.confidence[persons, frames, joints]),
    ]
    facts = header_of(sequence) | {
        "frames": sequence.num_frames,
        "dims": sequence.dims,
        "confidence": sequence.confidence is not None,
    }
    table = pyarrow.table(columns, names=list(COLUMNS), metadata={KEY: json.dumps(facts)})
    with atomic_file(guard.to_path(path)) as file:
        parquet.write_table(table, file, write_page_checksum=True)


def _unicode(names: tuple[str, ...]) -> list[str]:
    """Return names that can be written in UTF-8: those of files need not be."""
    return [name.encode("utf-8", "backslashreplace").decode("utf-8") for name in names]


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("Parquet tables need pyarrow", remedy='pip install "msclr[table]"') from None
    return pyarrow, pyarrow.parquet


def _recognise(probe: Probe) -> bool:
    return probe.head.startswith(MAGIC)


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    data = guard.open_regular(path, options.limits)
    if not data.startswith(MAGIC) or not data.endswith(MAGIC):
        raise FileFormatError("no Parquet file, or one cut short", where=where, expected="a complete .parquet")
    pyarrow, parquet = _pyarrow()
    try:
        with parquet.ParquetFile(
            pyarrow.BufferReader(data),
            page_checksum_verification=True,
            thrift_string_size_limit=_MAXIMUM_THRIFT,
            thrift_container_size_limit=_MAXIMUM_THRIFT,
        ) as file:
            header, shape, dims = _check(file, len(data), options, where)
            columns = file.read(use_threads=False)
        columns.validate(full=True)  # of a damaged file, numbers of names may lead nowhere
        return _sequence(columns, header, shape, dims, options)
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        if isinstance(error, MsclrError):
            raise
        raise FileFormatError(
            f"a damaged table ({guard.shown(str(error))})", where=where, expected="a complete .parquet"
        ) from None


def _check(file: object, size: int, options: ReadOptions, where: str) -> tuple[Header, tuple[int, int, int], int]:
    """Check all that the file says about itself, before its rows are unpacked."""
    schema, metadata = file.schema_arrow, file.metadata  # type: ignore[attr-defined]  # pyarrow has no types
    types = {field.name: str(field.type) for field in schema}
    facts = (schema.metadata or {}).get(KEY)
    if types != _TYPES or list(types) != list(COLUMNS) or facts is None:
        raise FileFormatError(
            f"the columns {guard.shown(', '.join(types))}" + (" without the facts of msclr" if types == _TYPES else ""),
            where=where,
            expected=f"a table written by msclr: {', '.join(COLUMNS)}",
            remedy="pandas.read_parquet and PoseSequence.from_array(array, skeleton, layout=...)",
        )
    header = Header.parse(facts, where, f"{where}, metadata")
    frames, dims = header.fields.get("frames"), header.fields.get("dims")
    if type(frames) is not int or frames < 0 or type(dims) is not int or dims not in (2, 3):
        raise FileFormatError(f"frames={frames!r:.40}, dims={dims!r:.40}", where=where, expected="whole numbers")
    shape = (len(header.person_ids()), frames, header.skeleton(options).num_joints)
    guard.check_size(*shape, dims, bytes_read=size, limits=options.limits, where=where)
    rows, groups = metadata.num_rows, metadata.num_row_groups
    unpacked = sum(metadata.row_group(group).total_byte_size for group in range(min(groups, _MAXIMUM_ROW_GROUPS)))
    unpacked = max(unpacked, rows * _BYTES_PER_ROW)
    allowed = options.limits.maximum_growth * size + options.limits.free_bytes
    if unpacked > allowed:
        raise FileLimitError(
            f"{unpacked:,} bytes once unpacked, from {size:,}",
            where=where,
            expected=f"at most {allowed:,}",
            remedy="limits=ReadLimits(maximum_growth=...) if the file is what you think it is",
        )
    if rows > prod(shape) or groups > _MAXIMUM_ROW_GROUPS:
        raise FileFormatError(
            f"{rows:,} rows in {groups:,} groups", where=where, expected=f"at most {prod(shape):,}, one for each joint"
        )
    return header, shape, dims


def _sequence(
    table: object, header: Header, shape: tuple[int, int, int], dims: int, options: ReadOptions
) -> PoseSequence:
    where, spec = header.where, header.skeleton(options)
    frames = _numbers(table, "frame", where).astype(np.int64)
    persons = _places(table, "person", _unicode(header.person_ids()), where)
    joints = _places(table, "joint", _unicode(spec.joints), where)
    scored = bool(header.fields.get("confidence"))
    wanted = ["x", "y", "z"][:dims] + ["confidence"] * scored
    values = np.stack([_numbers(table, name, where) for name in wanted], axis=-1).astype(np.float32)
    outside = (frames < 0) | (frames >= shape[1])
    if outside.any():
        raise FileFormatError(
            f"frame {frames[outside][0]}",
            where=f"{where}, row {int(outside.argmax())}",
            expected=f"0 to {shape[1] - 1}",
        )
    if len(np.unique(np.ravel_multi_index((persons, frames, joints), shape))) < len(frames):
        raise FileFormatError("a joint with two rows", where=where, expected="one row for each joint of a frame")
    positions, valid, confidence = scatter((persons, frames, joints), values, shape, dims)
    if not arrays.finite_joints(positions, spec, where).all():
        raise FileFormatError("NaN in a coordinate", where=where, expected="numbers; missing joints have no row")
    if confidence is not None and not ((confidence >= 0) & (confidence <= 1)).all():
        raise FileFormatError("a confidence that is not in [0, 1]", where=where, expected="what msclr.write writes")
    return header.sequence(positions, valid, confidence, options)


def _numbers(table: object, name: str, where: str) -> npt.NDArray[np.generic]:
    column = table[name]  # type: ignore[index]  # pyarrow has no types
    if column.null_count:
        raise FileFormatError(f"a null in {name!r}", where=where, expected="a number in every row")
    # Not to_numpy, which imports pandas where it is installed.
    values: npt.NDArray[np.generic] = np.from_dlpack(column.combine_chunks())
    return values


def _places(table: object, name: str, known: list[str], where: str) -> npt.NDArray[np.intp]:
    """Return the place of each text of a column among the known ones."""
    encoded = table[name].unify_dictionaries().combine_chunks()  # type: ignore[index]  # pyarrow has no types
    if encoded.null_count:
        raise FileFormatError(f"a null in {name!r}", where=where, expected="a name in every row")
    places = {text: place for place, text in enumerate(known)}
    texts = encoded.dictionary.to_pylist()
    unknown = [text for text in texts if text not in places]
    if unknown:
        raise FileFormatError(f"the {name} {unknown[0]!r:.60}", where=where, expected=f"a {name} that the file names")
    lookup = np.array([places[text] for text in texts], dtype=np.intp)
    indices = np.asarray(np.from_dlpack(encoded.indices), dtype=np.intp)
    return lookup[indices] if len(indices) else indices


def _write(sequence: PoseSequence, path: Path) -> None:
    write_parquet(sequence, path)


FORMAT = Format(
    name="parquet",
    title="msclr table in Parquet",
    suffixes=(".parquet",),
    recognise=_recognise,
    read=_read,
    write=_write,
    description="One row for each known joint, and everything else in its metadata: nothing is lost.",
)
