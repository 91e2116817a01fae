"""The plan of a run: what it would do, and what it would need, without doing it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from msclr.losses.queue import NegativeQueue
from msclr.train.config import TrainConfig
from msclr.train.engine import Engine, started
from msclr.train.method import Batch, Method
from msclr.train.methods.build import build_method
from msclr.train.methods.config import PublishedConfig
from msclr.train.methods.momentum import MomentumContrast
from msclr.train.runs import RunConfig, clips_of_a_batch
from msclr.train.universal import Universal
from msclr.train.watch.build import labelled_clips

MEASURED = 2  # updates; the first one warms up and is not timed


@dataclass(frozen=True)
class Plan:
    """What a run would do and need.

    Args:
        title: Name, device and precision.
        data: For each source of clips a line.
        watched: The labelled clips, or None.
        steps: Batches.
        per_epoch: Batches of an epoch, None if there are no epochs.
        clips: Clips of a batch.
        accumulate: Batches of an update.
        parameters: Numbers of parameters by part.
        memory: Bytes by part; what a batch keeps for the backward pass ("activations") is measured on one batch.
        peak: Most bytes that the GPU had in use, or the process on a CPU; None if the system does not say.
        device: "cpu", "cuda", ...
        rates: Update, from 0, and learning rate, where it changes or in between.
        seconds: Of one batch, measured; with loading and augmentation.
    """

    title: str
    data: tuple[str, ...]
    watched: str | None
    steps: int
    per_epoch: int | None
    clips: int
    accumulate: int
    parameters: dict[str, int]
    memory: dict[str, int]
    peak: int | None
    device: str
    rates: tuple[tuple[int, float], ...]
    seconds: float

    def __str__(self) -> str:
        size = f"{self.steps:,} of {self.clips:,} clips each"
        if self.accumulate > 1:
            size += f", {self.accumulate} to an update"
        if self.per_epoch is not None:
            size += f"; {self.steps / self.per_epoch:,.4g} epochs of {self.per_epoch:,}"
        memory = " + ".join(f"{name} {_bytes(count)}" for name, count in self.memory.items())
        lines = [("run", self.title), *(("data", line) for line in self.data)]
        if self.watched is not None:
            lines.append(("watched", self.watched))
        lines += [
            ("steps", size),
            ("parameters", "; ".join(f"{count:,} of {name}" for name, count in self.parameters.items())),
            ("memory", f"{memory} = {_bytes(sum(self.memory.values()))}; activations measured on one batch"),
        ]
        if self.peak is not None:
            lines.append(
                ("peak", f"{_bytes(self.peak)} measured, of {'this process' if self.device == 'cpu' else 'GPU'}")
            )
        for step, rate in self.rates:
            epoch = "" if self.per_epoch is None else f", epoch {step // self.per_epoch + 1:,}"
            lines.append(("rate", f"{rate:.4g} from step {step:,}{epoch}"))
        speed = f"{self.seconds:.3g} s a step, {self.clips / self.seconds:,.0f} clips/s"
        lines.append(("time", f"{speed}, {_duration(self.seconds * self.steps)} in all; measured on one batch"))
        return "\n".join(f"{name:<11}{text}" for name, text in lines)


def make_plan(config: RunConfig, data: Path, *, device: str | None = None) -> Plan:
    """Read the clips, build the run, make two updates, and say what all of them would take; nothing is written.

    Args:
        config: The run.
        data: Folder that its files are relative to.
        device: See `msclr.train.loop.pretrain`.

    Raises:
        MissingFileError, ConfigError: As the run itself would.
    """
    with started(config.runtime, device) as engine:
        if isinstance(config, TrainConfig):
            return _plan(Universal(config, data), config, data, engine)
        return _plan(build_method(config, data), config, data, engine)


def _plan(method: Method[Batch], config: RunConfig, data: Path, engine: Engine) -> Plan:
    watched = labelled_clips(config, data)
    method.steps, steps = max(method.steps, MEASURED), method.steps  # what is measured is more than a run of one step
    activations, moments, seconds = _measure(method, engine)
    method.steps = steps
    learnt = [each for each in method.parameters() if each.requires_grad]
    encoders = sum(_count(encoder.parameters()) for encoder in method.trained().values())
    keys = [each for each in method.parameters() if not each.requires_grad]
    queues = [each for part in method.modules() if isinstance(part, NegativeQueue) for each in part.buffers()]
    return Plan(
        title=f"{config.name}, on {engine.device}, in {config.runtime.precision}",
        data=tuple(_sources(method, config)),
        watched=None if watched is None else str(watched.labelled),
        steps=steps,
        per_epoch=method.per_epoch if isinstance(method, MomentumContrast) else None,
        clips=clips_of_a_batch(config),
        accumulate=config.runtime.accumulate,
        parameters={"encoders": encoders, "heads": _count(learnt) - encoders, "key encoders": _count(keys)},
        memory={
            "weights": _size([*learnt, *keys]),
            "gradients": _size(learnt),
            "optimiser": moments,
            "queue": _size(queues),
            "activations": activations,
        },
        peak=_peak(engine.device),
        device=engine.device.type,
        rates=tuple(_rates(method, config)),
        seconds=seconds,
    )


def _measure(method: Method[Batch], engine: Engine) -> tuple[int, int, float]:
    """Make a few updates: bytes that are kept for a backward pass, bytes of the optimiser, seconds of an update."""
    model = engine.prepare(method)
    optimizer = method.optimizer(fused=not engine.host_decides)
    parameters = [each for each in method.parameters() if each.requires_grad]
    own = {each.untyped_storage().data_ptr() for each in (*method.parameters(), *method.buffers())}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    seconds = 0.0
    with engine.seeded(method.seed):
        then = time.perf_counter()
        for step, batch in enumerate(islice(method.batches(engine.device), MEASURED)):
            optimizer.zero_grad(set_to_none=True)
            looking = saved_tensors_hooks(keep, lambda tensor: tensor) if step == 0 else nullcontext()
            with looking, engine.autocast():
                outcome = model(batch, step)
            engine.backward(outcome.total)
            good = engine.norm(optimizer, parameters, method.gradient_norm).isfinite()
            if engine.step(optimizer, good):
                method.after_update(step)
            bool(good)  # on a GPU: until all is done
            now = time.perf_counter()
            seconds, then = now - then, now
    moments = [value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]
    return sum(kept.values()), _size(moments), seconds


def _rates(method: Method[Batch], config: RunConfig) -> Iterator[tuple[int, float]]:
    """Where the learning rate changes: at the milestones, or at the end of the rise and in between."""
    last = method.steps - 1
    if isinstance(config, PublishedConfig) and isinstance(method, MomentumContrast):
        places = {milestone * method.per_epoch for milestone in config.schedule.milestones}
    else:
        rise = 0 if isinstance(config, PublishedConfig) else round(method.steps * config.warmup)
        places = {rise, last, *(rise + round((last - rise) * share / 4) for share in range(1, 4))}
    for step in sorted({0, *(place for place in places if place <= last)}):
        yield step, method.learning_rate(step)


def _sources(method: Method[Batch], config: RunConfig) -> Iterator[str]:
    """A line for each source of clips: what it is, and its counts."""
    if isinstance(config, PublishedConfig):
        known = [entry.file or "derived from the first" for entry in config.clips.formats]
    else:
        known = [source.skeleton.id for source in method.sources] if isinstance(method, Universal) else []
    for (name, facts), more in zip(method.fingerprint().items(), known, strict=True):
        counts = ", ".join(f"{value:,} {fact}" for fact, value in facts.items() if isinstance(value, int))
        yield f"{name}, {more}: {counts}"


def _peak(device: torch.device) -> int | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit if device.type == "cpu" else None


def _count(tensors: Iterable[Tensor]) -> int:
    return sum(each.numel() for each in tensors)


def _size(tensors: Iterable[Tensor]) -> int:
    return sum(each.numel() * each.element_size() for each in tensors)


def _bytes(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} B"


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:,.0f} h"
