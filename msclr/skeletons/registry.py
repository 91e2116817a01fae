"""The conventions msclr knows by name: 68 that ship with it and those you register."""

from __future__ import annotations

import json
import threading
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from msclr.errors import SkeletonError, UnknownSkeletonError
from msclr.skeletons.spec import SkeletonSpec

_registered: dict[str, SkeletonSpec] = {}
_lock = threading.RLock()


def get_skeleton(skeleton: str | SkeletonSpec) -> SkeletonSpec:
    """Look up a joint convention by id or alias.

    Args:
        skeleton: An id ("coco_17") or an alias ("ntu-rgb+d"), in any case and with "-" for "_"; or a SkeletonSpec,
            which is returned.

    Raises:
        UnknownSkeletonError: If nothing bears that name; the message lists the nearest names.

    Example:
        >>> get_skeleton("NTU-RGB+D").id
        'kinect_v2_25'
    """
    if isinstance(skeleton, SkeletonSpec):
        return skeleton
    key = _normalise(skeleton)
    found = _find(key)
    if found is not None:
        return found
    near = get_close_matches(key[:64], [*_builtin_ids(), *_registered], n=3, cutoff=0.3)
    raise UnknownSkeletonError(
        f"no skeleton is called {skeleton!r:.80}",
        expected="one of " + ", ".join(near) if near else "an id that list_skeletons() lists",
        remedy="list_skeletons() shows all; SkeletonSpec.from_names(...) builds your own",
    )


def list_skeletons(pattern: str = "*", *, dims: int | None = None, joints: int | None = None) -> tuple[str, ...]:
    """List the ids of the known joint conventions.

    Args:
        pattern: Shell-style pattern for ids and aliases, for example "openpose*".
        dims: Only conventions of 2 or 3 dimensions.
        joints: Only conventions with this number of joints.

    Returns:
        Ids, in registration order, built-in ones first.

    Example:
        >>> list_skeletons("mediapipe*")
        ('mediapipe_pose_33', 'mediapipe_hand_21')
        >>> list_skeletons(joints=25, dims=2)
        ('openpose_body25_25', 'openpose_body25b_25')
    """
    with _lock:
        names = [*_data(), *_registered]
    specs = {spec.id: spec for spec in map(get_skeleton, names)}.values()
    return tuple(
        spec.id
        for spec in specs
        if any(fnmatchcase(key, _normalise(pattern)) for key in _keys(spec.id, spec.aliases))
        and dims in (None, spec.dims)
        and joints in (None, spec.num_joints)
    )


def builtin_skeletons() -> tuple[SkeletonSpec, ...]:
    """Return the conventions that ship with msclr, in their order, whatever was registered beside or over them.

    Example:
        >>> len(builtin_skeletons())
        68
    """
    return tuple(map(_builtin, _data()))


def registered_skeletons() -> tuple[SkeletonSpec, ...]:
    """Return the conventions that were registered beside the built-in ones, in the order in which they were.

    Example:
        >>> "coco_17" in [spec.id for spec in registered_skeletons()]
        False
    """
    with _lock:
        return tuple(_registered.values())


def register_skeleton(spec: SkeletonSpec, *, replace: bool = False) -> SkeletonSpec:
    """Make your own joint convention known by its id and aliases.

    Args:
        spec: The convention.
        replace: Let it take the place of a different one of the same id or alias.

    Returns:
        The convention itself.

    Raises:
        SkeletonError: If a different convention has that id or alias already and `replace` is False.

    Example:
        >>> mine = SkeletonSpec("my_leg", ("left_hip", "left_knee", "left_ankle"), (-1, 0, 1))
        >>> register_skeleton(mine) is get_skeleton("my_leg")
        True
    """
    given: object = spec
    if not isinstance(given, SkeletonSpec):
        raise SkeletonError(f"{given!r:.60} of type {type(given).__name__}", expected="a SkeletonSpec")
    with _lock:
        for key in sorted(_keys(spec.id, spec.aliases)):
            known = _find(key)
            if known is not None and known != spec and not replace:
                raise SkeletonError(
                    f"{key!r} is already the skeleton {known.id!r} with {known.num_joints} joints",
                    where=f"skeleton {spec.id!r}",
                    expected="a new id, or the same content",
                    remedy="register_skeleton(spec, replace=True)",
                )
        _registered.pop(_normalise(spec.id), None)
        _registered[_normalise(spec.id)] = spec
    return spec


def _find(key: str) -> SkeletonSpec | None:
    with _lock:
        for spec in reversed(_registered.values()):  # the last one to claim a name has it
            if key in _keys(spec.id, spec.aliases):
                return spec
    ids = _builtin_ids()
    return _builtin(ids[key]) if key in ids else None


def _normalise(name: object) -> str:
    return unicodedata.normalize("NFC", str(name).casefold()).replace("-", "_")


def _keys(id: str, aliases: Iterable[str]) -> set[str]:
    return {_normalise(name) for name in (id, *aliases)}


@cache
def _data() -> dict[str, dict[str, object]]:
    text = files("msclr.skeletons").joinpath("builtin.json").read_text("utf-8")
    data: dict[str, dict[str, object]] = json.loads(text)
    for entry in data.values():
        entry.pop("verified")
    return data


@cache
def _builtin_ids() -> dict[str, str]:
    ids: dict[str, str] = {}
    for name, entry in _data().items():
        for key in _keys(name, entry["aliases"]):  # type: ignore[arg-type]  # our own file
            ids[key] = name
    return ids


@cache
def _builtin(name: str) -> SkeletonSpec:
    return SkeletonSpec(name, **_data()[name])  # type: ignore[arg-type]  # our own file
