"""Faults A01 to A13: joint conventions that contradict themselves."""

from __future__ import annotations

import time

import numpy as np
import pytest

from msclr import SkeletonSpec, get_skeleton, register_skeleton
from msclr.errors import FileFormatError, FileLimitError, SkeletonError
from msclr.skeletons import registry
from msclr.skeletons.graph import adjacency, hop_distance, spatial_graph


def spec(joints=("hip", "knee", "ankle"), parents=(-1, 0, 1), **fields):
    return SkeletonSpec("x", joints, parents, **fields)


def refused(*words, error=SkeletonError, **fields):
    start = time.perf_counter()
    with pytest.raises(error) as caught:
        spec(**fields)
    assert time.perf_counter() - start < 1
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert len(message) < 600


@pytest.mark.parametrize(
    "joints",
    [
        ("hip", "knee", "hip"),
        ("Hip", "knee", "hIP"),
        ("caf\u00e9", "knee", "cafe\u0301"),
        ("STRASSE", "knee", "stra\u00dfe"),
        ("\u0399\u03a3", "knee", "\u03b9\u03c2"),
    ],
)
def test_a01_duplicate_joint_names(joints):
    refused("joints 0", "2 (", "same name", repr(joints[0])[1:3], joints=joints)


@pytest.mark.parametrize(("parents", "cycle"), [((1, 2, 0), 3), ((1, 0, -1), 2), ((-1, 2, 1), 2)])
def test_a02_cyclic_parents(parents, cycle):
    refused("cycle", "'knee' ->", parents=parents)
    refused(*(["->"] * cycle), parents=parents)


def test_a02_a_long_cycle_ends_quickly():
    refused("cycle", "'j1'", joints=[f"j{joint}" for joint in range(40)], parents=[-1, 39, *range(1, 39)])


def test_a03_self_parent():
    refused("'knee' -> 'knee'", parents=(-1, 1, 1))
    refused("'hip' -> 'hip'", joints=("hip",), parents=(0,))


@pytest.mark.parametrize("parent", [99, 3, -2, -(10**30), 10**30])
def test_a04_parent_out_of_range(parent):
    refused("'knee'", str(parent)[:20], "0 to 2", parents=(-1, parent, 0))


def test_a05_disconnected_graph():
    joints, parents = ("wrist", "thumb", "nose", "chin"), (-1, 0, -1, 2)
    refused("2 separate components", "(wrist, thumb)", "(nose, chin)", "allow_forest", joints=joints, parents=parents)
    forest = spec(joints, parents, allow_forest=True)
    assert forest.roots == (0, 2)
    for partition in ("spatial", "inward_outward"):
        for true_distances in (False, True):
            matrices = adjacency(forest, partition=partition, true_distances=true_distances)
            assert np.isfinite(matrices).all()
            assert not matrices[:, :2, 2:].any()
    np.testing.assert_allclose(spatial_graph(forest).sum(axis=(0, 1)), 1)
    assert hop_distance(forest)[0, 2] == np.inf


def test_a06_single_joint_and_none():
    single = spec(("nose",), (-1,))
    assert (single.num_joints, single.edges, single.flip_index) == (1, (), (0,))
    np.testing.assert_array_equal(spatial_graph(single), [[[1]], [[0]], [[0]]])
    refused("no joints", joints=(), parents=())


@pytest.mark.parametrize(("joints", "parents"), [(17, 16), (16, 17), (1, 0), (1, 1000)])
def test_a07_as_many_parents_as_joints(joints, parents):
    refused(
        f"{joints} joints but {parents} parents",
        joints=[f"j{joint}" for joint in range(joints)],
        parents=[-1, *range(parents - 1)] if parents else [],
    )
    refused("3 joints but 2 source names", source_names=("a", "b"))
    refused("3 joints but 4 anatomical names", anatomy=(None,) * 4)


@pytest.mark.parametrize(
    ("pairs", "name"),
    [
        ([("hip", "r_foot")], "'r_foot'"),
        ([("l_hand", "r_foot"), ("l_hand", "r_foot")], "'l_hand'"),
        ([("hip", "knee"), ("hip", "knee")], "'hip'"),
        ([("hip", "knee"), ("ankle", "hip")], "'hip'"),
        ([("hip", "hip")], "'hip'"),
    ],
)
def test_a08_symmetric_pair_unknown_or_reused(pairs, name):
    refused(name, pairs=pairs)


def test_a09_parts():
    refused("'leg'", "'toe'", parts={"leg": ["hip", "toe"]})
    refused("'leg'", parts={"leg": []})
    refused("'leg'", parts={"leg": "hip"})
    refused("empty name", parts={"": ["hip"]})
    overlapping = spec(parts={"upper": ["hip", "knee"], "lower": ["knee", "ankle"]})
    assert overlapping.parts["upper"] == ("hip", "knee")
    assert overlapping.parts["lower"] == ("knee", "ankle")


@pytest.mark.parametrize(
    "name",
    ["膝", "🦵", "👩\u200d🦰", "\u05d1\u05e8\u05da", "\u0631\u0643\u0628\u0629", "left knee", "a" * 128, "k\u0301"],
)
def test_a10_unicode_names_round_trip(name):
    made = spec(("hip", name, "ankle"))
    again = SkeletonSpec.from_json(made.to_json().encode("utf-8"))
    assert again == made
    assert again.index(again.joints[1]) == 1


@pytest.mark.parametrize(
    "name", ["", " ", "\t", "\u00a0\u2003", "\u200b", "a\x00b", "\x00", "a\nb", "a" * 129, "a" * 10_000, "\ud800"]
)
def test_a10_unusable_names(name):
    refused("joint 1", joints=("hip", name, "ankle"))
    refused(parts={name: ["hip"]})
    refused(aliases=[name])
    with pytest.raises(SkeletonError):
        SkeletonSpec(name, ("hip",), (-1,))


def test_a11_as_many_joints_as_1024():
    def chain(count):
        return {"joints": [f"j{joint}" for joint in range(count)], "parents": [-1, *range(count - 1)]}

    assert spec(**chain(1024)).num_joints == 1024
    refused("1025 joints", "1024", **chain(1025))
    refused("2000 joints", "1024", **chain(2000))


def test_a12_register_one_name_twice(monkeypatch):
    monkeypatch.setattr(registry, "_registered", {})
    first = register_skeleton(SkeletonSpec("twice", ("hip", "knee"), (-1, 0)))
    same = SkeletonSpec("twice", ("hip", "knee"), (-1, 0))
    other = SkeletonSpec("twice", ("hip", "knees"), (-1, 0))
    assert register_skeleton(same) == first
    for claimed in (other, other.replace(id="new", aliases=("TWICE",)), other.replace(id="coco_17")):
        with pytest.raises(SkeletonError, match="replace=True"):
            register_skeleton(claimed)
    assert get_skeleton("twice") == first
    register_skeleton(other, replace=True)
    assert get_skeleton("twice") is other


GOOD = '"id": "x", "joints": ["hip"], "parents": [-1]'


@pytest.mark.parametrize(
    ("text", "error", "word"),
    [
        ("{" + GOOD + ', "colour": "red"}', SkeletonError, "colour"),
        ('{"id": "x", "joints": ["hip"]}', SkeletonError, "parents"),
        ('{"id": "x", "joints": ["hip"], "parents": [NaN]}', FileFormatError, "NaN"),
        ('{"id": "x", "joints": ["hip"], "parents": [1e999]}', FileFormatError, "1e999"),
        ('{"id": "x", "joints": ["hip"], "parents": [-1.0]}', SkeletonError, "-1.0"),
        ('{"id": "x", "joints": ["hip"], "parents": ["-1"]}', SkeletonError, "'-1'"),
        ("{" + GOOD + ', "id": "y"}', FileFormatError, "'id' occurs twice"),
        ("{" + GOOD + ', "parts": {"a": ["hip"], "a": ["hip"]}}', FileFormatError, "'a' occurs twice"),
        ('{"id": ' + "[" * 10**5 + "]" * 10**5 + "}", FileLimitError, "nested"),
        ('{"id": ' + '{"a":' * 10**5 + "1" + "}" * 10**5 + "}", FileLimitError, "nested"),
        ('{"id": "x", "joints": ["hip"], "parents": [' + "9" * 10**6 + "]}", FileLimitError, "number"),
        ('{"id": "x", "joints": ["hip"], "parents": [' + "9" * (2**20) + "]}", FileLimitError, "bytes"),
        ("[]", SkeletonError, "list"),
        ("null", SkeletonError, "NoneType"),
        ("", FileFormatError, "valid JSON"),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else value.__name__,
)
def test_a13_json_that_is_not_strict(text, error, word):
    start = time.perf_counter()
    with pytest.raises(error, match=word):
        SkeletonSpec.from_json(text, where="mine.json")
    assert time.perf_counter() - start < 1
