"""The door to the file system: regular files only, bounded sizes, symbolic links that stay inside, plain errors."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from pathlib import Path

from msclr.errors import FileFormatError, FileLimitError, MissingFileError, MsclrError, NotAFileError
from msclr.io.limits import ReadLimits

HEAD_BYTES = 64 * 1024

_CHUNK_BYTES = 16 * 2**20
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO without a writer must not hang
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstandard"}


def to_path(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> Path:
    """Return the path given as a Path; "~" is not expanded."""
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise NotAFileError(f"a path of type {type(path).__name__}", expected="a string or Path") from None
    if not text:
        raise NotAFileError("an empty path", expected="the path of a file or folder")
    if "\0" in text:
        raise NotAFileError("a path with a NUL character", where=shown(text), expected="the path of a file or folder")
    return Path(text)


def shown(path: str | Path) -> str:
    """Return a path as one printable line of at most 160 characters, for messages."""
    text = str(path)
    if not text.isprintable():
        text = text.encode("unicode_escape", "surrogatepass").decode("ascii")
    return text if len(text) <= 160 else f"{text[:40]}...{text[-117:]}"


def open_regular(path: Path, limits: ReadLimits, *, root: Path | None = None, follow_symlinks: bool = False) -> bytes:
    """Return the content of a regular file, within the limits.

    Args:
        path: The file.
        limits: Refuse files over `limits.maximum_bytes`.
        root: The folder that a folder reader was given; a link that leads out of it is refused.
        follow_symlinks: Follow links out of `root`.

    Raises:
        MissingFileError: If there is no such file.
        NotAFileError: If it is a folder, device, pipe or socket, a link out of `root`, or not readable.
        FileLimitError: If it is larger than allowed.
        FileFormatError: If it is empty, blank, compressed, or changes while being read.
    """
    where = shown(path)
    if root is not None and not follow_symlinks:
        path = inside(path, root)
    descriptor, size = _open(path)
    try:
        if size > limits.maximum_bytes:
            raise _too_large(size, limits, where)
        parts: list[bytes] = []
        total = 0
        while part := os.read(descriptor, _CHUNK_BYTES):
            parts.append(part)
            total += len(part)
            if total > limits.maximum_bytes:
                raise _too_large(total, limits, where)
    except OSError as error:
        if isinstance(error, MsclrError):
            raise
        raise _translate(error, where) from None
    finally:
        os.close(descriptor)
    data = parts[0] if len(parts) == 1 else b"".join(parts)
    if size and total != size:
        raise FileFormatError(
            f"{total:,} bytes read of {size:,}", where=where, expected="a file that nobody is writing"
        )
    refuse_compressed(data, where)
    text = data.removeprefix(codecs.BOM_UTF8) if len(data) < HEAD_BYTES else data
    if not text or (len(data) < HEAD_BYTES and text.isspace()):
        raise FileFormatError("an empty file" if not data else "nothing but white space", where=where)
    return data


def read_text(path: Path, limits: ReadLimits, *, root: Path | None = None, follow_symlinks: bool = False) -> str:
    """Return the text of a regular file in UTF-8, with or without byte order mark; see `open_regular`."""
    data = open_regular(path, limits, root=root, follow_symlinks=follow_symlinks)
    where = shown(path)
    refuse_binary(data, where)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileFormatError(
            f"byte {error.start} is not UTF-8", where=f"{where}, line {line}", expected="text in UTF-8"
        ) from None


def read_head(path: Path) -> bytes:
    """Return the first 64 kB of a regular file."""
    descriptor, _ = _open(path)
    try:
        return os.read(descriptor, HEAD_BYTES)
    except OSError as error:
        raise _translate(error, shown(path)) from None
    finally:
        os.close(descriptor)


def list_folder(path: Path, limits: ReadLimits) -> list[str]:
    """Return the names in a folder, sorted."""
    names: list[str] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) > limits.maximum_files:
                    raise FileLimitError(
                        f"over {limits.maximum_files:,} entries",
                        where=shown(path),
                        expected="fewer",
                        remedy="limits=ReadLimits(maximum_files=...)",
                    )
    except OSError as error:
        raise _translate(error, shown(path)) from None
    return sorted(names)


def inside(path: Path, root: Path) -> Path:
    """Return where a path leads, without links; refuse one that leads out of the folder `root`."""
    try:
        target = path.resolve(strict=True)
        home = root.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # Path.resolve reports a loop as RuntimeError before Python 3.13
        reason = error if isinstance(error, OSError) else OSError(errno.ELOOP, str(error))
        raise _translate(reason, shown(path)) from None
    if not target.is_relative_to(home):
        raise NotAFileError(
            f"a symbolic link out of the folder, to {shown(target)}",
            where=shown(path),
            expected=f"files inside {shown(root)}",
            remedy="follow_symlinks=True if that is meant",
        )
    return target


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder; refuse one that does not exist or cannot be looked at."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        raise _translate(error, shown(path)) from None


def refuse_compressed(data: bytes, where: str) -> None:
    """Refuse a file that is wrapped in gzip or the like."""
    for magic, name in _COMPRESSED.items():
        if data.startswith(magic):
            raise FileFormatError(
                f"a file compressed with {name}", where=where, expected="the plain file", remedy="unpack it first"
            )


def refuse_binary(data: bytes, where: str) -> None:
    """Refuse, where text is expected, a zip archive, UTF-16 and anything with NUL bytes in its first 64 kB."""
    found = None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        found = "text in UTF-16"
    elif data.startswith(b"PK\x03\x04"):
        found = "a zip archive"
    elif b"\0" in data[:HEAD_BYTES]:
        found = "a binary file"
    if found:
        raise FileFormatError(found, where=where, expected="text in UTF-8")


def check_size(
    persons: int, frames: int, joints: int, dims: int, *, bytes_read: int, limits: ReadLimits, where: str
) -> None:
    """Refuse a recording over the limits, before its arrays are made.

    Args:
        persons, frames, joints, dims: Shape of the arrays to come.
        bytes_read: Size of the file or files they come from.
        limits: The limits.
        where: The file, for the message.

    Raises:
        FileLimitError: If one of the counts is too large, or all of them together for so small a file.
    """
    for name, count, most in (
        ("persons", persons, limits.maximum_persons),
        ("frames", frames, limits.maximum_frames),
        ("joints", joints, limits.maximum_joints),
    ):
        if count > most:
            raise FileLimitError(
                f"{count:,} {name}",
                where=where,
                expected=f"at most {most:,}",
                remedy=f"limits=ReadLimits(maximum_{name}=...)",
            )
    needed = persons * frames * joints * (4 * dims + 5)
    allowed = limits.maximum_growth * bytes_read + limits.free_bytes
    if needed > allowed:
        raise FileLimitError(
            f"{persons:,} persons x {frames:,} frames x {joints:,} joints need {needed:,} bytes, "
            f"from a file of {bytes_read:,}",
            where=where,
            expected=f"at most {allowed:,}",
            remedy="limits=ReadLimits(maximum_growth=...) if the file is what you think it is",
        )


def _open(path: Path) -> tuple[int, int]:
    where = shown(path)
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise _translate(error, where) from None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return descriptor, status.st_size
    os.close(descriptor)
    raise NotAFileError(f"{_kind(status.st_mode)}, not a regular file", where=where, expected="a regular file")


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFCHR: "a character device",
        stat.S_IFBLK: "a block device",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a special file")


def _too_large(size: int, limits: ReadLimits, where: str) -> FileLimitError:
    return FileLimitError(
        f"{size:,} bytes",
        where=where,
        expected=f"at most {limits.maximum_bytes:,}",
        remedy="limits=ReadLimits(maximum_bytes=...)",
    )


def _translate(error: OSError, where: str) -> MsclrError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        tilde = "the full path; '~' is not expanded, Path.expanduser does that" if where.startswith("~") else None
        return MissingFileError("no such file or folder", where=where, remedy=tilde)
    if error.errno == errno.ELOOP:
        return NotAFileError("symbolic links that lead in a circle", where=where, expected="a regular file")
    if error.errno in (errno.EISDIR, errno.ENXIO):
        kind = "a folder" if error.errno == errno.EISDIR else "a socket or device"
        return NotAFileError(f"{kind}, not a regular file", where=where, expected="a regular file")
    return NotAFileError(f"the system says: {error.strerror or error}", where=where, expected="a readable file")
