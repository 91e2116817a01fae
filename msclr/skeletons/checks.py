"""What makes a skeleton well formed; each check names the joints at fault."""

from __future__ import annotations

import operator
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from msclr.errors import SkeletonError

MAXIMUM_JOINTS = 1024
MAXIMUM_NAME = 128


def clean_name(name: object, where: str) -> str:
    """Normalise one name to Unicode NFC, refusing empty, endless and unprintable ones."""
    if not isinstance(name, str):
        raise SkeletonError(f"a name of type {type(name).__name__}: {name!r:.60}", where=where, expected="text")
    name = unicodedata.normalize("NFC", name)
    if len(name) > MAXIMUM_NAME:
        raise SkeletonError(f"a name of {len(name)} characters: {name[:24]!r}...", where=where, expected="at most 128")
    kinds = {unicodedata.category(character) for character in name}
    if all(kind[0] in "CZ" for kind in kinds):
        raise SkeletonError(f"an empty name: {name!r}", where=where, expected="at least one visible character")
    if kinds & {"Cc", "Cs"}:
        raise SkeletonError(f"a control character in {name!r}", where=where, expected="printable names")
    return name


def clean_text(text: object, where: str) -> str:
    """Return free text as it is; refuse what is no text or cannot be written to a file."""
    if not isinstance(text, str):
        raise SkeletonError(f"{text!r:.60} of type {type(text).__name__}", where=where, expected="text")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise SkeletonError(f"half a character in {text[:60]!r}", where=where, expected="text that UTF-8 can hold")
    return str(text)


def items(values: object, where: str) -> tuple[object, ...]:
    """Return the members of a list, tuple or array; refuse text, mappings, sets and single values."""
    if isinstance(values, str | bytes | Mapping | set | frozenset) or not isinstance(values, Iterable):
        raise SkeletonError(f"{values!r:.60} of type {type(values).__name__}", where=where, expected="a list")
    return tuple(values)


def clean_names(names: object, where: str) -> tuple[str, ...]:
    """Normalise a list of names to Unicode NFC."""
    return tuple(clean_name(name, where) for name in items(names, where))


def clean_name_pairs(pairs: object, where: str) -> tuple[tuple[str, str], ...]:
    """Normalise a list of pairs of names to Unicode NFC."""
    checked: list[tuple[str, str]] = []
    for pair in items(pairs, where):
        names = clean_names(pair, f"{where}, {pair!r:.60}")
        if len(names) != 2:
            raise SkeletonError(f"{len(names)} names in {pair!r:.60}", where=where, expected="two names")
        checked.append((names[0], names[1]))
    return tuple(checked)


def check_names(joints: object, where: str) -> tuple[str, ...]:
    """Return the joint names in NFC; refuse none, too many, and names that differ in case only."""
    members = items(joints, f"{where}, joints")
    if not members:
        raise SkeletonError("no joints", where=where, expected="at least one joint")
    if len(members) > MAXIMUM_JOINTS:
        raise SkeletonError(f"{len(members)} joints", where=where, expected=f"at most {MAXIMUM_JOINTS}")
    names = tuple(clean_name(joint, f"{where}, joint {position}") for position, joint in enumerate(members))
    seen: dict[str, int] = {}
    for position, name in enumerate(names):
        first = seen.setdefault(unicodedata.normalize("NFC", name.casefold()), position)
        if first != position:
            raise SkeletonError(
                f"joints {first} ({names[first]!r}) and {position} ({name!r}) bear the same name",
                where=where,
                expected="names that differ in more than upper and lower case",
            )
    return names


def check_tree(joints: Sequence[str], parents: object, where: str, *, allow_forest: bool) -> tuple[int, ...]:
    """Return the parents as whole numbers; refuse what is not one tree (or, if declared, several) over the joints."""
    given = items(parents, f"{where}, parents")
    if len(given) != len(joints):
        raise SkeletonError(f"{len(joints)} joints but {len(given)} parents", where=where, expected="as many of each")
    parents = tuple(
        _check_parent(joint, parent, len(joints), where) for joint, parent in zip(joints, given, strict=True)
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
    return parents


def _check_parent(joint: str, parent: object, num_joints: int, where: str) -> int:
    if hasattr(parent, "__index__") and not isinstance(parent, bool):
        try:
            index = operator.index(parent)
        except TypeError:
            index = -2
        if -1 <= index < num_joints:
            return index
    raise SkeletonError(
        f"joint {joint!r} has parent {parent!r:.60}", where=where, expected=f"-1 (root) or 0 to {num_joints - 1}"
    )


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


def check_pairs(joints: Sequence[str], pairs: object, where: str) -> tuple[tuple[str, str], ...]:
    """Refuse left-right pairs of unknown joints, of one joint with itself, or with a joint used twice."""
    known, used = set(joints), dict[str, str]()
    checked = clean_name_pairs(pairs, f"{where}, pairs")
    for left, right in checked:
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
    return checked


def check_parts(joints: Sequence[str], parts: object, where: str) -> dict[str, tuple[str, ...]]:
    """Refuse empty parts and unknown joints; parts may overlap and need not cover every joint."""
    if not isinstance(parts, Mapping):
        raise SkeletonError(f"parts of type {type(parts).__name__}", where=where, expected="part names to joint names")
    known = set(joints)
    checked: dict[str, tuple[str, ...]] = {}
    for part, joints_of_part in parts.items():
        name = clean_name(part, f"{where}, parts")
        members = clean_names(joints_of_part, f"{where}, part {name!r}")
        unknown = [member for member in members if member not in known]
        if unknown:
            raise SkeletonError(f"part {name!r} has unknown joints: {', '.join(map(repr, unknown[:5]))}", where=where)
        if not members or len(set(members)) != len(members) or name in checked:
            raise SkeletonError(
                f"part {name!r} is {members!r:.80}", where=where, expected="each joint once, at least one"
            )
        checked[name] = members
    return checked


def check_known(joints: Sequence[str], names: Iterable[str], field: str, where: str) -> None:
    """Refuse names that are not among the joints."""
    known = set(joints)
    for name in names:
        if name not in known:
            raise SkeletonError(f"{field} names the unknown joint {name!r}", where=where, expected="one of the joints")


def check_choice(field: str, value: object, choices: tuple[object, ...], where: str) -> None:
    """Refuse a value that is not one of the choices, type included."""
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        listed = ", ".join(map(str, choices))
        raise SkeletonError(f"{field} is {value!r:.60}", where=where, expected=f"one of {listed}")
