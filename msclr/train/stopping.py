"""Asking a run to stop: Ctrl-C and SIGTERM wait for the end of an update."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class StopRequest:
    """Whether somebody asked to stop: the signal that came, or None."""

    signal: signal.Signals | None = None


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Note SIGINT and SIGTERM instead of dying from them; a second one of the kind acts as it always does.

    Signals that are ignored stay ignored. Off the main thread, where Python takes no signals, nothing is changed.

    Yields:
        What to look at between two updates.

    Example:
        >>> with stop_requests() as request:
        ...     signal.raise_signal(signal.SIGINT)
        >>> request.signal.name
        'SIGINT'
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    earlier = {number: signal.getsignal(number) for number in SIGNALS}
    caught = [number for number, handler in earlier.items() if handler not in (signal.SIG_IGN, None)]

    def note(number: int, _: FrameType | None) -> None:
        request.signal = signal.Signals(number)
        signal.signal(number, earlier[signal.Signals(number)])

    for number in caught:
        signal.signal(number, note)
    try:
        yield request
    finally:
        for number in caught:
            signal.signal(number, earlier[number])
