"""Linear evaluation: one linear layer on frozen features, by the papers' steps or to the optimum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from msclr.evaluate.linear_head import ISC_PROTOCOL, LogisticProtocol, SgdProtocol, TrainedHead, train_heads
from msclr.evaluate.protocols.classified import chance_of_classes, classified, ranked, seen_classes
from msclr.evaluate.protocols.protocol import Outcome, Protocol, checked
from msclr.evaluate.protocols.split import Split

PUBLISHED = SgdProtocol()


@dataclass(frozen=True)
class LinearBySteps(Protocol):
    """Linear evaluation as the papers do it, with stochastic gradient descent on the features as they are.

    The numbers are those after the last epoch. "best top-1" is that of the best tested epoch, chosen on the test clips
    as published tables do: too good by as much as the choice gains.

    Args:
        training: The numbers of the training; its seed is replaced by that of the run.

    Source:
        AimCLR and MS-CLR, linear evaluation; Thoker et al. 2021 with `ISC_PROTOCOL`.

    Example:
        >>> points = torch.tensor([[0.0, 1.0], [0.1, 0.9], [1.0, 0.0], [0.9, 0.2]])
        >>> split = Split.of(points, ["up", "up", "right", "right"], points[:1] + 0.1, ["up"])
        >>> LinearBySteps(SgdProtocol(epochs=5)).run(split).numbers["best top-1"]
        100.0
    """

    training: SgdProtocol = PUBLISHED

    @property
    def name(self) -> str:
        """Name in tables."""
        return "linear-isc" if self.training == ISC_PROTOCOL else "linear-sgd"

    @property
    def deterministic(self) -> bool:
        """Whether the seed changes nothing: no."""
        return False

    def run(self, split: Split, *, seed: int = 0) -> Outcome:
        """Train the layer and test it.

        Raises:
            TrainingError: If the weights run away.
        """
        (outcome,) = self.run_each([split], seed=seed)
        return outcome

    def run_each(self, splits: Sequence[Split], *, seed: int = 0) -> list[Outcome]:
        """Train the layer once and test it on each split."""
        seen = seen_classes(splits[0])
        tested: list[list[tuple[float, int, Tensor]]] = [[] for _ in splits]

        def watch(epoch: int, heads: Sequence[TrainedHead]) -> None:
            for split, found in zip(splits, tested, strict=True):
                ranking = ranked(_logits(heads[0], split.test), seen)
                found.append((float((ranking[:, 0] == split.test_labels).double().mean()), epoch, ranking))

        train_heads(*_training(splits[0], seen), replace(self.training, seed=checked(seed)), watch=watch)
        return [self._judged(split, found) for split, found in zip(splits, tested, strict=True)]

    def _judged(self, split: Split, tested: Sequence[tuple[float, int, Tensor]]) -> Outcome:
        """Return the outcome of shares of correct answers, epochs and rankings."""
        best = max(tested, key=lambda each: each[0])  # the first of equals
        outcome = classified(split, tested[-1][2], {"epochs": self.training.epochs, "best epoch": best[1]})
        return replace(outcome, numbers={**outcome.numbers, "best top-1": 100 * best[0]})

    def chance(self, split: Split) -> Mapping[str, float]:
        """Return what guessing scores; the best epoch has no such number."""
        return chance_of_classes(split)


@dataclass(frozen=True)
class LinearToOptimum(Protocol):
    """Linear evaluation of small sets: logistic regression on standardised features; needs scikit-learn.

    Args:
        regularisation: Weight of the L2 penalty, relative to the sum of losses of all training clips.

    Example:
        >>> points = torch.tensor([[0.0, 1.0], [0.1, 0.9], [1.0, 0.0], [0.9, 0.2]])
        >>> split = Split.of(points, ["up", "up", "right", "right"], points[:1] + 0.1, ["up"])
        >>> LinearToOptimum().run(split).predictions
        {'test 0': 'up'}
    """

    regularisation: float = 1.0

    @property
    def name(self) -> str:
        """Name in tables."""
        return "linear"

    def run(self, split: Split, *, seed: int = 0) -> Outcome:
        """Fit the layer and test it.

        Raises:
            MissingExtraError: If scikit-learn is not installed.
        """
        (outcome,) = self.run_each([split], seed=seed)
        return outcome

    def run_each(self, splits: Sequence[Split], *, seed: int = 0) -> list[Outcome]:
        """Fit the layer once and test it on each split."""
        seen = seen_classes(splits[0])
        (head,) = train_heads(*_training(splits[0], seen), LogisticProtocol(self.regularisation))
        return [classified(split, ranked(_logits(head, split.test), seen)) for split in splits]

    def chance(self, split: Split) -> Mapping[str, float]:
        """Return what guessing scores."""
        return chance_of_classes(split)


def _training(split: Split, seen: Tensor) -> tuple[list[Tensor], Tensor, list[str]]:
    """Return features, labels that count the classes seen from 0 on, and their names, in the order of the ids.

    What is drawn then does not depend on the order of rows.
    """
    rows = sorted(range(len(split.train)), key=lambda row: split.train_ids[row])
    codes = torch.searchsorted(seen, split.train_labels[rows])
    return [split.train[rows]], codes, [split.classes[place] for place in seen.tolist()]


def _logits(head: TrainedHead, features: Tensor) -> Tensor:
    return (features.double() - head.mean) @ head.weight.T + head.bias
