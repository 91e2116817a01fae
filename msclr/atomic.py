"""Files that appear complete or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


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
    temporary = path.parent / f".msclr-{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as file:
            file.write(data)
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
