"""Significance: whether one encoder is better than another, or only luckier with these clips or these seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from msclr.errors import MissingExtraError, PoseError
from msclr.evaluate.protocols.protocol import Outcome, checked
from msclr.evaluate.scores import listed

DRAWS = 10_000


@dataclass(frozen=True)
class Comparison:
    """A difference, and what it is worth.

    Args:
        difference: First minus second, in points.
        low, high: Bounds of the 95 % interval of the difference, in points.
        p_value: How likely a difference at least as large is if there were none.
        count: Number of clips, groups or seeds it rests on.
        method: How the interval and the p value were found.

    Example:
        >>> Comparison(2.0, 0.5, 3.5, 0.01, 400, "exact McNemar").significant
        True
    """

    difference: float
    low: float
    high: float
    p_value: float
    count: int
    method: str

    @property
    def significant(self) -> bool:
        """Whether the p value is below 0.05; for several comparisons see `holm`."""
        return self.p_value < 0.05


def compare_clips(
    first: Outcome | Sequence[Outcome],
    second: Outcome | Sequence[Outcome],
    *,
    groups: Mapping[str, str] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Comparison:
    """Compare two classifications of the same test clips, clip by clip.

    Args:
        first, second: Outcomes of one protocol; with several seeds, those of each seed: a clip then counts with the
            share of seeds that are right.
        groups: Clips that belong together, by name of the clip, for example its subject: whole groups are drawn and
            swapped, because clips of one subject are no independent evidence.
        draws: Draws of the bootstrap and of the permutation test.
        seed: Draws them.

    Returns:
        The difference of top-1, a paired percentile bootstrap interval, and the p value: the exact McNemar test for
        two single outcomes without groups, else a paired permutation test (swaps of the two within a clip or group).

    Raises:
        PoseError: If the outcomes are not of the same clips and classes, predict nothing, or a clip has no group.
        MissingExtraError: If SciPy is not installed.

    Source:
        McNemar 1947; Efron and Tibshirani 1993 (paired bootstrap), Good 2005 (permutation tests).

    Example:
        >>> names = [f"clip {number}" for number in range(20)]
        >>> truth = dict.fromkeys(names, "walk")
        >>> right = Outcome({}, predictions=truth, truth=truth)
        >>> wrong = Outcome({}, predictions=dict.fromkeys(names, "run"), truth=truth)
        >>> found = compare_clips(right, wrong)
        >>> found.difference, found.p_value < 0.001
        (100.0, True)
    """
    firsts, seconds = ([each] if isinstance(each, Outcome) else list(each) for each in (first, second))
    names, gains = _gains(firsts, seconds)
    generator = np.random.default_rng(checked(seed))
    if groups is not None:
        if without := [name for name in names if name not in groups]:
            raise PoseError(f"no group of {listed(without)}", expected="one for each test clip")
        code = np.unique([groups[name] for name in names], return_inverse=True)[1]
    else:
        code = np.arange(len(names))
    sums, sizes = (np.bincount(code, weights=weights).astype(np.float64) for weights in (gains, np.ones_like(gains)))
    low, high = _bootstrap(sums, sizes, draws, generator)
    if groups is None and len(firsts) == len(seconds) == 1:
        p_value, method = _mcnemar(gains), "exact McNemar, paired bootstrap over clips"
    else:
        p_value = _swaps(sums, draws, generator)
        method = "paired permutations and bootstrap over " + ("clips" if groups is None else "groups")
    return Comparison(100 * float(gains.mean()), 100 * low, 100 * high, p_value, len(sums), method)


def compare_seeds(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """Compare two numbers over paired runs: the same seeds, the same data sets, or both.

    Args:
        first, second: Per cent, one value for each run, in the same order; at least two.

    Returns:
        The mean difference with the interval and p value of a paired t test; if all differences are equal, the p value
        of flipping signs, 2 / 2^n.

    Raises:
        PoseError: If the numbers of runs differ, or there are fewer than two.
        MissingExtraError: If SciPy is not installed.

    Example:
        >>> found = compare_seeds([62.0, 63.0, 64.5], [60.0, 61.5, 62.5])
        >>> round(found.difference, 2), round(found.p_value, 3)
        (1.83, 0.008)
    """
    if len(first) != len(second) or len(first) < 2:
        raise PoseError(f"{len(first)} and {len(second)} runs", expected="as many of each, at least two")
    try:
        from scipy.stats import ttest_rel
    except ImportError:
        raise _no_scipy() from None
    gains = np.asarray(first, float) - np.asarray(second, float)
    mean = float(gains.mean())
    if np.ptp(gains) < 1e-12 * max(1.0, abs(mean)):  # the t test would divide by 0 and be certain
        p_value = 2.0 ** (1 - len(gains)) if mean else 1.0
        return Comparison(mean, mean, mean, p_value, len(gains), "sign flips, for want of a spread")
    found = ttest_rel(first, second)
    interval = found.confidence_interval(0.95)
    return Comparison(mean, float(interval.low), float(interval.high), float(found.pvalue), len(gains), "paired t")


def holm(comparisons: Mapping[str, Comparison]) -> dict[str, float]:
    """Return the p values of several comparisons, raised because there are several: below 0.05 any one of them counts.

    Args:
        comparisons: All comparisons that were made, by name, not only those that look good.

    Source: Holm 1979.

    Example:
        >>> made = {name: Comparison(1.0, 0.0, 2.0, p, 9, "") for name, p in (("a", 0.04), ("b", 0.01), ("c", 0.03))}
        >>> {name: round(p, 3) for name, p in holm(made).items()}
        {'a': 0.06, 'b': 0.03, 'c': 0.06}
    """
    ordered = sorted(comparisons, key=lambda name: comparisons[name].p_value)
    raised, largest = {}, 0.0
    for place, name in enumerate(ordered):
        largest = max(largest, min(1.0, (len(ordered) - place) * comparisons[name].p_value))
        raised[name] = largest
    return {name: raised[name] for name in comparisons}


def _gains(firsts: Sequence[Outcome], seconds: Sequence[Outcome]) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Return the names of the clips and, for each, the share of right answers of the first minus the second."""
    if not firsts or not seconds or not firsts[0].predictions:
        raise PoseError("no predictions", expected="outcomes of a protocol that classifies")
    truth = dict(firsts[0].truth)
    for outcome in (*firsts, *seconds):
        if outcome.truth != truth or set(outcome.predictions) != set(truth):
            raise PoseError("outcomes of different test clips or classes", expected="the same in all")
    names = sorted(truth)

    def hits(outcomes: Sequence[Outcome]) -> npt.NDArray[np.float64]:
        right = [[each.predictions[name] == truth[name] for name in names] for each in outcomes]
        shares: npt.NDArray[np.float64] = np.array(right, np.float64).mean(axis=0)
        return shares

    return names, hits(firsts) - hits(seconds)


def _bootstrap(
    sums: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], draws: int, generator: np.random.Generator
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean gain over clips when groups of clips are drawn again."""
    count, means = len(sums), []
    for part in range(0, draws, 500):
        drawn = generator.integers(count, size=(min(500, draws - part), count))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)


def _swaps(sums: npt.NDArray[np.float64], draws: int, generator: np.random.Generator) -> float:
    """Return the p value of the mean gain when first and second are swapped at random within each group."""
    gains = sums[sums != 0]
    if not len(gains):
        return 1.0
    reached = abs(gains.sum()) * (1 - 1e-9)
    if len(gains) <= math.log2(draws):  # few enough for all of them
        signs = 1 - 2 * ((np.arange(2 ** len(gains))[:, None] >> np.arange(len(gains))) & 1)
        return float(np.mean(np.abs(signs @ gains) >= reached))
    larger = 0
    for part in range(0, draws, 500):
        signs = generator.choice([-1.0, 1.0], size=(min(500, draws - part), len(gains)))
        larger += int((np.abs(signs @ gains) >= reached).sum())
    return (larger + 1) / (draws + 1)


def _mcnemar(gains: npt.NDArray[np.float64]) -> float:
    """Return the p value of as many clips that only one of the two classifies correctly, if both are as good."""
    try:
        from scipy.stats import binomtest
    except ImportError:
        raise _no_scipy() from None
    only_first, only_second = int((gains > 0).sum()), int((gains < 0).sum())
    if not only_first + only_second:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)


def _no_scipy() -> MissingExtraError:
    return MissingExtraError(
        "tests of significance need SciPy, which is not installed", remedy='pip install "msclr[evaluate]"'
    )
