"""Watch: looks at a run now and then, and tells observers what it sees."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from torch import Tensor

from msclr.losses.output import LossOutput
from msclr.train.course import Course
from msclr.train.method import Method
from msclr.train.watch.alarms import Alarms
from msclr.train.watch.config import WatchConfig
from msclr.train.watch.neighbours import Neighbours
from msclr.train.watch.observer import Line, Observer
from msclr.train.watch.progress import Progress
from msclr.train.watch.spread import figures, newest_keys, queues_of

Batch = TypeVar("Batch")


class Watch:
    """Look at a run at every line of its log, in its first process; the run learns the same as unwatched.

    Between two lines nothing of the device is looked at, so that nobody waits for it.

    Args:
        config: What to look at, and when.
        method: What is trained.
        course: The log, which is told first.
        clips: Clips of a batch, in all processes.
        neighbours: Labelled clips to classify now and then.
        observers: Who else is told.
        progress: Show a progress bar.

    Attributes:
        begun: Whether the run has begun.
        done: Updates that were made so far.
    """

    def __init__(
        self,
        config: WatchConfig,
        method: Method[Batch],
        course: Course,
        *,
        clips: int,
        neighbours: Neighbours | None = None,
        observers: Sequence[Observer] = (),
        progress: bool = False,
    ) -> None:
        self.config = config
        self.method: Method[object] = method  # type: ignore[assignment]  # batches are nothing to it
        self.course = course
        self.clips = clips
        self.neighbours = neighbours
        self.begun = False
        self.done = 0
        self._bar = Progress(method.steps, clips, shown=progress)
        self._observers: list[Observer] = [course, self._bar, *observers]
        self._alarms = Alarms(config)
        self._asks = False  # labelled clips are classified after this update
        self._before: dict[str, float] = {}
        self._last = (0, 0.0)  # update and clock of the latest line

    def begin(self, start: int) -> None:
        """Get ready for the updates from `start` on, once the run is in that state.

        Before the first update labelled clips are classified by the untrained network.
        """
        self.begun, self.done = True, start
        for observer in self._observers:
            observer.begin(start)
        self._alarms = Alarms(self.config, raised=_alarms_of(self.course))
        if self.neighbours is not None and start == 0:
            untrained = self.neighbours.measure(self.method.trained())
            self._before = {f"untrained_{name}": value for name, value in untrained.items()}
            self._before |= self.neighbours.baselines()
        self._last = (start, time.monotonic())

    def progress(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches of all updates, counted by the progress bar."""
        return self._bar.over(batches)

    def sees(self, step: int, accumulate: int = 1) -> bool:
        """Count an update, and say whether it is one to look at: the same in all processes.

        Args:
            step: Its last batch, from 0.
            accumulate: Batches of an update.
        """
        self.done = step + 1
        last, knn = self.done == self.method.steps, self.config.knn
        self._asks = last or (knn is not None and self.done % knn.every < accumulate)
        return self._asks or step // accumulate % self.config.log_every == 0

    def log(self, step: int, outcome: LossOutput, norm: Tensor, *, skipped: int) -> None:
        """Look at the update that was made, or skipped, and tell everybody; in the first process.

        Args:
            step: The update, from 0.
            outcome: Its loss.
            norm: Norm of its gradients.
            skipped: Updates that were skipped so far.
        """
        numbers = {name: float(value.detach()) for name, value in {"loss": outcome.total, **outcome.terms}.items()}
        numbers |= {"learning_rate": self.method.learning_rate(step), "gradient_norm": float(norm)}
        numbers |= self._spread()
        before, then = self._last
        numbers["clips_per_second"] = (self.done - before) * self.clips / max(time.monotonic() - then, 1e-9)
        if self.neighbours is not None and self._asks:
            numbers |= self.neighbours.measure(self.method.trained())
        numbers |= self._before | {"skipped": skipped, "rejected": self._rejected()}
        self._before = {}
        self._tell(Line(step, numbers, self._alarms.check(step, numbers)))
        self._last = (self.done, time.monotonic())

    def close(self) -> None:
        """Let observers finish, if the run has begun."""
        for observer in self._observers if self.begun else ():
            observer.close()

    def _spread(self) -> dict[str, float]:
        """Spread and effective rank of the newest keys, of several queues those of the worst."""
        found = [figures(keys) for keys in newest_keys(self.method, self.done * self.clips)]
        names = ("spread", "effective_rank")
        return {name: min(each[name] for each in found if each) for name in names if any(found)}

    def _rejected(self) -> int:
        return sum(int(queue.rejected) for queue in queues_of(self.method))

    def _tell(self, line: Line) -> None:
        """Tell everybody; who fails is told no more, and the run goes on."""
        for observer in list(self._observers):
            try:
                observer.log(line)
            except Exception as error:
                self._observers.remove(observer)
                warnings.warn(f"{type(observer).__name__} is told no more of the run: {error}", stacklevel=2)


def _alarms_of(course: Course) -> list[str]:
    """The alarms of the lines of a log that is gone on with."""
    groups = (line.get("alarms") for line in course.lines())
    return [name for group in groups if isinstance(group, dict) for name in group]
