"""The client of the Hub, turned to a server of the test's own, and kept from any other."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hub.fake_hub import FakeHub, listening

NAMES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


@contextmanager
def client_of(endpoint: str, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[None]:
    """Let the Hub client talk to a server, with an empty cache and nobody logged in."""
    from huggingface_hub import close_session, constants

    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    close_session()
    try:
        yield
    finally:
        close_session()


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[FakeHub]:
    """Let the Hub client talk to a fake Hub, with an empty cache and nobody logged in."""
    hub = FakeHub()
    with listening(hub) as endpoint, client_of(endpoint, monkeypatch, cache):
        yield hub


@contextmanager
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail if anything within the block makes a socket or looks up a name."""
    opened: list[str] = []

    def refuse(*args: object, **options: object) -> None:
        opened.append(str(args))
        raise OSError("the test forbids sockets")

    with monkeypatch.context() as patch:
        for name in ("socket", "create_connection", "getaddrinfo"):
            patch.setattr(socket, name, refuse)
        yield
    assert not opened
