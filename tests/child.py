"""Start Python in a process of its own, away from the project's folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msclr

ROOT = Path(msclr.__file__).resolve().parents[1]


def python(*arguments: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    """Run `python *arguments` in a fresh folder; environment variables given as None are removed."""
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={name: value for name, value in settings.items() if value is not None},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=300,
            check=False,
        )


# Threads of gloo that are still ending abort a process now and then when Python is taken down.
RANK = """
import os, runpy, sys
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
sys.stdout.flush()
os._exit(0)
"""


def two_ranks(program: str, argument: object) -> list[str]:
    """Run `python program RANK argument` for ranks 0 and 1 at once; what each printed, once both have succeeded."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, program, str(number), str(argument)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for number in range(2)
    ]
    try:
        answers = [child.communicate(timeout=90) for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()
    assert [child.returncode for child in children] == [0, 0], answers
    return [output for output, _ in answers]
