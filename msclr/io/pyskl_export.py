"""Writing clips as PYSKL and MMAction2 read them: one pickle of plain dictionaries and NumPy arrays."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping, Sequence

import numpy as np

from msclr.errors import PoseError
from msclr.io import guard
from msclr.io.atomic import atomic_file
from msclr.io.registry import PathLike
from msclr.poses.sequence import PoseSequence

_SIZE = re.compile(r"(\d{1,6})x(\d{1,6})")


def write_pyskl(
    clips: Sequence[PoseSequence],
    path: PathLike,
    *,
    labels: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    splits: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write labelled clips as a pickle for PYSKL or MMAction2 (protocol 4); it appears complete or not at all.

    Missing joints are written as zeros. 2D clips keep their scores; the layout has no room for those of 3D clips.

    Args:
        clips: The clips; all 2D or all 3D, with the same number of joints.
        path: The file to write.
        labels: Class number of each clip; by default its `meta["label"]`, which must be a whole number.
        names: Name of each clip; by default its `meta["name"]`, or its number.
        splits: Names of the clips in each split; by default none, PYSKL then takes all.

    Raises:
        PoseError: If names repeat or are missing from `splits`' clips, or a label is no whole number.
        NotAFileError: If the folder is missing, read-only or full.

    Example:
        >>> import tempfile
        >>> clip = PoseSequence.from_array(np.ones((5, 17, 2)), "coco_17", meta={"name": "wave", "label": "3"})
        >>> write_pyskl([clip], tempfile.mkdtemp() + "/clips.pkl", splits={"train": ["wave"]})
    """
    called = list(names) if names is not None else [clip.meta.get("name") or str(i) for i, clip in enumerate(clips)]
    classes = list(labels) if labels is not None else [_label(clip) for clip in clips]
    if len(called) != len(clips) or len(classes) != len(clips) or len(set(called)) != len(clips):
        raise PoseError(
            f"{len(clips)} clips with {len(set(called))} different names and {len(classes)} labels",
            expected="one name and one label for each",
        )
    if len({(clip.num_joints, clip.dims) for clip in clips}) > 1:
        raise PoseError("clips of different joints or dimensions", expected="one convention", remedy="msclr.convert")
    unknown = sorted({name for split in (splits or {}).values() for name in split} - set(called))
    if unknown:
        raise PoseError(f"a split with {unknown[0]!r:.60}, which no clip is called", expected="names of the clips")
    content = {
        "split": {str(split): [str(name) for name in members] for split, members in (splits or {}).items()},
        "annotations": [to_annotation(*each) for each in zip(clips, called, classes, strict=True)],
    }
    with atomic_file(guard.to_path(path)) as file:
        pickle.dump(content, file, protocol=4)


def _label(clip: PoseSequence) -> int:
    text = clip.meta.get("label", "")
    if not re.fullmatch(r"\d{1,9}", text):
        raise PoseError(
            f"the label {text!r:.60}",
            where=clip.source,
            expected="a class number",
            remedy="labels=[...], numbers from 0",
        )
    return int(text)


def to_annotation(clip: PoseSequence, name: str, label: int) -> dict[str, object]:
    """Turn a recording into an annotation as the pipelines of PYSKL and MMAction2 take it.

    Args:
        clip: The recording.
        name: Its `frame_dir`.
        label: Its class number.

    Returns:
        A dictionary with `keypoint` [m, t, v, c], zero where a joint is missing, `total_frames`, and for 2D clips
        `keypoint_score` [m, t, v].

    Example:
        >>> clip = PoseSequence.from_array(np.ones((5, 17, 2)), "coco_17")
        >>> annotation = to_annotation(clip, "wave", 3)
        >>> annotation["total_frames"], annotation["keypoint"].shape
        (5, (1, 5, 17, 2))
    """
    annotation: dict[str, object] = {
        "frame_dir": str(name),
        "label": int(label),
        "total_frames": clip.num_frames,
        "keypoint": np.ascontiguousarray(np.where(clip.valid[..., None], clip.positions, np.float32(0))),
    }
    if clip.dims == 2:
        score = clip.valid.astype(np.float32) if clip.confidence is None else clip.confidence
        annotation["keypoint_score"] = np.where(clip.valid, score, np.float32(0)).astype(np.float32)
    size = _SIZE.fullmatch(clip.meta.get("image_size", ""))
    if size:
        annotation["img_shape"] = annotation["original_shape"] = (int(size[2]), int(size[1]))
    return annotation
