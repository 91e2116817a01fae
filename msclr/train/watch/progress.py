"""The progress bar: updates done and to do, clips per second, and the loss of the latest line of the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NoReturn, TypeVar

from msclr.train.watch.observer import Line

if TYPE_CHECKING:
    from tqdm import tqdm

Batch = TypeVar("Batch")


class Progress:
    """A bar on stderr, of tqdm.

    Args:
        total: Number of updates.
        clips: Clips of a batch.
        shown: Whether there is one at all.
    """

    def __init__(self, total: int, clips: int, *, shown: bool) -> None:
        self.total = total
        self.clips = clips
        self.shown = shown
        self._bar: tqdm[NoReturn] | None = None

    def begin(self, step: int) -> None:
        """Show the bar, with the updates before this one as done."""
        from tqdm import tqdm

        title = f"pretrain, from step {step:,}" if step else "pretrain"
        self._bar = tqdm(total=self.total, initial=step, desc=title, unit="step", disable=not self.shown)

    def over(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield batches; each is counted when the next one is asked for."""
        for batch in batches:
            yield batch
            if self._bar is not None:
                self._bar.update()

    def log(self, line: Line) -> None:
        """Show the loss, and the clips per second that the bar has seen of late."""
        if self._bar is None or self._bar.disable:
            return
        shown = {name: f"{line.numbers[name]:.4g}" for name in ("loss", "knn") if name in line.numbers}
        rate = self._bar.format_dict["rate"]
        if rate:
            shown["clips/s"] = f"{rate * self.clips:,.0f}"
        self._bar.set_postfix(shown)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()
