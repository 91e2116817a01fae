"""Kill training runs with SIGKILL and start them again: `python killing.py FOLDER METHOD ROUNDS SEED`.

Runs are forks of this process, so that a round costs no start of Python. In even rounds the kills come at random
instants, in odd ones right before a random one of the calls that change what is on the disk. Prints one line of JSON.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from training_runs import tiny_run, write_folder

from msclr.train import loop

STEPS = 4
KILLS = 3  # in one round; then the run may end
EVENTS = 50  # calls that change the disk in one run
CALLS = ("fsync", "rename", "replace", "mkdir", "unlink", "rmdir")


def main(folder: Path, name: str, rounds: int, seed: int) -> dict[str, int]:
    """Compare every killed and resumed run with one that was left alone."""
    data = write_folder(folder / "data")
    config = tiny_run(name, checkpoint_every=1, steps=STEPS, watch={"log_every": 1})

    def train(output: Path) -> None:
        loop.pretrain(config, data, output, device="cpu", progress=False)

    train(folder / "warm")
    began = time.monotonic()
    assert ended(start(partial(train, folder / "whole")), None)
    lasts = time.monotonic() - began
    whole = outcome(folder / "whole")
    chance = random.Random(seed)
    counts = {"rounds": rounds, "kills": 0, "in_a_checkpoint": 0}
    for number in range(rounds):
        output = folder / f"round-{number}"
        for kill in range(KILLS + 1):
            last = kill == KILLS
            event = chance.randint(1, EVENTS) if number % 2 and not last else None
            seconds = chance.uniform(0, lasts) if event is None and not last else None
            if ended(start(partial(train, output), dies_before=event), seconds):
                break
            counts["kills"] += 1
            counts["in_a_checkpoint"] += any(output.parent.glob(f"{output.name}.checkpoints/.step-*.tmp"))
        for part, value in outcome(output).items():
            assert value == whole[part], f"{part} differs in round {number}"
        shutil.rmtree(output)
    return counts


def start(work: Callable[[], None], *, dies_before: int | None = None) -> tuple[int, int]:
    """Do something in a child; return its process id, and a descriptor that is at its end once the child is gone."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    try:
        if dies_before is not None:
            die_before(dies_before)
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def die_before(count: int) -> None:
    """Let this process be killed right before the count-th system call that changes what is on the disk."""
    calls = itertools.count(1)
    for name in CALLS:
        original = getattr(os, name)

        def counted(*arguments, _original=original, **options):
            if next(calls) == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return _original(*arguments, **options)

        setattr(os, name, counted)


def ended(child: tuple[int, int], seconds: float | None) -> bool:
    """Wait for a child; kill it after some seconds. Returns whether it ended by itself, as it should."""
    process, reading = child
    gone = bool(select.select([reading], [], [], seconds)[0])
    if not gone:
        os.kill(process, signal.SIGKILL)
    os.close(reading)
    status = os.waitpid(process, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return False
    assert status == 0, "the run failed"
    return True


def outcome(output: Path) -> dict[str, object]:
    """All that a run leaves, but for the time it took."""
    last = output.with_name(output.name + ".checkpoints") / f"step-{STEPS:09d}"
    log = output.with_name(output.name + ".pretrain.jsonl").read_text().splitlines()
    return {
        "weights": (output / "model.safetensors").read_bytes(),
        "state": (last / "state.safetensors").read_bytes(),
        "values": {**json.loads((last / "state.json").read_text()), "seconds": None},
        "log": [{**json.loads(line), "seconds": None, "clips_per_second": None} for line in log],
        "checkpoints": sorted(path.name for path in last.parent.iterdir()),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))))  # noqa: T201
