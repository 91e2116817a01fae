from __future__ import annotations

import math
from pathlib import Path
from statistics import fmean, stdev

import pytest
from oracles.splits import points, shuffled

from msclr.errors import ConfigError
from msclr.evaluate.protocols import PROTOCOLS, VIEW_PROTOCOLS, FewLabels, repeat, repeat_views

STREAMS = ("joint", "bone", "motion")


@pytest.fixture(scope="module")
def split():
    return points(classes=6, train=90, test=60, noise=1.5)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_gives_per_cents_that_do_not_depend_on_the_order_of_clips(name, split):
    protocol = PROTOCOLS[name]
    assert protocol.name == name
    outcome = protocol.run(split, seed=1)
    assert all(-1 <= value <= 100 for value in outcome.numbers.values())
    assert protocol.run(shuffled(split), seed=1).numbers == pytest.approx(outcome.numbers, abs=1e-9)
    assert set(protocol.chance(split)) <= set(outcome.numbers)
    assert all(0 <= value < outcome.numbers[title] for title, value in protocol.chance(split).items())


@pytest.mark.parametrize("name", [name for name, protocol in PROTOCOLS.items() if protocol.deterministic])
def test_a_deterministic_protocol_does_not_look_at_the_seed(name, split):
    assert PROTOCOLS[name].run(split, seed=1).numbers == PROTOCOLS[name].run(split, seed=2).numbers


@pytest.mark.parametrize("name", VIEW_PROTOCOLS)
def test_every_protocol_of_views_gives_per_cents_that_do_not_depend_on_the_order_of_clips(name, split):
    protocol = VIEW_PROTOCOLS[name]
    assert protocol.name == name
    outcome = protocol.run(dict.fromkeys(STREAMS, split), seed=1)
    assert all(0 <= value <= 100 for value in outcome.numbers.values())
    mixed = {stream: shuffled(split, seed) for seed, stream in enumerate(STREAMS)}
    assert protocol.run(mixed, seed=1).numbers == pytest.approx(outcome.numbers, abs=1e-9)


def test_seeds_are_run_one_by_one_and_summed_up(split):
    protocol = FewLabels(10)
    runs = repeat(protocol, split, seeds=(4, 7, 9))
    values = [protocol.run(split, seed=seed).numbers["top-1"] for seed in (4, 7, 9)]
    assert (runs.protocol, runs.seeds) == ("semi-10", (4, 7, 9))
    assert runs.values["top-1"] == tuple(values)
    assert runs.mean["top-1"] == pytest.approx(fmean(values))
    assert runs.deviation["top-1"] == pytest.approx(stdev(values))
    assert runs.error["top-1"] == pytest.approx(stdev(values) / math.sqrt(3))
    assert runs.deviation["top-1"] > 0


def test_what_draws_nothing_runs_once(split):
    runs = repeat(PROTOCOLS["knn-1"], split)
    assert (len(runs.outcomes), runs.seeds, runs.error["top-1"]) == (1, (0,), 0)
    both = repeat_views(VIEW_PROTOCOLS["cross-retrieval"], {"a": split, "b": split}, seeds=(3, 4))
    assert both.seeds == (3,)


@pytest.mark.parametrize("seeds", [(), (1, 1)])
def test_seeds_come_once_each(seeds, split):
    with pytest.raises(ConfigError, match="expected at least one, each once"):
        repeat(PROTOCOLS["knn-1"], split, seeds)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, True])
@pytest.mark.parametrize("name", [name for name, protocol in PROTOCOLS.items() if not protocol.deterministic])
def test_seeds_that_no_generator_takes_are_refused(name, seed, split):
    with pytest.raises(ConfigError, match=r"expected a whole number of 0 to 2\^32 - 1"):
        PROTOCOLS[name].run(split, seed=seed)


def test_the_page_names_every_protocol():
    page = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text("utf-8")
    assert [name for name in (*PROTOCOLS, *VIEW_PROTOCOLS) if f"`{name}`" not in page] == []
