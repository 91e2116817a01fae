"""Make a joint convention from the description of a data set in MMPose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msclr.errors import SkeletonError
from msclr.skeletons.checks import check_known, check_names
from msclr.skeletons.names import resolve_names, tree_from_anatomy
from msclr.skeletons.spec import SkeletonSpec


def from_mmpose_meta(meta: Mapping[str, object], **fields: object) -> SkeletonSpec:
    """Build a convention from the `dataset_info` of an MMPose configuration, or the `meta_info` of its predictions.

    Left and right come from `swap` (or `flip_pairs`). The tree is the anatomical one of the joint names; bones of
    `skeleton_info` outside it become `extra_edges`, because those of MMPose often close loops.

    Args:
        meta: `dataset_name` with `keypoint_info` and `skeleton_info`, or with `keypoint_id2name` and `skeleton_links`.
        **fields: Further fields of SkeletonSpec; 2D, in pixels, y down if not given.

    Raises:
        SkeletonError: If joints are missing, numbered with gaps, or unknown to bones and pairs.

    Example:
        >>> info = {0: {"name": "nose", "swap": ""}, 1: {"name": "left_eye", "swap": "right_eye"},
        ...         2: {"name": "right_eye", "swap": "left_eye"}}
        >>> spec = from_mmpose_meta({"dataset_name": "mini", "keypoint_info": info,
        ...                          "skeleton_info": {0: {"link": ("left_eye", "nose")}}})
        >>> spec.joints, spec.parents, spec.pairs
        (('nose', 'left_eye', 'right_eye'), (-1, 0, 0), (('left_eye', 'right_eye'),))
    """
    id = str(meta.get("dataset_name", "mmpose"))
    where = f"MMPose data set {id!r:.80}"
    if "keypoint_info" in meta:
        entries = _numbered(meta["keypoint_info"], where, "keypoint_info")
        names = check_names([_field(entry, "name", where) for entry in entries], where)
        swaps = [str(_field(entry, "swap", where, "")) for entry in entries]
        pairs = [(name, swap) for name, swap in zip(names, swaps, strict=True) if swap]
        links = [_field(entry, "link", where) for entry in _numbered(meta.get("skeleton_info", {}), where, "bones")]
    else:
        names = check_names(_numbered(meta.get("keypoint_id2name"), where, "keypoint_id2name"), where)
        pairs = _named_pairs(meta.get("flip_pairs", ()), names, where)
        links = list(_named_pairs(meta.get("skeleton_links", ()), names, where))
    check_known(names, (name for pair in pairs for name in pair), "swap", where)
    anatomy = [guess.name for guess in resolve_names(names)]
    parents = tree_from_anatomy(anatomy)
    tree = {frozenset((names[child], names[parent])) for child, parent in enumerate(parents) if parent >= 0}
    bones = [tuple(map(str, link)) for link in links if isinstance(link, Sequence)]
    given: dict[str, object] = {"dims": 2, "unit": "px", "up": "-y"}
    if fields.get("dims", 2) == 3:
        given = {"unit": "unknown", "up": "+z"}
    given |= {"anatomy": anatomy, "extra_edges": [bone for bone in bones if frozenset(bone) not in tree]}
    return SkeletonSpec(id, names, parents, pairs=_once(pairs, anatomy, names), **(given | fields))  # type: ignore[arg-type]  # checked by SkeletonSpec


def _numbered(value: object, where: str, field: str) -> list[object]:
    """Return the values of a mapping from 0, 1, 2, ... (as numbers or, from JSON, as text) in this order."""
    if isinstance(value, Mapping):
        try:
            numbered = {int(key): entry for key, entry in value.items()}
        except (TypeError, ValueError):
            numbered = {}
        if len(numbered) == len(value) and sorted(numbered) == list(range(len(value))):
            return [numbered[number] for number in range(len(value))]
    raise SkeletonError(f"{field} is not numbered from 0", where=where, expected="{0: ..., 1: ..., ...} without gaps")


def _field(entry: object, name: str, where: str, default: object = None) -> object:
    if not isinstance(entry, Mapping) or (default is None and name not in entry):
        raise SkeletonError(f"an entry without {name!r}: {entry!r:.60}", where=where, expected=f"{{{name!r}: ...}}")
    return entry.get(name, default)


def _named_pairs(value: object, names: Sequence[str], where: str) -> list[tuple[str, str]]:
    """Return pairs of names, or of joint numbers, as pairs of names."""
    pairs: list[tuple[str, str]] = []
    for pair in value if isinstance(value, Sequence) else ():
        ends = list(pair) if isinstance(pair, Sequence) and not isinstance(pair, str) else []
        named = [names[end] if type(end) is int and 0 <= end < len(names) else end for end in ends]
        if len(named) != 2 or not all(isinstance(end, str) for end in named):
            raise SkeletonError(f"the pair {pair!r:.60}", where=where, expected="two joints, by name or number")
        pairs.append((str(named[0]), str(named[1])))
    return pairs


def _once(
    pairs: Sequence[tuple[str, str]], anatomy: Sequence[str | None], names: Sequence[str]
) -> list[tuple[str, str]]:
    """Return each pair once, the left joint first."""
    side = {name: (point or name).lower() for name, point in zip(names, anatomy, strict=True)}
    chosen: dict[frozenset[str], tuple[str, str]] = {}
    for first, second in pairs:
        turned = side[first].startswith("r") and not side[second].startswith("r")
        chosen.setdefault(frozenset((first, second)), (second, first) if turned else (first, second))
    return list(chosen.values())
