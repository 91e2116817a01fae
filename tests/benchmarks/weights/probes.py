"""Probes of frozen rows, fitted once for all that is asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from msclr.evaluate.actions import spread
from msclr.evaluate.data.labelled import LabelledClips, Sides
from msclr.evaluate.knn import knn_accuracy
from msclr.evaluate.linear import logistic_weights
from weights.cells import Metrics
from weights.entrants import Entrants, Rows
from weights.sets import labelled

NEAREST, LINEAR = "1-NN", "linear"
METRICS = (NEAREST, LINEAR)


class Ground:
    """An action set in its usual split, described by entrants, and probes trained on it.

    Args:
        entrants: Who competes.
        train, test: The clips of both sides; copies of training clips are left out.
    """

    def __init__(self, entrants: Entrants, train: LabelledClips, test: LabelledClips) -> None:
        self.entrants, self.train, self.test = entrants, train, test
        self.known, self.right = entrants.describe(train), entrants.describe(test)
        self._probes = Probes(train.labels)

    def accuracy(self, rows: Sequence[Rows], labels: Sequence[str]) -> Metrics:
        """Return how many of some clips each entrant's probes name correctly, trained on the training clips."""
        sides = [(known.values, asked.values) for known, asked in zip(self.known, rows, strict=True)]
        return self._probes.told(self.entrants, sides, labels)

    @property
    def facts(self) -> dict[str, float | str]:
        """Sizes, and how often the most frequent class of the test clips is right, in per cent."""
        counts = [self.test.labels.count(label) for label in self.test.classes]
        return {
            "train": len(self.train),
            "test": len(self.test),
            "classes": len(self.train.classes),
            "most frequent": round(100 * max(counts) / len(self.test), 2),
        }


class Probes:
    """Nearest neighbours and logistic regression for some labels, each fitted once for the same rows.

    Args:
        labels: The class of each training clip.

    Example:
        >>> probes, corners = Probes(["walk", "run", "jump"]), torch.eye(3)
        >>> [probes.accuracy(metric, corners, corners[:2], ["walk", "jump"]) for metric in METRICS]
        [50.0, 50.0]
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self.classes = sorted(set(labels))
        self._fitted: dict[int, tuple[Tensor, tuple[Tensor, Tensor, Tensor]]] = {}

    def told(
        self, entrants: Entrants, sides: Sequence[tuple[Tensor, Tensor]], labels: Sequence[str]
    ) -> dict[str, dict[str, list[float]]]:
        """Return the accuracies of all entrants by metric and method, from the training and the test rows of each."""
        return {
            metric: entrants.told([self.accuracy(metric, known, asked, labels) for known, asked in sides])
            for metric in METRICS
        }

    def accuracy(self, metric: str, train: Tensor, test: Tensor, labels: Sequence[str]) -> float:
        """Return how many test clips are named correctly, in per cent."""
        if metric == NEAREST:
            return 100 * knn_accuracy(train, self.labels, test, labels, check_leaks=False).value
        weight, bias, mean = self._head(train)
        places = ((test.double() - mean) @ weight.T + bias).argmax(dim=1).tolist()
        right = sum(self.classes[place] == label for place, label in zip(places, labels, strict=True))
        return 100 * right / len(labels)

    def _head(self, train: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if id(train) not in self._fitted:
            codes = torch.tensor([self.classes.index(label) for label in self.labels])
            self._fitted[id(train)] = (train, logistic_weights(train, codes))  # the rows, so that their id stays theirs
        return self._fitted[id(train)][1]


@cache
def ground(entrants: Entrants, path: Path, limit: int | None = None) -> Ground:
    """Return an action set, read, described and probed once; `limit` takes so many clips of each side."""
    data = labelled(path)
    sides = without_copies(data, limit)
    return Ground(entrants, data.only(sides.train), data.only(sides.test))


def without_copies(data: LabelledClips, limit: int | None = None) -> Sides:
    """Return the usual split without the test clips that are known to be copies of training clips."""
    sides = data.sides()
    copies = dict(zip(data.ids, data.columns.get("dup_of_train", ("False",) * len(data)), strict=True))
    test = tuple(name for name in sides.test if copies[name] != "True")
    if limit is None:
        return Sides(sides.name, sides.train, test)
    chosen = [tuple(ids[place] for place in spread(np.arange(len(ids)), limit)) for ids in (sides.train, test)]
    return Sides(sides.name, *chosen)
