"""Conventions from the description of a data set in MMPose."""

from __future__ import annotations

import pytest
from oracles.keypoint_files import mmpose_meta

from msclr import SkeletonSpec, get_skeleton
from msclr.errors import SkeletonError

COCO = get_skeleton("coco_17")


def dataset_info() -> dict[str, object]:
    def swap(joint: str) -> str:
        other = joint.replace("left", "LEFT").replace("right", "left").replace("LEFT", "right")
        return "" if other == joint else other

    points = {i: {"name": joint, "id": i, "swap": swap(joint)} for i, joint in enumerate(COCO.joints)}
    links = [(COCO.joints[child], COCO.joints[parent]) for child, parent in COCO.edges]
    links += [("left_hip", "right_hip")]
    bones = {i: {"link": link, "id": i} for i, link in enumerate(links)}
    return {"dataset_name": "coco", "keypoint_info": points, "skeleton_info": bones}


def test_both_layouts_give_the_joints_and_sides_of_coco():
    links = [[child, parent] for child, parent in COCO.edges]
    for spec in (
        SkeletonSpec.from_mmpose_meta(dataset_info()),
        SkeletonSpec.from_mmpose_meta(mmpose_meta("coco", COCO.joints, links)),
    ):
        assert (spec.id, spec.joints, spec.anatomy) == ("coco", COCO.joints, COCO.joints)
        assert set(spec.pairs) == set(COCO.pairs)
        assert (spec.dims, spec.unit, spec.up) == (2, "px", "-y")
        assert len(spec.edges) == 16


def test_bones_outside_the_tree_are_extra_edges():
    spec = SkeletonSpec.from_mmpose_meta(dataset_info())
    tree = {frozenset((spec.joints[child], spec.joints[parent])) for child, parent in spec.edges}
    assert ("left_hip", "right_hip") in spec.extra_edges
    assert not tree & {frozenset(edge) for edge in spec.extra_edges}


def test_the_left_joint_comes_first_whichever_is_named_first():
    info = {0: {"name": "right_eye", "swap": "left_eye"}, 1: {"name": "left_eye", "swap": "right_eye"}}
    assert SkeletonSpec.from_mmpose_meta({"keypoint_info": info}).pairs == (("left_eye", "right_eye"),)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({}, "keypoint_id2name is not numbered"),
        ({"keypoint_info": {0: {"name": "a"}, 2: {"name": "b"}}}, "not numbered from 0"),
        ({"keypoint_info": {0: {"id": 0}}}, "without 'name'"),
        ({"keypoint_info": {0: {"name": "a", "swap": "b"}}}, "unknown joint 'b'"),
        ({"keypoint_info": {0: {"name": "a"}}, "skeleton_info": {0: {"link": ("a", "c")}}}, "unknown joint 'c'"),
        ({"keypoint_id2name": {"0": "a"}, "skeleton_links": [[0, 7]]}, "two joints"),
    ],
)
def test_descriptions_that_contradict_themselves(meta, message):
    with pytest.raises(SkeletonError, match=message):
        SkeletonSpec.from_mmpose_meta(meta)
