from __future__ import annotations

import threading

import pytest

from msclr import SkeletonSpec, get_skeleton, list_skeletons, register_skeleton
from msclr.errors import SkeletonError, UnknownSkeletonError
from msclr.skeletons import registry

SPEC = SkeletonSpec("my_leg", ("hip", "knee"), (-1, 0), aliases=("mine",))


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch):
    monkeypatch.setattr(registry, "_registered", {})


def test_68_conventions_ship_and_all_load():
    names = list_skeletons()
    assert len(names) == len(set(names)) == 68
    for name in names:
        assert get_skeleton(name).id == name


@pytest.mark.parametrize("name", list_skeletons())
def test_every_alias_leads_to_its_convention_in_any_spelling(name):
    spec = get_skeleton(name)
    for alias in (spec.id, *spec.aliases):
        assert get_skeleton(alias) is spec
        assert get_skeleton(alias.upper()) is spec
        assert get_skeleton(alias.replace("_", "-")) is spec


def test_no_two_conventions_claim_one_name():
    claims = [key for name in list_skeletons() for key in registry._keys(name, get_skeleton(name).aliases)]
    assert len(claims) == len(set(claims))


def test_lists_are_filtered():
    assert all(get_skeleton(name).num_joints == 17 for name in list_skeletons(joints=17))
    assert set(list_skeletons(dims=2)) | set(list_skeletons(dims=3)) == set(list_skeletons())
    assert not set(list_skeletons(dims=2)) & set(list_skeletons(dims=3))
    assert list_skeletons("NTU-RGB+D") == ("kinect_v2_25",)
    assert list_skeletons("nothing*") == ()


def test_a_registered_convention_is_found_by_id_and_alias():
    assert register_skeleton(SPEC) is SPEC
    assert get_skeleton("My-Leg") is get_skeleton("MINE") is SPEC
    assert list_skeletons()[-1] == "my_leg"
    assert list_skeletons("my_*") == ("my_leg",)


def test_a_spec_is_its_own_lookup():
    assert get_skeleton(SPEC) is SPEC


def test_replacing_takes_ids_and_aliases_over():
    register_skeleton(SPEC)
    thief = SkeletonSpec("thief", ("a",), (-1,), aliases=("mine", "coco_17"))
    with pytest.raises(SkeletonError, match="replace=True"):
        register_skeleton(thief)
    assert get_skeleton("mine") is SPEC
    register_skeleton(thief, replace=True)
    assert get_skeleton("mine") is get_skeleton("coco_17") is thief
    names = list_skeletons()
    assert len(names) == len(set(names))
    assert "thief" in names
    assert "coco_17" not in names


def test_one_id_in_two_spellings_is_one_convention():
    register_skeleton(SPEC)
    shouted = SPEC.replace(id="MY-LEG", joints=("hip", "knees"))
    with pytest.raises(SkeletonError):
        register_skeleton(shouted)
    register_skeleton(shouted, replace=True)
    assert get_skeleton("my_leg") is shouted
    assert list_skeletons("my_leg") == ("MY-LEG",)


@pytest.mark.parametrize("name", ["kinect", "", None, 3, ["coco_17"], "x" * 10**6])
def test_an_unknown_name_is_refused_with_a_short_message(name):
    with pytest.raises(UnknownSkeletonError, match="no skeleton is called") as caught:
        get_skeleton(name)
    assert len(str(caught.value)) < 500


def test_a_near_miss_lists_the_nearest():
    with pytest.raises(UnknownSkeletonError, match="coco_17"):
        get_skeleton("coco17")


@pytest.mark.parametrize("thing", ["coco_17", None, {"id": "x"}])
def test_only_conventions_are_registered(thing):
    with pytest.raises(SkeletonError, match="SkeletonSpec"):
        register_skeleton(thing)


def test_of_many_threads_that_claim_a_name_one_wins():
    outcomes = []

    def claim(number):
        spec = SkeletonSpec("contested", tuple(f"joint {index}" for index in range(number + 1)), (-1, *range(number)))
        try:
            outcomes.append(register_skeleton(spec))
        except SkeletonError:
            outcomes.append(None)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [spec for spec in outcomes if spec is not None]
    assert len(outcomes) == 16
    assert winners == [get_skeleton("contested")]
