"""PYSKL and MMAction2 pickles: labelled clips of a whole data set with its splits, and a writer of the same layout.

A pickle is read only when asked for by name, and by a reader that runs nothing (`restricted_pickle`). One file holds
many clips: `read_pyskl` gives them all, `msclr.read(path, format="pyskl")` the one of a file with a single clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, PoseError
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.pyskl_export import write_pyskl
from msclr.io.registry import Format, PathLike, Probe, ReadOptions
from msclr.io.restricted_pickle import load_plain
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec

SKELETONS = {(17, 2): "coco_17", (25, 3): "kinect_v2_25"}
MAXIMUM_SCORE = 2.0


@dataclass(frozen=True, eq=False)
class PysklCollection(Sequence[PoseSequence]):
    """The clips of one PYSKL pickle; each becomes a PoseSequence when it is asked for.

    Args:
        names: Name of each clip, its `frame_dir`.
        labels: Class number of each clip; -1 where it has none or several.
        splits: Names of the clips in each split, as the file lists them.
        source: The file.
    """

    names: tuple[str, ...]
    labels: tuple[int, ...]
    splits: Mapping[str, tuple[str, ...]]
    source: str
    _annotations: tuple[Mapping[str, object], ...] = field(repr=False)
    _options: ReadOptions = field(repr=False)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> PoseSequence:  # type: ignore[override]  # a slice would make all its clips
        return _to_sequence(self._annotations[index], self._options, f"{self.source}, {self.names[index]!r:.60}")

    def split(self, name: str) -> Iterator[PoseSequence]:
        """Go through the clips of one split, in the order of the file.

        Raises:
            FileFormatError: If there is no such split.
        """
        if name not in self.splits:
            raise FileFormatError(
                f"no split {name!r:.60}", where=self.source, expected="one of " + ", ".join(sorted(self.splits)[:20])
            )
        wanted = set(self.splits[name])
        return (self[index] for index, clip in enumerate(self.names) if clip in wanted)


def read_pyskl(
    path: PathLike, *, skeleton: str | SkeletonSpec | None = None, limits: ReadLimits | None = None
) -> PysklCollection:
    """Read a PYSKL or MMAction2 pickle: its clips, labels and splits, without running anything from the file.

    Args:
        path: The pickle, protocol 2 to 5: a dictionary with `annotations` and, usually, `split`.
        skeleton: Joint convention; by default COCO for 17 joints in 2D and Kinect v2 for 25 in 3D.
        limits: How much the file may ask for; files over 512 MB need a higher `maximum_bytes`.

    Returns:
        A sequence of clips. Joints at zero, or with score 0, are missing; scores above 1 are clipped and counted.

    Raises:
        FileFormatError: If it is no such pickle, or holds anything but plain values and arrays.
        FileLimitError: If it asks for more than the limits.

    Example:
        >>> import tempfile
        >>> clip = PoseSequence.from_array(np.ones((5, 17, 2)), "coco_17", meta={"label": "3"})
        >>> path = tempfile.mkdtemp() + "/clips.pkl"
        >>> write_pyskl([clip, clip], path, names=["a", "b"], splits={"train": ["a"], "test": ["b"]})
        >>> collection = read_pyskl(path)
        >>> collection.labels, collection.splits["test"], collection[1].num_frames
        ((3, 3), ('b',), 5)
    """
    options = ReadOptions(skeleton=None if skeleton is None else get_skeleton(skeleton), limits=limits or ReadLimits())
    return _read_all(guard.to_path(path), options)


def from_annotation(
    annotation: Mapping[str, object],
    *,
    skeleton: str | SkeletonSpec | None = None,
    fps: float | None = None,
    unit: str | None = None,
    up: str | None = None,
) -> PoseSequence:
    """Turn one annotation of PYSKL or MMAction2, as their pipelines hand it on, into a recording.

    Args:
        annotation: A dictionary with `keypoint` [m, t, v, c] and, if there are any, `keypoint_score` [m, t, v],
            `frame_dir`, `label`, `img_shape`; whatever else is in it is left alone.
        skeleton: Joint convention; by default COCO for 17 joints in 2D and Kinect v2 for 25 in 3D.
        fps, unit, up: As in `PoseSequence.from_array`.

    Returns:
        The recording. Joints at zero, or with score 0, are missing; scores above 1 are clipped and counted.

    Raises:
        FileFormatError: If there is no array `keypoint`, or an array has other axes.
        PoseError: If the numbers of joints and coordinates do not say which convention it is, or do not fit it.

    Example:
        >>> clip = from_annotation({"frame_dir": "wave", "label": 3, "keypoint": np.ones((1, 5, 17, 2))})
        >>> clip.skeleton.id, clip.num_frames, clip.meta["label"]
        ('coco_17', 5, '3')
    """
    where = f"annotation {annotation.get('frame_dir', '')!r:.60}"
    if not isinstance(annotation.get("keypoint"), np.ndarray):
        raise FileFormatError("no keypoint", where=where, expected="an array 'keypoint' with axes m t v c")
    label = annotation.get("label")
    plain = {**annotation, "label": int(label)} if isinstance(label, np.integer) else annotation
    spec = None if skeleton is None else get_skeleton(skeleton)
    options = ReadOptions(skeleton=spec, fps=fps, unit=unit, up=up, limits=ReadLimits())
    return _to_sequence(plain, options, where)


def _read_all(path: Path, options: ReadOptions) -> PysklCollection:
    where = guard.shown(path)
    content = load_plain(guard.open_regular(path, options.limits), where)
    annotations = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(annotations, list):
        raise FileFormatError(
            f"a {type(content).__name__} without a list 'annotations'",
            where=where,
            expected="a dictionary with 'annotations' and 'split'",
        )
    names, labels = [], []
    for index, annotation in enumerate(annotations):
        place = f"{where}, annotations[{index}]"
        if not isinstance(annotation, dict):
            raise FileFormatError(f"a {type(annotation).__name__}", where=place, expected="a dictionary")
        name, label = annotation.get("frame_dir", annotation.get("filename", str(index))), annotation.get("label", -1)
        if type(name) is not str or type(label) not in (int, list, tuple):
            raise FileFormatError("frame_dir or label of another type", where=place, expected="a text, a whole number")
        if not isinstance(annotation.get("keypoint"), np.ndarray):
            reason = "raw_file, whose key points are in another file" if "raw_file" in annotation else "no keypoint"
            raise FileFormatError(reason, where=place, expected="an array 'keypoint' with axes m t v c")
        names.append(name)
        labels.append(label if type(label) is int else -1)
    return PysklCollection(
        tuple(names), tuple(labels), _splits(content.get("split", {}), where), where, tuple(annotations), options
    )


def _splits(value: object, where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise FileFormatError(f"a split of type {type(value).__name__}", where=where, expected="a dictionary of lists")
    for name, clips in value.items():
        if type(name) is not str or type(clips) not in (list, tuple) or any(type(clip) is not str for clip in clips):
            raise FileFormatError(f"split {name!r:.40}", where=where, expected="a list of names of clips")
    return {name: tuple(clips) for name, clips in value.items()}


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    collection = _read_all(path, options)
    if len(collection) != 1:
        raise FileFormatError(
            f"{len(collection):,} clips",
            where=collection.source,
            expected="one clip",
            remedy="msclr.io.pyskl.read_pyskl(path), which gives them all",
        )
    return collection[0]


def _to_sequence(annotation: Mapping[str, object], options: ReadOptions, where: str) -> PoseSequence:
    points = _numbers(annotation["keypoint"], 4, where)
    persons, frames, joints, dims = points.shape
    spec = options.skeleton or _skeleton(joints, dims, where)
    size = points.nbytes + sum(value.nbytes for value in annotation.values() if isinstance(value, np.ndarray))
    guard.check_size(persons, frames, joints, dims, bytes_read=size, limits=options.limits, where=where)
    scores: npt.NDArray[np.generic] | None = None
    if annotation.get("keypoint_score") is not None:
        scores = _numbers(annotation["keypoint_score"], 3, where)
    elif dims == 3 and spec.dims == 2:
        points, scores = points[..., :2], points[..., 2]
    meta = {"name": str(annotation.get("frame_dir", ""))}
    label, shape = annotation.get("label"), annotation.get("img_shape")
    if type(label) is int:
        meta["label"] = str(label)
    if isinstance(shape, tuple | list) and len(shape) == 2 and all(type(side) is int for side in shape):
        meta["image_size"] = f"{shape[1]}x{shape[0]}"
    confidence = None if scores is None else scores.astype(np.float32)
    if confidence is not None and confidence.size:
        if confidence.shape != points.shape[:3] or not 0 <= confidence.min() <= confidence.max() <= MAXIMUM_SCORE:
            raise FileFormatError(
                f"keypoint_score of shape {confidence.shape}, {confidence.min():g} to {confidence.max():g}",
                where=where,
                expected=f"shape {points.shape[:3]}, values from 0 to 1",
            )
        meta |= {"scores_clipped_to_1": str(int((confidence > 1).sum()))} if confidence.max() > 1 else {}
        confidence = np.minimum(confidence, 1)
    return PoseSequence.from_array(
        points,
        spec,
        fps=options.fps,
        confidence=confidence,
        unit=options.unit,
        up=options.up,
        zeros_are_missing=True,
        source=where,
        meta=meta,
    )


def _numbers(value: object, axes: int, where: str) -> npt.NDArray[np.generic]:
    if not isinstance(value, np.ndarray) or value.ndim != axes:
        found = f"shape {value.shape}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        raise FileFormatError(found, where=where, expected=f"an array with axes {'m t v c'[: 2 * axes - 1]}")
    return value


def _skeleton(joints: int, dims: int, where: str) -> SkeletonSpec:
    name = SKELETONS.get((joints, dims))
    if name is None:
        raise PoseError(
            f"{joints} joints in {dims}D, which several conventions have",
            where=where,
            expected="skeleton=",
            remedy="skeleton='openpose_coco_18', or another of list_skeletons()",
        )
    return get_skeleton(name)


def _recognise(probe: Probe) -> bool:
    return False  # a pickle is never opened by guessing


def _write_one(sequence: PoseSequence, path: Path) -> None:
    write_pyskl([sequence], path)


FORMAT = Format(
    name="pyskl",
    title="PYSKL or MMAction2 pickle",
    suffixes=(),
    recognise=_recognise,
    read=_read,
    write=_write_one,
    description="Only by name, format='pyskl', and nothing in it is run; read_pyskl gives all clips of a file.",
)
