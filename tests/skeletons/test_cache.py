from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from msclr import SkeletonSpec, get_skeleton
from msclr.skeletons import cache
from msclr.skeletons.cache import cached_by_joints


def chain(joints: int, number: int = 0) -> SkeletonSpec:
    names = tuple(f"{number}_{joint}" for joint in range(joints))
    return SkeletonSpec(f"chain_{number}", names, tuple(range(-1, joints - 1)))


@pytest.fixture
def counted():
    calls: list[object] = []

    @cached_by_joints
    def joints(spec, *others, times=1):
        calls.append(spec.id)
        return spec.num_joints * times

    return joints, calls


def test_what_is_known_is_not_computed_again(counted):
    joints, calls = counted
    for _ in range(3):
        assert joints(get_skeleton("coco_17")) == 17
        assert joints(get_skeleton("coco_17"), times=2) == 34
        assert joints(get_skeleton("coco_17"), chain(3)) == 17
    assert calls == ["coco_17"] * 3


def test_the_least_recently_used_go_when_there_is_no_room(counted, monkeypatch):
    monkeypatch.setattr(cache, "MOST", 3 * 10**2)
    joints, calls = counted
    for number in (0, 1, 2, 0, 3):  # 1 goes when 3 comes
        joints(chain(10, number))
    assert len(calls) == 4
    for number in (2, 0, 3):
        joints(chain(10, number))
    assert len(calls) == 4
    joints(chain(10, 1))
    assert len(calls) == 5


def test_one_convention_that_is_larger_than_the_room_is_still_remembered(counted, monkeypatch):
    monkeypatch.setattr(cache, "MOST", 3 * 10**2)
    joints, calls = counted
    for _ in range(2):
        assert joints(chain(100)) == 100
    assert len(calls) == 1
    joints(chain(2, 1))
    joints(chain(100))
    assert len(calls) == 3


def test_threads_may_ask_at_once(counted, monkeypatch):
    monkeypatch.setattr(cache, "MOST", 3 * 10**2)
    joints, _ = counted
    specs = [chain(2 + number % 9, number) for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(joints, specs * 20))
    assert found == [spec.num_joints for spec in specs] * 20
