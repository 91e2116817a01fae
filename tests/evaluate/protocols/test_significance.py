from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import ttest_rel

from msclr.errors import PoseError
from msclr.evaluate.protocols import Comparison, Outcome, compare_clips, compare_seeds, holm


def outcome(right):
    """A run whose answers are right for some clips."""
    truth = {f"clip {number:03}": "walk" for number in range(len(right))}
    told = {name: "walk" if hit else "run" for name, hit in zip(truth, right, strict=True)}
    return Outcome({}, predictions=told, truth=truth)


def hits(seed, count, share):
    return np.random.default_rng(seed).random(count) < share


def test_two_runs_are_compared_by_the_exact_test_of_mcnemar():
    first = np.array([1] * 9 + [0] * 2 + [1] * 50 + [0] * 10, bool)
    second = np.array([0] * 9 + [1] * 2 + [1] * 50 + [0] * 10, bool)
    found = compare_clips(outcome(first), outcome(second))
    # 11 clips on which they differ: 9 to 2, both tails of a fair coin
    ways = sum(1 for flips in itertools.product((0, 1), repeat=11) if sum(flips) <= 2 or sum(flips) >= 9)
    assert found.p_value == pytest.approx(ways / 2**11)
    assert found.difference == pytest.approx(100 * 7 / 71)
    assert (found.count, found.method) == (71, "exact McNemar, paired bootstrap over clips")


def test_the_interval_is_that_of_a_paired_bootstrap():
    first, second = hits(0, 300, 0.8), hits(1, 300, 0.6)
    found = compare_clips(outcome(first), outcome(second))
    rng, gains = np.random.default_rng(5), first.astype(float) - second
    means = [100 * rng.choice(gains, 300).mean() for _ in range(9999)]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.7)
    assert found.low < found.difference < found.high


def test_several_seeds_are_compared_by_permutations():
    firsts, seconds = ([hits(seed + shift, 60, share) for seed in range(3)] for shift, share in ((0, 0.7), (9, 0.5)))
    found = compare_clips([outcome(each) for each in firsts], [outcome(each) for each in seconds])
    gains = np.mean(firsts, axis=0) - np.mean(seconds, axis=0)
    rng = np.random.default_rng(5)
    swapped = [abs(np.mean(gains * rng.choice([-1, 1], 60))) >= abs(gains.mean()) - 1e-12 for _ in range(9999)]
    assert found.difference == pytest.approx(100 * gains.mean())
    assert found.p_value == pytest.approx(np.mean(swapped), abs=0.01)


def test_few_groups_are_swapped_in_all_ways_and_drawn_whole():
    first, second = hits(0, 40, 0.9), hits(1, 40, 0.5)
    group = np.minimum(np.arange(40) // 4, 5)  # five of 4 clips, one of 20
    groups = {f"clip {number:03}": f"subject {group[number]}" for number in range(40)}
    found = compare_clips(outcome(first), outcome(second), groups=groups)
    sums, sizes = np.bincount(group, weights=first.astype(float) - second), np.bincount(group)
    totals = [abs(np.dot(signs, sums)) for signs in itertools.product((1, -1), repeat=6)]
    assert found.p_value == pytest.approx(np.mean(np.array(totals) >= abs(sums.sum()) - 1e-9))
    assert found.count == 6
    assert found.difference == pytest.approx(100 * (first.mean() - second.mean()))
    drawn = [sums[list(rows)].sum() / sizes[list(rows)].sum() for rows in itertools.product(range(6), repeat=6)]
    assert (found.low, found.high) == pytest.approx(tuple(100 * np.quantile(drawn, [0.025, 0.975])), abs=1)


def test_equal_runs_do_not_differ():
    same = outcome(hits(0, 30, 0.5))
    found = compare_clips(same, same)
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)
    assert compare_clips([same, same], [same, same]).p_value == 1
    assert not found.significant


def test_the_order_of_clips_changes_nothing():
    first, second = outcome(hits(0, 50, 0.8)), outcome(hits(1, 50, 0.6))
    other = Outcome(
        {},
        predictions=dict(reversed(list(second.predictions.items()))),
        truth=dict(reversed(list(second.truth.items()))),
    )
    assert compare_clips(first, other) == compare_clips(first, second)
    turned = compare_clips(second, first)
    assert turned.difference == -compare_clips(first, second).difference
    for several in (1, 2):
        both = (
            compare_clips([first] * several, [second] * several),
            compare_clips([second] * several, [first] * several),
        )
        assert both[0].p_value == both[1].p_value < 0.5


def test_seeds_are_compared_by_a_paired_t_test():
    first, second = [62.0, 63.0, 64.5, 61.0], [60.0, 61.5, 62.5, 61.2]
    found, expected = compare_seeds(first, second), ttest_rel(first, second)
    interval = expected.confidence_interval()
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.count == 4


@pytest.mark.parametrize(("count", "p_value"), [(2, 0.5), (3, 0.25), (6, 0.03125)])
def test_seeds_that_always_differ_by_the_same_are_not_taken_for_certain(count, p_value):
    second = [float(number) for number in range(count)]
    found = compare_seeds([value + 1 for value in second], second)
    assert (found.difference, found.low, found.high, found.p_value) == (1, 1, 1, p_value)
    assert compare_seeds(second, second).p_value == 1


def test_p_values_of_several_comparisons_are_raised_as_holm_does():
    values = {"a": 0.012, "b": 0.01, "c": 0.3, "d": 0.02, "e": 0.9}
    raised = holm({name: Comparison(0.0, 0.0, 0.0, value, 5, "") for name, value in values.items()})
    assert list(raised) == list(values)
    assert list(raised.values()) == pytest.approx([0.05, 0.05, 0.6, 0.06, 0.9])


def test_runs_that_do_not_match_are_refused():
    first = outcome(hits(0, 30, 0.5))
    with pytest.raises(PoseError, match="different test clips"):
        compare_clips(first, outcome(hits(0, 31, 0.5)))
    with pytest.raises(PoseError, match="no predictions"):
        compare_clips(Outcome({}), Outcome({}))
    with pytest.raises(PoseError, match="no group of 'clip 001'"):
        compare_clips(first, first, groups={name: "s" for name in first.truth if name != "clip 001"})
    with pytest.raises(PoseError, match="2 and 1 runs"):
        compare_seeds([1.0, 2.0], [1.0])
