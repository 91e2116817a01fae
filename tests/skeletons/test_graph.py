from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import graphs as oracle

from msclr import SkeletonSpec, get_skeleton, list_skeletons
from msclr.errors import SkeletonError, UnknownJointError
from msclr.skeletons.graph import adjacency, hop_distance, middle_of, spatial_graph


def star(arms: int) -> SkeletonSpec:
    return SkeletonSpec("star", tuple(f"joint {index}" for index in range(arms + 1)), (-1, *([0] * arms)))


@st.composite
def forests(draw):
    parents = [-1]
    for joint in range(1, draw(st.integers(1, 12))):
        parents.append(draw(st.integers(-1, joint - 1)))
    order = draw(st.permutations(range(len(parents))))
    shuffled = [0] * len(parents)
    for joint, parent in enumerate(parents):
        shuffled[order[joint]] = -1 if parent == -1 else order[parent]
    return SkeletonSpec("forest", tuple(f"j{joint}" for joint in range(len(parents))), shuffled, allow_forest=True)


@settings(max_examples=60)
@given(forests(), st.booleans(), st.data())
def test_partitions_equal_the_naive_loops_on_any_forest(spec, true_distances, data):
    joints = spec.num_joints
    center = data.draw(st.integers(0, joints - 1))
    given_center = adjacency(spec, center=center, true_distances=true_distances)
    np.testing.assert_allclose(
        given_center, oracle.spatial(spec.edges, joints, [center], true_distances=true_distances), rtol=1e-6
    )
    default = adjacency(spec, true_distances=true_distances)
    np.testing.assert_allclose(
        default, oracle.spatial(spec.edges, joints, spec.roots, true_distances=true_distances), rtol=1e-6
    )
    np.testing.assert_allclose(
        adjacency(spec, partition="inward_outward"), oracle.inward_outward(spec.edges, joints), rtol=1e-6
    )
    np.testing.assert_array_equal(hop_distance(spec), oracle.hops(spec.edges, joints))


@pytest.mark.parametrize("name", list_skeletons())
def test_every_built_in_convention_has_a_graph_that_passes_everything_on(name):
    spec = get_skeleton(name)
    for true_distances in (False, True):
        matrices = adjacency(spec, true_distances=true_distances)
        assert matrices.dtype == np.float32
        assert matrices.shape == (3, spec.num_joints, spec.num_joints)
        np.testing.assert_allclose(matrices.sum(axis=(0, 1)), 1, rtol=1e-6)
    # With true distances, in a tree around centres that touch, every bone has a nearer end.
    farther, nearer = matrices[1] > 0, matrices[2] > 0
    level = farther & farther.T
    assert level.sum() <= 2
    np.testing.assert_array_equal((farther & ~level).T, nearer)


@pytest.mark.parametrize("name", list_skeletons())
def test_left_and_right_see_mirrored_graphs_where_the_tree_is_symmetric(name):
    spec = get_skeleton(name)
    flip = list(spec.flip_index)
    bones = {frozenset(edge) for edge in spec.edges}
    if {frozenset(flip[end] for end in bone) for bone in bones} != bones:
        pytest.skip("the tree itself is lopsided")
    matrices = spatial_graph(spec)
    np.testing.assert_array_equal(matrices[:, flip][:, :, flip], matrices)


def test_without_true_distances_both_ways_of_a_bone_beyond_one_hop_are_alike():
    chain = [(1, 0), (2, 1), (3, 2)]
    quirk = adjacency(chain, 4, center=0)
    assert quirk[2, 1, 2] > 0  # joint 1 is nearer than joint 2, which is already infinitely far
    assert quirk[1, 2, 3] > 0
    assert quirk[1, 3, 2] > 0
    assert quirk[2, 2, 3] == 0
    true = adjacency(chain, 4, center=0, true_distances=True)
    assert true[2, 2, 3] > 0
    assert true[1, 2, 3] == 0


def test_source_comes_first_and_target_second():
    matrices = adjacency(star(3), partition="inward_outward")
    np.testing.assert_allclose(matrices[1, 0], [0, 1, 1, 1])  # the parent feeds each child whole
    np.testing.assert_allclose(matrices[2, :, 0], [0, 1 / 3, 1 / 3, 1 / 3])  # children share the parent


def test_permuting_the_joints_permutes_the_matrices():
    spec = get_skeleton("h36m_17")
    order = np.random.default_rng(0).permutation(spec.num_joints)
    place = np.argsort(order)
    other = SkeletonSpec(
        "shuffled",
        [spec.joints[joint] for joint in order],
        [-1 if spec.parents[joint] == -1 else int(place[spec.parents[joint]]) for joint in order],
    )
    for partition in ("spatial", "inward_outward"):
        expected = adjacency(spec, partition=partition, true_distances=True)[:, order][:, :, order]
        np.testing.assert_array_equal(adjacency(other, partition=partition, true_distances=True), expected)


def test_the_middle_is_the_pelvis_or_both_hips_or_the_root_of_each_component():
    def named(spec):
        return [spec.joints[joint] for joint in middle_of(spec)]

    assert named(get_skeleton("kinect_v2_25")) == ["pelvis"]
    assert named(get_skeleton("coco_17")) == ["left_hip", "right_hip"]
    upper = SkeletonSpec("upper", ("nose", "left_shoulder", "right_shoulder"), (-1, 0, 0))
    assert named(upper) == ["left_shoulder", "right_shoulder"]
    two = SkeletonSpec("two", ("a", "thorax", "b", "c"), (-1, 0, -1, 2), allow_forest=True)
    assert named(two) == ["thorax", "b"]
    assert named(star(2)) == ["joint 0"]


def test_centres_by_name_and_several_at_once():
    spec = get_skeleton("coco_17")
    by_name = adjacency(spec, center=["left_hip", "right_hip"], true_distances=True)
    np.testing.assert_array_equal(by_name, spatial_graph(spec))
    by_index = adjacency(spec, center=(spec.index("left_hip"), spec.index("right_hip")), true_distances=True)
    np.testing.assert_array_equal(by_index, by_name)


def test_the_cached_graph_is_one_object_and_read_only():
    spec = get_skeleton("smpl_24")
    assert spatial_graph(spec) is spatial_graph(spec)
    with pytest.raises(ValueError, match="read-only"):
        spatial_graph(spec)[0, 0, 0] = 2
    np.testing.assert_array_equal(
        spatial_graph(spec, "inward_outward"), oracle.inward_outward(spec.edges, spec.num_joints).astype(np.float32)
    )


def test_a_thousand_joints_take_no_time():
    chain = SkeletonSpec("chain", [f"j{joint}" for joint in range(1024)], range(-1, 1023))
    matrices = adjacency(chain, true_distances=True)
    assert [int((matrix > 0).sum()) for matrix in matrices] == [1024, 1023, 1023]


@pytest.mark.parametrize(
    ("edges", "joints", "options"),
    [
        ([(0, 1)], 2, {}),  # no centre
        ([(0, 1)], None, {"center": 0}),
        ([(0, 1)], 0, {"center": 0}),
        ([(0, 1)], True, {"center": 0}),
        ([(0, 2)], 2, {"center": 0}),
        ([(0, -1)], 2, {"center": 0}),
        ([(1, 1)], 2, {"center": 0}),
        ([(0, 1, 0)], 2, {"center": 0}),
        (["01"], 2, {"center": 0}),
        ([3], 2, {"center": 0}),
        ([(0, 1.0)], 2, {"center": 0}),
        ([(0, 1)], 2, {"center": 2}),
        ([(0, 1)], 2, {"center": ()}),
        ([(0, 1)], 2, {"center": "pelvis"}),
        ([(0, 1)], 2, {"center": True}),
        ([(0, 1)], 2, {"center": 1.5}),
        ([(0, 1)], 2, {"center": 0, "partition": "distance"}),
        (star(2), 7, {}),
        (star(2), None, {"center": 3}),
    ],
)
def test_bad_bones_and_centres_are_refused(edges, joints, options):
    with pytest.raises(SkeletonError):
        adjacency(edges, joints, **options)


def test_an_unknown_centre_name_lists_the_joints():
    with pytest.raises(UnknownJointError, match="left_hip"):
        adjacency(get_skeleton("coco_17"), center="left_hipp")
