"""How an encoder is fine-tuned: our numbers, and those of the papers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from msclr.errors import ConfigError


@dataclass(frozen=True)
class Tuning:
    """How the weights of an encoder and of a linear layer on it are trained.

    Args:
        learning_rate: Of the epochs between warm-up and first milestone.
        momentum: Share of the last step that is kept; for "adamw" it stays as torch has it.
        nesterov: Look ahead along the momentum.
        weight_decay: L2 penalty on all weights; for "adamw" decay of all but biases and normalisations.
        epochs: Passes over the training clips.
        warm_up: In epochs below this one the learning rate is multiplied by epoch / warm_up; 0 for none.
        milestones: Epochs after which the learning rate is multiplied by `factor`.
        factor: What it is multiplied by.
        batch_size: Clips of a step.
        drop_last: Leave the clips of an epoch that do not fill a step out of it; fewer clips than one step has are
            always used.
        test_every: Epochs between two looks at the test clips, where the best epoch is reported beside the last.
        mode: "train" is ordinary training. "eval" trains all weights with the network in evaluation mode, as the
            published code does: batch normalisation keeps the statistics of pretraining, dropout is off.
        deviation: Standard deviation of the weights of the linear layer at the start; biases start at 0.
        optimiser: "sgd" as the papers, or "adamw".
        cosine: After the warm-up the learning rate falls along a half cosine; there are no milestones.
        smoothing: Label smoothing.
        normalize: The layer gets vectors of length 1.

    Raises:
        ConfigError: If a value is out of bounds.

    Source:
        SkeleMixCLR, fine-tuning; with "eval" what its code and AimCLR's do.

    Example:
        >>> tuning = Tuning()
        >>> [round(tuning.learning_rate_of(epoch), 4) for epoch in (1, 9, 10, 50, 51, 110)]
        [0.01, 0.09, 0.1, 0.1, 0.01, 0.0001]
    """

    learning_rate: float = 0.1
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 1e-4
    epochs: int = 110
    warm_up: int = 10
    milestones: tuple[int, ...] = (50, 70, 90)
    factor: float = 0.1
    batch_size: int = 128
    drop_last: bool = True
    test_every: int = 5
    mode: Literal["train", "eval"] = "train"
    deviation: float = 0.02
    optimiser: Literal["sgd", "adamw"] = "sgd"
    cosine: bool = False
    smoothing: float = 0.0
    normalize: bool = False

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.test_every) < 1 or self.warm_up < 0:
            raise ConfigError(
                f"{self}", expected="epochs, batch_size and test_every of at least 1, no negative warm_up"
            )
        if not (self.learning_rate > 0 and 0 <= self.momentum < 1 and self.weight_decay >= 0 and self.deviation >= 0):
            raise ConfigError(f"{self}", expected="learning_rate > 0, 0 <= momentum < 1, no negative value")
        if self.nesterov and self.momentum == 0:
            raise ConfigError("nesterov=True with momentum=0", expected="a momentum above 0")
        if self.mode not in ("train", "eval"):
            raise ConfigError(f"mode={self.mode!r}", expected="'train' or 'eval'")
        if self.optimiser not in ("sgd", "adamw"):
            raise ConfigError(f"optimiser={self.optimiser!r}", expected="'sgd' or 'adamw'")
        if not 0 <= self.smoothing < 1:
            raise ConfigError(f"smoothing={self.smoothing}", expected="at least 0, below 1")

    def learning_rate_of(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 1."""
        if epoch < self.warm_up:
            return self.learning_rate * epoch / self.warm_up
        if self.cosine:
            done = (epoch - self.warm_up) / (self.epochs + 1 - self.warm_up)
            return self.learning_rate * (1 + math.cos(math.pi * done)) / 2
        return self.learning_rate * self.factor ** sum(epoch > milestone for milestone in self.milestones)

    def tests_after(self, epoch: int) -> bool:
        """Say whether the test clips are looked at after an epoch, counted from 1."""
        return epoch % self.test_every == 0 or epoch == self.epochs


ADAMW_TUNING = Tuning(
    learning_rate=1e-3,
    nesterov=False,
    weight_decay=0.05,
    epochs=60,
    warm_up=2,
    milestones=(),
    batch_size=16,
    drop_last=False,
    test_every=20,
    optimiser="adamw",
    cosine=True,
    smoothing=0.1,
    normalize=True,
)
SKELEMIX_TUNING = Tuning(mode="eval")
# Its code clips gradients before the backward pass, when there are none: nothing is clipped, and nothing is here.
SKELEMIX_1_PERCENT = Tuning(
    learning_rate=0.05, nesterov=False, weight_decay=0.0, epochs=150, warm_up=0, milestones=(40,), mode="eval"
)
SKELEMIX_10_PERCENT = Tuning(nesterov=False, epochs=150, warm_up=0, milestones=(80,), mode="eval")
