"""Where a run is computed: torch as it is for one process in float32, Accelerate for everything else."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from msclr.collectives import barrier, peers_may_end, world_size
from msclr.errors import ConfigError, MissingExtraError
from msclr.losses.queue import NegativeQueue
from msclr.models.agcn import AdaptiveUnit
from msclr.models.normalise import share_statistics
from msclr.models.stgcn import Block
from msclr.strict_json import JsonValue
from msclr.train.runtime import RuntimeConfig

if TYPE_CHECKING:
    from accelerate import Accelerator

PATIENCE = timedelta(minutes=10)  # with a process that neither answers nor ends

# Of DistributedDataParallel: an argument that torch 2.6 has by no other name, and convolutions over one joint.
_HARMLESS = ("`broadcast_buffers` is deprecated", "Grad strides do not match bucket view strides")


class Engine:
    """Device, precision and processes of a run.

    Args:
        config: How to compute.
        device: "cpu", "cuda", ...; by default CUDA where there is one. With several processes each gets its own GPU.

    Attributes:
        device: Where this process computes.

    Raises:
        MissingExtraError: If Accelerate is needed and not installed.
        ConfigError: If the device cannot compute in this precision.
    """

    def __init__(self, config: RuntimeConfig, device: str | None = None) -> None:
        self.config = config
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        processes = max(world_size(), int(os.environ.get("WORLD_SIZE") or 1))
        self._accelerator = self._start(processes) if processes > 1 or config.precision != "float32" else None

    def _start(self, processes: int) -> Accelerator:
        try:
            from accelerate import Accelerator
            from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
        except ImportError as error:
            raise MissingExtraError(
                "several processes and half precision need accelerate, which is not installed",
                remedy='pip install "msclr[train]"',
            ) from error
        if self.config.precision == "fp16" and self.device.type == "cpu":
            raise ConfigError("runtime.precision is fp16 on a CPU", expected="a GPU", remedy="bf16, or float32")
        accelerator = Accelerator(
            cpu=self.device.type == "cpu",
            mixed_precision="no" if self.config.precision == "float32" else self.config.precision,
            kwargs_handlers=[
                InitProcessGroupKwargs(timeout=PATIENCE),
                # Statistics and queue are the same everywhere by themselves; which heads have clips changes by step.
                DistributedDataParallelKwargs(broadcast_buffers=False, find_unused_parameters=True),
            ],
        )
        kind = accelerator.distributed_type.name
        if kind != "NO" and not kind.startswith("MULTI_"):
            raise ConfigError(f"Accelerate is set up for {kind}", expected="processes that each hold the whole model")
        if accelerator.num_processes != processes:
            raise ConfigError(
                f"WORLD_SIZE says {processes} processes, Accelerate has found {accelerator.num_processes}",
                remedy="start them with torchrun",
            )
        if processes > 1:
            self.device = accelerator.device
        return accelerator

    @property
    def host_decides(self) -> bool:
        """Whether this process may look at numbers of every step; for a GPU of CUDA it would have to wait."""
        return self.device.type != "cuda"

    def prepare(self, method: nn.Module) -> nn.Module:
        """Move what is trained to the device.

        Args:
            method: It is changed in place.

        Returns:
            What to call instead of it in training.
        """
        method.to(self.device).train()
        for part in method.modules() if self.config.compile else ():
            if isinstance(part, Block | AdaptiveUnit):
                part.compile()
        if self._accelerator is None or self._accelerator.num_processes == 1:
            return method
        share_statistics(method)
        for part in method.modules():
            if isinstance(part, NegativeQueue):
                part.gathers = False  # a method gathers the embeddings of its clips, keys among them
        return cast(nn.Module, self._accelerator.prepare_model(method))

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        """Let layers draw from generators of this seed; afterwards those of every device are what they were."""
        devices = range(torch.cuda.device_count()) if self.device.type == "cuda" else ()
        with torch.random.fork_rng(devices):
            (torch.default_generator if self.device.type == "cpu" else torch).manual_seed(seed)
            yield

    def autocast(self) -> AbstractContextManager[object]:
        """Compute in the run's precision what bears it."""
        return nullcontext() if self._accelerator is None else self._accelerator.autocast()

    def summing(self, model: nn.Module, complete: bool) -> AbstractContextManager[object]:
        """Sum gradients over the processes, but not those that more are added to first."""
        if complete or self._accelerator is None:
            return nullcontext()
        return cast(AbstractContextManager[object], self._accelerator.no_sync(model))

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of a loss to that of the batches before."""
        scaler = self._scaler
        scaled = loss if scaler is None else scaler.scale(loss)
        scaled.backward()  # type: ignore[no-untyped-call]  # torch has no type here

    def norm(self, optimizer: torch.optim.Optimizer, parameters: Sequence[Tensor], largest: float | None) -> Tensor:
        """Return the norm of all gradients, and scale them down to the largest one that is allowed."""
        if self._scaler is not None:
            self._scaler.unscale_(optimizer)
        return nn.utils.clip_grad_norm_(parameters, largest or torch.inf)

    def step(self, optimizer: torch.optim.Optimizer, good: Tensor) -> bool:
        """Make an update if it is a good one.

        Args:
            optimizer: On a GPU a fused one.
            good: bool scalar.

        Returns:
            Whether it was made; on a GPU, which is not waited for, whether it may have been.
        """
        made = not self.host_decides or bool(good)
        if not self.host_decides:
            _begin_momentum(optimizer)
            optimizer.found_inf = (~good).float()  # type: ignore[attr-defined]  # what GradScaler sets, too
        if made:
            optimizer.step()  # not by the scaler, which would skip for the sake of gradients alone
        if self._scaler is not None:
            self._scaler.update()
        return made

    def values(self) -> dict[str, JsonValue]:
        """Return what fp16 has learnt about the scale of gradients; nothing in other precisions."""
        return {} if self._scaler is None else self._scaler.state_dict()

    def restore(self, values: dict[str, JsonValue]) -> None:
        """Go back to what `values` returned."""
        if self._scaler is not None and values:
            self._scaler.load_state_dict(values)

    @property
    def _scaler(self) -> torch.amp.GradScaler | None:
        return None if self._accelerator is None else self._accelerator.scaler

    def leave(self, *, group: bool) -> None:
        """Leave the other processes; another run in this process may be computed in another way.

        Args:
            group: Whether the group of processes is this run's own, so that it ends, too.
        """
        if self._accelerator is None:
            return
        from accelerate.state import AcceleratorState

        if group:
            self._accelerator.end_training()
        AcceleratorState._reset_state(reset_partial_state=True)  # else the next run could have no other precision


def _begin_momentum(optimizer: torch.optim.Optimizer) -> None:
    """Give what is moved for the first time a momentum of 0, with which it is moved as without.

    Else a fused optimiser could not skip this update, and would refuse it where others have been moved before, as when
    the first clips of a convention come late.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"] if group.get("momentum") else ():
            if parameter.grad is not None and "momentum_buffer" not in optimizer.state[parameter]:
                optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


@contextmanager
def started(config: RuntimeConfig, device: str | None) -> Iterator[Engine]:
    """Start what computes a run; in the end wait for the other processes, and leave them.

    Args:
        config, device: See `Engine`.

    Raises:
        MissingExtraError, ConfigError: See `Engine`.
        TrainingError: If another process has ended.

    Example:
        >>> with started(RuntimeConfig(), "cpu") as engine:
        ...     engine.device.type
        'cpu'
    """
    alone, ended = world_size() == 1, False
    engine = Engine(config, device)
    try:
        with peers_may_end(), warnings.catch_warnings():
            for message in _HARMLESS:
                warnings.filterwarnings("ignore", message)
            yield engine
            barrier()
            ended = True
    finally:
        engine.leave(group=alone and ended)  # after an error the others may not answer; the end of the process will do
