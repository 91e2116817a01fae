"""Files that appear complete or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from msclr.atomic import replacing
from msclr.errors import MsclrError, NotAFileError
from msclr.io.guard import shown


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` only once it is complete and on the disk.

    Args:
        path: The file to make or replace; a symbolic link keeps pointing to it.

    Yields:
        A binary file in the same folder, under another name until the block ends without an error.

    Raises:
        NotAFileError: If the folder is missing or read-only, the disk full, or `path` something else than a file.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with atomic_file(target) as file:
        ...     _ = file.write(b"complete")
        >>> target.read_bytes()
        b'complete'
    """
    where = shown(path)
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            raise NotAFileError("something else than a regular file is there", where=where, expected="a file name")
        with replacing(target) as file:
            yield file
    except OSError as error:
        if isinstance(error, MsclrError):
            raise
        raise NotAFileError(
            f"cannot write: {error.strerror or error}",
            where=where,
            expected="a writable folder with enough room",
            remedy="another folder",
        ) from None
