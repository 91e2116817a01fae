"""Labelled clips of NW-UCLA as the community shares it: one JSON file for each clip, named aXX_sXX_eXX_vXX."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np

from msclr import strict_json
from msclr.errors import FileFormatError, LabelError
from msclr.evaluate.data.digest import sha256_of_files
from msclr.evaluate.data.labelled import TEST, TRAIN, LabelledClips, LazyClips
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.registry import PathLike
from msclr.poses.sequence import PoseSequence

SKELETON, FPS = "kinect_v1_20", 30.0
TRAIN_VIEWS = ("v01", "v02")
CLASSES = {
    "a01": "pick up with one hand",
    "a02": "pick up with two hands",
    "a03": "drop trash",
    "a04": "walk around",
    "a05": "sit down",
    "a06": "stand up",
    "a08": "donning",
    "a09": "doffing",
    "a11": "throw",
    "a12": "carry",
}
FILE_NAME = re.compile(r"(a\d\d)_(s\d\d)_(e\d\d)_(v0[123])\.json")


def nwucla_clips(folder: PathLike, *, limits: ReadLimits | None = None) -> LabelledClips:
    """Take a folder of NW-UCLA files as labelled clips, each read when it is used.

    Args:
        folder: The folder; files of other names are left alone.
        limits: How much a file may ask for.

    Returns:
        The clips in metres, y up. The split is "xview": views 1 and 2 for training, view 3 for testing. In the files
        that are shared, all 94 test clips of actions 2 and 3 are copies of training clips; evaluation warns of them.

    Raises:
        MissingFileError: If there is no such folder.
        LabelError: If there is no clip in it, or one of an action that the data set does not have.

    Source:
        Wang et al. 2014 (Cross-view action modeling, learning and recognition).

    Example:
        >>> import json, tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> clip = json.dumps({"skeletons": np.ones((3, 20, 3)).tolist(), "label": 4})
        >>> for view in "123":
        ...     _ = (folder / f"a04_s06_e04_v0{view}.json").write_text(clip)
        >>> data = nwucla_clips(folder)
        >>> data.sides("xview").test, data.classes, data.clips["a04_s06_e04_v01"].num_frames
        (('a04_s06_e04_v03',), ('walk around',), 3)
    """
    place, limits = guard.to_path(folder), limits or ReadLimits()
    found = [match for match in map(FILE_NAME.fullmatch, guard.list_folder(place, limits)) if match]
    for match in found:
        if match[1] not in CLASSES:
            raise LabelError(
                f"action {match[1]}", where=guard.shown(place / match[0]), expected="one of " + ", ".join(CLASSES)
            )
    ids = tuple(match[0].removesuffix(".json") for match in found)
    return LabelledClips(
        name=place.resolve().name,
        ids=ids,
        labels=tuple(CLASSES[match[1]] for match in found),
        clips=LazyClips(ids, lambda index: _read(place, found[index][0], limits)),
        columns={
            "subject": tuple(match[2] for match in found),
            "environment": tuple(match[3] for match in found),
            "view": tuple(match[4] for match in found),
            "xview": tuple(TRAIN if match[4] in TRAIN_VIEWS else TEST for match in found),
        },
        splits=("xview",),
        digest=partial(sha256_of_files, {match[0]: place / match[0] for match in found}),
        where=guard.shown(place),
    )


def _read(folder: Path, name: str, limits: ReadLimits) -> PoseSequence:
    path = guard.inside(folder / name, folder)
    where = guard.shown(path)
    content = strict_json.loads(guard.open_regular(path, limits), where=where)
    frames = content.get("skeletons") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(frames, list) or not frames:
        raise FileFormatError("no list 'skeletons'", where=where, expected="frames of 20 joints with x, y and z")
    label, number = content.get("label"), 1 + list(CLASSES).index(name[:3])
    if label is not None and label != number:
        raise LabelError(f"label {label!r:.40}", where=where, expected=f"{number}, as the name of the file says")
    try:
        positions = np.array(frames, dtype=np.float64)
    except (TypeError, ValueError):
        positions = np.empty(0)
    if positions.ndim != 3 or positions.shape[1:] != (20, 3):
        found = f"shape {positions.shape}" if positions.size else "frames that are no lists of numbers of one length"
        raise FileFormatError(found, where=where, expected="frames of 20 joints with x, y and z")
    return PoseSequence.from_array(
        positions, SKELETON, fps=FPS, unit="m", up="+y", zeros_are_missing=True, source=where, meta={"name": name}
    )
