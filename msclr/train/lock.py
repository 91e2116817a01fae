"""One process at a time: two that train into one output would overwrite each other's checkpoints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msclr.errors import TrainingError


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the system lets go of it when the process ends, however it ends.

    Where folders cannot be locked (Windows, some network drives) or the folder cannot be made, nothing is held.

    Args:
        folder: It is made if it is not there.

    Raises:
        TrainingError: If another process holds it.

    Example:
        >>> import tempfile
        >>> with held(Path(tempfile.mkdtemp())):
        ...     pass
    """
    descriptor = _locked(folder)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(folder: Path) -> int | None:
    """Return the descriptor that holds the lock, or None where there are no locks."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise TrainingError(
                "another process is training into this output",
                where=str(folder),
                expected="one at a time",
                remedy="another output folder, or wait until it has ended",
            ) from None
        return None
    return descriptor
