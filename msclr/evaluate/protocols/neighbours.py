"""k nearest neighbours by cosine: nothing to train, nothing to draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msclr.errors import ConfigError
from msclr.evaluate.protocols.classified import chance_of_classes, classified
from msclr.evaluate.protocols.protocol import Outcome, Protocol
from msclr.evaluate.protocols.split import Split
from msclr.neighbours import TEMPERATURE, rank_votes, search


@dataclass(frozen=True)
class NearestNeighbours(Protocol):
    """Classify each test clip by the training clips nearest to it, by cosine.

    Args:
        k: Neighbours that vote. With 1, the nearest one decides.
        temperature: A vote weighs exp(similarity / temperature); without effect if k is 1.

    Raises:
        ConfigError: If k is below 1 or the temperature is not positive.

    Source:
        k = 1: retrieval of Thoker et al. 2021 (inter-skeleton contrast). Weighted vote: Wu et al. 2018 (Unsupervised
        feature learning via non-parametric instance discrimination), section 3.4; k = 10, 20, 40 and temperature 0.1
        are those of SkeleMixCLR's code. Of equal votes, the class of the nearer neighbour wins.

    Example:
        >>> import torch
        >>> split = Split.of(torch.eye(2), ["walk", "run"], torch.tensor([[1.0, 0.2]]), ["walk"])
        >>> NearestNeighbours().run(split).numbers["top-1"]
        100.0
    """

    k: int = 1
    temperature: float = TEMPERATURE

    def __post_init__(self) -> None:
        if self.k < 1 or not self.temperature > 0:
            raise ConfigError(
                f"k={self.k}, temperature={self.temperature}", expected="k of at least 1, a temperature above 0"
            )

    @property
    def name(self) -> str:
        """Name in tables."""
        return f"knn-{self.k}"

    def run(self, split: Split, *, seed: int = 0) -> Outcome:
        """Classify the test clips.

        Raises:
            PoseError: If k is above the number of training clips.
        """
        found = search(split.test, split.train, self.k)
        ranking = rank_votes(split.train_labels[found.indices], found.scores, len(split.classes), self.temperature)
        return classified(split, ranking, {"k": self.k}, top_five=self.k >= 5)

    def chance(self, split: Split) -> Mapping[str, float]:
        """Return what guessing scores."""
        return chance_of_classes(split, top_five=self.k >= 5)
