"""A server of the Hub's protocol that others have written, on loopback: olah, which serves git repositories.

It reads only. What it does not do - refusals, drops, pushes - `fake_hub` does.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

# offline: it asks no other Hub. Nothing listens at the discard port, should it try.
CONFIGURATION = """
[basic]
host = "127.0.0.1"
port = {port}
ssl-key = ""
ssl-cert = ""
repos-path = "./repositories"
cache-size-limit = ""
cache-clean-strategy = "LRU"
hf-scheme = "http"
hf-netloc = "127.0.0.1:9"
hf-lfs-netloc = "127.0.0.1:9"
mirror-scheme = "http"
mirror-netloc = "127.0.0.1:{port}"
mirror-lfs-netloc = "127.0.0.1:{port}"
mirrors-path = ["./mirrors"]
metadata-cache-ttl = 0

[accessibility]
offline = true
"""
PATIENCE = 60


class RealHub:
    """A running server and the repositories that it serves.

    Args:
        folder: Its folder.
        address: Its address.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address

    def commit(self, repository: str, files: Mapping[str, bytes], *, tag: str | None = None) -> str:
        """Make the files the content of a repository's main branch; returns the commit."""
        tree = self.folder / "mirrors" / "models" / repository
        if not tree.exists():
            tree.mkdir(parents=True)
            git(tree, "init", "--quiet", "--initial-branch=main")
        for path in tree.iterdir():
            if path.is_file():
                path.unlink()
        for name, data in files.items():
            (tree / name).write_bytes(data)
        git(tree, "add", "--all")
        git(tree, "commit", "--quiet", "--allow-empty", "--message=files")
        if tag is not None:
            git(tree, "tag", tag)
        return git(tree, "rev-parse", "HEAD")


def git(folder: Path, *words: str) -> str:
    settings = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    command = ["git", *settings, "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


@contextmanager
def running(folder: Path) -> Iterator[RealHub]:
    """Start the server in a folder and wait until it answers; stop it at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "mirrors" / "models").mkdir(parents=True)
    (folder / "olah.toml").write_text(CONFIGURATION.format(port=port))
    command = [sys.executable, "-c", "from olah.server import cli; cli()", "-c", "olah.toml", "--log-path", "logs"]
    with (folder / "output.txt").open("wb") as output:
        server = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        _wait_until_it_answers(server, port, folder / "output.txt")
        yield RealHub(folder, f"http://127.0.0.1:{port}")
    finally:
        server.kill()
        server.wait()


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int, output: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/api/models/nobody/nothing/revision/main")
            connection.getresponse().read()
        except (OSError, HTTPException):
            time.sleep(0.05)  # polled, not waited for
        else:
            return
        finally:
            connection.close()
    raise RuntimeError(f"olah does not answer: {output.read_text('utf-8', 'replace')[-2000:]}")
