"""The anatomical vocabulary: where every named joint sits on a person at rest, and what it moves with.

Joint conventions meet here. A joint called `left_knee` is the same place in all of them, so hips and shoulders are
found, sides are flipped and conventions are converted by name, never by index.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from msclr.errors import UnknownJointError
from msclr.skeletons.anatomy_points import CENTRE, HAND, HAND_AXES, LEFT, UNSIDED_HAND, Position
from msclr.skeletons.anatomy_relations import SEGMENT_BONES, VIRTUAL_POINTS

__all__ = [
    "PARTS",
    "SEGMENTS",
    "SEGMENT_BONES",
    "VIRTUAL_POINTS",
    "AnatomicalPoint",
    "mirror",
    "point",
    "vocabulary",
]

PARTS: tuple[str, ...] = ("trunk", "head", "left_arm", "right_arm", "left_leg", "right_leg")
SEGMENTS: tuple[str, ...] = tuple(SEGMENT_BONES)

_LIMB_OF_SEGMENT = {"upper_arm": "arm", "forearm": "arm", "hand": "arm", "thigh": "leg", "shank": "leg", "foot": "leg"}
# These move with the trunk, yet belong to the limb that starts there.
_LIMB_OF_ROOT = {"shoulder": "arm", "hip": "leg"}


@dataclass(frozen=True, slots=True)
class AnatomicalPoint:
    """One named place on the body, with its position on a person at rest.

    Attributes:
        name: Name in the vocabulary, for example `left_knee`.
        position: Rest position in metres: +y up, facing +z, the person's left at +x, the origin between the hips.
        side: `left`, `right` or `centre`. Joints of single-hand conventions (`wrist`, `index_tip`) bear no side and
            count as `centre`, though they are placed on the right hand.
        part: One of `PARTS`; shoulders belong to the arms, hips to the legs, clavicles and the neck to the trunk.
        segment: The rigid segment that the point moves with, one of `SEGMENTS`. A joint centre moves with the segment
            that it ends, the knee with the thigh.
    """

    name: str
    position: tuple[float, float, float]
    side: str
    part: str
    segment: str


def vocabulary() -> Mapping[str, AnatomicalPoint]:
    """List every point of the vocabulary by name.

    Returns:
        A read-only mapping, the same object on every call.

    Example:
        >>> vocabulary()["left_knee"].part
        'left_leg'
    """
    return _vocabulary()


def point(name: str) -> AnatomicalPoint:
    """Look one point of the vocabulary up.

    Args:
        name: Its name, for example `left_knee`.

    Returns:
        The point.

    Raises:
        UnknownJointError: If the vocabulary has no such name; the message proposes the three nearest.

    Example:
        >>> point("head_top").position
        (0.0, 0.8, 0.01)
    """
    found = _vocabulary().get(name) if isinstance(name, str) else None
    if found is None:
        import difflib

        nearest = difflib.get_close_matches(str(name)[:64].lower(), _vocabulary(), n=3, cutoff=0.0)
        raise UnknownJointError(
            f"{str(name)[:64]!r} is not an anatomical point",
            expected="a name of msclr.skeletons.anatomy.vocabulary()",
            remedy=f"the nearest names are {', '.join(nearest)}",
        )
    return found


def mirror(name: str) -> str:
    """Name the same joint on the other side of the body.

    Args:
        name: A joint name; it need not be in the vocabulary.

    Returns:
        The name with `left_` and `right_` exchanged, or the name itself where it begins with neither.

    Example:
        >>> mirror("left_knee"), mirror("nose")
        ('right_knee', 'nose')
    """
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    if name.startswith("right_"):
        return "left_" + name.removeprefix("right_")
    return name


@functools.cache
def _vocabulary() -> Mapping[str, AnatomicalPoint]:
    points = [
        AnatomicalPoint(name, position, "centre", _part(name, segment), segment)
        for segment, table in CENTRE.items()
        for name, position in table.items()
    ]
    for name, position, segment in _left_points():
        other = (-position[0], position[1], position[2])
        points.append(AnatomicalPoint(name, position, "left", _part(name, segment), segment))
        points.append(
            AnatomicalPoint(mirror(name), other, "right", _part(mirror(name), mirror(segment)), mirror(segment))
        )
    table = {entry.name: entry for entry in points}
    for name in UNSIDED_HAND:
        twin = table["right_hand_root" if name == "wrist" else f"right_{name}"]
        table[name] = AnatomicalPoint(name, twin.position, "centre", twin.part, "right_hand")
    return MappingProxyType(table)


def _left_points() -> list[tuple[str, Position, str]]:
    points = [(f"left_{name}", place, segment) for segment, table in LEFT.items() for name, place in table.items()]
    wrist = LEFT["left_forearm"]["wrist"]
    points.extend((f"left_{name}", _on_hand(wrist, place), "left_hand") for name, place in HAND.items())
    return points


def _on_hand(wrist: Position, place: Position) -> Position:
    x, y, z = (
        round(wrist[axis] + sum(place[k] * HAND_AXES[k][axis] for k in range(3)), 4) for axis in range(3)
    )  # wrist + place @ HAND_AXES
    return x, y, z


def _part(name: str, segment: str) -> str:
    side, _, rest = segment.partition("_")
    if side in ("left", "right"):
        return f"{side}_{_LIMB_OF_SEGMENT[rest]}"
    side, _, rest = name.partition("_")
    for stem, limb in _LIMB_OF_ROOT.items():
        if side in ("left", "right") and rest.startswith(stem):
            return f"{side}_{limb}"
    return "head" if segment == "head" else "trunk"
