"""From the labels of C3D points to persons and a joint convention."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from msclr.errors import FileFormatError, SkeletonError
from msclr.skeletons.registry import get_skeleton, list_skeletons
from msclr.skeletons.spec import SkeletonSpec

Columns = tuple[int | None, ...]

UNLABELLED = "*"


def by_subject(
    labels: Sequence[str], ignored: Collection[str], where: str
) -> tuple[dict[str, dict[str, int]], list[str]]:
    """Sort points by the person in front of the colon.

    Args:
        labels: The label of each point, as `Person:MARKER` or `MARKER`.
        ignored: Labels of what is no position.
        where: The file, for messages.

    Returns:
        Person ("" if none is named) to label to point; and the labels that were left out. If any person is named,
        points of nobody are left out.

    Raises:
        FileFormatError: If a label occurs twice (capitals do not matter), or no point has one.

    Example:
        >>> by_subject(["Ann:LASI", "Ann:RASI", "*3", "LKneeAngles"], ["LKneeAngles"], "walk.c3d")
        ({'Ann': {'LASI': 0, 'RASI': 1}}, ['*3', 'LKneeAngles'])
    """
    found: dict[str, dict[str, int]] = {}
    left_out: list[str] = []
    taken: dict[str, int] = {}
    for point, label in enumerate(labels):
        subject, _, marker = label.rpartition(":")
        if not marker or marker.startswith(UNLABELLED) or label in ignored or marker in ignored:
            left_out.append(label or "(no label)")
            continue
        earlier = taken.setdefault(label.casefold(), point)
        if earlier != point:
            raise FileFormatError(
                f"points {earlier} and {point} both have the label {label!r:.60}",
                where=f"{where}, POINT:LABELS",
                expected="each label once",
            )
        found.setdefault(subject, {})[marker] = point
    if len(found) > 1 and "" in found:
        left_out.extend(found.pop(""))
    if not found:
        raise FileFormatError(
            f"no point with a label among {len(labels):,}", where=f"{where}, POINT:LABELS", expected="names of markers"
        )
    return found, left_out


def choose_markers(
    subjects: Mapping[str, Mapping[str, int]], wanted: SkeletonSpec | None, where: str
) -> tuple[SkeletonSpec, dict[str, Columns], list[str]]:
    """Find the joint convention of the markers and, for each person, the point of each of its joints.

    Args:
        subjects: Person to label to point, as from `by_subject`.
        wanted: A convention the caller asked for: its joints are picked by name. None: the registered convention that
            has exactly these labels, or the registered marker set whose labels are all there; else one made of the
            labels themselves.
        where: The file, for messages.

    Returns:
        The convention; person to points, None where a person lacks a marker that another has; the labels left out.

    Raises:
        SkeletonError: If nobody has some joint of `wanted`.
        FileFormatError: If the persons have different labels and `wanted` is None.

    Example:
        >>> spec, points, _ = choose_markers({"": {"Hips": 1, "LeftUpLeg": 0}}, None, "walk.c3d")
        >>> spec.joints, points
        (('Hips', 'LeftUpLeg'), {'': (1, 0)})
    """
    folded = {person: {label.casefold(): point for label, point in found.items()} for person, found in subjects.items()}
    first = next(iter(subjects.values()))
    if wanted is None:
        _check_same_markers(subjects, where)
        wanted = registered(list(first)) or custom(list(first))
    names = _names(wanted, set().union(*folded.values()))
    columns = {person: tuple(found.get(name) for name in names) for person, found in folded.items()}
    missing = [
        wanted.joints[joint]
        for joint, points in enumerate(zip(*columns.values(), strict=True))
        if all(point is None for point in points)
    ]
    if missing:
        raise SkeletonError(
            f"the joints {', '.join(missing[:6])} of {wanted.id!r} are not among the labels, which are "
            f"{', '.join(list(first)[:6])}, ...",
            where=where,
            expected=f"all {wanted.num_joints} joints by name",
            remedy=f"read without skeleton=, then convert(sequence, {wanted.id!r})",
        )
    chosen = {person: points for person, points in columns.items() if any(point is not None for point in points)}
    used = {person: {point for point in points if point is not None} for person, points in chosen.items()}
    left_out = [
        f"{person}:{label}" if person else label
        for person, found in subjects.items()
        for label, point in found.items()
        if point not in used.get(person, ())
    ]
    return wanted, chosen, left_out


def _check_same_markers(subjects: Mapping[str, Mapping[str, int]], where: str) -> None:
    first, *_ = subjects
    for person, found in subjects.items():
        other = sorted(set(found) ^ set(subjects[first]))
        if other:
            raise FileFormatError(
                f"the persons have different markers: {person!r:.40} and {first!r:.40} differ in "
                f"{', '.join(other[:6])}",
                where=where,
                expected="the same labels for all",
                remedy="skeleton=, whose joints are then picked by name",
            )


def registered(labels: Sequence[str]) -> SkeletonSpec | None:
    """Return the registered convention of these labels, in any order, or None.

    Exactly these labels; or all labels of a marker set among others, for example those of joint centres that a program
    computed from the markers. Conventions that the user registered come first.

    Example:
        >>> registered(["lasi"]) is None
        True
    """
    have = {label.casefold() for label in labels}
    specs = [get_skeleton(name) for name in reversed(list_skeletons(dims=3))]
    for spec in specs:
        if {name.casefold() for name in _names(spec, have)} == have:
            return spec
    sets = [spec for spec in specs if all(name is not None and name.endswith("_marker") for name in spec.anatomy)]
    complete = [spec for spec in sets if {name.casefold() for name in _names(spec, have)} <= have]
    return max(complete, key=lambda spec: spec.num_joints, default=None)


def custom(labels: Sequence[str]) -> SkeletonSpec:
    """Return a convention made of the labels, whose name tells it from those of other labels."""
    digest = sha256("\n".join(labels).encode()).hexdigest()
    return SkeletonSpec.from_names(f"markers_{len(labels)}_{digest[:8]}", labels)


def _names(spec: SkeletonSpec, have: set[str]) -> list[str]:
    """Return the producer's names of the joints, or the joints' own, whichever are among the labels; lower case."""
    sources = [name.casefold() for name in spec.source_names]
    return sources if sources and set(sources) <= have else [name.casefold() for name in spec.joints]
