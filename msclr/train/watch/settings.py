"""The settings of a run beside its model, as they can be given back."""

from __future__ import annotations

import warnings
from pathlib import Path

from msclr.atomic import write_bytes
from msclr.train.watch.observer import Line


class Settings:
    """Write the settings once the run begins.

    Args:
        path: The file.
        text: Its content.
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text

    def begin(self, step: int) -> None:
        """Write the file; if that is not possible, on a full disk say, there is a warning."""
        try:
            write_bytes(self.path, self.text.encode())
        except OSError as error:
            warnings.warn(f"the settings cannot be written to {self.path}: {error.strerror or error}", stacklevel=4)

    def log(self, line: Line) -> None:
        """Nothing of it concerns the settings."""

    def close(self) -> None:
        """They are written already."""
