"""Remember what has been computed for a convention, in bounded memory however many and large the conventions are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import ParamSpec, TypeVar

from msclr.skeletons.spec import SkeletonSpec

P = ParamSpec("P")
R = TypeVar("R")

# What is remembered has up to three float32 matrices of joints by joints for each convention: 24 MB for each function.
# It is room for 2,000 conventions of 32 joints, or two of 1,000.
MOST = 2**21


def cached_by_joints(function: Callable[P, R]) -> Callable[P, R]:
    """Remember results by their arguments, as many of the latest as fit; each counts by its joints, squared.

    Args:
        function: Of hashable arguments, `SkeletonSpec`s among them; called twice at worst when threads meet.

    Example:
        >>> from msclr import get_skeleton
        >>> calls = []
        >>> count = cached_by_joints(lambda spec: calls.append(spec.id) or spec.num_joints)
        >>> count(get_skeleton("coco_17")), count(get_skeleton("coco_17")), calls
        (17, 17, ['coco_17'])
    """
    kept: OrderedDict[tuple[object, ...], tuple[R, int]] = OrderedDict()
    total, lock = 0, Lock()

    @wraps(function)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> R:
        nonlocal total
        key = (args, tuple(sorted(kwargs.items())))
        with lock:
            found = kept.get(key)
            if found is not None:
                kept.move_to_end(key)
                return found[0]
        result = function(*args, **kwargs)
        room = sum(spec.num_joints for spec in (*args, *kwargs.values()) if isinstance(spec, SkeletonSpec)) ** 2
        with lock:
            if key not in kept:
                kept[key] = result, room
                total += room
            while total > MOST and len(kept) > 1:
                total -= kept.popitem(last=False)[1][1]
        return result

    return remembered
