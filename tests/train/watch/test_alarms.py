from __future__ import annotations

import math

import pytest

from msclr.train.runs import list_recipes, load_run
from msclr.train.watch.alarms import Alarms
from msclr.train.watch.config import WatchConfig

POINT, HEALTHY = {"spread": 0.001, "effective_rank": 30.0}, {"spread": 0.8, "effective_rank": 30.0}
LINE = {"spread": 0.8, "effective_rank": 1.2}


def alarms(raised=(), **fields):
    return Alarms(WatchConfig(**{"alarm_after": 10, "alarm_lines": 3, **fields}), raised)


def test_a_collapse_is_an_alarm_once_with_what_to_do(caplog):
    watcher = alarms()
    assert watcher.check(10, POINT) == watcher.check(11, POINT) == {}
    with pytest.warns(UserWarning, match=r"update 13: .*all but the same vector \(spread 0.001, .* Try a lower lear"):
        found = watcher.check(12, POINT)
    assert list(found) == ["collapse"]
    assert found["collapse"] in caplog.text
    assert watcher.check(13, POINT) == watcher.check(14, POINT) == {}


def test_a_collapse_to_a_line_is_another_alarm():
    watcher = alarms(alarm_lines=1)
    with pytest.warns(UserWarning, match="keys use 1.2 directions only"):
        assert list(watcher.check(10, LINE)) == ["rank"]
    with pytest.warns(UserWarning, match="the same vector"):
        assert list(watcher.check(11, POINT)) == ["collapse"]


def test_no_alarm_comes_early_or_from_lines_that_do_not_agree_or_know_nothing():
    watcher = alarms()
    for step in range(10):
        assert watcher.check(step, POINT) == {}
    for step in range(10, 100):
        assert watcher.check(step, [POINT, POINT, HEALTHY, {}, {"spread": math.nan}][step % 5]) == {}
    assert alarms(raised=["collapse"], alarm_lines=1).check(10, POINT) == {}


@pytest.mark.parametrize("recipe", list_recipes())
def test_a_shipped_recipe_has_no_alarm_in_its_first_updates(recipe):
    watcher = Alarms(load_run(recipe).watch)
    for step in range(50):
        assert watcher.check(step, {"spread": 0.0, "effective_rank": 0.0}) == {}
