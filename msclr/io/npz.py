"""NumPy .npz archives: msclr's own lossless format, and foreign archives of one array."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, FileLimitError
from msclr.io import guard
from msclr.io.atomic import atomic_file
from msclr.io.header import Header, header_of
from msclr.io.limits import ReadLimits
from msclr.io.npy import parse_npy, sequence_from_array
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.poses import arrays
from msclr.poses.sequence import PoseSequence

HEADER = "msclr"
MAXIMUM_MEMBERS = 1000
MAXIMUM_DIRECTORY = 256 * 1024

_END = struct.Struct("<4s4H2LH")
_EARLIEST = (1980, 1, 1, 0, 0, 0)


def _recognise(probe: Probe) -> bool:
    head = probe.head
    if has_member(head, "poses3d"):
        return False  # predictions of MeTRAbs
    return head.startswith(b"PK\x03\x04") and head[30 : 30 + int.from_bytes(head[26:28], "little")].endswith(b".npy")


def has_member(head: bytes, name: str) -> bool:
    r"""Tell whether an archive has an array of this name among those that begin in its first bytes.

    Example:
        >>> has_member(b"PK\x03\x04" + bytes(26) + b"poses3d.npy", "poses3d"), has_member(b"poses3d.npy", "poses3d")
        (True, False)
    """
    return re.search(rb"PK\x03\x04.{26}" + re.escape(f"{name}.npy".encode()), head, re.DOTALL) is not None


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    data = guard.open_regular(path, options.limits)
    members = read_members(data, options.limits, where)
    if HEADER in members:
        return _read_native(members, options, where)
    if len(members) != 1:
        listed = ", ".join(f"{name} {array.shape}" for name, array in list(members.items())[:10]) or "none"
        raise FileFormatError(
            f"{len(members)} arrays: {listed}",
            where=where,
            expected="an archive written by msclr.write, or one array of poses",
            remedy="numpy.load(path, allow_pickle=False) and PoseSequence.from_array(array, skeleton)",
        )
    return sequence_from_array(next(iter(members.values())), options, len(data), where)


def _read_native(members: dict[str, npt.NDArray[np.generic]], options: ReadOptions, where: str) -> PoseSequence:
    positions, valid = members.get("positions"), members.get("valid")
    confidence = members.get("confidence")
    if positions is None or valid is None or positions.dtype != np.float32 or valid.dtype != np.bool_:
        raise FileFormatError("positions (float32) or valid (bool) is missing", where=where, expected="both arrays")
    if positions.ndim != 4 or valid.shape != positions.shape[:3] or positions.shape[3] not in (2, 3):
        raise FileFormatError(
            f"positions {positions.shape} and valid {valid.shape}", where=where, expected="shapes p t j c and p t j"
        )
    header = Header.parse(members[HEADER].tobytes(), where, f"{where}, {HEADER}.npy")
    spec = header.skeleton(options)
    if positions.shape[2] != spec.num_joints:
        raise arrays.wrong_joint_count(positions.shape[2], spec, where)
    known = valid.astype(np.bool_)
    coordinates = np.where(known[..., None], positions, np.float32(0))
    if not arrays.finite_joints(coordinates, spec, where).all():
        raise FileFormatError("NaN in the positions of joints said to be valid", where=where, expected="finite numbers")
    scores = None
    if confidence is not None:
        scores = confidence.astype(np.float32)
        if confidence.shape != valid.shape or not ((scores >= 0) & (scores <= 1)).all():
            raise FileFormatError("confidence is not p t j in [0, 1]", where=where, expected="what msclr.write writes")
    return header.sequence(coordinates, known, scores, options)


def read_members(
    data: bytes, limits: ReadLimits, where: str, only: Collection[str] | None = None, texts: Collection[str] = ()
) -> dict[str, npt.NDArray[np.generic]]:
    """Inflate the arrays of an archive, or only those named, after its directory has been found harmless.

    Arrays in `texts` may hold text, all others numbers only.
    """
    _check_end(data, where)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_entries(entries, len(data), limits, where)
            names = {entry.filename.removesuffix(".npy"): entry for entry in entries}
            contents = {name: archive.read(entry) for name, entry in names.items() if only is None or name in only}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error) as error:
        reason = guard.shown(str(error))
        raise FileFormatError(f"a damaged archive ({reason})", where=where, expected="a complete .npz") from None
    except (OSError, ValueError) as error:
        if isinstance(error, FileFormatError | FileLimitError):
            raise
        reason = guard.shown(str(error))
        raise FileFormatError(f"a damaged archive ({reason})", where=where, expected="a complete .npz") from None
    return {
        name: parse_npy(content, f"{where}, {guard.shown(name)}.npy", text=name in texts)
        for name, content in contents.items()
    }


def _check_end(data: bytes, where: str) -> None:
    """Look at the end record ourselves: zipfile would make a million entries before we could say no."""
    position = data.rfind(b"PK\x05\x06", max(0, len(data) - 65536 - _END.size))
    if position < 0 or position + _END.size > len(data):
        raise FileFormatError(
            "an archive without its end", where=where, expected="a complete .npz", remedy="download or copy it again"
        )
    if data[max(0, position - 20) :].startswith(b"PK\x06\x07"):
        raise FileLimitError("an archive in the zip64 format", where=where, expected="under 65,535 members and 4 GB")
    *_, members, directory, _, _ = _END.unpack_from(data, position)
    if members > MAXIMUM_MEMBERS or directory > MAXIMUM_DIRECTORY:
        raise FileLimitError(
            f"{members:,} members, a directory of {directory:,} bytes",
            where=where,
            expected=f"at most {MAXIMUM_MEMBERS:,} members",
        )


def _check_entries(entries: list[zipfile.ZipInfo], size: int, limits: ReadLimits, where: str) -> None:
    names = [entry.filename for entry in entries]
    for entry in entries:
        place = f"{where}, member {guard.shown(entry.filename)!r}"
        if entry.flag_bits & 1:
            raise FileFormatError("an encrypted member", where=place, expected="a plain archive")
        if not entry.filename.endswith(".npy") or any(part in entry.filename for part in ("/", "\\", "..", ":")):
            raise FileFormatError("a member that is not an array", where=place, expected="plain names ending in .npy")
        if names.count(entry.filename) > 1:
            raise FileFormatError("a member that occurs twice", where=place, expected="each name once")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FileFormatError(
                f"compression method {entry.compress_type}", where=place, expected="stored or deflated"
            )
    needed = sum(entry.file_size for entry in entries)
    allowed = limits.maximum_growth * size + limits.free_bytes
    if needed > min(allowed, limits.maximum_bytes):
        raise FileLimitError(
            f"{needed:,} bytes once unpacked, from {size:,}",
            where=where,
            expected=f"at most {min(allowed, limits.maximum_bytes):,}",
            remedy="limits=ReadLimits(maximum_growth=...) if the file is what you think it is",
        )


def _write(sequence: PoseSequence, path: Path) -> None:
    members: dict[str, npt.NDArray[np.generic]] = {
        HEADER: np.frombuffer(json.dumps(header_of(sequence)).encode("utf-8"), dtype=np.uint8),
        "positions": sequence.positions,
        "valid": sequence.valid,
    }
    if sequence.confidence is not None:
        members["confidence"] = sequence.confidence
    with atomic_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in members.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EARLIEST), content.getvalue())


FORMAT = Format(
    name="npz",
    title="msclr or NumPy archive",
    suffixes=(".npz",),
    recognise=_recognise,
    read=_read,
    write=_write,
    description="msclr's own format, which keeps everything; foreign archives of one array need skeleton=.",
)
