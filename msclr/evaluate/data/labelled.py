"""LabelledClips: a data set to judge vectors by: clips by id, their classes, and which are for training or testing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from msclr.errors import ConfigError, LabelError
from msclr.evaluate.scores import listed, repeated
from msclr.models.base import Preparation
from msclr.poses.sequence import PoseSequence

TRAIN, TEST = "train", "test"


class LazyClips(Mapping[str, PoseSequence]):
    """Clips by id, each read when it is asked for.

    Args:
        ids: The ids, in the order of the data set.
        read: Reads the clip at a place of `ids`.

    Example:
        >>> import numpy as np
        >>> clip = PoseSequence.from_array(np.ones((5, 17, 2)), "coco_17")
        >>> clips = LazyClips(["a", "b"], lambda place: clip)
        >>> list(clips), clips["b"].num_frames
        (['a', 'b'], 5)
    """

    def __init__(self, ids: Sequence[str], read: Callable[[int], PoseSequence]) -> None:
        self._places = {name: place for place, name in enumerate(ids)}
        self._read = read

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __getitem__(self, name: str) -> PoseSequence:
        if name not in self._places:
            raise LabelError(f"no clip {name!r:.80}", expected="one of the ids")
        return self._read(self._places[name])


@dataclass(frozen=True)
class Sides:
    """The two sides of a split.

    Args:
        name: How the split is called in reports.
        train, test: Ids of the clips.
    """

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LabelledClips:
    """Clips with classes.

    Args:
        name: Name of the data set, for reports.
        ids: Id of each clip, each once.
        labels: Class of each clip.
        clips: The clips by id; reading one may open a file.
        columns: Facts of each clip, by name of the column, for example "subject".
        splits: Names of the columns that say "train" or "test" of each clip (anything else: neither), the usual first.
        digest: Computes the sha256 of the content; None hashes the poses and labels of all clips.
        reading: What else decides the poses that come from this content, for example "line=cros frames=50".
        preparation: What the clips have been through already; an encoder that would do the same takes them as they are.
        where: The file or folder, for messages.
        left_out: Clips that belong to the data set and are not used, each with the reason.

    Raises:
        LabelError: If there are no clips, ids come twice, a clip has no label, or a column has another length.

    Example:
        >>> import numpy as np
        >>> clips = {name: PoseSequence.from_array(np.ones((5, 17, 2)), "coco_17") for name in "abcd"}
        >>> columns = {"subject": ("s1", "s1", "s2", "s2")}
        >>> data = LabelledClips("walks", tuple(clips), ("walk", "run", "walk", "run"), clips, columns)
        >>> data.sides("subject=s2").train
        ('a', 'b')
    """

    name: str
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    clips: Mapping[str, PoseSequence]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    splits: tuple[str, ...] = ()
    digest: Callable[[], str] | None = None
    reading: str = ""
    preparation: Preparation | None = None
    where: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.ids:
            raise LabelError("no clips", where=self.where, expected="at least one with a label")
        if twice := repeated(self.ids):
            raise LabelError(
                f"{len(twice)} names of clips that come twice: {listed(twice)}",
                where=self.where,
                expected="a name for each clip",
                remedy="names that tell the clips apart, for example with the folder in them",
            )
        for name, values in {"label": self.labels, **self.columns}.items():
            if len(values) != len(self.ids):
                raise LabelError(
                    f"{len(values)} values of {name!r:.40} for {len(self.ids)} clips",
                    where=self.where,
                    expected="one each",
                )
        if without := [name for name, label in zip(self.ids, self.labels, strict=True) if not label]:
            raise LabelError(f"no label of {listed(without)}", where=self.where, expected="a label for each clip")

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"LabelledClips({self.name}: {len(self):,} clips of {len(self.classes)} classes)"

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted."""
        return tuple(sorted(set(self.labels)))

    @cached_property
    def label_of(self) -> Mapping[str, str]:
        """The class of each clip, by id."""
        return dict(zip(self.ids, self.labels, strict=True))

    @cached_property
    def sha256(self) -> str:
        """Hash of the content, in hexadecimal; computing it reads the files."""
        return self._hash_of_clips() if self.digest is None else self.digest()

    def _hash_of_clips(self) -> str:
        from msclr.evaluate.protocols.leaks import contents_of

        rows = []
        for name in sorted(self.ids):
            clip = self.clips[name]
            facts = (clip.fps, clip.unit, clip.up, contents_of({name: clip})[name])
            rows.append((name, self.label_of[name], *facts))
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def only(self, ids: Sequence[str]) -> LabelledClips:
        """Return the data set with these clips only, which has a hash of its own.

        Raises:
            LabelError: If there is no such clip.
        """
        places = {name: place for place, name in enumerate(self.ids)}
        if unknown := [name for name in ids if name not in places]:
            raise LabelError(f"no clips {listed(unknown)}", where=self.where, expected="some of the ids")
        rows = [places[name] for name in ids]
        listing = "".join(f"{name}\n" for name in sorted(ids))
        return replace(
            self,
            ids=tuple(ids),
            labels=tuple(self.labels[row] for row in rows),
            columns={name: tuple(values[row] for row in rows) for name, values in self.columns.items()},
            digest=lambda: hashlib.sha256(f"{self.sha256}\n{listing}".encode()).hexdigest(),
        )

    def groups(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Return the group, or else the subject, of clips; () if neither is known."""
        column = next((self.columns[name] for name in ("group", "subject") if name in self.columns), None)
        if column is None:
            return ()
        of = dict(zip(self.ids, column, strict=True))
        return tuple(of[name] for name in ids)

    def sides(self, split: str | None = None) -> Sides:
        """Return which clips are for training and which for testing.

        Args:
            split: Name of one of `splits`; or "COLUMN=VALUE,VALUE", which tests on the clips of these values and trains
                on all others; None for the first of `splits`.

        Raises:
            ConfigError: If there is no such split or column, or no clip with such a value.
            LabelError: If a side is empty, or a class has clips for testing only.
        """
        column, _, wanted = (split or "").partition("=")
        if wanted:
            sides = self._by_value(column, wanted)
        elif split is None and not self.splits:
            raise ConfigError(
                "no split",
                where=self.where,
                expected="which clips are for training and which for testing",
                remedy=f"a split by a column, for example {self._example()}",
            )
        else:
            name = self.splits[0] if split is None else split
            if name not in self.splits:
                raise ConfigError(
                    f"no split {name!r:.60}",
                    where=self.where,
                    expected="one of " + ", ".join(self.splits) if self.splits else f"for example {self._example()}",
                )
            of = self.columns[name]
            train, test = (
                tuple(clip for clip, place in zip(self.ids, of, strict=True) if place == side) for side in (TRAIN, TEST)
            )
            sides = Sides(name, train, test)
        self._check(sides)
        return sides

    def _by_value(self, column: str, wanted: str) -> Sides:
        if column not in self.columns:
            known = ", ".join(sorted(self.columns)) or "none: the data set has no columns"
            raise ConfigError(f"no column {column!r:.60}", where=self.where, expected=f"one of {known}")
        values = [value.strip() for value in wanted.split(",")]
        of = self.columns[column]
        if nobody := [value for value in values if value not in of]:
            raise ConfigError(
                f"no clip with {column} {listed(nobody)}",
                where=self.where,
                expected=f"some of {listed(sorted(set(of)))}",
            )
        test = tuple(clip for clip, value in zip(self.ids, of, strict=True) if value in values)
        return Sides(f"{column}={','.join(values)}", tuple(clip for clip in self.ids if clip not in set(test)), test)

    def _check(self, sides: Sides) -> None:
        for side, ids in ((TRAIN, sides.train), (TEST, sides.test)):
            if not ids:
                found = sorted(set(self.columns.get(sides.name, ())))
                raise LabelError(
                    f"split {sides.name!r:.60} has no clips to {side} on"
                    + (f", only {listed(found)}" if found else ""),
                    where=self.where,
                    expected=f"some that are {side!r}",
                )
        check_classes(self.label_of, sides.train, self.label_of, sides.test, where=self.where)

    def _example(self) -> str:
        for name in ("group", "subject", *self.columns):
            if name in self.columns:
                return f"{name}={self.columns[name][-1]}"
        return "a column 'split' with train and test"


def check_classes(
    known: Mapping[str, str], train: Sequence[str], wanted: Mapping[str, str], test: Sequence[str], *, where: str
) -> None:
    """Refuse classes that have clips for testing and none for training: no answer about them could be right.

    Args:
        known, wanted: The class of each clip, by id.
        train, test: Ids.
        where: The data set, for the message.

    Raises:
        LabelError: If there is such a class.
    """
    trained = {known[name] for name in train}
    if new := sorted({wanted[name] for name in test} - trained):
        raise LabelError(
            f"classes with clips to test on and none to train on: {listed(new)}",
            where=where,
            expected="clips of each class on both sides",
            remedy="another split, or leave the clips of these classes out of it",
        )
