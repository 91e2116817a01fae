"""Children of the test's process: forked, because a fresh one takes seconds to import torch."""

from __future__ import annotations

import os
import signal
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

NOBODY = 65534


class Child:
    """A process that runs a function and says what came of it.

    Args:
        function: What to run; what it returns is the text of the outcome.
        powerless: Let it have no more rights than anybody, also if the tests run as root.
        largest_file: Most bytes of any file that it writes: its disk is full then.
    """

    def __init__(
        self, function: Callable[[], object], *, powerless: bool = False, largest_file: int | None = None
    ) -> None:
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the threads of the server do nothing at this moment
            self.process = os.fork()
        if self.process == 0:
            os.close(reader)
            _run(function, writer, powerless, largest_file)
        os.close(writer)
        self.reader = reader

    def outcome(self) -> str:
        """Wait for it; what it returned, or the error that it met."""
        with os.fdopen(self.reader) as text:
            said = text.read()
        os.waitpid(self.process, 0)
        return said

    def kill(self) -> None:
        os.kill(self.process, signal.SIGKILL)
        self.outcome()


def _run(function: Callable[[], object], writer: int, powerless: bool, largest_file: int | None) -> None:
    said = "nothing"
    try:
        if powerless and os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        if largest_file is not None:
            import resource  # not on Windows, where no test comes here

            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
        said = str(function())
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
        if not type(error).__module__.startswith("msclr."):
            said += "\n" + traceback.format_exc()
    finally:
        os.write(writer, said.encode())
        os._exit(0)


def make_unwritable(folder: Path) -> None:
    """Let everybody read a folder and all in it, and nobody write."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() else 0o444)


def make_writable(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
