"""A Hugging Face Hub of a few lines on the loopback interface, for what a well-behaved one does not do."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hub.fake_writing import Writing

REPOSITORY = "owner/tiny"

XET = {"X-Xet-Hash": "0" * 64, "X-Xet-Refresh-Route": "/api/models/owner/tiny/xet-read-token/main"}
RETRY_AFTER = {"429": {"Retry-After": "3600"}, "429 for ever": {"Retry-After": "9" * 5000}}


def git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@dataclass
class Repository:
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    private: bool = False

    def add(self, files: dict[str, bytes], branch: str = "main") -> str:
        name = git_hash(repr((sorted(files.items()), len(self.commits))).encode())
        self.commits[name] = files
        self.branches[branch] = name
        return name

    def resolve(self, revision: str) -> str | None:
        return self.branches.get(revision, revision if revision in self.commits else None)


class FakeHub:
    """Serves repositories; `mode` says how it misbehaves.

    Args:
        mode: "ok", a status, or a kind of misbehaviour; see `Handler._misbehave`.
        at: It misbehaves for requests with this in "METHOD path" only.
        times: And so many times only; None for always.
        size: For "cut": how many bytes come; for "short": how many are missing.
        damaged: A file that is served with a wrong byte.
    """

    def __init__(self) -> None:
        self.repositories = {REPOSITORY: Repository()}
        self.mode = "ok"
        self.at = ""
        self.times: int | None = None
        self.size = 0
        self.damaged: str | None = None
        self.requests: list[str] = []
        self.tokens: set[str] = set()
        self.uploads: dict[str, bytes] = {}
        self.bodies: list[bytes] = []
        self.elsewhere = ""
        self.waiting = threading.Event()
        self.closing = threading.Event()

    @property
    def commits(self) -> dict[str, dict[str, bytes]]:
        return self.repositories[REPOSITORY].commits

    @property
    def branches(self) -> dict[str, str]:
        return self.repositories[REPOSITORY].branches

    def commit(self, folder: Path, *, branch: str = "main", extra: dict[str, bytes] | None = None) -> str:
        files = {path.name: path.read_bytes() for path in folder.iterdir()} | (extra or {})
        return self.repositories[REPOSITORY].add(files, branch)

    def asked_for(self) -> set[str]:
        return {request.rpartition("/")[2] for request in self.requests if "/resolve/" in request}

    def misbehaves(self, request: str) -> bool:
        if self.mode == "ok" or self.at not in request or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Handler(Writing, BaseHTTPRequestHandler):
    hub: FakeHub
    misbehaving = False

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        hub = self.hub
        request = f"{self.command} {self.path}"
        hub.requests.append(request)
        hub.tokens.add(self.headers.get("authorization", ""))
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.partition("?")[0]
        self.misbehaving = hub.misbehaves(request)
        if self.misbehaving and self._misbehave(path):
            return None
        if self.command in ("POST", "PUT"):
            hub.bodies.append(sent)
            return self.write(path, sent)
        name = "/".join(path.removeprefix("/api/models").split("/")[1:3])
        repository = hub.repositories.get(name)
        if repository is None:
            return self.send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        if path.startswith("/api/models/"):
            return self._info(name, repository, path.partition("/revision/")[2] or "main")
        revision, _, file = path.removeprefix(f"/{name}/resolve/").partition("/")
        return self._file(repository, revision, file)

    def _misbehave(self, path: str) -> bool:
        """Whether the request is answered with that; else the file of the answer is sent in its own way."""
        mode = self.hub.mode
        if mode == "html":
            self.send(200, b"<html>log in to the airport</html>", {"Content-Type": "text/html"})
        elif mode == "gated":
            self.send(403, b"{}", {"X-Error-Code": "GatedRepo"})
        elif mode == "drop":
            self._hang_up()
        elif mode == "silence":
            self._wait()
            self._hang_up()
        elif mode == "redirect":
            self.send(302, b"", {"Location": self.hub.elsewhere or path})
        elif mode[:3].isdigit():
            self.send(int(mode[:3]), b"{}", RETRY_AFTER.get(mode, {}))
        else:
            return False
        return True

    def _info(self, name: str, repository: Repository, revision: str) -> None:
        commit = repository.resolve(revision)
        if commit is None:
            return self.send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        files = [{"rfilename": file} for file in repository.commits[commit]]
        info = {"id": name, "sha": commit, "siblings": files, "tags": [], "private": repository.private}
        return self.send(200, json.dumps(info).encode(), {"Content-Type": "application/json"})

    def _file(self, repository: Repository, revision: str, file: str) -> None:
        commit = repository.resolve(revision)
        data = repository.commits[commit].get(file) if commit else None
        if commit is None or data is None:
            return self.send(404, b"", {"X-Error-Code": "EntryNotFound" if commit else "RevisionNotFound"})
        large = file.endswith(".safetensors")
        etag = hashlib.sha256(data).hexdigest() if large else git_hash(data)
        if file == self.hub.damaged:
            data = data[:-2] + bytes((data[-2] ^ 1,)) + data[-1:]
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": commit, **XET}
        if self.misbehaving and self.command == "GET" and self.hub.mode in SENDERS:
            return SENDERS[self.hub.mode](self, data, headers)
        return self.send(200, data, headers)

    def send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_cut(self, data: bytes, headers: dict[str, str]) -> None:
        """Announce everything, send the first `size` bytes, hang up."""
        begin = self._begin_of_range(data)
        self._head(headers | {"Content-Length": str(len(data) - begin)}, begin)
        self.wfile.write(data[begin : self.hub.size % len(data)])
        self._hang_up()

    def send_short(self, data: bytes, headers: dict[str, str]) -> None:
        """Announce and send `size` bytes less than HEAD said."""
        data = data[: len(data) - self.hub.size]
        self._head(headers | {"Content-Length": str(len(data))})
        self.wfile.write(data)

    def send_drip(self, data: bytes, headers: dict[str, str]) -> None:
        """Send a byte now and then."""
        self._head(headers | {"Content-Length": str(len(data))})
        with suppress(OSError):
            for byte in data:
                self.wfile.write(bytes((byte,)))
                if self.hub.closing.wait(0.02):
                    break

    def send_endless(self, data: bytes, headers: dict[str, str]) -> None:
        """Say nothing of the length, and never end."""
        self._head(headers | {"Connection": "close"})
        with suppress(OSError):
            while not self.hub.closing.is_set():
                self.wfile.write(bytes(2**16))

    def send_stall(self, data: bytes, headers: dict[str, str]) -> None:
        """Send half, then nothing."""
        self._head(headers | {"Content-Length": str(len(data))})
        self.wfile.write(data[: len(data) // 2])
        self._wait()
        self._hang_up()

    def _begin_of_range(self, data: bytes) -> int:
        asked = self.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0]
        return min(int(asked), len(data))

    def _head(self, headers: dict[str, str], begin: int = 0) -> None:
        self.send_response(206 if begin else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()

    def _wait(self) -> None:
        self.hub.waiting.set()
        self.hub.closing.wait(30)

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


SENDERS = {
    "cut": Handler.send_cut,
    "short": Handler.send_short,
    "drip": Handler.send_drip,
    "endless": Handler.send_endless,
    "stall": Handler.send_stall,
}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what is tested here."""


@contextmanager
def listening(hub: FakeHub) -> Iterator[str]:
    """Serve a fake Hub; yields its address."""
    server = Server(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        hub.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
