"""A Python that has imported what examples import, and forks for each: a fresh one takes seconds to import torch.

This file is also what it runs: `python tests/warm.py` reads one request a line, and writes one answer.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import NoReturn

PATIENCE = 300  # seconds for one program
# What costs time to import and is used by several; torch.optim imports the second when it is first used.
MODULES = (
    "torch",
    "torch._dynamo",
    "msclr.evaluate.data",
    "msclr.models.finetune",
    "sklearn.linear_model",
    "matplotlib.pyplot",
)


class WarmPython:
    """A running child that runs programs, each in a process and a folder of its own, as `python -W error` would.

    Args:
        child: The child.
    """

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child

    def run(self, path: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `python -W error path *words` in a fresh folder."""
        with tempfile.TemporaryDirectory() as folder:
            request = {"path": str(path), "words": words, "environment": environment, "folder": folder}
            assert self.child.stdin is not None
            assert self.child.stdout is not None
            print(json.dumps(request), file=self.child.stdin, flush=True)
            answer = self.child.stdout.readline()
        assert answer, f"the child has ended before {path.name}"
        return subprocess.CompletedProcess([str(path), *words], **json.loads(answer))


@contextmanager
def warm_python() -> Iterator[WarmPython]:
    """Start one; stop it at the end."""
    from child import ROOT

    child = subprocess.Popen(
        [sys.executable, "-W", "error", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "MPLBACKEND": "agg"},
    )
    try:
        yield WarmPython(child)
    finally:
        child.kill()
        child.communicate()


def _serve() -> None:
    for name in MODULES:
        import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryDirectory() as place:
            output, errors = Path(place, "output"), Path(place, "errors")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 on, if a library has a thread
                number = os.fork()
            if number == 0:
                _run(output, errors, **request)
            _, status = os.waitpid(number, 0)
            texts = [path.read_text("utf-8", "replace") if path.exists() else "" for path in (output, errors)]
        answer = {"returncode": os.waitstatus_to_exitcode(status), "stdout": texts[0], "stderr": texts[1]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _run(
    output: Path, errors: Path, *, path: str, words: list[str], environment: Mapping[str, str], folder: str
) -> NoReturn:
    """Become the program."""
    code = 1
    try:
        signal.alarm(PATIENCE)  # nobody handles it: the process ends
        for number, file in ((0, Path(os.devnull)), (1, output), (2, errors)):
            os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), number)
        os.chdir(folder)
        os.environ.update(environment)
        sys.argv = [path, *words]
        sys.path[0] = str(Path(path).parent)
        runpy.run_path(path, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stderr.write(f"{end.code}\n" if isinstance(end.code, str) else "")
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
