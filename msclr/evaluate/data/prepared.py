"""Labelled clips of data sets in one file: the `.npz` layout, PYSKL pickles, and clip stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast, get_args

import numpy as np

from msclr.errors import LabelError
from msclr.evaluate.data.digest import sha256_of_file
from msclr.evaluate.data.labelled import TEST, TRAIN, LabelledClips, LazyClips
from msclr.evaluate.scores import listed
from msclr.io import guard
from msclr.io.collection import read_collection
from msclr.io.limits import ReadLimits
from msclr.io.pyskl import read_pyskl
from msclr.io.registry import PathLike
from msclr.models.base import Preparation
from msclr.skeletons.spec import SkeletonSpec
from msclr.store.clip_store import ClipStore

NEITHER = "none"


def collection_clips(path: PathLike, *, label: str = "label") -> LabelledClips:
    """Take the labelled clips of one `.npz` in the layout of `msclr.io.collection`.

    Args:
        path: The file. Columns whose names begin with "split" are the splits.
        label: Name of the column with the classes.

    Raises:
        MissingFileError: If there is no such file.
        FileFormatError: If the file is not as it should be, or has no such column.
        LabelError: If names come twice, or a clip has no label.

    Example:
        >>> import tempfile
        >>> from msclr import get_skeleton
        >>> path = Path(tempfile.mkdtemp()) / "clips.npz"
        >>> arrays = {"joints": np.ones((20, 17, 2)), "offsets": [0, 10, 20], "label": ["walk", "run"]}
        >>> np.savez(path, joint_names=get_skeleton("coco_17").joints, split=["train", "test"], **arrays)
        >>> collection_clips(path).labels
        ('walk', 'run')
    """
    place = guard.to_path(path)
    clips = read_collection(place)
    labels = clips.column(label)
    columns = {name: values for name, values in clips.columns.items() if name != label}
    return LabelledClips(
        name=place.stem,
        ids=clips.names,
        labels=labels,
        clips=LazyClips(clips.names, clips.__getitem__),
        columns=columns,
        splits=split_columns(columns),
        digest=partial(sha256_of_file, place),
        preparation=_line(place),
        where=guard.shown(place),
    )


def store_clips(path: PathLike, *, label: str = "label") -> LabelledClips:
    """Take the labelled clips of a clip store: those whose facts have a label.

    Args:
        path: The folder, see `msclr.store`.
        label: Name of the fact that is the class.

    Raises:
        StoreError: If it is no store, or damaged.
        LabelError: If no recording, or not every one, has a label.

    Example:
        >>> import tempfile
        >>> import msclr
        >>> from msclr.store.build import prepare
        >>> folder = Path(tempfile.mkdtemp())
        >>> facts = {"label": "walk", "split": "test"}
        >>> clip = msclr.PoseSequence.from_array(np.ones((9, 17, 2)), "coco_17", meta=facts)
        >>> msclr.write(clip, folder / "a.npz")
        >>> store_clips(prepare([folder / "a.npz"], folder / "store").path).labels
        ('walk',)
    """
    store = ClipStore(path)
    facts = [store.facts(number).meta for number in range(len(store))]
    columns = facts_in_common(facts)
    if label not in columns:
        without = [name for name, known in zip(store.names, facts, strict=True) if label not in known]
        raise LabelError(
            f"no {label!r:.40} of {listed(without)}" if without else "no recordings",
            where=guard.shown(store.path),
            expected="the class of each recording among its facts",
        )

    def digest() -> str:
        store.verify()
        return sha256_of_file(store.path / "store.json")

    labels = columns.pop(label)
    return LabelledClips(
        name=store.path.name,
        ids=store.names,
        labels=labels,
        clips=LazyClips(store.names, store.__getitem__),
        columns=columns,
        splits=split_columns(columns),
        digest=digest,
        where=guard.shown(store.path),
    )


def pyskl_clips(
    path: PathLike, *, skeleton: str | SkeletonSpec | None = None, limits: ReadLimits | None = None
) -> LabelledClips:
    """Take the labelled clips of a PYSKL or MMAction2 pickle with its splits; nothing in it is run.

    Args:
        path: The pickle.
        skeleton: Joint convention; by default COCO for 17 joints in 2D and Kinect v2 for 25 in 3D.
        limits: How much the file may ask for.

    Returns:
        The clips. Of the lists "xsub_train" and "xsub_val" becomes the split "xsub", of "train" and "val" or "test"
        the split "split".

    Raises:
        FileFormatError: If it is no such pickle, or holds anything but plain values and arrays.
        LabelError: If a clip has no single class, names come twice, or a split names clips that are not there or has
            one on both sides.

    Example:
        >>> import tempfile
        >>> from msclr import PoseSequence
        >>> from msclr.io.pyskl import write_pyskl
        >>> clip = PoseSequence.from_array(np.ones((5, 17, 2)), "coco_17", meta={"label": "3"})
        >>> path = tempfile.mkdtemp() + "/clips.pkl"
        >>> write_pyskl([clip, clip], path, names=["a", "b"], splits={"xsub_train": ["a"], "xsub_val": ["b"]})
        >>> pyskl_clips(path).sides("xsub").test
        ('b',)
    """
    place = guard.to_path(path)
    clips = read_pyskl(place, skeleton=skeleton, limits=limits)
    where = guard.shown(place)
    if many := [name for name, label in zip(clips.names, clips.labels, strict=True) if label < 0]:
        raise LabelError(f"no single class of {listed(many)}", where=where, expected="a whole number from 0 for each")
    columns = _pyskl_splits(clips.splits, clips.names, where)
    spec = skeleton.id if isinstance(skeleton, SkeletonSpec) else skeleton
    return LabelledClips(
        name=place.stem,
        ids=clips.names,
        labels=tuple(str(label) for label in clips.labels),
        clips=LazyClips(clips.names, clips.__getitem__),
        columns=columns,
        splits=tuple(columns),
        digest=partial(sha256_of_file, place),
        reading=f"skeleton={spec}" if spec else "",
        where=where,
    )


def split_columns(columns: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the columns that are splits: their names begin with "split".

    Example:
        >>> split_columns({"subject": (), "split2": (), "split1": ()})
        ('split1', 'split2')
    """
    return tuple(sorted(name for name in columns if name.startswith("split")))


def facts_in_common(facts: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return the facts that all clips have as columns.

    Example:
        >>> facts_in_common([{"label": "walk", "take": "1"}, {"label": "run"}])
        {'label': ('walk', 'run')}
    """
    if not facts:
        return {}
    names = [name for name in facts[0] if all(name in each for each in facts)]
    return {name: tuple(each[name] for each in facts) for name in names}


def _pyskl_splits(splits: Mapping[str, Sequence[str]], names: Sequence[str], where: str) -> dict[str, tuple[str, ...]]:
    """Return the splits as columns: pairs of lists whose names differ in train and val or test."""
    known = set(names)
    for name, members in splits.items():
        if strangers := sorted(set(members) - known):
            raise LabelError(
                f"split {name!r:.40} names clips that are not there: {listed(strangers)}",
                where=where,
                expected="names of clips, as in frame_dir",
            )
    columns = {}
    for name in sorted(splits):
        partner = next((name.replace(TRAIN, end) for end in ("val", TEST) if name.replace(TRAIN, end) in splits), None)
        if TRAIN not in name or partner is None:
            continue
        train, test = set(splits[name]), set(splits[partner])
        if both := sorted(train & test):
            raise LabelError(f"clips in both {name!r:.40} and {partner!r:.40}: {listed(both)}", where=where)
        title = name.replace(TRAIN, "").strip("_- ") or "split"
        columns[title] = tuple(TRAIN if clip in train else TEST if clip in test else NEITHER for clip in names)
    return columns


def _line(path: Path) -> Preparation | None:
    """Return the line that the clips of a file have been through, if `msclr protocol` made it."""
    with np.load(path, allow_pickle=False) as archive:
        line = str(archive["line"]) if "line" in archive.files else ""
    return cast(Preparation, line) if line in get_args(Preparation) else None
