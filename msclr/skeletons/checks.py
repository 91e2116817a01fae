"""What makes a skeleton well formed; each check names the joints at fault."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from msclr.errors import SkeletonError

MAXIMUM_JOINTS = 1024
MAXIMUM_NAME = 128


def clean_name(name: object, where: str) -> str:
    """Normalise one name to Unicode NFC, refusing empty, endless and unprintable ones."""
    if not isinstance(name, str):
        raise SkeletonError(f"a name of type {type(name).__name__}: {name!r:.60}", where=where, expected="text")
    name = unicodedata.normalize("NFC", name)
    if not name.strip():
        raise SkeletonError(f"an empty name: {name!r}", where=where, expected="at least one visible character")
    if len(name) > MAXIMUM_NAME:
        raise SkeletonError(f"a name of {len(name)} characters: {name[:24]!r}...", where=where, expected="at most 128")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise SkeletonError(f"a control character in {name!r}", where=where, expected="printable names")
    return name


def check_names(joints: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the joint names in NFC; refuse none, too many, and names that differ in case only."""
    if not joints:
        raise SkeletonError("no joints", where=where, expected="at least one joint")
    if len(joints) > MAXIMUM_JOINTS:
        raise SkeletonError(f"{len(joints)} joints", where=where, expected=f"at most {MAXIMUM_JOINTS}")
    names = tuple(clean_name(joint, f"{where}, joint {position}") for position, joint in enumerate(joints))
    seen: dict[str, int] = {}
    for position, name in enumerate(names):
        first = seen.setdefault(name.casefold(), position)
        if first != position:
            raise SkeletonError(
                f"joints {first} ({names[first]!r}) and {position} ({name!r}) bear the same name",
                where=where,
                expected="names that differ in more than upper and lower case",
            )
    return names


def check_tree(joints: Sequence[str], parents: Sequence[int], where: str, *, allow_forest: bool) -> tuple[int, ...]:
    """Refuse parents that are not one tree (or, if declared, several) over the joints."""
    if len(parents) != len(joints):
        raise SkeletonError(f"{len(joints)} joints but {len(parents)} parents", where=where, expected="as many of each")
    for joint, parent in zip(joints, parents, strict=True):
        if isinstance(parent, bool) or not isinstance(parent, int) or not -1 <= parent < len(joints):
            raise SkeletonError(
                f"joint {joint!r} has parent {parent!r}", where=where, expected=f"-1 (root) or 0 to {len(joints) - 1}"
            )
    _check_acyclic(joints, parents, where)
    roots = [joint for joint, parent in zip(joints, parents, strict=True) if parent == -1]
    if len(roots) > 1 and not allow_forest:
        raise SkeletonError(
            f"{len(roots)} separate components: {_describe_components(joints, parents)}",
            where=where,
            expected="one connected tree",
            remedy="declare allow_forest=True if this is meant",
        )
    return tuple(parents)


def _check_acyclic(joints: Sequence[str], parents: Sequence[int], where: str) -> None:
    reaches_root = [False] * len(joints)
    for start in range(len(joints)):
        path: list[int] = []
        on_path: set[int] = set()
        joint = start
        while joint != -1 and not reaches_root[joint]:
            if joint in on_path:
                cycle = [*path[path.index(joint) :], joint]
                named = " -> ".join(repr(joints[member]) for member in cycle)
                raise SkeletonError(f"the parents form a cycle: {named}", where=where, expected="a tree")
            path.append(joint)
            on_path.add(joint)
            joint = parents[joint]
        for member in path:
            reaches_root[member] = True


def _describe_components(joints: Sequence[str], parents: Sequence[int]) -> str:
    members: dict[int, list[str]] = {}
    for index, joint in enumerate(joints):
        root = index
        while parents[root] != -1:
            root = parents[root]
        members.setdefault(root, []).append(joint)
    shown = [", ".join(names[:4]) + (", ..." if len(names) > 4 else "") for names in members.values()]
    return "; ".join(f"({names})" for names in shown[:5]) + ("; ..." if len(shown) > 5 else "")


def check_pairs(joints: Sequence[str], pairs: Sequence[Sequence[str]], where: str) -> tuple[tuple[str, str], ...]:
    """Refuse left-right pairs of unknown joints, of one joint with itself, or with a joint used twice."""
    known, used = set(joints), dict[str, str]()
    checked: list[tuple[str, str]] = []
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2:
            raise SkeletonError(f"the pair {pair!r}", where=where, expected="(left joint, right joint)")
        left, right = (clean_name(name, f"{where}, pair {tuple(pair)!r}") for name in pair)
        for name in (left, right):
            if name not in known:
                raise SkeletonError(f"the pair ({left!r}, {right!r}) has no joint {name!r}", where=where)
            if name in used or left == right:
                other = used.get(name, f"({left!r}, {right!r})")
                raise SkeletonError(
                    f"joint {name!r} is in the pairs {other} and ({left!r}, {right!r})",
                    where=where,
                    expected="each joint in one pair, with another joint",
                )
        used[left] = used[right] = f"({left!r}, {right!r})"
        checked.append((left, right))
    return tuple(checked)


def check_parts(
    joints: Sequence[str], parts: Mapping[str, Sequence[str]], where: str
) -> dict[str, tuple[str, ...]]:
    """Refuse empty parts and unknown joints; parts may overlap and need not cover every joint."""
    known = set(joints)
    checked: dict[str, tuple[str, ...]] = {}
    for part, members in parts.items():
        name = clean_name(part, f"{where}, parts")
        if isinstance(members, str) or not members:
            raise SkeletonError(f"part {name!r} is {members!r}", where=where, expected="a list of at least one joint")
        unknown = [member for member in members if member not in known]
        if unknown:
            raise SkeletonError(f"part {name!r} has unknown joints: {', '.join(map(repr, unknown[:5]))}", where=where)
        checked[name] = tuple(members)
    return checked
