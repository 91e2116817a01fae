"""One sha256 for the content of a data set, which the usual tools compute too."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from msclr.errors import NotAFileError
from msclr.io import guard
from msclr.store.layout import sha256_of


def sha256_of_file(path: Path) -> str:
    """Return the sha256 of a file; what `sha256sum FILE` prints.

    Raises:
        NotAFileError: If it cannot be read.
    """
    try:
        return sha256_of(path)
    except OSError as error:
        raise NotAFileError(f"cannot read: {error.strerror or error}", where=guard.shown(path)) from None


def sha256_of_files(paths: Mapping[str, Path]) -> str:
    """Return the sha256 of many files; what `sha256sum FILES | sha256sum` prints if the names are in order.

    Args:
        paths: The files, by the names that count.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.txt"
        >>> _ = path.write_text("one")
        >>> sha256_of_files({"a.txt": path})[:8]
        '982a5d10'
    """
    digest = hashlib.sha256()
    for name, path in sorted(paths.items()):
        digest.update(f"{sha256_of_file(path)}  {name}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
