"""ProbeThenTune: first the head alone, then everything."""

from __future__ import annotations

import math
from dataclasses import dataclass

from msclr.errors import ConfigError
from msclr.models.finetune.tunable import Tunable


@dataclass(frozen=True)
class ProbeThenTune:
    """Train the head on a frozen encoder, then both: a good head to start with keeps what pretraining has learnt.

    In either part the learning rate falls along a half cosine, in the second after rising over `warm_up` epochs.

    Args:
        probe: Epochs with a frozen encoder.
        tune: Epochs in which it is trained, too.
        warm_up: The first of them, in which the rate rises.
        up_to: The last stage that stays frozen in the end, see `Tunable.freeze`; None for none.

    Raises:
        ConfigError: If a number of epochs is negative, or there are none, or fewer to tune than to warm up.

    Source:
        Kumar et al. 2022, "Fine-tuning can distort pretrained features and underperform out-of-distribution".

    Example:
        >>> schedule = ProbeThenTune(probe=2, tune=4, warm_up=1)
        >>> schedule.epochs, [round(schedule.rate(epoch), 2) for epoch in range(schedule.epochs)]
        (6, [1.0, 0.5, 0.5, 1.0, 0.75, 0.25])
    """

    probe: int
    tune: int
    warm_up: int = 0
    up_to: str | None = None

    def __post_init__(self) -> None:
        if min(self.probe, self.tune, self.warm_up) < 0 or not self.epochs or self.warm_up > self.tune:
            raise ConfigError(f"{self}", expected="an epoch at least, none negative, warm_up of at most tune")

    @property
    def epochs(self) -> int:
        """How many epochs there are."""
        return self.probe + self.tune

    def begin(self, model: Tunable, epoch: int) -> None:
        """Freeze what is frozen in an epoch, counted from 0, and nothing else; call it when the epoch begins."""
        if epoch < self.probe:
            model.freeze()
        elif self.up_to is None:
            model.unfreeze()
        else:
            model.freeze(self.up_to)

    def rate(self, epoch: int) -> float:
        """Return what the learning rates of an epoch, counted from 0, are multiplied by: for `LambdaLR`."""
        if epoch < self.probe:
            return _half_cosine(epoch / self.probe)
        done = epoch - self.probe
        if done < self.warm_up:
            return (done + 1) / (self.warm_up + 1)
        return _half_cosine((done - self.warm_up) / max(self.tune - self.warm_up, 1))


def _half_cosine(share: float) -> float:
    return (1 + math.cos(math.pi * min(share, 1.0))) / 2
