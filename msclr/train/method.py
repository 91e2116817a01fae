"""Method: what a pretraining run optimises, apart from the loop that runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Generic, TypeVar

import torch
from torch import nn

from msclr.losses.output import LossOutput
from msclr.models.base import PoseEncoder

Batch = TypeVar("Batch")


class Method(nn.Module, ABC, Generic[Batch]):
    """Encoders, heads, negative queue and data of a run: batches come out, a loss comes back.

    Everything that training changes is a parameter or a buffer of the module.

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
    def batches(self, device: torch.device) -> Iterator[Batch]:
        """Yield the augmented views of each update, on the device; `steps` of them."""

    @abstractmethod
    def loss(self, batch: Batch, step: int) -> LossOutput:
        """Return the loss of a batch with its gradient; updates the queue."""

    @abstractmethod
    def optimizer(self) -> torch.optim.Optimizer:
        """Return the optimiser of the parameters that are learnt."""

    @abstractmethod
    def learning_rate(self, step: int) -> float:
        """Return the learning rate of an update."""

    def after_update(self, step: int) -> None:
        """Move what follows the learnt parameters, such as a momentum encoder."""

    @abstractmethod
    def trained(self) -> dict[str, PoseEncoder]:
        """Return the encoders that the run is for, by name; a single one is called "encoder"."""
