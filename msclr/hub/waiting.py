"""No call to the Hub waits for ever, whatever the client of the Hub would do.

The client waits and tries again for as long as a server asks it to, an hour if need be, and takes any number of bytes
at any speed. Within `patience` its requests get a deadline, its answers a limit, and a refusal is an error at once.
Other users of the same client are left alone: what is installed acts within the block and in its thread only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from msclr.errors import ModelError
from msclr.hub.problems import TemporaryHubError, refusal

SECONDS = 60.0
BYTES_PER_SECOND = 100_000

# Xet is a protocol of its own beside HTTP, without a deadline; what it serves can be had by HTTP as well.
_XET_HEADER = "x-xet-hash"


class _Request(Protocol):
    method: str
    extensions: dict[str, object]


class _Headers(Protocol):
    def get(self, name: str) -> str | None: ...

    def pop(self, name: str, default: str | None) -> object: ...


class _Stream(Protocol):
    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class _Response(Protocol):
    request: _Request
    status_code: int
    headers: _Headers
    stream: _Stream


@dataclass
class _Deadline:
    end: float


@dataclass(frozen=True)
class _Watch:
    """A deadline that moves as bytes arrive, and the most bytes that a file may have."""

    where: str
    largest: int | None
    deadline: _Deadline

    def left(self) -> float:
        seconds = self.deadline.end - monotonic()
        if seconds <= 0:
            raise TemporaryHubError(
                f"the Hub is too slow: {SECONDS:g} s have passed, and a second for every {BYTES_PER_SECOND:,} bytes",
                where=self.where,
                remedy="later, or with a faster connection",
            )
        return seconds

    def check(self, size: int) -> None:
        if self.largest is not None and size > self.largest:
            raise ModelError(
                f"{size:,} bytes or more", where=self.where, expected=f"at most {self.largest:,} in a file of a model"
            )

    def watched(self, stream: _Stream) -> Iterator[bytes]:
        size = 0
        for chunk in stream:
            size += len(chunk)
            self.check(size)
            self.deadline.end += len(chunk) / BYTES_PER_SECOND
            self.left()
            yield chunk


_current: ContextVar[_Watch | None] = ContextVar("msclr_hub_watch", default=None)


@contextmanager
def patience(where: str, *, largest: int | None = None, sent: int = 0) -> Iterator[None]:
    """Bound what the Hub client waits for and takes in within the block, in this thread.

    A block within a block shares the deadline of the outer one.

    Args:
        where: The repository and revision, for messages.
        largest: Most bytes of an answer to GET.
        sent: Bytes that the block sends, for which an outermost block gets more time.

    Raises:
        TemporaryHubError: If the Hub refuses for now, has a problem, or is too slow.
        ModelError: If an answer is larger than allowed.
    """
    _install()
    outer = _current.get()
    deadline = outer.deadline if outer else _Deadline(monotonic() + SECONDS + sent / BYTES_PER_SECOND)
    before = _current.set(_Watch(where, largest, deadline))
    try:
        yield
    finally:
        _current.reset(before)


def _install() -> None:
    from huggingface_hub import get_session

    client = get_session()
    hooks = client.event_hooks
    if _before_request not in hooks["request"]:  # threads that come here at once make the same of the same
        client.event_hooks = {
            "request": [*hooks["request"], _before_request],
            "response": [*hooks["response"], _after_response],
        }
        close = client.close

        def close_and_go_on() -> None:
            """Watch the successor, too: after a failed connection the Hub client makes a new HTTP client."""
            close()
            if _current.get() is not None:
                _install()

        client.close = close_and_go_on  # type: ignore[method-assign]


def _before_request(request: _Request) -> None:
    """Give each step of a request what is left of the time."""
    watch = _current.get()
    if watch is None:
        return
    left = watch.left()
    given = request.extensions.get("timeout")
    known = given if isinstance(given, dict) else {}
    steps = {step: known.get(step) for step in ("connect", "read", "write", "pool")}
    timeout = {step: left if seconds is None else min(seconds, left) for step, seconds in steps.items()}
    request.extensions = {**request.extensions, "timeout": timeout}


def _after_response(response: _Response) -> None:
    """Stop at a refusal before the client goes to sleep over it; watch the content of an answer."""
    watch = _current.get()
    if watch is None:
        return
    status = response.status_code
    if status in (408, 429) or status >= 500:
        raise refusal(status, watch.where, response.headers.get("retry-after"))
    response.headers.pop(_XET_HEADER, None)
    length = response.headers.get("content-length")
    if response.request.method == "GET":
        if length is not None and length.isdigit():
            watch.check(int(length))
        response.stream = _with(watch, response.stream)


def _with(watch: _Watch, stream: _Stream) -> _Stream:
    """Return the stream watched, of the class that the client's HTTP library wants (it has two names)."""
    kind = type(stream)
    namespace = {"__iter__": lambda self: watch.watched(stream), "close": lambda self: stream.close()}
    watched: _Stream = object.__new__(type(f"Watched{kind.__name__}", (kind,), namespace))
    return watched
