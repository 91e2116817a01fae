"""One process at a time in a folder; the lock ends with the process, however that ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msclr.errors import StoreError
from msclr.io.guard import shown


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder; where the system has none of this kind (Windows), nothing is held.

    Raises:
        StoreError: If another process holds it.

    Example:
        >>> import tempfile
        >>> with only_one(Path(tempfile.mkdtemp())):
        ...     pass
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (folder / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreError(
                "another process is making this", where=shown(folder), remedy="wait for it, or end it"
            ) from None
        yield
