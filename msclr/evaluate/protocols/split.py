"""Split: frozen features of training and test clips, and what is known of the clips."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from msclr.errors import PoseError, PoseTypeError
from msclr.evaluate.scores import listed, repeated
from msclr.neighbours import Vectors, as_rows


@dataclass(frozen=True, eq=False)
class Split:
    """What a protocol gets: features of training and of test clips, their classes and their names.

    Args:
        train: [n, d] features of the training clips, kept as float32 on the CPU.
        train_labels: [n] int64, places in `classes`.
        test: [m, d] features of the test clips.
        test_labels: [m] int64, places in `classes`.
        classes: Names of the classes, each once; not every one need have clips.
        train_ids: n names of clips, each once.
        test_ids: m names of clips, each once.
        train_groups, test_groups: A group of each clip, for example its subject; empty if unknown.

    Raises:
        PoseError: If numbers of rows, labels, names and groups differ, a label is no place in `classes`, a name comes
            twice, a row is not finite, or there are no test clips or fewer than two classes of training clips.
        PoseTypeError: If labels are no whole numbers.

    Example:
        >>> split = Split(
        ...     train=torch.eye(2), train_labels=torch.tensor([0, 1]), test=torch.eye(2) + 0.1,
        ...     test_labels=torch.tensor([0, 1]), classes=("walk", "run"), train_ids=("a", "b"), test_ids=("c", "d"),
        ... )
        >>> split
        Split(2 train, 2 test, 2 classes, 2 features)
    """

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]
    train_ids: tuple[str, ...]
    test_ids: tuple[str, ...]
    train_groups: tuple[str, ...] = ()
    test_groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if twice := repeated(self.classes):
            raise PoseError(f"classes that come twice: {listed(twice)}", expected="each class once")
        for side in ("train", "test"):
            self._check_side(side)
        if self.train.shape[1] != self.test.shape[1]:
            raise PoseError(
                f"training features of length {self.train.shape[1]}, test features of length {self.test.shape[1]}",
                expected="the same length",
                remedy="embed both with the same model",
            )
        if not len(self.test):
            raise PoseError("no test clips", expected="at least one")
        if len(found := set(self.train_labels.tolist())) < 2:
            only = f"all {len(self.train)} training clips are {self.classes[found.pop()]!r}" if found else None
            raise PoseError(only or "no training clips", expected="at least two classes")

    def __repr__(self) -> str:
        sizes = f"{len(self.train)} train, {len(self.test)} test, {len(self.classes)} classes"
        return f"Split({sizes}, {self.train.shape[1]} features)"

    @classmethod
    def of(
        cls,
        train: Vectors,
        train_labels: Sequence[object],
        test: Vectors,
        test_labels: Sequence[object],
        *,
        train_ids: Sequence[str] = (),
        test_ids: Sequence[str] = (),
        train_groups: Sequence[str] = (),
        test_groups: Sequence[str] = (),
    ) -> Split:
        """Make a split of labels as they stand in a file; classes are sorted by name, also those of test clips only.

        Args:
            train, test: [n, d] and [m, d] features.
            train_labels, test_labels: Labels, text or numbers; compared as text.
            train_ids, test_ids: Names of the clips; default: "train 0", "train 1", ..., "test 0", ...
            train_groups, test_groups: As for `Split`.

        Example:
            >>> Split.of(torch.eye(2), ["walk", "run"], torch.eye(2), ["walk", "hop"]).classes
            ('hop', 'run', 'walk')
        """
        known, wanted = ([str(label) for label in labels] for labels in (train_labels, test_labels))
        classes = tuple(sorted({*known, *wanted}))
        code = {name: place for place, name in enumerate(classes)}
        return cls(
            train=torch.as_tensor(train),
            train_labels=torch.tensor([code[label] for label in known], dtype=torch.int64),
            test=torch.as_tensor(test),
            test_labels=torch.tensor([code[label] for label in wanted], dtype=torch.int64),
            classes=classes,
            train_ids=tuple(train_ids) or tuple(f"train {row}" for row in range(len(known))),
            test_ids=tuple(test_ids) or tuple(f"test {row}" for row in range(len(wanted))),
            train_groups=tuple(train_groups),
            test_groups=tuple(test_groups),
        )

    def train_rows(self, rows: Tensor | Sequence[int]) -> Split:
        """Return the same split with these training clips only, in this order."""
        return self._rows("train", rows)

    def test_rows(self, rows: Tensor | Sequence[int]) -> Split:
        """Return the same split with these test clips only, in this order."""
        return self._rows("test", rows)

    def without_test(self, ids: Collection[str]) -> Split:
        """Return the same split without some test clips, for example those that are copies of training clips."""
        left_out = set(ids)
        return self.test_rows([row for row, name in enumerate(self.test_ids) if name not in left_out])

    def _rows(self, side: str, rows: Tensor | Sequence[int]) -> Split:
        chosen = torch.as_tensor(rows, dtype=torch.int64)
        places = chosen.tolist()
        names, groups = getattr(self, f"{side}_ids"), getattr(self, f"{side}_groups")
        changed = {
            side: getattr(self, side)[chosen],
            f"{side}_labels": getattr(self, f"{side}_labels")[chosen],
            f"{side}_ids": tuple(names[place] for place in places),
            f"{side}_groups": tuple(groups[place] for place in places) if groups else (),
        }
        return replace(self, **changed)

    def _check_side(self, side: str) -> None:
        rows = as_rows(getattr(self, side), f"{side} features").detach().to("cpu", torch.float32)
        labels = getattr(self, f"{side}_labels")
        if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
            raise PoseTypeError(f"{side} labels of type {labels.dtype}", expected="int64, places in classes")
        labels = labels.to("cpu", torch.int64)
        names, groups = getattr(self, f"{side}_ids"), getattr(self, f"{side}_groups")
        sizes = {"labels": len(labels), "ids": len(names)} | ({"groups": len(groups)} if groups else {})
        for what, count in sizes.items():
            if count != len(rows):
                raise PoseError(f"{len(rows)} {side} features and {count} {what}", expected="one for each")
        bad = labels[(labels < 0) | (labels >= len(self.classes))]
        if len(bad):
            raise PoseError(f"{side} label {int(bad[0])}", expected=f"0 to {len(self.classes) - 1}, places in classes")
        if twice := repeated(names):
            raise PoseError(f"{side} ids that come twice: {listed(twice)}", expected="each clip once")
        object.__setattr__(self, side, rows)
        object.__setattr__(self, f"{side}_labels", labels)
