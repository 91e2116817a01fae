"""Checks at the door: arrays of any origin become float32 `p t j c`, or an error that says what is wrong."""

from __future__ import annotations

import sys
import warnings
from typing import TypeAlias, cast, get_args

import numpy as np
import numpy.typing as npt
from einops import rearrange

from msclr.errors import PoseError, PoseTypeError
from msclr.skeletons.registry import list_skeletons
from msclr.skeletons.spec import METRES_PER_UNIT, SkeletonSpec, Unit, UpAxis

Array: TypeAlias = npt.NDArray[np.generic]
FloatArray: TypeAlias = npt.NDArray[np.float32]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

MAXIMUM_COORDINATE = 1e8
MAXIMUM_AXES = 8
ZERO_WARNING_SHARE = 0.05
CONFIDENCE_SLACK = 1.1


def to_numpy(array: object, source: str | None) -> FloatArray:
    """Return any array-like as a fresh float32 array, NaN where a masked array is masked."""
    if isinstance(array, list | tuple):
        _check_ragged(array, source)
    mask = np.ma.getmaskarray(array) if isinstance(array, np.ma.MaskedArray) else None
    try:
        values = np.asarray(_from_tensor(array) if hasattr(array, "detach") else array)
    except (TypeError, ValueError, RuntimeError) as error:
        raise PoseTypeError(f"a {type(array).__name__} that is no array: {error}", where=source) from error
    if values.dtype.kind not in "fiub":
        raise PoseTypeError(f"an array of dtype {values.dtype}", where=source, expected="real numbers")
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.array(values, dtype=np.float32)
    if mask is not None:
        values[mask] = np.nan
    return values


def _from_tensor(tensor: object) -> object:
    """Bring a torch tensor to the CPU, in a dtype that numpy has."""
    here = tensor.detach().cpu()  # type: ignore[attr-defined]  # known by its detach, so that torch need not be imported
    return here.float() if str(here.dtype) == "torch.bfloat16" else here


def _check_ragged(array: list[object] | tuple[object, ...], source: str | None) -> None:
    try:
        np.asarray(array, dtype=np.float32)
    except (ValueError, TypeError, OverflowError):
        where, bad = _first_ragged(array, ())
        place = "".join(f"[{index}]" for index in where)
        raise PoseError(
            f"nested lists that are no array: {bad} at {place}", where=source, expected="equal lengths"
        ) from None


def _first_ragged(array: object, path: tuple[int, ...]) -> tuple[tuple[int, ...], str]:
    if not isinstance(array, list | tuple) or len(path) > MAXIMUM_AXES:
        return path, f"{array!r:.40}" if len(path) <= MAXIMUM_AXES else "no end"
    lengths = [len(item) if isinstance(item, list | tuple) else -1 for item in array]
    for index, length in enumerate(lengths):
        if length != lengths[0]:
            found = f"length {length}" if length >= 0 else "a number"
            return (*path, index), f"{found} after length {lengths[0]}"
    for index, item in enumerate(array):
        if isinstance(item, list | tuple):
            try:
                np.asarray(item, dtype=np.float32)
            except (ValueError, TypeError, OverflowError):
                return _first_ragged(item, (*path, index))
        elif not isinstance(item, int | float) or abs(item) > sys.float_info.max:
            return (*path, index), f"{item!r:.40}"
    shapes = [np.shape(item) for item in array]
    index = next((index for index, shape in enumerate(shapes) if shape != shapes[0]), 0)
    return (*path, index), f"shape {shapes[index]} after shape {shapes[0]}"


def floats(array: object, source: str | None) -> FloatArray:
    """Return an array as float32: itself if it is that already."""
    if isinstance(array, np.ndarray) and array.dtype == np.float32:
        return array
    return to_numpy(array, source)


def mask(array: object, source: str | None) -> BoolArray:
    """Return an array as a mask, true above 0: itself if it is one already."""
    if isinstance(array, np.ndarray) and array.dtype == np.bool_:
        return array
    return to_numpy(array, source) > 0


def without_gaps(
    positions: FloatArray, valid: BoolArray, spec: SkeletonSpec, source: str | None
) -> tuple[FloatArray, BoolArray]:
    """Return positions and mask in which NaN is unknown, and 0 what is unknown: as they came if that is so already."""
    finite = not positions.size or bool(np.isfinite(positions.min()) and np.isfinite(positions.max()))
    known = valid if finite else valid & finite_joints(positions, spec, source)
    if finite and (known.all() or not positions[~known].any()):
        return positions, valid
    return np.where(known[..., None], positions, np.float32(0)), known


def axis_order(values: FloatArray, layout: str | None, spec: SkeletonSpec, source: str | None) -> str:
    """Return the layout as letters of n, p, t, j, c in the order of the array's axes, checked against the array."""
    if layout is None:
        layout = {3: "t j c", 4: "p t j c"}.get(values.ndim, "")
        if not layout:
            raise PoseError(
                f"an array of shape {values.shape}",
                where=source,
                expected="3 axes (t j c) or 4 (p t j c)",
                remedy="name the axes, for example layout='n c t v m'",
            )
    order = str(layout).replace(" ", "").replace("m", "p").replace("v", "j")
    if len(set(order)) != len(order) or not set("tjc") <= set(order) <= set("nptjc"):
        raise PoseError(
            f"layout={layout!r}", where=source, expected="each of t, j, c once, and p or n at most once (m = p, v = j)"
        )
    if len(order) != values.ndim:
        raise PoseError(f"shape {values.shape} for layout={layout!r}", where=source, expected=f"{len(order)} axes")
    size = dict(zip(order, values.shape, strict=True))
    if size.get("n", 1) != 1:
        raise PoseError(
            f"{size['n']} clips in one array of shape {values.shape}",
            where=source,
            remedy="make one PoseSequence of each",
        )
    if size["j"] != spec.num_joints:
        raise wrong_joint_count(size["j"], spec, source, values.shape, layout)
    if size["c"] not in (2, 3):
        raise PoseError(
            f"{size['c']} coordinates in shape {values.shape} with layout={layout!r}",
            where=source,
            expected="2 or 3 coordinates",
            remedy="pass scores as confidence=, and the order of the axes as layout=",
        )
    return order


def check_dims(dims: int, spec: SkeletonSpec, unit: str | None, source: str | None) -> None:
    """Refuse 2D data for a skeleton in metres, and 3D data, or 2D with a score, for one in pixels."""
    if dims == 2 and spec.dims == 3 and spec.unit in METRES_PER_UNIT:
        raise PoseError(
            f"2D coordinates for the 3D skeleton {spec.id!r} in {spec.unit}",
            where=source,
            expected="3 coordinates",
            remedy=f"get_skeleton({spec.id!r}).replace(dims=2, unit='px', up='-y') for its 2D projection",
        )
    if dims == 3 and spec.dims == 2 and (unit or spec.unit) == "px":
        raise PoseError(
            f"3 values per joint for the 2D skeleton {spec.id!r} in px",
            where=source,
            expected="2 coordinates",
            remedy="pass scores as confidence=, or the unit of 3D coordinates as unit=",
        )


def wrong_joint_count(
    found: int,
    spec: SkeletonSpec,
    source: str | None,
    shape: tuple[int, ...] | None = None,
    layout: str | None = None,
) -> PoseError:
    """Return the error for an array with another number of joints than its skeleton."""
    fitting = list_skeletons(joints=found)
    seen = f" in shape {shape} with layout={layout!r}" if shape else ""
    others = (
        f"skeletons with {found} joints: {', '.join(fitting[:6])}" if fitting else "no known skeleton has that many"
    )
    return PoseError(
        f"{found} joints{seen}",
        where=source,
        expected=f"the {spec.num_joints} joints of {spec.id!r}",
        remedy=f"another skeleton= ({others}) or the order of the axes as layout=",
    )


def arrange(values: FloatArray, order: str, source: str | None) -> FloatArray:
    """Bring an array whose axes have the letters of `order` to `p t j c` (or `p t j`)."""
    if values.ndim != len(order):
        raise PoseError(f"shape {values.shape}", where=source, expected=f"axes {' '.join(order)}")
    target = "p t j c" if "c" in order else "p t j"
    if "p" not in order:
        target = target.replace("p", "1")
    pattern = " ".join("1" if letter == "n" else letter for letter in order)
    return np.ascontiguousarray(rearrange(values, f"{pattern} -> {target}"))


def finite_joints(positions: FloatArray, spec: SkeletonSpec, source: str | None) -> BoolArray:
    """Return which joints [p, t, j] have no NaN; refuse infinite and absurdly large coordinates."""
    extremes = (ufunc.reduce(positions, axis=None, initial=0.0) for ufunc in (np.fmin, np.fmax))  # NaN does not count
    if any(abs(float(each)) > MAXIMUM_COORDINATE for each in extremes):
        with np.errstate(invalid="ignore"):
            absurd = np.abs(positions) > MAXIMUM_COORDINATE
        person, frame, joint, axis = (int(index) for index in np.argwhere(absurd)[0])
        raise PoseError(
            f"coordinate {'xyz'[axis]} is {positions[person, frame, joint, axis]}",
            where=place(source, frame, person, spec.joints[joint]),
            expected=f"a finite number below {MAXIMUM_COORDINATE:g}",
            remedy="mark missing joints with NaN or through valid=",
        )
    return cast(BoolArray, ~np.isnan(positions).any(axis=-1))


def zero_joints(positions: FloatArray, known: BoolArray, *, zeros_are_missing: bool, source: str | None) -> BoolArray:
    """Return which known joints are to be dropped for being exactly zero; warn when many are zero and kept."""
    zero = (positions == 0).all(axis=-1) & known
    if zeros_are_missing:
        return cast(BoolArray, zero)
    share = float(zero.mean()) if zero.size else 0.0
    if share > ZERO_WARNING_SHARE and not _is_origin(zero, known):
        warnings.warn(
            f"{source or 'array'}: {100 * share:.0f} % of the joints are exactly zero; if zero marks a missing joint, "
            "pass zeros_are_missing=True",
            stacklevel=3,
        )
    return np.zeros_like(known)


def _is_origin(zero: BoolArray, known: BoolArray) -> bool:
    """Tell whether only one joint is zero, and always: the joint that the coordinates are relative to."""
    return int(zero.any(axis=(0, 1)).sum()) == 1 and bool((zero.any(axis=2) | ~known.any(axis=2)).all())


def check_confidence(scores: FloatArray, shape: tuple[int, ...], source: str | None) -> FloatArray:
    """Return confidences in [0, 1], NaN as 0; clip small overshoots with a warning, refuse the rest."""
    check_same_shape("confidence", scores.shape, shape, source)
    if not scores.size or (scores.min() >= 0 and scores.max() <= 1):
        return scores
    scores = np.nan_to_num(scores, nan=0.0, posinf=np.inf, neginf=-np.inf)
    if scores.min() < 0 or scores.max() > CONFIDENCE_SLACK:
        raise PoseError(
            f"confidences from {scores.min():g} to {scores.max():g}", where=source, expected="values from 0 to 1"
        )
    if scores.max() > 1:
        warnings.warn(f"{source or 'array'}: confidences up to {scores.max():g} are clipped to 1", stacklevel=3)
    return np.clip(scores, 0, 1)


def check_same_shape(name: str, found: tuple[int, ...], expected: tuple[int, ...], source: str | None) -> None:
    """Refuse an array of persons, frames and joints that differs in shape from the positions."""
    if found != expected:
        raise PoseError(f"{name} of shape {found} (p t j)", where=source, expected=f"{expected}, as the positions")


def check_unit(unit: str | None, spec: SkeletonSpec, source: str | None) -> Unit:
    """Return the unit, by default the skeleton's."""
    if unit is None:
        return spec.unit
    if unit not in get_args(Unit):
        raise PoseError(f"unit={unit!r}", where=source, expected="one of " + ", ".join(get_args(Unit)))
    return cast(Unit, unit)


def check_up(up: str | None, spec: SkeletonSpec, source: str | None) -> UpAxis:
    """Return the upward axis, by default the skeleton's."""
    if up is None:
        return spec.up
    if up not in get_args(UpAxis):
        raise PoseError(f"up={up!r}", where=source, expected="one of " + ", ".join(get_args(UpAxis)))
    return cast(UpAxis, up)


def place(source: str | None, frame: int, person: int, joint: str | None = None) -> str:
    """Name a place in a recording for an error message."""
    where = f"frame {frame}, person {person}" + (f", joint {joint!r}" if joint is not None else "")
    return f"{source}, {where}" if source else where
