"""From the joint names of a live result to a joint convention, and where each of its joints is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from msclr.errors import PoseTypeError, UnknownJointError
from msclr.skeletons.names import resolve_names
from msclr.skeletons.registry import get_skeleton, list_skeletons
from msclr.skeletons.spec import SkeletonSpec


def find_skeleton(
    names: Sequence[str],
    skeleton: str | SkeletonSpec | None,
    where: str,
    *,
    dims: int,
    edges: Sequence[tuple[int, int]] = (),
) -> tuple[SkeletonSpec, list[int]]:
    """Return the joint convention of named joints and, for each joint of it, which name it is.

    Args:
        names: The producer's joint names.
        skeleton: The convention wanted; its joints are picked by name. None: the registered one with exactly these
            names, or with names that mean exactly these joints; else one made of the names.
        where: The place, for messages.
        dims: 2 or 3 coordinates.
        edges: Bones between the joints, for a convention made of the names.

    Raises:
        UnknownJointError: If a joint of `skeleton` is not among the names.
        SkeletonError: If a convention cannot be made of the names, for example because one occurs twice.

    Example:
        >>> spec, places = find_skeleton(["Left Eye", "nose"], None, "poses", dims=2)
        >>> spec.joints, spec.anatomy, places
        (('Left Eye', 'nose'), ('left_eye', 'nose'), [0, 1])
    """
    if skeleton is not None:
        spec = get_skeleton(skeleton)
        return spec, match_names(spec, names, where)
    meant = [resolved.name for resolved in resolve_names(names)]
    fitting = [get_skeleton(name) for name in list_skeletons(joints=len(names), dims=dims)]
    for by_order in (True, False):
        for spec in fitting:
            if any(_folded(known, by_order) == _folded(names, by_order) for known in (spec.source_names, spec.joints)):
                return spec, match_names(spec, names, where)
    for spec in fitting:
        if None not in meant and set(spec.anatomy) == set(meant):
            return spec, [meant.index(name) for name in spec.anatomy]
    digest = sha256(repr((names, edges)).encode()).hexdigest()
    parents = _tree(len(names), edges) if edges else None
    spec = SkeletonSpec.from_names(
        f"joints_{len(names)}_{digest[:8]}", names, parents, dims=dims, allow_forest=parents is not None
    )
    return spec, list(range(len(names)))


def match_names(spec: SkeletonSpec, names: Sequence[str], where: str) -> list[int]:
    """Return for each joint of a convention which name it is: literally, or by what the names mean.

    Raises:
        UnknownJointError: If a joint of the convention is not among the names.
    """
    folded = [name.casefold() for name in names]
    if len(set(folded)) == len(folded):
        for known in (spec.source_names, spec.joints):
            wanted = [name.casefold() for name in known]
            if wanted and set(wanted) <= set(folded):
                return [folded.index(name) for name in wanted]
    meant = [resolved.name for resolved in resolve_names(names)]
    for joint, name in zip(spec.joints, spec.anatomy, strict=True):
        if name is None or meant.count(name) != 1:
            raise UnknownJointError(
                f"no joint name means {joint!r}",
                where=where,
                expected=f"the joints of {spec.id!r}, not {', '.join(map(str, names[:5]))}, ...",
                remedy="a SkeletonSpec whose source_names are these names, or the order of the skeleton without names",
            )
    return [meant.index(name) for name in spec.anatomy]


def texts(values: object, where: str) -> list[str]:
    """Return names of any kind of list or array as strings."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise PoseTypeError(f"names of type {type(values).__name__}", where=where, expected="a list of joint names")
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]


def _folded(names: Sequence[str], in_order: bool) -> list[str]:
    folded = [name.casefold() for name in names]
    return folded if in_order else sorted(folded)


def _tree(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Hang the joints from the first of each component; bones that would close a loop are left out."""
    neighbours: list[list[int]] = [[] for _ in range(count)]
    for first, second in edges:
        if 0 <= first < count and 0 <= second < count and first != second:
            neighbours[first].append(second)
            neighbours[second].append(first)
    parents: dict[int, int] = {}
    for joint, parent in _breadth_first(neighbours):
        parents[joint] = parent
    return [parents[joint] for joint in range(count)]


def _breadth_first(neighbours: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    seen: set[int] = set()
    for root in range(len(neighbours)):
        queue = [(root, -1)]
        for joint, parent in queue:
            if joint not in seen:
                seen.add(joint)
                yield joint, parent
                queue.extend((neighbour, joint) for neighbour in neighbours[joint] if neighbour not in seen)
