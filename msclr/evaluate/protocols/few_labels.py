"""Few labels: the training clips of which only a share, the same for every encoder, keeps its label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from msclr.errors import ConfigError
from msclr.evaluate.protocols.linear import LinearToOptimum
from msclr.evaluate.protocols.protocol import Outcome, Protocol, checked
from msclr.evaluate.protocols.split import Split

LINEAR = LinearToOptimum()


@dataclass(frozen=True)
class FewLabels(Protocol):
    """Semi-supervised evaluation of frozen features: another protocol on a share of the training clips of each class.

    The papers train all weights on these clips; see `msclr.evaluate.protocols.finetune` for that.

    Args:
        percent: Share of the training clips of each class, above 0, at most 100.
        protocol: What is run on them; default: `LinearToOptimum`.

    Raises:
        ConfigError: If the share is out of bounds.

    Source:
        Draw: round(share * clips) of each class, as in the code of AimCLR and SkeleMixCLR; here one at least, and
        with one seed the clips of a smaller share are among those of a larger one.

    Example:
        >>> import torch
        >>> split = Split.of(torch.eye(4), ["walk", "walk", "run", "run"], torch.eye(4)[:1], ["walk"])
        >>> FewLabels(1).run(split).facts["train"]
        2
    """

    percent: float
    protocol: Protocol = LINEAR

    def __post_init__(self) -> None:
        if not 0 < self.percent <= 100:
            raise ConfigError(f"percent={self.percent}", expected="above 0, at most 100")

    @property
    def name(self) -> str:
        """Name in tables."""
        return f"semi-{self.percent:g}"

    @property
    def deterministic(self) -> bool:
        """Whether the seed changes nothing: no."""
        return False

    def run(self, split: Split, *, seed: int = 0) -> Outcome:
        """Draw the clips and run the protocol on them, with the same seed."""
        (outcome,) = self.run_each([split], seed=seed)
        return outcome

    def run_each(self, splits: Sequence[Split], *, seed: int = 0) -> list[Outcome]:
        """Draw the clips, the same for all splits, and let the protocol judge each."""
        return self.protocol.run_each([draw_labelled(split, self.percent, seed) for split in splits], seed=seed)

    def chance(self, split: Split) -> Mapping[str, float]:
        """Return what guessing scores: every class keeps a clip."""
        return self.protocol.chance(split)


def draw_labelled(split: Split, percent: float, seed: int) -> Split:
    """Keep a share of the training clips of each class.

    The draw depends on the seed and on the names and classes of the clips, not on features or on the order of rows:
    every encoder of a comparison gets the same clips.

    Args:
        split: Features and labels.
        percent: Share of the training clips of each class, one at least.
        seed: Draws the clips.

    Returns:
        The split with these training clips, in their old order.
    """
    names = [split.classes[label] for label in split.train_labels.tolist()]
    kept = draw_ids(dict(zip(split.train_ids, names, strict=True)), percent, seed)
    return split.train_rows([row for row, name in enumerate(split.train_ids) if name in kept])


def draw_ids(labels: Mapping[str, str], percent: float, seed: int) -> frozenset[str]:
    """Draw a share of the clips of each class by name, as `draw_labelled` does.

    Args:
        labels: The class of each clip, by name.
        percent: Share of the clips of each class, one at least.
        seed: Draws the clips.

    Example:
        >>> len(draw_ids({"a": "walk", "b": "walk", "c": "run"}, 50, seed=0))
        2
    """
    kept: set[str] = set()
    for label in sorted(set(labels.values())):
        members = sorted(name for name, found in labels.items() if found == label)
        generator = np.random.default_rng([checked(seed), *label.encode()])
        count = max(1, round(percent / 100 * len(members)))
        kept.update(members[drawn] for drawn in generator.permutation(len(members))[:count])
    return frozenset(kept)
