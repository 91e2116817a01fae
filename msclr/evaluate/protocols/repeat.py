"""A protocol run over several seeds, and what its numbers are on average and how far they spread."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from msclr.errors import ConfigError
from msclr.evaluate.protocols.protocol import Outcome, Protocol, ViewProtocol
from msclr.evaluate.protocols.split import Split

SEEDS = (0, 1, 2)


@dataclass(frozen=True, eq=False)
class Repeated:
    """The outcomes of a protocol, one for each seed.

    Args:
        protocol: Name of the protocol.
        seeds: The seeds; one that stands for all if the protocol is deterministic.
        outcomes: What each seed gave.

    Example:
        >>> runs = Repeated("semi-10", (0, 1), (Outcome({"top-1": 50.0}), Outcome({"top-1": 54.0})))
        >>> runs.mean["top-1"], round(runs.deviation["top-1"], 3), round(runs.error["top-1"], 3)
        (52.0, 2.828, 2.0)
    """

    protocol: str
    seeds: tuple[int, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def mean(self) -> dict[str, float]:
        """Mean of each number over the seeds, per cent."""
        return {name: fmean(values) for name, values in self.values.items()}

    @property
    def deviation(self) -> dict[str, float]:
        """Standard deviation of each number over the seeds (with n - 1), in points; 0 for one seed."""
        return {name: stdev(values) if len(values) > 1 else 0.0 for name, values in self.values.items()}

    @property
    def error(self) -> dict[str, float]:
        """Standard error of each mean, in points; 0 for one seed."""
        return {name: spread / math.sqrt(len(self.outcomes)) for name, spread in self.deviation.items()}

    @property
    def values(self) -> dict[str, tuple[float, ...]]:
        """Each number as each seed gave it."""
        return {name: tuple(run.numbers[name] for run in self.outcomes) for name in self.outcomes[0].numbers}


def repeat(protocol: Protocol, split: Split, seeds: Sequence[int] = SEEDS) -> Repeated:
    """Run a protocol once for each seed, or once in all if it draws nothing.

    Args:
        protocol: One of `PROTOCOLS`, or one of your own.
        split: Features and labels.
        seeds: Each seed once.

    Raises:
        ConfigError: If there are no seeds, or one comes twice.

    Example:
        >>> import torch
        >>> from msclr.evaluate.protocols import PROTOCOLS
        >>> split = Split.of(torch.eye(2), ["walk", "run"], torch.eye(2), ["walk", "run"])
        >>> repeat(PROTOCOLS["knn-1"], split).seeds
        (0,)
    """
    return _repeated(protocol.name, protocol.deterministic, lambda seed: protocol.run(split, seed=seed), seeds)


def repeat_views(protocol: ViewProtocol, views: Mapping[str, Split], seeds: Sequence[int] = SEEDS) -> Repeated:
    """Run a protocol of several views once for each seed, or once in all if it draws nothing; see `repeat`."""
    return _repeated(protocol.name, protocol.deterministic, lambda seed: protocol.run(views, seed=seed), seeds)


def _repeated(name: str, deterministic: bool, run: Callable[[int], Outcome], seeds: Sequence[int]) -> Repeated:
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError(f"seeds {list(seeds)}", expected="at least one, each once")
    chosen = tuple(seeds)[:1] if deterministic else tuple(seeds)
    return Repeated(name, chosen, tuple(run(seed) for seed in chosen))
