from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msclr import PoseSequence, SkeletonSpec
from msclr.errors import PoseError, PoseTypeError, UnknownSkeletonError

PAIR = SkeletonSpec("pair", ("a", "b", "c", "d"), (-1, 0, 1, 2), unit="m", up="+y")
SIZES = {"p": 2, "t": 5, "j": 4, "c": 3}


def sequence(**options):
    return PoseSequence.from_array(np.random.default_rng(0).normal(size=(2, 5, 4, 3)), PAIR, **options)


@settings(max_examples=60)
@given(st.permutations("ptjc"), st.sampled_from(["", "n"]), st.booleans(), st.booleans(), st.integers(0, 4))
def test_any_order_of_the_axes_gives_the_same_recording(order, clip_axis, with_person, papers_letters, clip_place):
    random = np.random.default_rng(1)
    array, scores = random.normal(size=(2, 5, 4, 3)).astype(np.float32), random.uniform(0.1, 1, size=(2, 5, 4))
    letters = [letter for letter in order if with_person or letter != "p"]
    if not with_person:
        array, scores = array[:1], scores[:1]
    expected = PoseSequence.from_array(array, PAIR, confidence=scores)

    def arranged(values, axes):
        values = values if with_person else values[0]
        source = [axis for axis in "ptjc" if axis in axes]
        return np.transpose(values, [source.index(axis) for axis in axes])

    axes = letters, [letter for letter in letters if letter != "c"]
    given_array, given_scores = arranged(array, axes[0]), arranged(scores, axes[1])
    layout = list(letters)
    if clip_axis:
        place = min(clip_place, len(layout))
        given_array = np.expand_dims(given_array, place)
        given_scores = np.expand_dims(given_scores, place - ("c" in layout[:place]))
        layout.insert(place, "n")
    text = " ".join(layout)
    text = text.replace("p", "m").replace("j", "v") if papers_letters else text
    made = PoseSequence.from_array(given_array, PAIR, layout=text, confidence=given_scores)
    np.testing.assert_array_equal(made.positions, expected.positions)
    np.testing.assert_array_equal(made.confidence, expected.confidence)


@settings(max_examples=25)
@given(st.permutations(range(4)))
def test_joints_permuted_with_their_skeleton_are_the_same_joints(order):
    array = np.random.default_rng(2).normal(size=(5, 4, 3))
    array[1, 2] = np.nan
    other = SkeletonSpec(
        "other",
        [PAIR.joints[joint] for joint in order],
        [-1 if PAIR.parents[joint] == -1 else order.index(PAIR.parents[joint]) for joint in order],
    )
    here = PoseSequence.from_array(array, PAIR)
    there = PoseSequence.from_array(array[:, order], other)
    for name in PAIR.joints:
        np.testing.assert_array_equal(here.positions[:, :, PAIR.index(name)], there.positions[:, :, other.index(name)])
        np.testing.assert_array_equal(here.valid[:, :, PAIR.index(name)], there.valid[:, :, other.index(name)])


def test_what_is_not_known_is_masked_and_zero():
    array = np.ones((1, 4, 4, 3))
    array[0, 0, 1, 2] = np.nan
    scores = np.ones((1, 4, 4))
    scores[0, 1, 2] = 0
    known = np.ones((1, 4, 4), bool)
    known[0, 2, 3] = False
    made = PoseSequence.from_array(array, PAIR, confidence=scores, valid=known)
    expected = np.ones((1, 4, 4), bool)
    expected[0, [0, 1, 2], [1, 2, 3]] = False
    np.testing.assert_array_equal(made.valid, expected)
    np.testing.assert_array_equal(made.positions, np.broadcast_to(expected[..., None], array.shape))
    np.testing.assert_array_equal(made.confidence, expected)


def test_arrays_are_read_only_and_apart_from_the_ones_given():
    array = np.ones((5, 4, 3), np.float32)
    made = PoseSequence.from_array(array, PAIR)
    array[:] = 7
    assert (made.positions == 1).all()
    for inner in (made.positions, made.valid):
        with pytest.raises(ValueError, match="read-only"):
            inner[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.fps = 3


def test_arrays_given_to_the_constructor_stay_writable_outside():
    positions, valid = np.zeros((1, 2, 4, 3), np.float32), np.ones((1, 2, 4), bool)
    made = PoseSequence(positions, valid, PAIR)
    positions[:] = 1
    with pytest.raises(ValueError, match="read-only"):
        made.positions[0] = 0


def test_facts():
    made = sequence(fps=25, person_ids=["ann", "bob"], source="walk.npz", meta={"label": "walk"})
    assert (made.num_persons, made.num_frames, made.num_joints, made.dims) == (2, 5, 4, 3)
    assert made.duration == pytest.approx(0.2)
    assert (made.unit, made.up) == ("m", "+y")
    assert made.person_ids == ("ann", "bob")
    assert repr(made) == "PoseSequence(pair: 2 persons, 5 frames at 25 fps, 4 joints in 3D m, 100.0 % of joints known)"
    assert sequence().duration is None
    assert sequence(unit="mm", up="-z").unit == "mm"
    assert repr(PoseSequence.from_array(np.zeros((0, 5, 4, 3)), PAIR)).endswith("0 % of joints known)")


def test_parts_of_a_recording():
    made = sequence(fps=30, confidence=np.full((2, 5, 4), 0.5), person_ids=("a", "b"))
    middle = made.frames(1, 4)
    np.testing.assert_array_equal(middle.positions, made.positions[:, 1:4])
    assert middle.confidence.shape == (2, 3, 4)
    swapped = made.persons([1, 0])
    np.testing.assert_array_equal(swapped.positions, made.positions[::-1])
    assert swapped.person_ids == ("b", "a")
    assert made.persons([]).num_persons == 0
    assert made.frames(2, 2).num_frames == 0
    for start, stop in ((-1, 3), (3, 2), (0, 6)):
        with pytest.raises(PoseError, match="0 to 5"):
            made.frames(start, stop)
    for index in (2, -1):
        with pytest.raises(PoseError, match="indices 0 to 1"):
            made.persons([index])


def test_replace_is_checked():
    made = sequence()
    assert made.replace(fps=12.5).fps == 12.5
    for changes in (
        {"fps": -1},
        {"valid": made.valid[:, :3]},
        {"confidence": np.ones((2, 5, 3))},
        {"person_ids": ("a", "a")},
        {"skeleton": "coco_17"},
        {"confidence": np.full((2, 5, 4), 7.0)},
        {"positions": np.full((2, 5, 4, 3), np.inf)},
        {"unit": "ell"},
        {"up": "up"},
    ):
        with pytest.raises(PoseError):
            made.replace(**changes)
    with pytest.raises(PoseTypeError):
        made.replace(positions="walk.bvh")


def test_what_is_changed_by_hand_is_put_in_order():
    made = sequence(confidence=np.full((2, 5, 4), 0.5))
    positions, valid = made.positions.copy(), made.valid.copy()
    positions[1, 2, 3, 0] = np.nan
    valid[0, 1] = False
    scores = np.where(valid, 0.5, np.nan)
    for values in (positions, positions.astype(np.float64), positions.tolist()):
        changed = made.replace(positions=values, valid=valid.astype(int), confidence=scores)
        expected = PoseSequence.from_array(positions, PAIR, valid=valid, confidence=made.confidence)
        for field in ("positions", "valid"):
            found, wanted = getattr(changed, field), getattr(expected, field)
            np.testing.assert_array_equal(found, wanted)
            assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(changed.confidence, np.where(valid, np.float32(0.5), 0))
    assert np.isnan(positions[1, 2, 3, 0])  # the caller's own array is left alone
    again = made.replace(fps=12.5)
    assert all(np.shares_memory(getattr(again, field), getattr(made, field)) for field in ("positions", "confidence"))


def test_pickle_and_deepcopy():
    made = sequence(fps=25, confidence=np.full((2, 5, 4), 0.5), meta={"label": "walk"})
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):  # noqa: S301
        for field in dataclasses.fields(made):
            np.testing.assert_array_equal(getattr(again, field.name), getattr(made, field.name))


@pytest.mark.parametrize("skeleton", ["cocoa", None, 17])
def test_an_unknown_skeleton(skeleton):
    with pytest.raises(UnknownSkeletonError):
        PoseSequence.from_array(np.ones((5, 4, 3)), skeleton)


@pytest.mark.parametrize(
    "options",
    [
        {"unit": "ell"},
        {"up": "up"},
        {"layout": "p t j"},
        {"layout": "p t j c c"},
        {"layout": "b t j c"},
        {"layout": ""},
        {"layout": 4},
        {"person_ids": ["a"]},
        {"person_ids": ["a", "a"]},
        {"valid": np.ones((2, 5, 3))},
        {"valid": np.ones((2, 5))},
    ],
    ids=str,
)
def test_options_that_do_not_fit(options):
    with pytest.raises(PoseError):
        sequence(**options)


def test_the_array_given_stays_as_it_is_and_is_not_shared():
    array = np.random.default_rng(0).normal(size=(2, 6, 4, 3)).astype(np.float32)
    array[0, 1, 2] = np.nan
    before = array.copy()
    made = PoseSequence.from_array(array, PAIR)
    assert np.array_equal(array, before, equal_nan=True)
    assert not np.shares_memory(made.positions, array)
    assert made.positions[0, 1, 2].tolist() == [0, 0, 0]
