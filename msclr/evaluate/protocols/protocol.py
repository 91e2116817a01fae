"""What every protocol is: from a split to an outcome."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from msclr.errors import ConfigError
from msclr.evaluate.protocols.split import Split


@dataclass(frozen=True)
class ReliabilityBin:
    """The test clips whose confidence falls between two bounds.

    Args:
        lower, upper: Bounds of the confidence, 0 to 1; the lower one is not within.
        count: Test clips in the bin.
        confidence: Mean confidence of these clips, per cent; 0 if there are none.
        accuracy: Share of these clips that are classified correctly, per cent; 0 if there are none.
    """

    lower: float
    upper: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one run of a protocol found.

    Args:
        numbers: Scores in per cent, by name, for example "top-1".
        facts: Numbers that are no scores: counts, a temperature, the best epoch.
        classes: Names of the rows and columns of `confusion`.
        confusion: [c, c] int64, rows are true classes, columns predicted ones; None if the protocol predicts nothing.
        recall: Share of correct answers of each class that has test clips, per cent.
        predictions: The predicted class of each test clip, by its id.
        truth: The right class of each of these clips.
        reliability: Bins of confidence, for protocols that look at it.

    Example:
        >>> Outcome({"top-1": 50.0}).numbers["top-1"]
        50.0
    """

    numbers: Mapping[str, float]
    facts: Mapping[str, float] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    confusion: npt.NDArray[np.int64] | None = None
    recall: Mapping[str, float] = field(default_factory=dict)
    predictions: Mapping[str, str] = field(default_factory=dict)
    truth: Mapping[str, str] = field(default_factory=dict)
    reliability: tuple[ReliabilityBin, ...] = ()


def checked(seed: int) -> int:
    """Return a seed that every generator takes.

    Raises:
        ConfigError: If it is no whole number of 0 to 2^32 - 1.

    Example:
        >>> checked(7)
        7
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise ConfigError(f"seed={seed!r}", expected="a whole number of 0 to 2^32 - 1")
    return int(seed)


class Protocol(ABC):
    """A way to judge frozen features: one number or several for a split."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name, as it stands in tables."""

    @property
    def deterministic(self) -> bool:
        """Whether the seed changes nothing."""
        return True

    @abstractmethod
    def run(self, split: Split, *, seed: int = 0) -> Outcome:
        """Judge the features of a split.

        Args:
            split: Features and labels.
            seed: Draws whatever the protocol draws; without effect where `deterministic`.
        """

    def run_each(self, splits: Sequence[Split], *, seed: int = 0) -> list[Outcome]:
        """Judge splits that have the same training clips, as `run` judges each; fitted once where that is done.

        Args:
            splits: One or more; they differ in their test clips only.
            seed: As for `run`.
        """
        return [self.run(split, seed=seed) for split in splits]

    @abstractmethod
    def chance(self, split: Split) -> Mapping[str, float]:
        """Return what features that say nothing would score, per cent, for those numbers where it is known."""


class ViewProtocol(ABC):
    """A way to judge frozen features of several views (joint conventions, streams, models) of the same clips."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name, as it stands in tables."""

    @property
    def deterministic(self) -> bool:
        """Whether the seed changes nothing."""
        return True

    @abstractmethod
    def run(self, views: Mapping[str, Split], *, seed: int = 0) -> Outcome:
        """Judge the features of several views, joined by the ids of the clips.

        Args:
            views: A split for each view. Ids name clips: the same clip has the same id in all views, whatever its row.
            seed: As for `Protocol.run`.
        """

    def chance(self, views: Mapping[str, Split]) -> Mapping[str, float]:
        """Return what features that say nothing would score, per cent, for those numbers where it is known."""
        return {}
