from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msclr import SkeletonSpec, get_skeleton, list_skeletons
from msclr.errors import SkeletonError

LEG = ["hip", "knee", "ankle"]


@settings(max_examples=50)
@given(st.sampled_from(list_skeletons()), st.randoms(use_true_random=False))
def test_bones_in_any_order_and_direction_give_the_tree_back(name, random):
    spec = get_skeleton(name)
    edges = [(spec.joints[child], spec.joints[parent]) for child, parent in spec.edges]
    edges = [edge if random.random() < 0.5 else edge[::-1] for edge in edges]
    random.shuffle(edges)
    root = spec.joints[spec.roots[0]]
    built = SkeletonSpec.from_edges("x", spec.joints, edges, root=root, allow_forest=True)
    # Further components hang from their first joint, wherever they hung before.
    if len(spec.roots) == 1:
        assert built.parents == spec.parents
    assert {frozenset(edge) for edge in built.edges} == {frozenset(edge) for edge in spec.edges}


def test_another_root_turns_the_bones():
    spec = SkeletonSpec.from_edges("x", LEG, [("hip", "knee"), ("ankle", "knee")], root="ankle", unit="mm")
    assert spec.parents == (1, 2, -1)
    assert spec.unit == "mm"


def test_a_bone_given_twice_counts_once():
    spec = SkeletonSpec.from_edges("x", LEG, [("hip", "knee"), ("knee", "hip"), ("knee", "ankle"), ("knee", "ankle")])
    assert spec.parents == (-1, 0, 1)


def test_components_need_to_be_declared():
    with pytest.raises(SkeletonError, match="ankle"):
        SkeletonSpec.from_edges("x", LEG, [("hip", "knee")])
    assert SkeletonSpec.from_edges("x", LEG, [("hip", "knee")], allow_forest=True).parents == (-1, 0, -1)


@pytest.mark.parametrize(
    ("joints", "edges", "root", "message"),
    [
        (LEG, [("hip", "toe")], None, "'toe'"),
        (LEG, [("hip", "knee", "ankle")], None, "two names"),
        (LEG, [("hip", 1)], None, "int"),
        (LEG, [("hip", ["knee"])], None, "list"),
        (LEG, ["hip"], None, "a list"),
        (LEG, 5, None, "a list"),
        (LEG, [("hip", "hip")], None, "loop"),
        (LEG, [("hip", "knee"), ("knee", "ankle"), ("ankle", "hip")], None, "loop"),
        (LEG, [("hip", "knee"), ("knee", "ankle")], "toe", "'toe'"),
        (LEG, [("hip", "knee"), ("knee", "ankle")], 0, "int"),
        ([], [], None, "no joints"),
        (["hip", "Hip"], [("hip", "Hip")], None, "same name"),
    ],
)
def test_what_is_no_tree_is_refused(joints, edges, root, message):
    with pytest.raises(SkeletonError, match=message):
        SkeletonSpec.from_edges("x", joints, edges, root=root)


def test_names_alone_give_anatomy_pairs_and_tree():
    spec = SkeletonSpec.from_names(
        "x", ["Hips", "LeftUpLeg", "LeftLeg", "RightUpLeg", "RightLeg", "antenna"], unit="cm"
    )
    assert spec.anatomy == ("pelvis", "left_hip", "left_knee", "right_hip", "right_knee", None)
    assert spec.parents[:5] == (-1, 0, 1, 0, 3)
    assert spec.flip_index == (0, 3, 4, 1, 2, 5)
    assert spec.unit == "cm"
    assert "antenna" in spec.notes
    assert "tree is guessed" in spec.notes


def test_a_tree_that_is_given_is_kept():
    spec = SkeletonSpec.from_names("x", ["LeftFoot", "LeftLeg"], (-1, 0), notes="mine.")
    assert spec.parents == (-1, 0)
    assert spec.notes.startswith("mine.")
    assert "tree is guessed" not in spec.notes


@pytest.mark.parametrize(
    ("joints", "parents", "fields"),
    [
        ([], None, {}),
        (["a", "A"], None, {}),
        (["a"], [0], {}),
        (["a"], 3, {}),
        (["a"], None, {"notes": 3}),
        ("abc", None, {}),
        (["a"], None, {"unit": "ell"}),
    ],
)
def test_names_that_cannot_be_joints_are_refused(joints, parents, fields):
    with pytest.raises(SkeletonError):
        SkeletonSpec.from_names("x", joints, parents, **fields)
