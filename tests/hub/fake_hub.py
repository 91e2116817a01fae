"""A Hugging Face Hub of a few lines on the loopback interface, for tests."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

REPOSITORY = "owner/tiny"


def git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class FakeHub:
    """Serves commits of one repository; `mode` says how it misbehaves, `damaged` which file has a wrong byte."""

    def __init__(self) -> None:
        self.commits: dict[str, dict[str, bytes]] = {}
        self.branches: dict[str, str] = {}
        self.mode = "ok"
        self.damaged: str | None = None
        self.requests: list[str] = []
        self.tokens: set[str] = set()

    def commit(self, folder: Path, *, branch: str = "main", extra: dict[str, bytes] | None = None) -> str:
        files = {path.name: path.read_bytes() for path in folder.iterdir()} | (extra or {})
        name = git_hash(repr(sorted(files.items())).encode())
        self.commits[name] = files
        self.branches[branch] = name
        return name

    def resolve(self, revision: str) -> str | None:
        return self.branches.get(revision, revision if revision in self.commits else None)

    def asked_for(self) -> set[str]:
        return {request.rpartition("/")[2] for request in self.requests if "/resolve/" in request}


class Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, *, body: bool) -> None:
        hub = self.hub
        hub.requests.append(f"{self.command} {self.path}")
        hub.tokens.add(self.headers.get("authorization", ""))
        path = self.path.partition("?")[0]
        if hub.mode == "html":
            return self._send(200, b"<html>log in to the airport</html>", {"Content-Type": "text/html"}, body)
        if hub.mode == "gated":
            return self._send(403, b"{}", {"X-Error-Code": "GatedRepo"}, body)
        if hub.mode.isdigit():
            retry = {"Retry-After": "3600"} if hub.mode == "429" else {}
            return self._send(int(hub.mode), b"{}", retry, body)
        if path.startswith(f"/api/models/{REPOSITORY}"):
            return self._info(path.rpartition("/revision/")[2] if "/revision/" in path else "main", body)
        if path.startswith(f"/{REPOSITORY}/resolve/"):
            revision, _, file = path.removeprefix(f"/{REPOSITORY}/resolve/").partition("/")
            return self._file(revision, file, body)
        return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)

    def _info(self, revision: str, body: bool) -> None:
        commit = self.hub.resolve(revision)
        if commit is None:
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body)
        files = [{"rfilename": name} for name in self.hub.commits[commit]]
        info = {"id": REPOSITORY, "sha": commit, "siblings": files, "tags": [], "private": False}
        return self._send(200, json.dumps(info).encode(), {"Content-Type": "application/json"}, body)

    def _file(self, revision: str, file: str, body: bool) -> None:
        commit = self.hub.resolve(revision)
        data = self.hub.commits[commit].get(file) if commit else None
        if commit is None or data is None:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound" if commit else "RevisionNotFound"}, body)
        large = file.endswith(".safetensors")
        etag = hashlib.sha256(data).hexdigest() if large else git_hash(data)
        if file == self.hub.damaged:
            data = data[:-2] + bytes((data[-2] ^ 1,)) + data[-1:]
        return self._send(200, data, {"ETag": f'"{etag}"', "X-Repo-Commit": commit}, body)

    def _send(self, status: int, data: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[FakeHub]:
    """Let the Hub client talk to a fake Hub, with an empty cache and nobody logged in."""
    from huggingface_hub import close_session, constants

    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    close_session()
    try:
        yield hub
    finally:
        close_session()
        server.shutdown()
        server.server_close()
        thread.join(5)


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
