"""From a motion-capture hierarchy and its channel values to poses in a joint convention."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from msclr.errors import FileFormatError, SkeletonError
from msclr.io import guard
from msclr.io.registry import ReadOptions
from msclr.poses import arrays
from msclr.poses.sequence import PoseSequence, check_fps
from msclr.skeletons.hierarchy import Hierarchy, positions, spec_from_hierarchy
from msclr.skeletons.registry import get_skeleton, list_skeletons
from msclr.skeletons.rotations import FloatArray
from msclr.skeletons.spec import METRES_PER_UNIT, SkeletonSpec

PLAUSIBLE_REACH = (0.25, 5.0)  # metres from the root along the longest chain of bones: a toddler's arm to a giant's

_NAMESPACE = re.compile(r".*:|mixamorig\d*_", re.IGNORECASE)
_CHUNK_FRAMES = 2048


@dataclass(frozen=True, slots=True)
class Match:
    """A joint convention and, for each of its joints, the joint of the hierarchy."""

    skeleton: SkeletonSpec
    joints: tuple[int, ...]
    registered: bool


def match_skeleton(hierarchy: Hierarchy, wanted: SkeletonSpec | None, where: str) -> Match:
    """Find the joint convention of a hierarchy by its joint names.

    Args:
        hierarchy: The tree of the file.
        wanted: A convention the caller asked for: each of its joints must be in the file, further joints are left out.
            None: a registered convention with exactly the joints of the file (end sites need not be part of it), and
            where there is none, one made of the hierarchy.
        where: The file, for messages.

    Raises:
        SkeletonError: If `wanted` has joints that the file does not have.
    """
    found = {_key(name): joint for joint, name in enumerate(hierarchy.names)}
    if wanted is not None:
        joints = _find(wanted, found)
        missing = [_names(wanted)[joint] for joint, place in enumerate(joints) if place is None]
        if missing:
            raise SkeletonError(
                f"the joints {', '.join(missing[:6])} of {wanted.id!r} are not in the file, which has "
                f"{', '.join(hierarchy.names[:6])}, ...",
                where=where,
                expected=f"all {wanted.num_joints} joints by name",
                remedy=f"read without skeleton=, then convert(sequence, {wanted.id!r})",
            )
        return Match(wanted, tuple(joint for joint in joints if joint is not None), registered=False)
    named = {joint for joint, end in enumerate(hierarchy.end_sites) if not end}
    for id in reversed(list_skeletons(dims=3)):  # conventions that the user registered come last, and win
        spec = get_skeleton(id)
        if len(named) <= spec.num_joints <= hierarchy.num_joints:
            joints = _find(spec, found)
            if None not in joints and named <= set(joints):
                return Match(spec, tuple(joint for joint in joints if joint is not None), registered=True)
    return Match(spec_from_hierarchy(hierarchy), tuple(sorted(named)), registered=False)


def to_sequence(
    hierarchy: Hierarchy,
    values: FloatArray,
    options: ReadOptions,
    *,
    fps: float | None,
    where: str,
    bytes_read: int,
    metres: float | None = None,
) -> PoseSequence:
    """Place the joints in every frame and describe them.

    Args:
        hierarchy: The tree of the file.
        values: [t, channels] float64.
        options: What the caller asked for; a unit given there is that of the file's own numbers.
        fps: Frames per second as the file has it.
        where: The file, for messages.
        bytes_read: Size of the file, to bound what it may ask for.
        metres: Length of the file's unit in metres, if the file says it: positions are then returned in metres.
    """
    match = match_skeleton(hierarchy, options.skeleton, where)
    joints = list(match.joints)
    guard.check_size(1, len(values), hierarchy.num_joints, 3, bytes_read=bytes_read, limits=options.limits, where=where)
    unit, scale = options.unit, 1.0
    if unit is None and metres is not None:
        plausible = _plausible(hierarchy.reach * metres)
        unit, scale = ("m", metres) if plausible else ("unknown", 1.0)
    elif unit is None and options.skeleton is None:
        plausible = _plausible(hierarchy.reach * METRES_PER_UNIT.get(match.skeleton.unit, 0.0))
        unit = match.skeleton.unit if match.registered and plausible else "unknown"
    placed = np.empty((1, len(values), len(joints), 3), dtype=np.float32)
    for start in range(0, len(values), _CHUNK_FRAMES):
        chunk = slice(start, start + _CHUNK_FRAMES)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
            placed[0, chunk] = positions(hierarchy, values[chunk])[:, joints] * scale
    valid = arrays.finite_joints(placed, match.skeleton, where)
    if not valid.all():
        raise FileFormatError("lengths too large to add up", where=where, expected="finite coordinates")
    return PoseSequence(
        positions=placed,
        valid=valid,
        skeleton=match.skeleton,
        fps=check_fps(fps if options.fps is None else options.fps, where),
        unit=arrays.check_unit(unit, match.skeleton, where),
        up=arrays.check_up(options.up or ("+y" if match.skeleton.up == "unknown" else None), match.skeleton, where),
        source=where,
    )


def _plausible(reach: float) -> bool:
    return PLAUSIBLE_REACH[0] <= reach <= PLAUSIBLE_REACH[1]


def _names(spec: SkeletonSpec) -> tuple[str, ...]:
    return spec.source_names or spec.joints


def _find(spec: SkeletonSpec, found: dict[str, int]) -> list[int | None]:
    places: list[int | None] = [found.get(_key(name)) for name in _names(spec)]
    if None in places:
        places = [found.get(_key(name)) for name in spec.joints]
    return places


def _key(name: str) -> str:
    return _NAMESPACE.sub("", name).casefold()
