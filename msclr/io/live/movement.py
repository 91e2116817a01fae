"""Pose datasets of movement, which are xarray datasets with named axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from msclr.errors import PoseError, PoseTypeError
from msclr.io.live.common import FloatArray
from msclr.io.live.joints import find_skeleton, texts
from msclr.poses import arrays
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import SkeletonSpec

_SOURCE = "movement dataset"
_AXES = {
    "individuals": "p",
    "individual": "p",
    "time": "t",
    "keypoints": "j",
    "keypoint": "j",
    "space": "c",
}


def from_movement(
    dataset: Mapping[str, object], skeleton: str | SkeletonSpec | None = None, *, fps: float | None = None
) -> PoseSequence:
    """Take the poses in a dataset of movement.

    Args:
        dataset: An `xarray.Dataset` of poses with `position` (axes time, space, keypoints and individuals, in any
            order), perhaps `confidence`, and the attribute `fps`. The space axis has x and y, perhaps z.
        skeleton: The joint convention, picked by the names of the key points. Without it, the registered one with
            these names, or one made of them.
        fps: Frames per second, instead of the attribute's.

    Returns:
        The poses, one person for each individual. 2D is in pixels; the unit of 3D is not in the dataset, so it is
        unknown. A known position without a confidence has confidence 1; confidences over 1 become 1 and are counted in
        `meta`. A dataset without any confidences gives none.

    Raises:
        PoseTypeError: If it is no such dataset.
        PoseError: If axes or their names are not as described.
        UnknownJointError: If a joint of the skeleton is not among the key points.

    Example:
        >>> from types import SimpleNamespace as DataArray
        >>> axes = {"time": [0, 1], "space": ["x", "y"], "keypoints": ["nose", "left_eye"], "individuals": ["anna"]}
        >>> coordinates = {name: DataArray(values=values) for name, values in axes.items()}
        >>> position = DataArray(dims=tuple(axes), coords=coordinates, values=np.ones((2, 2, 2, 1)))
        >>> clip = from_movement({"position": position}, fps=30)
        >>> clip.person_ids, clip.skeleton.joints, clip.positions.shape
        (('anna',), ('nose', 'left_eye'), (1, 2, 2, 2))
    """
    if not isinstance(dataset, Mapping) or "position" not in dataset:
        raise PoseTypeError(
            f"a {type(dataset).__name__} without position", where=_SOURCE, expected="a dataset of poses"
        )
    position = dataset["position"]
    values = _ordered(position, "ptjc", "position")
    space = _coordinate(position, "c")
    if sorted(space) not in (["x", "y"], ["x", "y", "z"]) or len(space) != values.shape[3]:
        raise PoseError(f"the axes {', '.join(space)} of space", where=_SOURCE, expected="x and y, perhaps z")
    values = values[..., [space.index(axis) for axis in sorted(space)]]
    names = _coordinate(position, "j")
    spec, places = find_skeleton(names, skeleton, _SOURCE, dims=len(space))
    scores, clipped = _scores(dataset.get("confidence"), values.shape[:3])
    values, scores = values[:, :, places], None if scores is None else scores[:, :, places]
    rate = getattr(dataset, "attrs", {}).get("fps") if fps is None else fps
    flat = len(space) == 2
    return PoseSequence.from_array(
        values,
        spec,
        fps=None if rate is None else float(rate),
        confidence=scores,
        unit="px" if flat else "unknown",
        up="-y" if flat else "unknown",
        person_ids=_coordinate(position, "p") or None,
        source=_SOURCE,
        meta={"scores_clipped_to_1": str(clipped)} if clipped else {},
    )


def _scores(confidence: object, shape: tuple[int, ...]) -> tuple[FloatArray | None, int]:
    """Return the confidences [p, t, j], or None where the dataset has none, and how many were over 1."""
    if confidence is None:
        return None, 0
    scores = _ordered(confidence, "ptj", "confidence")
    if scores.shape != shape:
        raise PoseError(f"confidence of shape {scores.shape}", where=_SOURCE, expected=f"{shape}, as the positions")
    if np.isnan(scores).all():
        return None, 0
    scores = np.where(np.isnan(scores), np.float32(1), scores)
    return np.minimum(scores, 1), int((scores > 1).sum())


def _ordered(array: object, wanted: str, name: str) -> FloatArray:
    """Return the values with their axes in an order; a single person's axis may be absent."""
    dims = getattr(array, "dims", None)
    if not isinstance(dims, tuple):
        raise PoseTypeError(f"a {type(array).__name__} as {name}", where=_SOURCE, expected="an array with named axes")
    order = [_AXES.get(str(dim), "?") for dim in dims]
    values = arrays.to_numpy(getattr(array, "values", None), f"{_SOURCE}, {name}")
    if "p" not in order:
        order, values = ["p", *order], values[None]
    if sorted(order) != sorted(wanted) or values.ndim != len(order):
        axes = {"p": "individuals", "t": "time", "j": "keypoints", "c": "space"}
        raise PoseError(
            f"{name} with axes {', '.join(map(str, dims))}",
            where=_SOURCE,
            expected=", ".join(axes[letter] for letter in wanted),
        )
    return np.transpose(values, [order.index(letter) for letter in wanted])


def _coordinate(array: object, letter: str) -> list[str]:
    """Return the names along an axis; none if the axis is absent."""
    dims: Sequence[object] = getattr(array, "dims", ())
    name = next((dim for dim in dims if _AXES.get(str(dim)) == letter), None)
    coords = getattr(array, "coords", {})
    if name is None:
        return []
    if name not in coords:
        raise PoseError(f"no names along the axis {name}", where=_SOURCE, expected="coordinates for each axis")
    return texts(coords[name].values, f"{_SOURCE}, {name}")
