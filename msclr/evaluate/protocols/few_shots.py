"""Few shots: many small tasks, each with a handful of examples of a handful of classes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from msclr.errors import ConfigError, PoseError
from msclr.evaluate.protocols.protocol import Outcome, Protocol, checked
from msclr.evaluate.protocols.split import Split

NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class FewShots(Protocol):
    """Classify test clips by the nearest mean of `shots` training clips of each of `ways` classes, in many episodes.

    Features are scaled to length 1 first; distances are Euclidean.

    Args:
        ways: Classes of an episode.
        shots: Training clips of each class.
        queries: Most test clips of each class.
        episodes: Number of episodes.

    Raises:
        ConfigError: If a number is too small.

    Source:
        Episodes: Vinyals et al. 2016 (Matching networks). Nearest class mean of features of length 1: Wang et al. 2019
        (SimpleShot). 15 queries, 600 episodes and a normal 95 % interval are the usual numbers.

    Example:
        >>> split = Split.of(torch.eye(2), ["walk", "run"], torch.eye(2) + 0.1, ["walk", "run"])
        >>> FewShots(ways=2, episodes=10).run(split).numbers["top-1"]
        100.0
    """

    ways: int = 5
    shots: int = 1
    queries: int = 15
    episodes: int = 600

    def __post_init__(self) -> None:
        if self.ways < 2 or min(self.shots, self.queries) < 1 or self.episodes < 2:
            raise ConfigError(f"{self}", expected="2 ways and episodes, 1 shot and query at least")

    @property
    def name(self) -> str:
        """Name in tables."""
        return f"few-shot-{self.ways}-{self.shots}"

    @property
    def deterministic(self) -> bool:
        """Whether the seed changes nothing: no."""
        return False

    def run(self, split: Split, *, seed: int = 0) -> Outcome:
        """Play the episodes.

        Returns:
            "top-1", the mean over episodes; fact "interval", half the width of its 95 % interval in points.

        Raises:
            PoseError: If fewer classes than `ways` have `shots` training clips and a test clip.
        """
        train, test = F.normalize(split.train.double(), dim=1), F.normalize(split.test.double(), dim=1)
        shares = []
        for support, query in self.draw(split, seed):
            means = train[support].mean(dim=1)  # w d
            asked = torch.cat(query)
            truth = torch.cat([torch.full((len(rows),), way) for way, rows in enumerate(query)])
            shares.append(float((torch.cdist(test[asked], means).argmin(dim=1) == truth).double().mean()))
        mean, spread = float(np.mean(shares)), float(np.std(shares, ddof=1))
        interval = 100 * NORMAL_95 * spread / math.sqrt(self.episodes)
        return Outcome({"top-1": 100 * mean}, {"episodes": self.episodes, "interval": interval})

    def chance(self, split: Split) -> Mapping[str, float]:
        """Return what guessing scores."""
        return {"top-1": 100 / self.ways}

    def draw(self, split: Split, seed: int) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """Yield for each episode the training rows [w, shots] and the test rows of each class.

        The draw depends on the names and classes of clips, not on features or the order of rows.
        """
        known, asked = _by_class(split, "train"), _by_class(split, "test")
        fit = [place for place in sorted(known) if len(known[place]) >= self.shots and place in asked]
        if len(fit) < self.ways:
            raise PoseError(
                f"{len(fit)} classes have {self.shots} training clips and a test clip",
                expected=f"at least {self.ways}",
                remedy="fewer ways or shots",
            )
        generator = np.random.default_rng(checked(seed))
        for _ in range(self.episodes):
            ways = generator.choice(fit, self.ways, replace=False).tolist()
            support = [generator.choice(known[way], self.shots, replace=False) for way in ways]
            query = [generator.permutation(asked[way])[: self.queries] for way in ways]
            yield torch.from_numpy(np.stack(support)), [torch.from_numpy(rows) for rows in query]


def _by_class(split: Split, side: str) -> dict[int, list[int]]:
    """Return the rows of each class in the order of the names of its clips."""
    labels, ids = (split.train_labels, split.train_ids) if side == "train" else (split.test_labels, split.test_ids)
    codes = labels.tolist()
    rows: dict[int, list[int]] = {}
    for row in sorted(range(len(ids)), key=lambda row: ids[row]):
        rows.setdefault(codes[row], []).append(row)
    return rows
