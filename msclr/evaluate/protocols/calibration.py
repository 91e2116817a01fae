"""Calibration: are the confidences of a linear classifier the shares in which it is right?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from msclr.errors import ConfigError, MissingExtraError, PoseError
from msclr.evaluate.linear_head import LogisticProtocol, train_heads
from msclr.evaluate.protocols.classified import chance_of_classes, classified, ranked, seen_classes
from msclr.evaluate.protocols.protocol import Outcome, Protocol, ReliabilityBin, checked
from msclr.evaluate.protocols.split import Split

LARGEST_TEMPERATURE = 1000.0


@dataclass(frozen=True)
class Calibration(Protocol):
    """Measure the calibration of logistic regression, as it is and with its logits divided by a temperature.

    The temperature is the one that makes held-out training clips likeliest; the classifier is fitted to the others.
    Needs scikit-learn.

    Args:
        bins: Bins of equal width, from 0 to 1, in which confidence and accuracy are compared.
        held_out: Share of the training clips of each class that the temperature is fitted to.
        regularisation: Of the logistic regression, as for `LinearToOptimum`.

    Raises:
        ConfigError: If a value is out of bounds.

    Source:
        Guo et al. 2017 (On calibration of modern neural networks): expected calibration error with 15 bins,
        temperature scaling.

    Example:
        >>> rows = torch.tensor([[0.0, 1.0], [0.1, 0.9], [1.0, 0.0], [0.9, 0.2]])
        >>> split = Split.of(rows, ["up", "up", "right", "right"], rows[:1] + 0.1, ["up"])
        >>> sorted(Calibration().run(split).numbers)
        ['ECE', 'ECE scaled', 'mean recall', 'top-1']
    """

    bins: int = 15
    held_out: float = 0.2
    regularisation: float = 1.0

    def __post_init__(self) -> None:
        if self.bins < 1 or not 0 < self.held_out < 1 or not self.regularisation > 0:
            raise ConfigError(f"{self}", expected="at least 1 bin, a share between 0 and 1, a positive regularisation")

    @property
    def name(self) -> str:
        """Name in tables."""
        return "calibration"

    @property
    def deterministic(self) -> bool:
        """Whether the seed changes nothing: no."""
        return False

    def run(self, split: Split, *, seed: int = 0) -> Outcome:
        """Fit, scale and measure.

        Returns:
            "ECE" and "ECE scaled" in points beside the numbers of a classification; facts "temperature", and the mean
            negative log likelihood before and after ("NLL", "NLL scaled") of the test clips of seen classes;
            `reliability` is that before scaling.

        Raises:
            PoseError: If no class has two training clips, so that none can be held out.
            MissingExtraError: If scikit-learn is not installed.
        """
        fitted, held = self._hold_out(split, seed)
        seen = seen_classes(split)
        codes = torch.searchsorted(seen, split.train_labels)
        protocol = LogisticProtocol(self.regularisation)
        (head,) = train_heads([split.train[fitted]], codes[fitted], [str(place) for place in seen.tolist()], protocol)
        kept, asked = (
            (rows.double() - head.mean) @ head.weight.T + head.bias for rows in (split.train[held], split.test)
        )
        temperature = fit_temperature(kept, codes[held])
        outcome = classified(split, ranked(asked, seen))
        known = torch.isin(split.test_labels, seen)
        truth = torch.searchsorted(seen, split.test_labels[known])
        facts: dict[str, float] = {"held out": len(held), "temperature": temperature}
        numbers = dict(outcome.numbers)
        reliabilities = []
        for suffix, logits in (("", asked), (" scaled", asked / temperature)):
            confidence, predicted = logits.softmax(dim=1).max(dim=1)
            reliabilities.append(reliability(confidence, seen[predicted] == split.test_labels, self.bins))
            numbers[f"ECE{suffix}"] = expected_calibration_error(reliabilities[-1])
            if len(truth):
                facts[f"NLL{suffix}"] = float(F.cross_entropy(logits[known], truth))
        return replace(outcome, numbers=numbers, facts={**outcome.facts, **facts}, reliability=reliabilities[0])

    def chance(self, split: Split) -> Mapping[str, float]:
        """Return what guessing scores; guessing with an even share for each class is perfectly calibrated."""
        return chance_of_classes(split)

    def _hold_out(self, split: Split, seed: int) -> tuple[Tensor, Tensor]:
        """Return the training rows to fit to and those held out; a class keeps one clip at least."""
        generator = np.random.default_rng(checked(seed))
        by_name = sorted(range(len(split.train)), key=lambda row: split.train_ids[row])
        labels = split.train_labels.tolist()
        held: set[int] = set()
        for place in range(len(split.classes)):
            rows = [row for row in by_name if labels[row] == place]
            if len(rows) > 1:
                count = min(len(rows) - 1, max(1, round(self.held_out * len(rows))))
                held.update(rows[drawn] for drawn in generator.permutation(len(rows))[:count])
        if not held:
            raise PoseError("one training clip of each class: none can be held out", expected="two of some class")
        fitted, kept = ([row for row in by_name if (row in held) == side] for side in (False, True))
        return torch.tensor(fitted), torch.tensor(kept)


def fit_temperature(logits: Tensor, codes: Tensor) -> float:
    """Return the temperature, 0.001 to 1000, that makes classes likeliest when logits are divided by it.

    Args:
        logits: [n, classes].
        codes: [n] int64 class numbers.

    Raises:
        MissingExtraError: If SciPy, which scikit-learn brings, is not installed.

    Example:
        >>> round(fit_temperature(torch.tensor([[2.0, 0.0]] * 4), torch.tensor([0, 0, 0, 1])), 3)
        1.82
    """
    try:
        from scipy.optimize import minimize_scalar
    except ImportError:
        raise MissingExtraError(
            "calibration needs SciPy, which is not installed", remedy='pip install "msclr[evaluate]"'
        ) from None
    rows, bound = logits.double(), math.log(LARGEST_TEMPERATURE)

    def loss(logarithm: float) -> float:
        return float(F.cross_entropy(rows / math.exp(logarithm), codes))

    found = minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-9})
    return math.exp(float(found.x))


def reliability(confidence: Tensor, correct: Tensor, bins: int) -> tuple[ReliabilityBin, ...]:
    """Compare confidence and accuracy in bins of equal width.

    Args:
        confidence: [m] 0 to 1.
        correct: [m] bool.
        bins: Number of bins; a confidence on a bound counts in the lower bin.

    Example:
        >>> reliability(torch.tensor([0.4, 0.9]), torch.tensor([False, True]), 2)[1].accuracy
        100.0
    """
    place = (torch.ceil(confidence.double() * bins) - 1).clamp(0, bins - 1).long()
    found = []
    for number in range(bins):
        within = place == number
        count = int(within.sum())
        means = [100 * float(each[within].double().mean()) if count else 0.0 for each in (confidence, correct)]
        found.append(ReliabilityBin(number / bins, (number + 1) / bins, count, *means))
    return tuple(found)


def expected_calibration_error(found: tuple[ReliabilityBin, ...]) -> float:
    """Return the mean distance of confidence and accuracy over clips, in points.

    Source: Guo et al. 2017, equation 3.
    """
    total = sum(each.count for each in found)
    return sum(each.count * abs(each.confidence - each.accuracy) for each in found) / total
