"""What reading a file costs: a child reads it and reports its peak memory and its time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from oracles.recording import Recording

CHILD = """
import json, os, sys, time
import einops
import numpy as np
import msclr.io.registry as registry
from msclr.errors import MsclrError
from msclr.skeletons.registry import get_skeleton
for name in ("scipy.optimize", "pyarrow.parquet", "c3d"):
    try:
        __import__(name)
    except ImportError:
        pass
registry.formats(), get_skeleton("coco_17")
einops.rearrange(np.zeros((1, 1)), "a b -> b a")  # whatever it looks for at first: einops 0.8.0 loads a compiler

def memory(field):
    return int(next(line for line in open("/proc/self/status") if line.startswith(field)).split()[1]) * 1024

def measure(path, options):
    open("/proc/self/clear_refs", "w").write("5")  # the peak starts again from here
    before, start = memory("VmRSS"), time.process_time()
    try:
        registry.read(path, **options)
        outcome = "ok"
    except MsclrError as error:
        outcome = type(error).__name__
    print(outcome, memory("VmHWM") - before, time.process_time() - start, flush=True)

for path, options in json.load(sys.stdin):
    if os.fork() == 0:
        measure(path, options)
        os._exit(0)
    os.wait()
"""


@dataclass(frozen=True)
class Cost:
    """Outcome of one read; memory is the growth of the peak above the process after import."""

    size: int
    outcome: str
    memory: int
    seconds: float

    @property
    def allowed_memory(self) -> int:
        return 32 * self.size + 64 * 2**20

    @property
    def allowed_seconds(self) -> float:
        return max(1.0, self.size / 100_000)


def measure(recordings: Iterable[Recording], formats: Iterable[str] | None = None) -> list[Cost]:
    """Read each recording in a process of its own; Linux only."""
    made = list(recordings)
    names = ["auto"] * len(made) if formats is None else list(formats)
    tasks = [
        (str(Path(each.path).resolve()), {**each.options, "format": name})
        for each, name in zip(made, names, strict=True)
    ]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD],
        input=json.dumps(tasks),
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    return [
        Cost(each.size, outcome, int(memory), float(seconds))
        for each, (outcome, memory, seconds) in zip(made, rows, strict=True)
    ]
