from __future__ import annotations

import signal
import threading

import pytest

from msclr.train.stopping import SIGNALS, stop_requests


@pytest.fixture(autouse=True)
def handlers():
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_noted(number):
    with stop_requests() as request:
        assert request.signal is None
        signal.raise_signal(number)
        assert request.signal is number


def test_a_second_one_acts_at_once():
    with stop_requests() as request:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert request.signal is signal.SIGINT


def test_a_signal_that_is_ignored_stays_ignored():
    earlier = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_requests() as request:
            signal.raise_signal(signal.SIGINT)
        assert request.signal is None
    finally:
        signal.signal(signal.SIGINT, earlier)


def test_off_the_main_thread_nothing_is_changed():
    found = []

    def work():
        with stop_requests() as request:
            found.append((request.signal, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(None, signal.getsignal(signal.SIGTERM))]
