"""Processes that do tasks in order, end with their parent, and know the conventions it has registered."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Generic, TypeVar

from msclr.errors import StoreError
from msclr.skeletons import registry
from msclr.skeletons.spec import SkeletonSpec

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Task(Generic[T, R]):
    """A function of a module, and what it is called with."""

    function: Callable[[T], R]
    argument: T

    def __call__(self) -> R:
        """Do it."""
        return self.function(self.argument)


def run_all(tasks: Sequence[Task[T, R]], workers: int) -> Generator[R, None, None]:
    """Do tasks, several at a time; their results come in the order of the tasks.

    Args:
        tasks: What to do.
        workers: Number of processes; 1 does it all in this one.

    Raises:
        StoreError: If a process ended without an answer.
        Exception: What the first task in order that failed raised; later ones may have been done.
    """
    if workers == 1 or len(tasks) < 2:
        for task in tasks:
            yield task()
        return
    registered = [spec.to_json() for spec in registry.registered_skeletons()]
    pool = ProcessPoolExecutor(
        min(workers, len(tasks)),
        mp_context=multiprocessing.get_context("spawn"),  # fork would copy locks of running threads
        initializer=_begin,
        initargs=(registered,),
    )
    waiting: deque[Future[R]] = deque()
    try:
        for task in tasks:
            waiting.append(pool.submit(task))
            if len(waiting) >= 3 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise StoreError(
            "a worker ended without an answer: killed, out of memory, or a script without its guard",
            expected='workers that live, and `if __name__ == "__main__":` around the call in a script',
            remedy="the same call again, which keeps what is done, with fewer workers",
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(registered: Sequence[str]) -> None:
    """Prepare a worker; Ctrl-C is for the parent, which lets it finish what it is at."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for text in registered:
        registry.register_skeleton(SkeletonSpec.from_json(text), replace=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
