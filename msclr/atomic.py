"""Files that appear complete or not at all."""

from __future__ import annotations

import ctypes
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_HERE_LINUX = -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE on Linux, RENAME_SWAP on macOS: the same number


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that, whatever happens, either its old or its whole new content is there.

    The data goes to a temporary file in the same folder, is flushed to the disk, and takes the place of `path`.

    Args:
        path: The file to make or replace; its folder exists.
        data: The whole content.

    Raises:
        OSError: If the folder cannot be written or the disk is full; nothing is left behind then.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> write_bytes(target, b"complete")
        >>> target.read_bytes()
        b'complete'
    """
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` that takes its place, on the disk, when the block ends without an error.

    Args:
        path: The file to make or replace; its folder exists.

    Yields:
        The temporary file; it is removed if anything goes wrong.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with replacing(target) as file:
        ...     _ = file.write(b"complete")
        >>> target.read_bytes()
        b'complete'
    """
    temporary = path.parent / f".msclr-{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: without this a rename may be lost with the power.

    Systems that cannot do this (Windows) are left alone: there is nothing to do about it.

    Args:
        folder: The folder whose entries changed.

    Example:
        >>> import tempfile
        >>> sync_folder(Path(tempfile.mkdtemp()))
    """
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def replace_folder(new: Path, target: Path) -> Path | None:
    """Put a complete folder in the place of another, which is kept under the first one's name or a similar one.

    On Linux and macOS the two are exchanged in one step. Elsewhere the old one steps aside first and comes back should
    the second step fail.

    Args:
        new: A complete folder beside `target`.
        target: Where it shall be; a folder, or nothing.

    Returns:
        Where the old folder is now, or None if there was none.

    Raises:
        OSError: If the folders cannot be renamed; both are where they were then.

    Example:
        >>> import tempfile
        >>> parent = Path(tempfile.mkdtemp())
        >>> for name in ("old", "new"):
        ...     (parent / name).mkdir()
        ...     write_bytes(parent / name / "note.txt", name.encode())
        >>> aside = replace_folder(parent / "new", parent / "old")
        >>> (parent / "old" / "note.txt").read_text(), (aside / "note.txt").read_text()
        ('new', 'old')
    """
    aside: Path | None = None
    if not target.exists():
        new.rename(target)
    elif _exchange(new, target):
        aside = new
    else:
        aside = new.with_name(f"{new.name}.old")
        target.rename(aside)
        try:
            new.rename(target)
        except OSError:
            aside.rename(target)
            raise
    sync_folder(target.parent)
    return aside


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names in one step, where the system and the file system can."""
    names = os.fsencode(first), os.fsencode(second)
    library = ctypes.CDLL(None) if sys.platform in ("linux", "darwin") else None
    try:
        if sys.platform == "linux" and library is not None:
            return bool(library.renameat2(_HERE_LINUX, names[0], _HERE_LINUX, names[1], _EXCHANGE) == 0)
        if sys.platform == "darwin" and library is not None:
            return bool(library.renamex_np(*names, _EXCHANGE) == 0)
    except AttributeError:  # a C library older than the call
        return False
    return False
