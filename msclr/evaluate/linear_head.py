"""Linear heads on frozen features: the protocols they are trained by, and what they make of features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from msclr.errors import ConfigError, PoseError, TrainingError
from msclr.evaluate.linear import logistic_weights
from msclr.evaluate.scores import Scores

Combine: TypeAlias = Literal["losses", "logits"]


@dataclass(frozen=True)
class SgdProtocol:
    """Linear evaluation as the papers do it: stochastic gradient descent with momentum on frozen features.

    The defaults are those of AimCLR and MS-CLR; `ISC_PROTOCOL` are those of inter-skeleton contrast.

    Args:
        learning_rate: Of the first epochs.
        momentum: Share of the last step that is kept; not Nesterov's.
        weight_decay: L2 penalty on weights and biases.
        epochs: Passes over the training samples.
        milestones: Epochs after which the learning rate is multiplied by `factor`.
        factor: What it is multiplied by.
        batch_size: Samples of a step.
        drop_last: Leave the samples of an epoch that do not fill a step out of it; fewer samples than one step has
            are always used.
        test_every: Epochs between two looks at the test samples, where the best epoch is reported beside the last.
        deviation: Standard deviation of the weights at the start; biases start at 0.
        seed: Draws the weights at the start and the order of the samples.

    Raises:
        ConfigError: If a value is out of bounds.

    Source:
        AimCLR and MS-CLR, linear evaluation; Thoker et al. 2021 (inter-skeleton contrast) for `ISC_PROTOCOL`.

    Example:
        >>> SgdProtocol().learning_rate_of(80), round(SgdProtocol().learning_rate_of(81), 3)
        (3.0, 0.3)
    """

    learning_rate: float = 3.0
    momentum: float = 0.9
    weight_decay: float = 0.0
    epochs: int = 100
    milestones: tuple[int, ...] = (80,)
    factor: float = 0.1
    batch_size: int = 128
    drop_last: bool = True
    test_every: int = 5
    deviation: float = 0.02
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.test_every) < 1:
            found = f"epochs={self.epochs}, batch_size={self.batch_size}, test_every={self.test_every}"
            raise ConfigError(found, expected="at least 1 each")
        if not (self.learning_rate > 0 and 0 <= self.momentum < 1 and self.weight_decay >= 0 and self.deviation >= 0):
            raise ConfigError(f"{self}", expected="learning_rate > 0, 0 <= momentum < 1, no negative value")

    def learning_rate_of(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 1."""
        return self.learning_rate * self.factor ** sum(epoch > milestone for milestone in self.milestones)

    def tests_after(self, epoch: int) -> bool:
        """Say whether the test samples are looked at after an epoch, counted from 1."""
        return epoch % self.test_every == 0 or epoch == self.epochs


@dataclass(frozen=True)
class LogisticProtocol:
    """Linear evaluation of small sets: logistic regression to the optimum; needs scikit-learn.

    Args:
        regularisation: Weight of the L2 penalty, relative to the sum of losses of all training vectors.

    Example:
        >>> LogisticProtocol()
        LogisticProtocol(regularisation=1.0)
    """

    regularisation: float = 1.0

    def __post_init__(self) -> None:
        if not self.regularisation > 0:
            raise ConfigError(f"regularisation={self.regularisation}", expected="above 0")


HeadProtocol: TypeAlias = SgdProtocol | LogisticProtocol
Watch: TypeAlias = Callable[[int, Sequence["TrainedHead"]], None]

ISC_PROTOCOL = SgdProtocol(
    learning_rate=0.1,
    epochs=80,
    milestones=(50, 70),
    batch_size=64,
    drop_last=False,
    test_every=1,
    deviation=0.01,
)


@dataclass(frozen=True, eq=False)
class TrainedHead:
    """One trained linear layer from features to class scores.

    Args:
        weight: [classes, dim].
        bias: [classes].
        mean: [dim], taken off the features first.
        classes: Names of the classes.

    Example:
        >>> head = TrainedHead(torch.eye(2).double(), torch.zeros(2), torch.zeros(2), ("walk", "run"))
        >>> head.scores(Scores(["a"], torch.tensor([[0.0, 2.0]]))).predictions()
        {'a': 'run'}
    """

    weight: Tensor
    bias: Tensor
    mean: Tensor
    classes: tuple[str, ...]

    def scores(self, features: Scores) -> Scores:
        """Return the logits of samples, in the order of their features.

        Raises:
            PoseError: If the features are of another length.
        """
        if features.values.shape[1] != self.weight.shape[1]:
            raise PoseError(
                f"features of length {features.values.shape[1]}",
                expected=f"{self.weight.shape[1]}, what the head was trained on",
                remedy="embed training and test samples with the same model",
            )
        # Worked out in the order of the ids: the last digits of a product depend on the place of its row.
        order = sorted(features.ids)
        logits = (features.take(order).values - self.mean) @ self.weight.T + self.bias
        return Scores(order, logits, self.classes).take(features.ids)


def train_heads(
    blocks: Sequence[Tensor],
    codes: Tensor,
    classes: Sequence[str],
    protocol: HeadProtocol,
    *,
    watch: Watch | None = None,
) -> list[TrainedHead]:
    """Train heads together on the mean of their logits; with one block of features, an ordinary linear evaluation.

    Args:
        blocks: [n, dim] features, for each head its own, rows of the same samples.
        codes: [n] class numbers, each class at least once.
        classes: Names of the classes.
        protocol: How to train.
        watch: Told the number of each epoch of an `SgdProtocol` that is tested, and the heads after it.

    Returns:
        One head for each block.

    Raises:
        TrainingError: If the weights are not finite in the end.
        MissingExtraError: If the protocol needs scikit-learn and it is not installed.

    Example:
        >>> points = torch.tensor([[0.0, 1.0], [0.1, 0.9], [1.0, 0.0], [0.9, 0.2]])
        >>> (head,) = train_heads([points], torch.tensor([0, 0, 1, 1]), ("up", "right"), SgdProtocol(epochs=5))
        >>> head.scores(Scores(["new"], torch.tensor([[0.2, 0.8]]))).predictions()
        {'new': 'up'}
    """
    if isinstance(protocol, SgdProtocol):
        return _by_steps(blocks, codes, tuple(classes), protocol, watch)
    weight, bias, mean = logistic_weights(torch.cat(list(blocks), dim=1), codes, protocol.regularisation)
    widths = [block.shape[1] for block in blocks]
    parts = zip(torch.split(weight, widths, dim=1), torch.split(mean, widths), strict=True)
    return [TrainedHead(len(blocks) * part, bias, middle, tuple(classes)) for part, middle in parts]


def _by_steps(
    blocks: Sequence[Tensor], codes: Tensor, classes: tuple[str, ...], protocol: SgdProtocol, watch: Watch | None
) -> list[TrainedHead]:
    generator = torch.Generator().manual_seed(protocol.seed)
    inputs = [block.float() for block in blocks]
    weights = [
        (protocol.deviation * torch.randn(len(classes), block.shape[1], generator=generator)).requires_grad_()
        for block in inputs
    ]
    biases = [torch.zeros(len(classes), requires_grad=True) for _ in inputs]
    optimiser = torch.optim.SGD(
        [*weights, *biases],
        lr=protocol.learning_rate,
        momentum=protocol.momentum,
        weight_decay=protocol.weight_decay,
        nesterov=False,
    )
    with torch.enable_grad():
        for epoch in range(1, protocol.epochs + 1):
            optimiser.param_groups[0]["lr"] = protocol.learning_rate_of(epoch)
            for chosen in steps_of_epoch(len(codes), protocol.batch_size, generator, drop_last=protocol.drop_last):
                heads = zip(inputs, weights, biases, strict=True)
                logits = torch.stack([F.linear(block[chosen], weight, bias) for block, weight, bias in heads]).mean(0)
                optimiser.zero_grad()
                torch.autograd.backward(F.cross_entropy(logits, codes[chosen]))
                optimiser.step()
            if watch is not None and protocol.tests_after(epoch):
                watch(epoch, _heads(weights, biases, classes))
    if not all(bool(weight.isfinite().all()) for weight in (*weights, *biases)):
        raise TrainingError(
            f"weights are not finite after {protocol.epochs} epochs at learning rate {protocol.learning_rate}",
            expected="finite weights",
            remedy="features of length 1, or a lower learning rate",
        )
    return _heads(weights, biases, classes)


def _heads(weights: Sequence[Tensor], biases: Sequence[Tensor], classes: tuple[str, ...]) -> list[TrainedHead]:
    return [
        TrainedHead(weight.detach().double(), bias.detach().double(), torch.zeros(weight.shape[1]).double(), classes)
        for weight, bias in zip(weights, biases, strict=True)
    ]


def steps_of_epoch(
    count: int, batch_size: int, generator: torch.Generator, *, drop_last: bool = True
) -> Iterator[Tensor]:
    """Yield the rows of each step of one epoch, in random order.

    Args:
        count: Number of samples.
        batch_size: Samples of a step.
        generator: Draws the order.
        drop_last: As for `SgdProtocol`.

    Example:
        >>> [len(rows) for rows in steps_of_epoch(10, 4, torch.Generator().manual_seed(0))]
        [4, 4]
    """
    order = torch.randperm(count, generator=generator)
    if drop_last and count > batch_size:
        order = order[: count - count % batch_size]
    return iter(torch.split(order, batch_size))
