"""Labelled clips of PKU-MMD I and II: the actions that the label files cut out of long recordings."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from msclr.errors import FileFormatError, LabelError, MissingFileError
from msclr.evaluate.data.digest import sha256_of_files
from msclr.evaluate.data.labelled import LabelledClips, LazyClips
from msclr.evaluate.data.ntu import prepared_sequence
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.pku_mmd import read_pku_labels, read_pku_mmd
from msclr.io.registry import PathLike
from msclr.poses.sequence import PoseSequence
from msclr.protocols.pku_splits import CLASSES, read_pku_split
from msclr.protocols.prepare import Line, frames_of, two_bodies

RECORDINGS_AT_ONCE = 4


def pku_clips(
    folder: PathLike,
    labels: PathLike,
    split_file: PathLike,
    *,
    line: Line | None = None,
    frames: int | None = None,
    limits: ReadLimits | None = None,
) -> LabelledClips:
    """Take the labelled actions of PKU-MMD, part I or II, as labelled clips; recordings are read when they are used.

    Args:
        folder, labels: The folders with skeleton and label files, of the same names.
        split_file: One of the split files of the data set, see `msclr.protocols.pku_splits.read_pku_split`.
        line, frames: As for `ntu_clips`; without a line a clip is what `msclr.read` gives, whatever its length.
        limits: How much a file may ask for.

    Returns:
        The clips of the recordings that the split has; the split is called "split", classes are "1" to "51".

    Raises:
        MissingFileError: If a folder or file is not there.
        FileFormatError: If a label or split file is not as it should be, or a label is no class.

    Source:
        Liu et al. 2017 (PKU-MMD).

    Example:
        >>> pku_clips(".", ".", "no-such-split.txt")
        Traceback (most recent call last):
        ...
        msclr.errors.MissingFileError: no-such-split.txt: no such file or folder
    """
    limits = limits or ReadLimits()
    split = read_pku_split(split_file, limits=limits)
    size = None if line is None else frames_of(line, frames)
    if line is None and frames is not None:
        raise LabelError(f"frames = {frames} without a line", expected="line='cros'")
    place, label_place = guard.to_path(folder), guard.to_path(labels)
    there = {name.rpartition(".")[0]: name for name in guard.list_folder(place, limits) if name.endswith(".txt")}
    recordings = sorted(split.train | split.test)
    if lacking := [name for name in recordings if name not in there]:
        raise MissingFileError(f"no recording {lacking[0]}", where=guard.shown(place), expected="all of the split")
    found = [
        (recording, number, label)
        for recording in recordings
        for number, label in enumerate(_labels_of(guard.inside(label_place / there[recording], label_place), limits))
    ]
    rows = [(recording, number) for recording, number, _ in found]
    used = sorted({recording for recording, _ in rows})

    @lru_cache(maxsize=RECORDINGS_AT_ONCE)
    def actions(recording: str) -> tuple[PoseSequence, ...]:
        paths = [guard.inside(each / there[recording], each) for each in (place, label_place)]
        return read_pku_mmd(*paths, limits=limits)

    def load(index: int) -> PoseSequence:
        recording, number = rows[index]
        clip = actions(recording)[number]
        if line is None:
            return clip
        return prepared_sequence(np.asarray(two_bodies(clip)), line, size or 0, clip.source or recording)

    files = {
        f"{title}/{there[name]}": each / there[name]
        for name in used
        for title, each in (("skeletons", place), ("labels", label_place))
    }
    ids = tuple(f"{recording}_{number + 1:03d}" for recording, number in rows)
    return LabelledClips(
        name=f"pku{split.part}",
        ids=ids,
        labels=tuple(label for _, _, label in found),
        clips=LazyClips(ids, load),
        columns={
            "recording": tuple(recording for recording, _ in rows),
            "view": tuple(recording[-1] for recording, _ in rows),
            "split": tuple(split.side_of(recording) or "" for recording, _ in rows),
        },
        splits=("split",),
        digest=partial(sha256_of_files, files),
        reading="" if line is None else f"line={line}" + (f" frames={size}" if line == "cros" else ""),
        preparation=line,
        where=guard.shown(place),
    )


def _labels_of(path: Path, limits: ReadLimits) -> list[str]:
    """Return the class of each action of a recording."""
    labels = [label for label, _, _ in read_pku_labels(path, limits=limits)]
    for number, label in enumerate(labels):
        if not 1 <= label <= CLASSES:
            where = f"{guard.shown(path)}, line {number + 1}"
            raise FileFormatError(f"class {label}", where=where, expected=f"1 to {CLASSES}")
    return [str(label) for label in labels]
