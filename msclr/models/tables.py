"""What an exported network has to know about a joint convention, as plain arrays."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from msclr.models.encoder import places_in_body
from msclr.poses.paths import dense_roots
from msclr.skeletons.anatomy import PARTS
from msclr.skeletons.graph import spatial_graph
from msclr.skeletons.landmarks import dense_combinations, landmarks
from msclr.skeletons.spec import SkeletonSpec

FloatArray: TypeAlias = npt.NDArray[np.float32]

# Inputs of the universal network, in order; what else is in the tables is for the preparation.
GRAPH_INPUTS = ("adjacency", "places", "parts", "weights", "roots", "roots_use", "drops")


def skeleton_tables(skeleton: SkeletonSpec, partition: Literal["spatial", "inward_outward"]) -> dict[str, FloatArray]:
    """Return a joint convention as arrays; j joints, r ways to find the mid-hip.

    Args:
        skeleton: The convention.
        partition: How the network tells neighbours apart.

    Returns:
        adjacency: [3, j, j] weights from source joints (last axis) to target joints.
        places: [j, 4] place in the rest pose in torso lengths, and whether it is known.
        parts: [j, 6] 1 for the body part of each joint.
        weights: [j] weight of each joint so that all body parts count alike.
        roots, roots_use, drops: [r, j] weights of the joints that are, or stand above, the mid-hip, in order of
            preference; [r, j] share of each joint that is needed, they sum to 1 (to 2 for one that is never found); [r]
            how far it stands above the mid-hip.
        torso, torso_use, bones, bones_use, sides, sides_use: The same for differences of joints that tell the size and
            the left side of a person; there may be none.

    Example:
        >>> from msclr import get_skeleton
        >>> skeleton_tables(get_skeleton("coco_17"), "spatial")["roots"].shape
        (2, 17)
    """
    marks, joints = landmarks(skeleton), skeleton.num_joints
    ways = max(2, len(marks.roots))  # an axis of length 1 would be a special case in an exported graph
    found = dense_roots(skeleton, ways, joints).T
    torso, torso_use = dense_combinations(marks.torso, joints)
    sides, sides_use = dense_combinations(marks.sides, joints)
    bones = np.asarray(marks.bones, np.float32).reshape(-1, joints)
    needed = (bones != 0).astype(np.float32)
    return {
        "adjacency": np.ascontiguousarray(spatial_graph(skeleton, partition).transpose(0, 2, 1), np.float32),
        "places": places_in_body(skeleton).numpy().copy(),
        "parts": np.eye(len(PARTS), dtype=np.float32)[marks.parts],
        "weights": np.asarray(marks.weights, np.float32),
        "roots": np.ascontiguousarray(found[:, :joints]),
        "roots_use": np.ascontiguousarray(found[:, joints:-1]),
        "drops": np.ascontiguousarray(found[:, -1]),
        "torso": torso,
        "torso_use": torso_use,
        "bones": bones,
        "bones_use": needed / needed.sum(axis=1, keepdims=True).clip(1),
        "sides": sides,
        "sides_use": sides_use,
    }
