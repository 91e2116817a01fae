"""Understand any producer's joint names: which anatomical point each one means, by rules that can be read.

`LeftForeArm`, `mixamorig:LeftForeArm`, `Bip01 L Forearm`, `forearm.L`, `lelb` and `ElbowLeft` are one joint.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msclr.skeletons import names_tables as tables
from msclr.skeletons.anatomy import vocabulary
from msclr.skeletons.anatomy_tree import tree_from_anatomy
from msclr.skeletons.names_context import DIALECT_KEYS, Overlay, overlay

__all__ = ["ResolvedName", "resolve_name", "resolve_names", "tree_from_anatomy"]

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_FINGER = re.compile(rf"(?:hand)?({'|'.join(sorted(tables.FINGERS, key=len, reverse=True))})([a-z]*|\d)")
# Names whose number tells joints apart; dropping it would guess.
_COUNTED = re.compile(r"(sp[a-z]*|chest|neck|toe|thu|head|han|sho)\d+")
_BIPED_FINGER = re.compile(r"finger([0-4])([12]?)(nub)?")


@dataclass(frozen=True, slots=True)
class ResolvedName:
    """What one joint name was taken to mean.

    Attributes:
        source: The name as the producer writes it.
        name: The anatomical point, or None where no rule knows the name.
        confidence: From 0 (not understood) to 1 (it is the name of the point).
        rule: Why, in words.
    """

    source: str
    name: str | None
    confidence: float
    rule: str


@dataclass(frozen=True, slots=True)
class _Parsed:
    source: str
    side: str | None
    key: str
    rule: str
    confidence: float


def resolve_name(source: str) -> ResolvedName:
    """Resolve one joint name, knowing nothing about its skeleton.

    Prefer `resolve_names`: a `LeftFoot` alone is the foot, but in a motion-capture rig it is the ankle.

    Args:
        source: Name as the producer writes it.

    Returns:
        The anatomical point with a confidence, or None as its name.

    Example:
        >>> resolve_name("mixamorig:LeftForeArm").name, resolve_name("r_wrist").name, resolve_name("tail").name
        ('left_elbow', 'right_wrist', None)
    """
    return _resolve(_parse(source), {})


def resolve_names(sources: Sequence[str]) -> tuple[ResolvedName, ...]:
    """Resolve the joint names of one skeleton together.

    Args:
        sources: All names of the skeleton, in any order.

    Returns:
        One entry per name, in order. No point is given twice: of two names for one point the surer keeps it.

    Example:
        >>> [guess.name for guess in resolve_names(["Hips", "LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand"])]
        ['pelvis', 'left_clavicle', 'left_shoulder', 'left_elbow', 'left_wrist']
    """
    parsed = [_parse(source) for source in sources]
    company = overlay(
        (entry.key for entry in parsed if entry.side), (entry.key for entry in parsed if entry.side is None)
    )
    guesses = [_resolve(entry, company) for entry in parsed]
    taken: dict[str, str] = {}
    for place in sorted(range(len(guesses)), key=lambda place: -guesses[place].confidence):
        guess = guesses[place]
        if guess.name in taken:
            alone = _resolve(parsed[place], {})
            rival = taken[guess.name]
            free = alone.name is not None and alone.name not in taken and alone.name != guess.name
            guess = alone if free else ResolvedName(guess.source, None, 0.0, f"{guess.name} is {rival!r} already")
            guesses[place] = guess
        if guess.name is not None:
            taken[guess.name] = guess.source
    return tuple(guesses)


def _resolve(entry: _Parsed, company: Overlay) -> ResolvedName:
    spoken = f"{entry.rule}: {entry.side} {entry.key}" if entry.side else f"{entry.rule}: {entry.key}"
    if entry.key in company:
        base, reason = company[entry.key]
        if not base:
            return ResolvedName(entry.source, None, 0.0, reason)
        name = f"{entry.side}_{base}" if entry.side else base
        if entry.side is None and name == "head_marker":
            name = "head_front_marker"
        if name in vocabulary():
            return ResolvedName(entry.source, name, 0.95, reason)
    found = _look_up(entry.side, entry.key)
    if found is None:
        return ResolvedName(entry.source, None, 0.0, "no rule knows this name")
    if entry.source == found:
        return ResolvedName(entry.source, found, 1.0, "exact")
    return ResolvedName(entry.source, found, entry.confidence, spoken)


def _parse(source: str) -> _Parsed:
    text = re.split(r"[:|]", source.strip())[-1][:128]
    label = _plug_in_gait(text)
    if label is not None:
        side, _, rest = label.rpartition(" ")
        return _Parsed(source, side or None, rest.replace("_", ""), "Plug-in Gait label", 0.9)
    words = [word.lower() for word in _WORDS.findall(text)]
    if tables.HELPERS.intersection(words):
        return _Parsed(source, None, "", "helper", 0.0)
    hand, words, rule = _take_side(words)
    bare = _drop_leading(words)
    if hand is None:
        hand, bare, rule = _take_side(bare)
    trimmed = _drop_trailing(bare)
    for candidate, confidence in ((words, 0.95), (bare, 0.95), (trimmed, 0.9)):
        for key in (_key(candidate), _key(_drop_leading(candidate))):
            if _look_up(hand, key) is not None:
                return _Parsed(source, hand, key, rule, confidence)
    return _parse_loosely(source, hand, _key(trimmed), rule)


def _parse_loosely(source: str, side: str | None, key: str, rule: str) -> _Parsed:
    dataset = next((name for name in tables.DATASETS if key.endswith(name) and key != name), "")
    key = key.removesuffix(dataset)
    known = _look_up(side, key) is not None
    glued = _unglue(key) if side is None and not known else None
    if glued is not None:
        return _Parsed(source, glued[0], glued[1], "side letter joined to the name", 0.85)
    short = key.rstrip("0123456789")
    if not known and key not in DIALECT_KEYS and not _COUNTED.fullmatch(key) and _look_up(side, short) is not None:
        return _Parsed(source, side, short, "number left out", 0.6)
    return _Parsed(source, side, key, rule, 0.85)


def _plug_in_gait(text: str) -> str | None:
    if text in tables.PLUG_IN_GAIT_CENTRE:
        return tables.PLUG_IN_GAIT_CENTRE[text]
    rest = tables.PLUG_IN_GAIT.get(text[1:])
    return None if rest is None or text[0] not in "LR" else f"{tables.SIDES[text[0].lower()]} {rest}"


def _drop_leading(words: list[str]) -> list[str]:
    kept = list(words)
    while kept and (kept[0] in tables.LEADING or (kept[0].isdigit() and len(kept) < len(words))):
        kept = kept[1:]
        if words[0] == "cc" and kept[:1] == ["base"]:
            kept = kept[1:]
    return kept or (["biped", "root"] if words[:1] == ["bip"] else list(words))


def _drop_trailing(words: list[str]) -> list[str]:
    kept = list(words)
    while len(kept) > 1 and kept[-1] in tables.TRAILING:
        kept.pop()
    return kept


def _take_side(words: list[str]) -> tuple[str | None, list[str], str]:
    places = [place for place, word in enumerate(words) if word in tables.SIDES]
    if len(places) != 1 or all(word in tables.SIDES or word.isdigit() for word in words):
        return None, words, "name"
    place = places[0]
    return tables.SIDES[words[place]], words[:place] + words[place + 1 :], f"side {words[place]!r} + name"


def _key(words: list[str]) -> str:
    if words[:1] == ["c"] and len(words) > 1 and not words[1].isdigit():
        words = words[1:]
    finger = words[:1] == ["finger"]
    return "".join(str(int(word)) if word.isdigit() and not finger else word for word in words)


def _unglue(key: str) -> tuple[str, str] | None:
    for word in ("left", "right", "l", "r"):
        rest = key.removeprefix(word)
        if rest != key and rest and (_look_up(tables.SIDES[word], rest) is not None or rest in DIALECT_KEYS):
            return tables.SIDES[word], rest
    for word in ("left", "right"):
        rest = key.removesuffix(word)
        if rest != key and rest and _look_up(tables.SIDES[word], rest) is not None:
            return tables.SIDES[word], rest
    return None


def _look_up(side: str | None, key: str) -> str | None:
    found = _names().get((side, key))
    if found is not None:
        return found
    finger = _finger(key)
    if finger is not None:
        name = finger if side is None else f"{side}_{finger}"
        return name if name in vocabulary() else None
    face = re.fullmatch(r"face(\d{1,2})", key)
    if side is None and face is not None and int(face.group(1)) < len(tables.FACE_68):
        return tables.FACE_68[int(face.group(1))]
    return None


def _finger(key: str) -> str | None:
    biped = _BIPED_FINGER.fullmatch(key)
    if biped is not None:
        finger = tables.BIPED_FINGERS[int(biped.group(1))]
        number = "end" if biped.group(3) else str(int(biped.group(2) or 0) + 1)
    else:
        match = _FINGER.fullmatch(key)
        if match is None:
            return None
        finger, number = tables.FINGERS[match.group(1)], match.group(2)
    joint = (tables.THUMB_JOINTS if finger == "thumb" else tables.FINGER_JOINTS).get(number)
    return None if joint is None else f"{finger}_{joint}"


@functools.cache
def _names() -> Mapping[tuple[str | None, str], str]:
    known: dict[tuple[str | None, str], str] = {}
    for name, entry in vocabulary().items():
        if entry.side == "centre":
            known[None, name.replace("_", "")] = name
        else:
            known[entry.side, name.partition("_")[2].replace("_", "")] = name
    for key, name in tables.CENTRE_ALIASES.items():
        known.setdefault((None, key), name)
    for key, base in tables.SIDED_ALIASES.items():
        for side in ("left", "right"):
            known.setdefault((side, key), f"{side}_{base}")
    return known
