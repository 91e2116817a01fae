from __future__ import annotations

import copy
import json
import pickle
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from msclr import SkeletonSpec, get_skeleton, list_skeletons
from msclr.errors import MsclrError, SkeletonError, UnknownJointError
from msclr.skeletons.anatomy import vocabulary

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20).filter(
    lambda name: any(unicodedata.category(letter)[0] not in "CZ" for letter in name)
)


def folded(name):
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


@st.composite
def skeleton_specs(draw):
    known = st.sampled_from(sorted(vocabulary()))
    joints = draw(st.lists(NAMES | known, min_size=1, max_size=12, unique_by=folded))
    parents = [-1] + [draw(st.integers(-1, joint - 1)) for joint in range(1, len(joints))]
    order = draw(st.permutations(joints))
    pairs = [(order[index], order[index + 1]) for index in range(0, draw(st.integers(0, len(joints) // 2)) * 2, 2)]
    some = st.lists(st.sampled_from(joints), min_size=1, max_size=4, unique=True)
    return SkeletonSpec(
        draw(NAMES),
        joints,
        parents,
        pairs=draw(st.sampled_from([None, pairs])),
        parts=draw(st.none() | st.dictionaries(NAMES, some, max_size=3).filter(_distinct_after_nfc)),
        dims=draw(st.sampled_from([2, 3])),
        unit=draw(st.sampled_from(["m", "px", "unknown"])),
        up=draw(st.sampled_from(["+y", "-y", "unknown"])),
        aliases=draw(st.lists(NAMES, max_size=2)),
        source_names=draw(st.just([]) | st.just([f"source {name}" for name in joints])),
        center=draw(st.just([]) | some),
        notes=draw(st.text(st.characters(codec="utf-8"))),
        allow_forest=True,
    )


def _distinct_after_nfc(parts):
    return len({unicodedata.normalize("NFC", part) for part in parts}) == len(parts)


@settings(max_examples=60)
@given(skeleton_specs())
def test_json_pickle_and_copies_give_an_equal_convention(spec):
    spec.flip_index, spec.edges  # noqa: B018  # fill the caches, which must not get in the way
    for again in (
        SkeletonSpec.from_json(spec.to_json()),
        SkeletonSpec.from_json(spec.to_json().encode()),
        pickle.loads(pickle.dumps(spec)),  # noqa: S301
        copy.deepcopy(spec),
        spec.replace(),
        SkeletonSpec(**spec.model_dump()),
        SkeletonSpec.model_validate(spec.model_dump()),
    ):
        assert again == spec
        assert hash(again) == hash(spec)
        assert again.edges == spec.edges


@settings(max_examples=60)
@given(skeleton_specs())
def test_what_every_convention_promises(spec):
    assert spec.num_joints == len(spec.joints) == len(spec.parents) == len(spec.anatomy)
    assert len(spec.edges) + len(spec.roots) == spec.num_joints
    assert all(spec.parents[child] == parent for child, parent in spec.edges)
    flip = np.array(spec.flip_index)
    np.testing.assert_array_equal(flip[flip], np.arange(spec.num_joints))
    assert {spec.joints[joint] for joint in np.flatnonzero(flip != np.arange(spec.num_joints))} == {
        name for pair in spec.pairs for name in pair
    }
    for position, joint in enumerate(spec.joints):
        assert spec.index(joint) == position
    for name in vocabulary():
        position = spec.anatomical_index(name)
        assert position is None or spec.anatomy[position] == name


JUNK = (
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=3)
    | st.just(object())
    | st.just(np.nan)
    | st.just(np.arange(3))
    | st.just(np.array([["a", "b"]]))
    | st.just({"a"})
)
NESTED_JUNK = st.recursive(
    JUNK, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)


@settings(max_examples=300)
@given(st.sampled_from(sorted(SkeletonSpec.model_fields)), NESTED_JUNK)
def test_any_value_in_any_field_is_taken_or_refused_with_a_skeleton_error(field, junk):
    fields = {"id": "x", "joints": ["a", "b", "c"], "parents": [-1, 0, 0], field: junk}
    try:
        spec = SkeletonSpec(**fields)
    except SkeletonError:
        return
    assert SkeletonSpec.from_json(spec.to_json()) == spec


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from([*SkeletonSpec.model_fields, "colour"]), NESTED_JUNK, max_size=5))
def test_any_json_is_taken_or_refused_with_an_msclr_error(fields):
    try:
        text = json.dumps({"id": "x", "joints": ["a", "b"], "parents": [-1, 0], **fields})
    except TypeError:
        return
    try:
        spec = SkeletonSpec.from_json(text)
    except MsclrError:
        return
    assert spec.num_joints >= 1


@pytest.mark.parametrize(
    "fields",
    [
        {"joints": "abc"},
        {"joints": b"abc"},
        {"joints": {"a": 1, "b": 2, "c": 3}},
        pytest.param({"joints": {"a", "b", "c"}}, id="a set"),  # str would be another in every process
        {"joints": None},
        {"joints": ["a", 2, "c"]},
        {"joints": ["a", ["b"], "c"]},
        {"parents": "-100"},
        {"parents": [-1, 0.0, 0]},
        {"parents": [-1, "0", 0]},
        {"parents": [-1, True, 0]},
        {"parents": [-1, float("nan"), 0]},
        {"parents": [-1, None, 0]},
        {"parents": [-1, np.array([0, 0]), 0]},
        {"parents": -1},
        {"pairs": "ab"},
        {"pairs": [("a", "b", "c")]},
        {"pairs": ["ab"]},
        {"pairs": [3]},
        {"pairs": [("a", ["b"])]},
        {"parts": ["a"]},
        {"parts": {"all": "a"}},
        {"parts": {1: ["a"]}},
        {"parts": {"all": [["a"]]}},
        {"parts": {"all": ["a", "a"]}},
        {"dims": 3.0},
        {"dims": True},
        {"dims": "3"},
        {"dims": float("nan")},
        {"dims": np.arange(3)},
        {"dims": 4},
        {"unit": "furlong"},
        {"unit": None},
        {"up": "y"},
        {"up": ["+y"]},
        {"aliases": "abc"},
        {"aliases": [1]},
        {"anatomy": "nose"},
        {"anatomy": ["nose"]},
        {"anatomy": ["nose", "beak", None]},
        {"anatomy": ["nose", "nose", None]},
        {"anatomy": [["nose"], None, None]},
        {"source_names": ["A", "B"]},
        {"source_names": "abc"},
        {"source_names": [1, 2, 3]},
        {"center": "a"},
        {"center": ["d"]},
        {"center": [["a"]]},
        {"extra_edges": [("a", "d")]},
        {"extra_edges": [("a",)]},
        {"extra_edges": "ab"},
        {"title": 3},
        {"notes": None},
        {"source": b"x"},
        {"notes": "\ud800"},
        {"allow_forest": 1},
        {"allow_forest": "yes"},
        {"id": 5},
        {"id": None},
        {"id": ""},
    ],
    ids=str,
)
def test_wrong_types_end_in_a_skeleton_error(fields):
    with pytest.raises(SkeletonError) as caught:
        SkeletonSpec(**{"id": "x", "joints": ["a", "b", "c"], "parents": [-1, 0, 0], **fields})
    assert len(str(caught.value)) < 400


def test_numpy_arrays_are_as_good_as_lists():
    spec = SkeletonSpec("x", np.array(["a", "b"]), np.array([-1, 0]), pairs=np.array([["a", "b"]]))
    assert spec == SkeletonSpec("x", ("a", "b"), (-1, 0), pairs=[("a", "b")])
    assert all(type(parent) is int for parent in spec.parents)
    assert SkeletonSpec.from_json(spec.to_json()) == spec


def test_names_meet_in_unicode_normal_form_everywhere():
    decomposed, composed = "e\u0301paule", "\u00e9paule"
    spec = SkeletonSpec(
        "x",
        (composed, "b"),
        (-1, 0),
        pairs=[(decomposed, "b")],
        parts={"arm": [decomposed]},
        center=[decomposed],
        extra_edges=[("b", decomposed)],
    )
    assert spec.pairs == ((composed, "b"),)
    assert spec.parts == {"arm": (composed,)}
    assert spec.center == (composed,)
    assert spec.extra_edges == (("b", composed),)


def test_a_convention_cannot_be_changed_in_place():
    spec = get_skeleton("coco_17")
    with pytest.raises(ValidationError, match="frozen"):
        spec.id = "other"


def test_replace_checks_anew():
    spec = get_skeleton("coco_17")
    assert spec.replace(id="mine", unit="m").unit == "m"
    with pytest.raises(SkeletonError, match="colour"):
        spec.replace(colour="red")
    with pytest.raises(SkeletonError, match="16 parents"):
        spec.replace(parents=spec.parents[:16])


def test_an_unknown_joint_lists_the_nearest():
    with pytest.raises(UnknownJointError, match="left_knee"):
        get_skeleton("coco_17").index("left_kne")


def test_flip_parts_and_pairs_come_from_the_anatomy():
    spec = SkeletonSpec("x", ("pelvis", "right_hip", "left_hip", "tail"), (-1, 0, 0, 0))
    assert spec.pairs == (("left_hip", "right_hip"),)
    assert spec.flip_index == (0, 2, 1, 3)
    assert spec.parts == {"trunk": ("pelvis",), "right_leg": ("right_hip",), "left_leg": ("left_hip",)}
    assert spec.anatomy == ("pelvis", "right_hip", "left_hip", None)


@pytest.mark.parametrize("name", list_skeletons())
def test_built_in_conventions_round_trip_and_flip_their_anatomy(name):
    spec = get_skeleton(name)
    assert SkeletonSpec.from_json(spec.to_json()) == spec
    assert len(spec.roots) == 1 or spec.allow_forest
    for joint, mirrored in enumerate(spec.flip_index):
        here, there = spec.anatomy[joint], spec.anatomy[mirrored]
        if here is not None and there is not None and here.startswith("left_") and joint != mirrored:
            assert there == here.replace("left_", "right_", 1)
