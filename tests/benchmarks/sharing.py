"""Several processes that share the work of a benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msclr.errors import TrainingError
from msclr.train.lock import held


@contextmanager
def alone(place: Path) -> Iterator[bool]:
    """Say whether this process is the only one at a job, and keep it so; a process that ends lets go.

    Args:
        place: What the lock is put beside; one for each job.
    """
    lock = held(place)
    try:
        lock.__enter__()
    except TrainingError:
        yield False
        return
    try:
        yield True
    finally:
        lock.__exit__(None, None, None)
