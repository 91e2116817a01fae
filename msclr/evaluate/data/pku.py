"""Labelled clips of PKU-MMD I and II: the actions that the label files cut out of long recordings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from msclr.errors import FileFormatError, MissingFileError
from msclr.evaluate.data.digest import sha256_of_files
from msclr.evaluate.data.labelled import LabelledClips, LazyClips
from msclr.evaluate.data.ntu import frames_of_line, line_in_words, prepared_sequence
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.pku_mmd import read_pku_labels, read_pku_mmd
from msclr.io.registry import PathLike
from msclr.poses.sequence import PoseSequence
from msclr.protocols.pku_splits import CLASSES, PkuSplit, read_pku_split
from msclr.protocols.prepare import Line, two_bodies

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
        line, frames, limits: As for `ntu_clips`; without a line a clip is what `msclr.read` gives, whatever its length.

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
    size = frames_of_line(line, frames)
    recordings = _Recordings(guard.to_path(folder), guard.to_path(labels), sorted(split.train | split.test), limits)
    found = [(name, at, label) for name in recordings.files for at, label in enumerate(recordings.labels_of(name))]
    rows = [(recording, number) for recording, number, _ in found]
    actions = lru_cache(maxsize=RECORDINGS_AT_ONCE)(recordings.actions_of)

    def load(index: int) -> PoseSequence:
        recording, number = rows[index]
        clip = actions(recording)[number]
        if line is None:
            return clip
        return prepared_sequence(np.asarray(two_bodies(clip)), line, size, clip.source or recording)

    ids = tuple(f"{recording}_{number + 1:03d}" for recording, number in rows)
    return LabelledClips(
        name=f"pku{split.part}",
        ids=ids,
        labels=tuple(label for _, _, label in found),
        clips=LazyClips(ids, load),
        columns=_columns([recording for recording, _ in rows], split),
        splits=("split",),
        digest=partial(sha256_of_files, recordings.paths({recording for recording, _ in rows})),
        reading=line_in_words(line, size),
        preparation=line,
        where=guard.shown(recordings.folder),
    )


def _columns(recordings: Sequence[str], split: PkuSplit) -> dict[str, tuple[str, ...]]:
    return {
        "recording": tuple(recordings),
        "view": tuple(recording[-1] for recording in recordings),
        "split": tuple(split.side_of(recording) or "" for recording in recordings),
    }


class _Recordings:
    """Recordings of a split, each a file of skeletons and one of labels, of the same name.

    Args:
        folder, labels: The folders of the files.
        names: Names of the recordings, without ending.
        limits: How much a file may ask for.
    """

    def __init__(self, folder: Path, labels: Path, names: Sequence[str], limits: ReadLimits) -> None:
        self.folder = folder
        self.labels = labels
        self.limits = limits
        there = {name.rpartition(".")[0]: name for name in guard.list_folder(folder, limits) if name.endswith(".txt")}
        if lacking := [name for name in names if name not in there]:
            raise MissingFileError(f"no recording {lacking[0]}", where=guard.shown(folder), expected="all of the split")
        self.files = {name: there[name] for name in names}

    def labels_of(self, name: str) -> list[str]:
        """Return the class of each action of a recording."""
        path = guard.inside(self.labels / self.files[name], self.labels)
        labels = [label for label, _, _ in read_pku_labels(path, limits=self.limits)]
        for number, label in enumerate(labels):
            if not 1 <= label <= CLASSES:
                where = f"{guard.shown(path)}, line {number + 1}"
                raise FileFormatError(f"class {label}", where=where, expected=f"1 to {CLASSES}")
        return [str(label) for label in labels]

    def actions_of(self, name: str) -> tuple[PoseSequence, ...]:
        """Return the actions of a recording."""
        paths = [guard.inside(each / self.files[name], each) for each in (self.folder, self.labels)]
        return read_pku_mmd(*paths, limits=self.limits)

    def paths(self, names: Collection[str]) -> dict[str, Path]:
        """Return the files of recordings by what they are and are called."""
        kinds = ("skeletons", self.folder), ("labels", self.labels)
        return {f"{kind}/{self.files[name]}": each / self.files[name] for name in sorted(names) for kind, each in kinds}
