"""The course of a run as JSON lines beside the model."""

from __future__ import annotations

import json
import logging
import math
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msclr import strict_json
from msclr.atomic import write_bytes
from msclr.errors import FileFormatError, FileLimitError
from msclr.strict_json import JsonValue
from msclr.train.watch.observer import Line

logger = logging.getLogger(__name__)


class Course:
    """Write one line of JSON now and then; a file that cannot be written costs one warning, not the run.

    Args:
        path: The file; folders above it are made.

    Attributes:
        seconds: Time spent on the run before this process went on with it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = 0.0
        self._started = time.monotonic()
        self._warned = False

    def begin(self, step: int) -> None:
        """Keep the lines of the updates before `step`, drop all others: they are written again."""
        with self._tolerant():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            there = self.path.read_bytes() if step and self.path.exists() else b""
            kept = b"".join(line for line in there.splitlines(keepends=True) if _step_of(line) < step)
            write_bytes(self.path, kept)

    def elapsed(self) -> float:
        """Return the seconds spent on the run, in this process and before it."""
        return self.seconds + time.monotonic() - self._started

    def log(self, line: Line) -> None:
        """Append what is known after an update; what is no finite number becomes null."""
        numbers = {name: _significant(value) for name, value in line.numbers.items()}
        fields: dict[str, JsonValue] = {"step": line.step, "seconds": round(self.elapsed(), 1), **numbers}
        if line.alarms:
            fields["alarms"] = dict(line.alarms)
        with self._tolerant(), self.path.open("a") as file:
            file.write(json.dumps(fields) + "\n")
        logger.info("step %d: %s", line.step, numbers)

    def lines(self) -> list[dict[str, JsonValue]]:
        """Return all complete lines of the file, from before a stop too; none if it cannot be read."""
        try:
            there = self.path.read_bytes()
        except OSError:
            return []
        found = (_fields_of(line) for line in there.splitlines(keepends=True))
        return [fields for fields in found if isinstance(fields.get("step"), int)]

    def close(self) -> None:
        """Bring the lines to the disk."""
        self.flush()

    def flush(self) -> None:
        """Bring the lines to the disk, so that none is older than a checkpoint that counts on it."""
        with self._tolerant():
            descriptor = os.open(self.path, os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    @contextmanager
    def _tolerant(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if not self._warned:
                self._warned = True
                warnings.warn(f"the course cannot be written to {self.path}: {error.strerror or error}", stacklevel=4)


def _significant(value: float) -> float | int | None:
    """A number of at most seven digits, for people; whole numbers as they are."""
    if isinstance(value, int):
        return value
    return float(f"{value:.7g}") if math.isfinite(value) else None


def _step_of(line: bytes) -> float:
    """The update that a line is about; infinity for what is no complete line."""
    step = _fields_of(line).get("step")
    return step if isinstance(step, int) else math.inf


def _fields_of(line: bytes) -> dict[str, JsonValue]:
    """What a line says; nothing if it is no complete line."""
    try:
        fields = strict_json.loads(line) if line.endswith(b"\n") else None
    except (FileFormatError, FileLimitError):
        return {}
    return fields if isinstance(fields, dict) else {}
