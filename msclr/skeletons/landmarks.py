"""Where hips, shoulders, root and sides are among a skeleton's joints, as combinations of a few of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from msclr.skeletons.anatomy import PARTS, point
from msclr.skeletons.cache import cached_by_joints
from msclr.skeletons.spec import SkeletonSpec

Weights: TypeAlias = npt.NDArray[np.float32]
Indices: TypeAlias = npt.NDArray[np.int64]

LOWER_TRUNK = (
    ("left_hip", "right_hip"),
    ("pelvis",),
    ("left_asis_marker", "right_asis_marker", "left_psis_marker", "right_psis_marker"),
    ("left_hip_front_marker", "right_hip_front_marker", "left_hip_back_marker", "right_hip_back_marker"),
    ("left_hip_side_marker", "right_hip_side_marker"),
    ("body_root",),
)
UPPER_TRUNK = (
    ("left_shoulder", "right_shoulder"),
    ("left_shoulder_marker", "right_shoulder_marker"),
    ("left_shoulder1_marker", "right_shoulder1_marker"),
    ("thorax",),
    ("neck",),
    ("clavicle_notch_marker", "c7_marker"),
    ("left_clavicle", "right_clavicle"),
    ("upper_neck",),
)
SIDES = (
    ("left_hip", "right_hip"),
    ("left_shoulder", "right_shoulder"),
    ("left_asis_marker", "right_asis_marker"),
    ("left_shoulder_marker", "right_shoulder_marker"),
    ("left_hip_front_marker", "right_hip_front_marker"),
    ("left_shoulder1_marker", "right_shoulder1_marker"),
)
TORSO_IN_TEMPLATE = 0.5


@dataclass(frozen=True, eq=False)
class Combination:
    """A linear combination of a few joints: their indices [n] and weights [n]."""

    joints: Indices
    weights: Weights


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Landmarks of one skeleton; every tuple may be empty and is in order of preference.

    Args:
        torso: Differences upper minus lower trunk, scaled so that each is a torso length.
        bones: [k, j] differences child minus parent, scaled likewise by the anatomical template.
        roots: Affine combinations that are, or stand above, the mid-hip.
        drops: For each root how far, in torso lengths, it stands above the mid-hip in the template.
        sides: Differences left minus right.
        parts: [j] index into `anatomy.PARTS` of each joint; joints without an anatomical name go with their parent.
        weights: [j] weight of each joint so that every body part present counts alike; sums to 1.
    """

    torso: tuple[Combination, ...]
    bones: Weights
    roots: tuple[Combination, ...]
    drops: tuple[float, ...]
    sides: tuple[Combination, ...]
    parts: Indices
    weights: Weights


@cached_by_joints
def landmarks(spec: SkeletonSpec) -> Landmarks:
    """Return where the hips, shoulders, root and sides of a skeleton are.

    Args:
        spec: Any joint convention; joints without anatomical names are used only where nothing better is there.

    Example:
        >>> from msclr import get_skeleton
        >>> found = landmarks(get_skeleton("coco_17"))
        >>> len(found.torso), found.sides[0].joints.tolist()
        (1, [11, 12])
    """
    parts = _part_index(spec)
    lower, upper = _means(spec, LOWER_TRUNK), _means(spec, UPPER_TRUNK)
    torso = [_as_torso(spec, high - low) for low in lower for high in upper]
    bones = [_as_torso(spec, _unit(spec, child) - _unit(spec, parent)) for child, parent in _named_edges(spec)]
    roots = [*lower, *upper] or _fallback_roots(spec)
    return Landmarks(
        torso=_sparse(torso),
        bones=_stack(bones, spec),
        roots=_sparse(roots),
        drops=tuple(_height(spec, root) for root in roots),
        sides=_sparse([left - right for left, right in _sides(spec)]),
        parts=parts,
        weights=_part_weights(parts),
    )


def dense_combinations(combinations: Sequence[Combination], joints: int) -> tuple[Weights, Weights]:
    """Return combinations of joints as matrices.

    Args:
        combinations: n of them.
        joints: Number of joints j.

    Returns:
        Weights [n, j], and the share of each joint that is needed [n, j], whose rows sum to 1.

    Example:
        >>> from msclr import get_skeleton
        >>> weights, use = dense_combinations(landmarks(get_skeleton("coco_17")).sides, 17)
        >>> weights[0, [11, 12]].tolist(), use[0, [11, 12]].tolist()
        ([1.0, -1.0], [0.5, 0.5])
    """
    weights, use = np.zeros((2, len(combinations), joints), np.float32)
    for row, each in enumerate(combinations):
        weights[row, each.joints] = each.weights
        use[row, each.joints] = 1 / len(each.joints)
    return weights, use


def _means(spec: SkeletonSpec, candidates: Sequence[Sequence[str]]) -> list[Weights]:
    found = [[spec.anatomical_index(name) for name in names] for names in candidates]
    return [
        np.mean([_unit(spec, joint) for joint in joints if joint is not None], axis=0, dtype=np.float32)
        for joints in found
        if all(joint is not None for joint in joints)
    ]


def _sides(spec: SkeletonSpec) -> list[tuple[Weights, Weights]]:
    pairs = [(spec.anatomical_index(left), spec.anatomical_index(right)) for left, right in SIDES]
    return [(_unit(spec, left), _unit(spec, right)) for left, right in pairs if left is not None and right is not None]


def _unit(spec: SkeletonSpec, joint: int) -> Weights:
    weights = np.zeros(spec.num_joints, np.float32)
    weights[joint] = 1
    return weights


def _template(spec: SkeletonSpec) -> npt.NDArray[np.float64]:
    return np.array([point(name).position if name is not None else (0.0, 0.0, 0.0) for name in spec.anatomy])


def _as_torso(spec: SkeletonSpec, difference: Weights) -> Weights:
    """Scale a difference of joints so that its length in the template is that of the torso."""
    length = float(np.linalg.norm(difference @ _template(spec)))
    scaled: Weights = (difference * (TORSO_IN_TEMPLATE / length if length > 1e-3 else 0)).astype(np.float32)
    return scaled


def _named_edges(spec: SkeletonSpec) -> list[tuple[int, int]]:
    named = [spec.anatomy[joint] is not None for joint in range(spec.num_joints)]
    template = _template(spec)
    return [
        (child, parent)
        for child, parent in spec.edges
        if named[child] and named[parent] and np.linalg.norm(template[child] - template[parent]) > 0.05
    ]


def _fallback_roots(spec: SkeletonSpec) -> list[Weights]:
    joints = [spec.index(name) for name in spec.center] or list(spec.roots)
    return [np.mean([_unit(spec, joint) for joint in joints], axis=0, dtype=np.float32)]


def _height(spec: SkeletonSpec, root: Weights) -> float:
    """Height of a trunk point above the mid-hip in torso lengths; 0 for a skeleton without a trunk."""
    trunk = any(
        root[joint] and name is not None and point(name).part == "trunk" for joint, name in enumerate(spec.anatomy)
    )
    shoulders = any(root[joint] and name is not None and "shoulder" in name for joint, name in enumerate(spec.anatomy))
    return float((root @ _template(spec))[1]) / TORSO_IN_TEMPLATE if trunk or shoulders else 0.0


def _part_index(spec: SkeletonSpec) -> Indices:
    index = np.zeros(spec.num_joints, np.int64)
    for joint in range(spec.num_joints):
        named = joint
        while spec.anatomy[named] is None and spec.parents[named] >= 0:
            named = spec.parents[named]
        name = spec.anatomy[named]
        index[joint] = PARTS.index(point(name).part) if name is not None else PARTS.index("trunk")
    return index


def _part_weights(parts: Indices) -> Weights:
    weights = 1 / np.bincount(parts, minlength=len(PARTS))[parts]
    normalised: Weights = (weights / weights.sum()).astype(np.float32)
    return normalised


def _sparse(rows: list[Weights]) -> tuple[Combination, ...]:
    return tuple(Combination(np.flatnonzero(row), row[row != 0]) for row in rows)


def _stack(rows: list[Weights], spec: SkeletonSpec) -> Weights:
    return np.stack(rows).astype(np.float32) if rows else np.zeros((0, spec.num_joints), np.float32)
