"""What a skeleton has if nothing else is said: anatomical names, left-right pairs and parts, from its joint names."""

from __future__ import annotations

from msclr.errors import SkeletonError
from msclr.skeletons import anatomy as anatomical
from msclr.skeletons.checks import items


def check_anatomy(joints: tuple[str, ...], anatomy: object, where: str) -> tuple[str | None, ...]:
    """Return the anatomical name of each joint: as given, or the joint's own name where the vocabulary has it."""
    vocabulary = anatomical.vocabulary()
    if anatomy is None:
        return tuple(joint if joint in vocabulary else None for joint in joints)
    given = items(anatomy, f"{where}, anatomy")
    if len(given) != len(joints):
        raise SkeletonError(f"{len(joints)} joints but {len(given)} anatomical names", where=where)
    names: list[str | None] = []
    for joint, name in zip(joints, given, strict=True):
        if name is not None and (not isinstance(name, str) or name not in vocabulary):
            raise SkeletonError(
                f"joint {joint!r} has the anatomical name {name!r:.60}",
                where=where,
                expected="a name of msclr.skeletons.anatomy.vocabulary(), or None",
            )
        if name is not None and name in names:
            raise SkeletonError(f"several joints have the anatomical name {name!r}", where=where, expected="one each")
        names.append(name)
    return tuple(names)


def pairs_from(joints: tuple[str, ...], names: tuple[str | None, ...]) -> list[tuple[str, str]]:
    """Pair left and right joints by their anatomical names."""
    by_name = {name: joint for joint, name in zip(joints, names, strict=True) if name is not None}
    mirrored = [(name, anatomical.mirror(name)) for name in by_name if name.startswith("left_")]
    return [(by_name[left], by_name[right]) for left, right in mirrored if right in by_name]


def parts_from(joints: tuple[str, ...], names: tuple[str | None, ...]) -> dict[str, list[str]]:
    """Group joints by the body part of their anatomical names."""
    parts: dict[str, list[str]] = {}
    for joint, name in zip(joints, names, strict=True):
        if name is not None:
            parts.setdefault(anatomical.point(name).part, []).append(joint)
    return parts
