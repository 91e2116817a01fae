"""Joint conventions that nobody has published: joints left out, slid along bones, lifted to the skin.

Most people have one skeleton per recording. Views in other conventions, derived on the fly, teach an encoder what all
conventions have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from msclr.errors import ConfigError
from msclr.poses.convert import conversion_map
from msclr.poses.joint_map import JointMap
from msclr.poses.placement import Anchors, Placement, Row, anchors_of, frames, offset_in_frame, stack
from msclr.skeletons.anatomy import point
from msclr.skeletons.registry import builtin_skeletons
from msclr.skeletons.spec import SkeletonSpec

FEWEST_JOINTS = 5
# What nearly every convention of whole bodies has.
COMMON = ("shoulder", "hip", "wrist", "ankle", "elbow", "knee")
HEAD = ("head", "head_top", "nose")
COMMON_KEPT = 0.95
CACHED_VIEWS = 1024


@dataclass(frozen=True, eq=False)
class DerivedConvention:
    """A convention made from another one.

    Args:
        spec: The new convention.
        joint_map: How its joints follow from those of the original; apply it to batches of any kind.
    """

    spec: SkeletonSpec
    joint_map: JointMap


def random_convention(
    spec: SkeletonSpec,
    generator: np.random.Generator,
    *,
    keep: tuple[float, float] = (0.5, 1.0),
    slide: float = 0.15,
    offset: float = 0.03,
) -> DerivedConvention:
    """Make up a joint convention that recordings in `spec` can be expressed in.

    Both sides of the body are treated alike, as in real conventions. Hips, shoulders, elbows, knees, wrists, ankles and
    a point of the head mostly stay.

    Args:
        spec: The convention of the recordings.
        generator: Source of randomness; the same state gives the same convention.
        keep: Range from which the share of the other joints that stay is drawn.
        slide: Standard deviation of the shift of a joint towards its parent or child, in lengths of that bone.
        offset: Standard deviation per axis, in metres on an average body, of the shift of a joint in the frame of its
            bone; not for joints without anatomical name.

    Returns:
        The convention and the map to it. Joints keep their names and their anatomy; children of a joint left out hang
        from its nearest ancestor that stays.

    Raises:
        ConfigError: If a range is out of bounds.

    Example:
        >>> from msclr import get_skeleton
        >>> derived = random_convention(get_skeleton("kinect_v2_25"), np.random.default_rng(0))
        >>> derived.joint_map.num_sources, derived.spec.num_joints == derived.joint_map.num_targets
        (25, True)
    """
    if not 0 <= keep[0] <= keep[1] <= 1 or not 0 <= slide <= 0.5 or not 0 <= offset <= 0.2:
        raise ConfigError(
            f"keep={keep}, slide={slide}, offset={offset}",
            where="random_convention",
            expected="keep in 0 to 1, slide in 0 to 0.5, offset in 0 to 0.2 m",
        )
    kept = _draw_kept(spec, generator, keep)
    joint_map = _draw_map(spec, generator, kept, slide, offset)
    tag = f"{int(generator.integers(2**48)):012x}"
    return DerivedConvention(restrict(spec, kept, id=f"{spec.id[:64]}~{tag}"), joint_map)


def restrict(spec: SkeletonSpec, kept: Sequence[int], *, id: str) -> SkeletonSpec:
    """Leave joints out of a convention; what hung from them hangs from their nearest ancestor that stays.

    Args:
        spec: The convention.
        kept: Indices of the joints that stay, at least one.
        id: Name of the new convention.

    Returns:
        The smaller convention; if the root is left out, its first remaining child takes its place.

    Example:
        >>> from msclr import get_skeleton
        >>> legs = restrict(get_skeleton("h36m_17"), [1, 3, 4, 6], id="legs")
        >>> legs.joints, legs.parents
        (('right_hip', 'right_ankle', 'left_hip', 'left_ankle'), (-1, 0, 0, 2))
    """
    place = {joint: row for row, joint in enumerate(kept)}
    parents: list[int] = []
    root = -1
    for row, joint in enumerate(kept):
        ancestor = spec.parents[joint]
        while ancestor != -1 and ancestor not in place:
            ancestor = spec.parents[ancestor]
        orphan = ancestor == -1 and root != -1 and not spec.allow_forest
        parents.append(root if orphan else place.get(ancestor, -1))
        root = row if root == -1 and ancestor == -1 else root
    names = {spec.joints[joint] for joint in kept}
    return SkeletonSpec(
        id,
        tuple(spec.joints[joint] for joint in kept),
        tuple(parents),
        pairs=tuple(pair for pair in spec.pairs if names.issuperset(pair)),
        parts={
            part: tuple(j for j in members if j in names)
            for part, members in spec.parts.items()
            if names & set(members)
        },
        dims=spec.dims,
        unit=spec.unit,
        up=spec.up,
        anatomy=tuple(spec.anatomy[joint] for joint in kept),
        center=tuple(name for name in spec.center if name in names),
        allow_forest=spec.allow_forest,
    )


@lru_cache(maxsize=CACHED_VIEWS)
def builtin_views(spec: SkeletonSpec, *, minimum: float = 0.8) -> tuple[SkeletonSpec, ...]:
    """List the conventions that ship with msclr and that recordings in `spec` can be expressed in.

    What a program registers of its own is not among them, so that what is trained does not depend on it.

    Args:
        spec: The convention of the recordings; if it is 2D, fewer are possible.
        minimum: Least share of a convention's joints that must be copied or derived.

    Returns:
        Conventions, without `spec` itself; `conversion_map(spec, view)` is the map to one.

    Example:
        >>> from msclr import get_skeleton
        >>> get_skeleton("h36m_17") in builtin_views(get_skeleton("kinect_v2_25"))
        True
    """
    found = []
    for target in builtin_skeletons():
        possible = sum(status != "impossible" for status in conversion_map(spec, target).status)
        if target != spec and possible >= max(minimum * target.num_joints, 1):
            found.append(target)
    return tuple(found)


def _draw_kept(spec: SkeletonSpec, generator: np.random.Generator, keep: tuple[float, float]) -> list[int]:
    """Draw which joints stay, mirror images together; at least five, or all there are."""
    share = generator.uniform(*keep)
    drawn = generator.uniform(size=spec.num_joints)
    stays = np.zeros(spec.num_joints, bool)
    for joint, twin in enumerate(spec.flip_index):
        likely = max(share, COMMON_KEPT) if _is_common(spec, joint) else share
        stays[joint] = drawn[min(joint, twin)] <= likely
    for joint in np.argsort(drawn):
        if stays.sum() >= min(FEWEST_JOINTS, spec.num_joints):
            break
        stays[[joint, spec.flip_index[joint]]] = True
    return [int(joint) for joint in np.flatnonzero(stays)]


def _is_common(spec: SkeletonSpec, joint: int) -> bool:
    name = spec.anatomy[joint] or ""
    head = next((candidate for candidate in HEAD if spec.anatomical_index(candidate) is not None), None)
    return name == head or name.removeprefix("left_").removeprefix("right_") in COMMON


def _draw_map(
    spec: SkeletonSpec, generator: np.random.Generator, kept: Sequence[int], slide: float, offset: float
) -> JointMap:
    anchors = anchors_of(spec)
    slides = (generator.normal(size=spec.num_joints) * slide).clip(-0.5, 0.5)
    lifts = generator.normal(size=(spec.num_joints, 3)) * offset
    rows: list[Placement] = []
    for joint in kept:
        first = min(joint, spec.flip_index[joint])
        base = _slide(spec, joint, float(slides[first]))
        mirrored = np.array([-1, 1, 1]) if joint != first else np.array([1, 1, 1])
        on_midline = spec.flip_index[joint] == joint and _side(spec, joint) == "centre"
        rows.append(_lift(anchors, joint, base, lifts[first] * (np.array([0, 1, 1]) if on_midline else mirrored)))
    return stack(rows, ["copied" if _is_plain(row) else "derived" for row in rows])


def _lift(anchors: Anchors, joint: int, base: Row, vector: Row) -> Placement:
    """Move a joint by a vector in the frame of its bone, if its anatomy says which that is."""
    nothing = Placement(base, base * 0, base * 0, np.zeros(3))
    name = anchors.names[joint]
    bone = next(iter(frames(anchors, name)), None) if name is not None else None
    if bone is None or not vector.any():
        return nothing
    return offset_in_frame(anchors, bone, base, vector) or nothing


def _slide(spec: SkeletonSpec, joint: int, share: float) -> Row:
    """Move a joint towards its parent, or for a negative share towards its only child; never off the midline."""
    weights: Row = np.eye(spec.num_joints)[joint]
    children = [child for child, parent in spec.edges if parent == joint]
    other = spec.parents[joint] if share > 0 else children[0] if len(children) == 1 else -1
    central = spec.flip_index[joint] == joint
    if other == -1 or (central and spec.flip_index[other] != other):
        return weights
    weights[joint] -= abs(share)
    weights[other] += abs(share)
    return weights


def _side(spec: SkeletonSpec, joint: int) -> str:
    name = spec.anatomy[joint]
    return point(name).side if name is not None else "centre"


def _is_plain(row: Placement) -> bool:
    return bool(row.weights.max() == 1 and not row.offset.any() and (row.weights != 0).sum() == 1)
