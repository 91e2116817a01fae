"""Method: what a pretraining run optimises, apart from the loop that runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from msclr.losses.output import LossOutput
from msclr.models.base import PoseEncoder
from msclr.strict_json import JsonValue

Batch = TypeVar("Batch")


class Method(nn.Module, ABC, Generic[Batch]):
    """Encoders, heads, negative queue and data of a run: batches come out, a loss comes back.

    Everything that training changes is a parameter or a buffer of the module, or part of its random state. So a run
    that is stopped between two updates can go on exactly where it was.

    Of several processes each has the method and draws the same random numbers. It makes views of its share of a batch
    only (`collectives.share_of`), embeds them, and computes the loss of the whole batch from the embeddings of all
    (`collectives.gather_shares`). So a batch, its loss and what enters the queue do not depend on how many there are.

    Args:
        steps: Number of updates.
        seed: Of the random numbers that torch draws in layers, such as dropout.
        gradient_norm: Gradients are scaled down to this norm; None leaves them alone.
    """

    def __init__(self, *, steps: int, seed: int, gradient_norm: float | None = None) -> None:
        super().__init__()
        self.steps = steps
        self.seed = seed
        self.gradient_norm = gradient_norm

    @abstractmethod
    def batches(self, device: torch.device, start: int = 0) -> Iterator[Batch]:
        """Yield the augmented views of each batch from `start` to `steps`, on the device.

        A batch is drawn when it is asked for, not before: the random state between two updates is that of the next.
        """

    @abstractmethod
    def random_state(self) -> dict[str, Tensor]:
        """Return the state of everything that `batches` draws from: generators, the order of the epoch."""

    @abstractmethod
    def set_random_state(self, state: Mapping[str, Tensor]) -> None:
        """Go back to a random state; `batches` then continues from the update it was taken before.

        Raises:
            FileFormatError: If it is the state of something else.
        """

    @abstractmethod
    def fingerprint(self) -> dict[str, dict[str, JsonValue]]:
        """Return, for each source of clips, counts and hashes that change when its clips or their order do."""

    def clip_names(self, batch: Batch) -> tuple[str, ...]:
        """Return the names of the clips of a batch, as far as known; for messages."""
        return ()

    @abstractmethod
    def loss(self, batch: Batch, step: int) -> LossOutput:
        """Return the loss of a batch with its gradient; updates the queue."""

    def forward(self, batch: Batch, step: int) -> LossOutput:
        """Return the loss of a batch, as `loss` does."""
        return self.loss(batch, step)

    @abstractmethod
    def optimizer(self, *, fused: bool = False) -> torch.optim.Optimizer:
        """Return the optimiser of the parameters that are learnt; a fused one decides on the device what to skip."""

    @abstractmethod
    def learning_rate(self, step: int) -> float:
        """Return the learning rate of an update."""

    def after_update(self, step: int) -> None:
        """Move what follows the learnt parameters, such as a momentum encoder."""

    def finish(self) -> None:
        """Do what is left when all updates are made, the same whenever it is done; nothing by default."""

    @abstractmethod
    def trained(self) -> dict[str, PoseEncoder]:
        """Return the encoders that the run is for, by name; a single one is called "encoder"."""
