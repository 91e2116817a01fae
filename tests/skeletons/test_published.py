from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from oracles import graphs as oracle

from msclr import get_skeleton
from msclr.errors import UnknownSkeletonError
from msclr.skeletons.published import published_graph, published_graphs

NAMES = ["ntu-rgb+d", "smpl_24", "smplx_42", "berkeley_mhad_43"]


def nonzeros(matrices):
    return [int((matrix != 0).sum()) for matrix in matrices]


@pytest.mark.parametrize("name", NAMES)
def test_whole_matrices_equal_the_naive_loops(name):
    graph = published_graph(name)
    expected = oracle.spatial(graph.edges, graph.num_joints, [graph.center], true_distances=False)
    np.testing.assert_array_equal(graph.adjacency(), expected.astype(np.float32))
    expected = oracle.inward_outward(graph.edges, graph.num_joints)
    np.testing.assert_array_equal(graph.adjacency("inward_outward"), expected.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "counts"),
    list(zip(NAMES, ([25, 40, 8], [24, 38, 8], [42, 70, 8], [43, 79, 5]), strict=True)),
)
def test_the_spatial_partitions_have_the_published_counts(name, counts):
    assert nonzeros(published_graph(name).adjacency()) == counts


def test_the_directed_kinect_graph_has_the_published_counts():
    assert nonzeros(published_graph("ntu-rgb+d").adjacency("inward_outward")) == [25, 24, 24]


@pytest.mark.parametrize("graph", published_graphs(), ids=lambda graph: graph.name)
def test_the_registered_convention_has_the_same_joints_in_the_same_order(graph):
    spec = get_skeleton(graph.skeleton)
    assert graph.num_joints == spec.num_joints
    assert get_skeleton(graph.name) is spec
    swapped = {joint for joint in range(graph.num_joints) if graph.flip[joint] != spec.flip_index[joint]}
    assert swapped == ({22, 23} if graph.name == "smpl_24" else set())
    assert all(graph.flip[graph.flip[joint]] == joint for joint in range(graph.num_joints))


@pytest.mark.parametrize("name", ["ntu-rgb+d", "smplx_42", "berkeley_mhad_43"])
def test_joint_names_are_those_of_the_producer(name):
    graph = published_graph(name)
    assert graph.joints == get_skeleton(graph.skeleton).source_names


def test_kinect_hand_tips_hang_on_thumbs_and_the_centre_is_its_own_bone():
    graph = published_graph("ntu-rgb+d")
    named = {(graph.joints[child], graph.joints[parent]) for child, parent in graph.edges}
    assert {("HandTipLeft", "ThumbLeft"), ("HandTipRight", "ThumbRight")} < named
    assert len(graph.edges) == 24
    assert graph.bones == (*graph.edges, (20, 20))


def test_the_marker_graph_falls_into_three_components():
    graph = published_graph("berkeley_mhad_43")
    reachable = np.isfinite(oracle.hops(graph.edges, graph.num_joints))
    components = {frozenset(np.flatnonzero(row).tolist()) for row in reachable}
    assert components == {
        frozenset(range(3)),
        frozenset(range(11, 27)),
        frozenset([*range(3, 11), *range(27, 43)]),
    }
    assert np.isfinite(graph.adjacency()).all()
    np.testing.assert_allclose(graph.adjacency().sum(axis=(0, 1)), 1, rtol=1e-6)


def test_the_marker_bones_are_no_tree():
    graph = published_graph("berkeley_mhad_43")
    written = Counter(joint for joint, _ in graph.bones)
    assert sum(count > 1 for count in written.values()) == 11
    assert graph.num_joints - len(written) == 14


def test_the_eyes_of_smplx_see_only_themselves():
    graph = published_graph("smplx_42")
    alone = [joint for joint in range(42) if not any(joint in edge for edge in graph.edges)]
    assert [graph.joints[joint] for joint in alone] == ["leyehf", "reyehf"]
    matrices = graph.adjacency()
    for joint in alone:
        np.testing.assert_array_equal(matrices[0, :, joint], np.eye(42)[joint])
        assert not matrices[1:, :, joint].any()


def test_it_is_found_by_the_registered_id_too():
    assert published_graph("kinect_v2_25") is published_graph("ntu-rgb+d")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownSkeletonError, match="smplx_42"):
        published_graph("coco_17")
