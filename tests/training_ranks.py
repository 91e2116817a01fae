"""Training runs of two processes: `python training_ranks.py FOLDER`.

For each story below two forks of this process, so that Python starts only once, meet in a folder of its name. What they
have to tell they leave there, as 0.json and 1.json or as 0.pt and 1.pt.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from killing import ended, start
from training_runs import after, tiny_run, train, watch, write_folder

from msclr.errors import ConfigError, TrainingError, TrainingStoppedError
from msclr.losses.output import LossOutput
from msclr.poses.batch import PoseBatch
from msclr.train import health
from msclr.train.config import TrainConfig
from msclr.train.engine import started
from msclr.train.loop import optimize
from msclr.train.methods.build import build_method
from msclr.train.methods.momentum import MomentumContrast
from msclr.train.runtime import RuntimeConfig
from msclr.train.universal import Universal

STEPS = 2
# Batches that two processes cannot halve; networks whose dropout is other on every process have none.
UNEVEN = {
    "universal": {"batch_size": 7, "blocks": 1},
    "universal, joints hidden": {
        "batch_size": 7,
        "blocks": 1,
        "loss": {"queue_size": 32, "projection": 8, "masked_weight": 1.0},
    },
    "ms-aimclr": {"schedule.batch_size": 5, "encoders.0.dropout": 0},
    "skelemix": {"schedule.batch_size": 5, "encoders.0.dropout": 0},
    "isc": {"schedule.batch_size": 5},
}


def exact(value):
    """A batch in float64."""
    if isinstance(value, PoseBatch):
        return value.to(dtype=torch.float64)
    if dataclasses.is_dataclass(value):
        parts = {field.name: exact(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **parts)
    if isinstance(value, tuple | list):
        return type(value)(map(exact, value))
    return value.double() if torch.is_tensor(value) and value.is_floating_point() else value


def course_in_float64(name, data, log):
    """The losses of a run, and what it ends with."""
    config = tiny_run(name.partition(",")[0], steps=STEPS, **UNEVEN[name])
    method = Universal(config, data) if isinstance(config, TrainConfig) else build_method(config, data)
    method.double()
    batches, loss, found = method.batches, method.loss, {}
    method.batches = lambda device, start=0: map(exact, batches(device, start))

    def noted(batch, step):
        outcome = loss(batch, step)
        found[f"loss {step}"] = outcome.total.detach().clone()
        return outcome

    method.loss = noted
    with started(RuntimeConfig(), "cpu") as engine:
        optimize(method, watch(method, log), engine)
    return found | {name: value.clone() for name, value in method.state_dict().items()}


def equality(number, folder, data):
    found = {name: course_in_float64(name, data, folder / f"{name}.jsonl") for name in UNEVEN}
    torch.save(found, folder / f"{number}.pt")


def incidents(number, folder, data):
    """NaN in one process, SIGTERM to one process, other settings in one process."""
    found, moved = {}, []
    loss, move = Universal.loss, Universal.after_update
    Universal.after_update = lambda self, step: moved.append(step) or move(self, step)
    Universal.loss = poisoned(loss, {1} if number == 1 else ())
    train(data, folder / "skipped", checkpoint_every=5)
    found["moved"] = list(moved)
    health.LONGEST_BAD_RUN = 3
    Universal.loss = poisoned(loss, range(1, 100) if number == 1 else ())
    found["diagnosis"] = ends(lambda: train(data, folder / "bad", checkpoint_every=100))
    Universal.loss = loss
    found["differ"] = ends(lambda: train(data, folder / "differ", seed=1 + number))

    train(data, folder / "whole", "ms-aimclr", checkpoint_every=100)
    with pytest.MonkeyPatch.context() as patch:
        if number == 1:
            after(patch, 2, lambda: signal.raise_signal(signal.SIGTERM), MomentumContrast)
        found["stop"] = ends(lambda: train(data, folder / "stopped", "ms-aimclr", checkpoint_every=100))
    train(data, folder / "stopped", "ms-aimclr", checkpoint_every=100)
    (folder / f"{number}.json").write_text(json.dumps(found))


def death(number, folder, data):
    """One process is killed in the middle of a run."""
    with pytest.MonkeyPatch.context() as patch:
        if number == 1:
            after(patch, 2, lambda: os.kill(os.getpid(), signal.SIGKILL))
        said = ends(lambda: train(data, folder / "model"))
    (folder / f"{number}.json").write_text(json.dumps(said))


def poisoned(loss, steps):
    def wrong(self, batch, step):
        outcome = loss(self, batch, step)
        return LossOutput(outcome.total * torch.nan, outcome.terms) if step in steps else outcome

    return wrong


def ends(run):
    try:
        run()
    except (ConfigError, TrainingError, TrainingStoppedError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def meet(story, number, folder):
    """Tell a story as one of two processes."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(number), "LOCAL_RANK": str(number), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    place = f"file://{folder}/meeting"
    torch.distributed.init_process_group("gloo", init_method=place, rank=number, world_size=2)
    story(number, folder, folder.parent / "data")
    torch.distributed.destroy_process_group()


def main(folder):
    write_folder(folder / "data")
    for module in ("accelerate", "torch._dynamo"):
        importlib.import_module(module)  # once here instead of in every fork
    for story in (equality, incidents, death):
        place = folder / story.__name__
        place.mkdir()
        children = [start(partial(meet, story, number, place)) for number in range(2)]
        survived = [ended(child, 90) for child in children]
        assert survived == [True, story is not death], story.__name__


if __name__ == "__main__":
    main(Path(sys.argv[1]))
