"""The log of a run for TensorBoard. Needs the extra `msclr[train]`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msclr.errors import MissingExtraError
from msclr.train.watch.observer import Line

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoard:
    """Write every line to a folder that `tensorboard --logdir` shows.

    Args:
        folder: Where to write.
        config: The settings of the run as text, shown beside the curves.

    Raises:
        MissingExtraError: If tensorboard is not installed.
    """

    def __init__(self, folder: Path, config: str) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise MissingExtraError(
                "watch.tensorboard needs tensorboard", remedy='pip install "msclr[train]", or watch.tensorboard=false'
            ) from None
        self.folder = folder
        self.config = config
        self._kind = SummaryWriter
        self._writer: SummaryWriter | None = None

    def begin(self, step: int) -> None:
        """Open the folder; TensorBoard hides what it has of this update and later ones."""
        self._writer = self._kind(str(self.folder), purge_step=step)
        self._writer.add_text("run", _code(self.config), step)

    def log(self, line: Line) -> None:
        """Write the figures of a line, its alarms as text."""
        if self._writer is None:
            return
        for name, value in line.numbers.items():
            self._writer.add_scalar(name, value, line.step)
        for name, text in line.alarms.items():
            self._writer.add_text(f"alarm/{name}", text, line.step)
        self._writer.flush()

    def close(self) -> None:
        """Close the files."""
        if self._writer is not None:
            self._writer.close()


def _code(text: str) -> str:
    """Text as a block of code in Markdown."""
    return "".join(f"    {line}\n" for line in text.splitlines())
