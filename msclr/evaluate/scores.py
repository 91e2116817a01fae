"""Scores: what a classifier says of samples, each sample under its id, so that nothing is joined by position."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from msclr.errors import PoseError, PoseTypeError
from msclr.evaluate.knn import Accuracy
from msclr.neighbours import Vectors, as_rows

LISTED = 10


@dataclass(frozen=True, eq=False, init=False)
class Scores:
    """One row of class scores, or of features, for each sample.

    Args:
        ids: Id of the sample of each row, each once.
        values: [n, classes] scores (logits), or [n, dim] features.
        classes: Name of the class of each column; None if the columns are features.

    Raises:
        PoseError: If ids, rows and classes do not fit each other, an id or class comes twice, or a row is not finite.
        PoseTypeError: If an id is no text, or the values are no real numbers.

    Example:
        >>> import torch
        >>> scores = Scores(["clip_b", "clip_a"], torch.tensor([[2.0, 1.0], [0.0, 3.0]]), ["walk", "run"])
        >>> scores.predictions()
        {'clip_b': 'walk', 'clip_a': 'run'}
        >>> scores.accuracy({"clip_a": "run", "clip_b": "run"}).value
        0.5
    """

    ids: tuple[str, ...]
    values: Tensor
    classes: tuple[str, ...] | None
    places: Mapping[str, int]

    def __init__(self, ids: Iterable[str], values: Vectors, classes: Iterable[object] | None = None) -> None:
        names = _checked_ids(ids)
        columns = None if classes is None else tuple(str(name) for name in classes)
        rows = _checked_rows(values, names)
        if columns is not None and len(columns) != rows.shape[1]:
            raise PoseError(f"{rows.shape[1]} columns and {len(columns)} classes", expected="one class for each column")
        if columns is not None and (twice := repeated(columns)):
            raise PoseError(f"classes that come twice: {listed(twice)}", expected="each class once")
        object.__setattr__(self, "ids", names)
        object.__setattr__(self, "values", rows)
        object.__setattr__(self, "classes", columns)
        object.__setattr__(self, "places", {name: place for place, name in enumerate(names)})

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        kind = "features" if self.classes is None else "classes"
        return f"Scores({len(self)} samples, {self.values.shape[1]} {kind})"

    def take(self, ids: Iterable[str]) -> Scores:
        """Return the rows of these samples, in this order.

        Raises:
            PoseError: If a sample is not here, or comes twice; missing ones are listed.
        """
        wanted = tuple(ids)
        missing = [name for name in wanted if name not in self.places]
        if missing:
            raise PoseError(f"no scores of {listed(missing)}", expected="samples that have a row")
        return Scores(wanted, self.values[[self.places[name] for name in wanted]], self.classes)

    def with_classes(self, classes: Sequence[str]) -> Scores:
        """Return the same scores with the columns in the order of these classes, which must be the same set.

        Raises:
            PoseError: If these are features, or the classes differ; those on one side only are listed.
        """
        if self.classes is None:
            raise PoseError("features, whose columns have no classes", expected="scores of " + listed(classes))
        if set(classes) != set(self.classes):
            here, there = (
                [name for name in some if name not in others]
                for some, others in ((self.classes, classes), (classes, self.classes))
            )
            sides = [f"{listed(names)} only {side}" for names, side in ((here, "here"), (there, "there")) if names]
            raise PoseError("different classes: " + ", ".join(sides), expected="the same classes")
        return Scores(self.ids, self.values[:, [self.classes.index(name) for name in classes]], classes)

    def predictions(self) -> dict[str, str]:
        """Return the class with the highest score of each sample; of equal ones the first.

        Raises:
            PoseError: If these are features.
        """
        classes = self._named_classes()
        return {name: classes[code] for name, code in zip(self.ids, self.values.argmax(dim=1).tolist(), strict=True)}

    def accuracy(self, labels: Mapping[str, object], *, top: int = 1) -> Accuracy:
        """Count the samples whose label is among their highest scores.

        Args:
            labels: The class of each sample that has scores, and of no others: what has no score cannot be left out
                of the count by accident.
            top: How many of the highest scores count; of equal scores the first comes first.

        Raises:
            PoseError: If the labels are of other samples, or there are none.
        """
        classes = self._named_classes()
        without = [name for name in self.ids if name not in labels]
        unscored = [name for name in labels if name not in self.places]
        if without or unscored or not self.ids:
            found = f"no label of {listed(without)}" if without else f"no scores of {listed(unscored)}"
            raise PoseError(
                found if without or unscored else "no samples",
                expected="labels of the samples that have scores, of each and of no others",
                remedy="scores.take(labels) for a part of the samples",
            )
        if not 1 <= top <= len(classes):
            raise PoseError(f"top={top}", expected=f"1 to the {len(classes)} classes")
        code = {name: place for place, name in enumerate(classes)}
        wanted = torch.tensor([code.get(str(labels[name]), -1) for name in self.ids])
        best = self.values.sort(dim=1, descending=True, stable=True).indices[:, :top]
        return Accuracy(int((best == wanted[:, None]).any(dim=1).sum()), len(self), int((wanted < 0).sum()))

    def _named_classes(self) -> tuple[str, ...]:
        if self.classes is None:
            raise PoseError("features, whose columns have no classes", expected="Scores(ids, values, classes)")
        return self.classes


def listed(names: Iterable[object]) -> str:
    """Name the first few of many.

    Example:
        >>> listed(range(12))
        '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more'
    """
    every = [repr(name) for name in names]
    rest = f" and {len(every) - LISTED} more" if len(every) > LISTED else ""
    return ", ".join(every[:LISTED]) + rest


def repeated(names: Sequence[str]) -> list[str]:
    """Return the names that come more than once, each once.

    Example:
        >>> repeated(["a", "b", "a", "a"])
        ['a']
    """
    return [name for name, count in Counter(names).items() if count > 1]


def _checked_ids(ids: Iterable[str]) -> tuple[str, ...]:
    if isinstance(ids, str):
        raise PoseTypeError(f"one text for the ids, {ids!r:.60}", expected="a list of ids")
    names = tuple(ids)
    for place, name in enumerate(names):
        if not isinstance(name, str):
            raise PoseTypeError(
                f"id {place} is a {type(name).__name__}",
                expected="the sample's name as text",
                remedy="ids that name recordings; a row number means another sample once the order changes",
            )
    if twice := repeated(names):
        raise PoseError(f"{len(twice)} ids come twice: {listed(twice)}", expected="each sample once")
    return tuple(str(name) for name in names)


def _checked_rows(values: Vectors, ids: Sequence[str]) -> Tensor:
    """Return the rows [n, k] in float64 on the CPU; name the samples whose rows cannot be used."""
    if isinstance(values, Tensor | np.ndarray):
        if values.ndim == 2 and len(values) != len(ids):
            raise PoseError(f"{len(values)} rows and {len(ids)} ids", expected="one id for each row")
        floating = values.is_floating_point() if isinstance(values, Tensor) else values.dtype.kind == "f"
        if values.ndim == 2 and floating:
            good = torch.as_tensor(values).detach().isfinite().all(dim=1).tolist()
            bad = [name for name, fine in zip(ids, good, strict=True) if not fine]
            if bad:
                raise PoseError(
                    f"NaN or infinite values of {listed(bad)}",
                    expected="finite rows",
                    remedy='leave these samples out, and fuse with missing="skip"',
                )
    return as_rows(values, "scores").detach().to("cpu", torch.float64)
