"""NumPy .npy files: one array, whose joint convention the caller names."""

from __future__ import annotations

import math
import re
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, FileLimitError, PoseError
from msclr.io import guard
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.io.tables import write_npy
from msclr.poses.sequence import PoseSequence

MAGIC = b"\x93NUMPY"
MAXIMUM_HEADER = 64 * 1024
MAXIMUM_AXES = 8

_HEADER = re.compile(
    r"\{\s*'descr':\s*'(?P<dtype>[<>|=]?[a-zA-Z]\d{0,6})',\s*'fortran_order':\s*(?P<fortran>True|False),"
    r"\s*'shape':\s*\((?P<shape>[\d,\s]*)\),?\s*\}\s*"
)


def parse_npy(data: bytes, where: str, *, text: bool = False) -> npt.NDArray[np.generic]:
    """Return the array in the bytes of a .npy file, without copying and without NumPy's unpickler.

    Args:
        data: The whole file.
        where: Its name, for messages.
        text: Whether the array may hold text (of fixed width, never objects).

    Raises:
        FileFormatError: If it is no .npy, holds objects, strings, records or complex numbers, or is cut short.
        FileLimitError: If its header is over 64 kB or has more than 8 axes.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> np.save(file, np.arange(3, dtype=np.float32))
        >>> parse_npy(file.getvalue(), "three.npy")
        array([0., 1., 2.], dtype=float32)
    """
    dtype, fortran, shape, start = _parse_header(data, where, text)
    needed = math.prod(shape) * dtype.itemsize
    if len(data) - start != needed:
        raise FileFormatError(
            f"{len(data) - start:,} bytes of values", where=where, expected=f"{needed:,} for shape {shape} of {dtype}"
        )
    flat = np.frombuffer(data, dtype=dtype, offset=start) if needed else np.zeros(0, dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


def sequence_from_array(
    values: npt.NDArray[np.generic], options: ReadOptions, bytes_read: int, where: str
) -> PoseSequence:
    """Make a sequence of an array without names, in the convention that the caller named.

    Args:
        values: Axes t j c or p t j c.
        options: What the caller of `read` asked for; `skeleton` is required.
        bytes_read: Size of the file, for the limits.
        where: The file, for messages.

    Raises:
        PoseError: If no skeleton is given, or the array does not fit it.
    """
    spec = options.skeleton
    if spec is None:
        raise PoseError(
            f"an array of shape {values.shape} without a joint convention",
            where=where,
            expected="skeleton=",
            remedy="skeleton='coco_17', or another of list_skeletons()",
        )
    if values.ndim not in (3, 4):
        raise PoseError(
            f"an array of shape {values.shape}",
            where=where,
            expected="3 axes (t j c) or 4 (p t j c)",
            remedy="numpy.load and PoseSequence.from_array(array, skeleton, layout=...)",
        )
    if spec.dims == 2 and values.shape[-1] == 3:
        raise PoseError(
            f"3 values per joint in shape {values.shape} for the 2D skeleton {spec.id!r}",
            where=where,
            expected="x and y",
            remedy="from_array(array[..., :2], skeleton, confidence=array[..., 2]) if the third is a score",
        )
    shape = (1, *values.shape) if values.ndim == 3 else values.shape
    persons, frames, joints, dims = shape
    if joints == spec.num_joints:  # otherwise from_array says how to read the axes
        guard.check_size(persons, frames, joints, dims, bytes_read=bytes_read, limits=options.limits, where=where)
    return PoseSequence.from_array(values, spec, fps=options.fps, unit=options.unit, up=options.up, source=where)


def _parse_header(
    data: bytes, where: str, text_allowed: bool
) -> tuple[np.dtype[np.generic], bool, tuple[int, ...], int]:
    if not data.startswith(MAGIC) or len(data) < 12:
        raise FileFormatError("no .npy header", where=where, expected="a file written by numpy.save")
    major = data[6]
    if major not in (1, 2, 3):
        raise FileFormatError(f".npy version {major}", where=where, expected="version 1, 2 or 3")
    start = 10 if major == 1 else 12
    (length,) = struct.unpack_from("<H" if major == 1 else "<I", data, 8)
    if length > MAXIMUM_HEADER:
        raise FileLimitError(f"a header of {length:,} bytes", where=where, expected=f"at most {MAXIMUM_HEADER:,}")
    text = data[start : start + length].decode("latin-1")
    match = _HEADER.fullmatch(text)
    if len(text) != length or match is None:
        raise FileFormatError(
            f"the header {text[:80].strip()!r}",
            where=where,
            expected="one plain array of real numbers; no objects, no records",
        )
    sizes = [part.strip() for part in match["shape"].split(",") if part.strip()]
    if len(sizes) > MAXIMUM_AXES:
        raise FileLimitError(f"{len(sizes)} axes", where=where, expected=f"at most {MAXIMUM_AXES}")
    if not all(size.isdecimal() and len(size) <= 15 for size in sizes):
        raise FileFormatError(f"the shape ({guard.shown(match['shape'])})", where=where, expected="whole numbers")
    return (
        _dtype(match["dtype"], where, "fiubUS" if text_allowed else "fiub"),
        match["fortran"] == "True",
        tuple(map(int, sizes)),
        start + length,
    )


def _dtype(text: str, where: str, kinds: str) -> np.dtype[np.generic]:
    try:
        # NumPy knows more letters than it writes, and warns of some.
        dtype = np.dtype(text if text.lstrip("<>|=")[0] in kinds else object)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in kinds or not dtype.itemsize:
        raise FileFormatError(f"values of type {text!r}", where=where, expected="real numbers (no objects, no text)")
    return dtype


def _recognise(probe: Probe) -> bool:
    return probe.head.startswith(MAGIC)


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    data = guard.open_regular(path, options.limits)
    return sequence_from_array(parse_npy(data, where), options, len(data), where)


def _write(sequence: PoseSequence, path: Path) -> None:
    write_npy(sequence, path)


FORMAT = Format(
    name="npy",
    title="NumPy array",
    suffixes=(".npy",),
    recognise=_recognise,
    read=_read,
    write=_write,
    description="One array with axes t j c or p t j c; needs skeleton=.",
)
