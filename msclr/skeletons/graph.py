"""Graphs of skeletons as matrices: which joint passes its features to which, split into three kinds of neighbour."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from msclr.errors import SkeletonError
from msclr.skeletons.cache import cached_by_joints
from msclr.skeletons.spec import SkeletonSpec

FloatArray: TypeAlias = npt.NDArray[np.float32]
Edges: TypeAlias = Sequence[tuple[int, int]]
Partition: TypeAlias = Literal["spatial", "inward_outward"]
Center: TypeAlias = int | str | Sequence[int | str]

# The middle of the body, by what a convention has of it; both sides where there is none, so left and right stay alike.
_MIDDLE = (("pelvis",), ("thorax",), ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder"), ("neck",))


def adjacency(
    skeleton: SkeletonSpec | Edges,
    num_joints: int | None = None,
    *,
    partition: Partition = "spatial",
    center: Center | None = None,
    true_distances: bool = False,
) -> FloatArray:
    """Build the three adjacency matrices of a skeleton graph convolution.

    "spatial" tells a joint's neighbours apart by their distance to the centre of the body: k = 0 the joint itself,
    k = 1 neighbours as far from the centre or farther, k = 2 nearer ones; each joint's incoming weights sum to 1 over
    all k. "inward_outward" goes by the direction of the bone: k = 0 the joint itself, k = 1 its parent, k = 2 its
    children; each matrix is normalised by itself.

    Args:
        skeleton: A convention (the bones of its tree), or bones as (child, parent) indices.
        num_joints: Number of joints; needed, and allowed, with bones only.
        partition: "spatial" or "inward_outward".
        center: Joint or joints in the middle, by index or, for a convention, by name; "spatial" only. A convention has
            a default, one in every component: pelvis, thorax, hips, shoulders or neck, else the root.
        true_distances: The published code sees one bone far: all joints beyond are equally far from the centre, so away
            from it both neighbours are k = 1. False repeats this, which published weights need; True measures.

    Returns:
        float32 [3, v, w]: the weight of source joint v in target joint w.

    Raises:
        SkeletonError: If a bone or centre is not among the joints, or no centre is given with a list of bones.

    Example:
        >>> adjacency([(1, 0)], 2, center=0).tolist()
        [[[0.5, 0.0], [0.0, 0.5]], [[0.0, 0.0], [0.5, 0.0]], [[0.0, 0.5], [0.0, 0.0]]]

    Source:
        Yan et al. 2018 (ST-GCN), section 3.3, spatial configuration; Shi et al. 2019 (2s-AGCN), section 3.1.
    """
    edges, joints = _edges_of(skeleton, num_joints)
    if partition == "inward_outward":
        return _inward_outward(edges, joints)
    if partition != "spatial":
        raise SkeletonError(f"partition={partition!r}", expected="'spatial' or 'inward_outward'")
    distance = _distance_from(edges, joints, _centers(skeleton, joints, center))
    if not true_distances:
        distance[distance > 1] = np.inf
    linked = np.eye(joints)
    for child, parent in edges:
        linked[child, parent] = linked[parent, child] = 1
    weights = linked / linked.sum(axis=0)  # source target, each target's column sums to 1
    itself = np.eye(joints, dtype=bool)
    nearer = distance[:, None] < distance[None, :]  # source target
    parts = [weights * itself, weights * ~(itself | nearer), weights * nearer]
    return np.stack(parts).astype(np.float32)


@cached_by_joints
def spatial_graph(
    skeleton: SkeletonSpec, partition: Partition = "spatial", *, true_distances: bool = True
) -> FloatArray:
    """Return the adjacency of a convention around its own centre, computed once and read-only.

    Example:
        >>> from msclr import get_skeleton
        >>> spatial_graph(get_skeleton("coco_17")).shape
        (3, 17, 17)
    """
    matrices = adjacency(skeleton, partition=partition, true_distances=true_distances)
    matrices.setflags(write=False)
    return matrices


def hop_distance(skeleton: SkeletonSpec | Edges, num_joints: int | None = None) -> FloatArray:
    """Count the bones between any two joints.

    Args:
        skeleton: A convention, or bones as pairs of indices.
        num_joints: Number of joints; needed, and allowed, with bones only.

    Returns:
        float32 [v, v]; infinite between joints that no bones connect.

    Raises:
        SkeletonError: If a bone is not among the joints.

    Example:
        >>> hop_distance([(1, 0), (2, 1)], 4)[0].tolist()
        [0.0, 1.0, 2.0, inf]
    """
    edges, joints = _edges_of(skeleton, num_joints)
    return np.stack([_distance_from(edges, joints, [joint]) for joint in range(joints)]).astype(np.float32)


def middle_of(skeleton: SkeletonSpec) -> tuple[int, ...]:
    """Return the joints in the middle of a convention, at least one for every connected component.

    Example:
        >>> from msclr import get_skeleton
        >>> spec = get_skeleton("coco_17")
        >>> [spec.joints[joint] for joint in middle_of(spec)]
        ['left_hip', 'right_hip']
    """
    root_of = list(range(skeleton.num_joints))
    for joint in _by_depth(skeleton):
        parent = skeleton.parents[joint]
        root_of[joint] = joint if parent == -1 else root_of[parent]
    found: list[int] = []
    for root in skeleton.roots:
        options = ([skeleton.anatomical_index(name) for name in names] for names in _MIDDLE)
        here = ([joint for joint in option if joint is not None and root_of[joint] == root] for option in options)
        found.extend(next((joints for joints in here if joints), [root]))
    return tuple(found)


def _by_depth(skeleton: SkeletonSpec) -> list[int]:
    distance = _distance_from(skeleton.edges, skeleton.num_joints, skeleton.roots)
    return [int(joint) for joint in np.argsort(distance, kind="stable")]


def _edges_of(skeleton: SkeletonSpec | Edges, num_joints: int | None) -> tuple[Edges, int]:
    if isinstance(skeleton, SkeletonSpec):
        if num_joints not in (None, skeleton.num_joints):
            raise SkeletonError(
                f"num_joints={num_joints!r}", expected=f"the {skeleton.num_joints} joints of {skeleton.id!r}"
            )
        return skeleton.edges, skeleton.num_joints
    if isinstance(num_joints, bool) or not isinstance(num_joints, int) or num_joints < 1:
        raise SkeletonError(f"num_joints={num_joints!r} for a list of bones", expected="the number of joints")
    edges: list[tuple[int, int]] = []
    for edge in skeleton:
        ends = tuple(edge) if isinstance(edge, Sequence | np.ndarray) and not isinstance(edge, str) else ()
        if len(ends) != 2 or not all(_is_index(end, num_joints) for end in ends) or ends[0] == ends[1]:
            raise SkeletonError(f"the bone {edge!r}", expected=f"two different joints from 0 to {num_joints - 1}")
        edges.append((int(ends[0]), int(ends[1])))
    return edges, num_joints


def _is_index(value: object, num_joints: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= int(value) < num_joints


def _centers(skeleton: SkeletonSpec | Edges, num_joints: int, center: Center | None) -> tuple[int, ...]:
    if center is None:
        if isinstance(skeleton, SkeletonSpec):
            return middle_of(skeleton)
        raise SkeletonError("no centre for a list of bones", expected="center=, the index of the middle joint")
    given = (center,) if isinstance(center, str) or not isinstance(center, Iterable) else tuple(center)
    found: list[int] = []
    for joint in given:
        if isinstance(joint, str) and isinstance(skeleton, SkeletonSpec):
            found.append(skeleton.index(joint))
        elif not isinstance(joint, str) and _is_index(joint, num_joints):
            found.append(int(joint))
        else:
            raise SkeletonError(f"the centre {joint!r}", expected=f"a joint from 0 to {num_joints - 1}")
    if not found:
        raise SkeletonError("an empty list of centres", expected="at least one joint")
    return tuple(found)


def _distance_from(edges: Edges, num_joints: int, sources: Iterable[int]) -> npt.NDArray[np.float64]:
    """Bones between each joint and the nearest of `sources`, breadth first."""
    neighbours: list[list[int]] = [[] for _ in range(num_joints)]
    for first, second in edges:
        neighbours[first].append(second)
        neighbours[second].append(first)
    distance = np.full(num_joints, np.inf)
    waiting = deque(sources)
    distance[list(waiting)] = 0
    while waiting:
        joint = waiting.popleft()
        for neighbour in neighbours[joint]:
            if distance[neighbour] == np.inf:
                distance[neighbour] = distance[joint] + 1
                waiting.append(neighbour)
    return distance


def _inward_outward(edges: Edges, num_joints: int) -> FloatArray:
    from_parent = np.zeros((num_joints, num_joints))
    for child, parent in edges:
        from_parent[parent, child] = 1  # source target
    matrices = np.stack([np.eye(num_joints), from_parent, from_parent.T])
    incoming = matrices.sum(axis=1, keepdims=True)  # k 1 target
    return (matrices / np.where(incoming > 0, incoming, 1)).astype(np.float32)
