"""A recording on disk and what `read` must be told about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Recording:
    """What `read` gets: a path, and the arguments without which the file says too little."""

    path: Path
    options: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> list[Path]:
        """The files that belong to it."""
        if self.path.is_dir():
            return sorted(self.path.iterdir())
        return sorted(self.path.parent.iterdir()) if self.path.suffix == ".amc" else [self.path]

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.files)
