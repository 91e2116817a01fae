"""Nearest-neighbour classification: how well distances between vectors reflect classes, with nothing to train."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from msclr.errors import PoseError
from msclr.neighbours import Vectors, as_rows, elect, search

Labels: TypeAlias = Sequence[str] | Sequence[int] | npt.NDArray[np.generic] | Tensor

ROWS = 256
SAME_DISTANCE = 1e-5  # of vectors of length 1; float32 leaves one clip in two batches about 1e-6 apart


@dataclass(frozen=True)
class Accuracy:
    """How many of the test clips were classified correctly.

    Args:
        correct: Number of correct answers.
        count: Number of test clips.
        unseen: Test clips whose class has no training clip; they count as wrong.
    """

    correct: int
    count: int
    unseen: int = 0

    @property
    def value(self) -> float:
        """Share of correct answers, 0 to 1."""
        return self.correct / self.count

    def __float__(self) -> float:
        return self.value


def knn_accuracy(
    train: Vectors, train_labels: Labels, test: Vectors, test_labels: Labels, k: int = 1, *, check_leaks: bool = True
) -> Accuracy:
    """Classify test vectors by their nearest training vectors, by cosine.

    Args:
        train: [n, dim] vectors.
        train_labels: n labels, text or numbers.
        test: [m, dim] vectors.
        test_labels: m labels.
        k: Neighbours that vote; with k > 1 a vote weighs exp(similarity / 0.1), and the nearest neighbour decides ties.
        check_leaks: Warn if test vectors are among the training vectors.

    Returns:
        The accuracy; its `value` is the share.

    Raises:
        PoseError: If labels and vectors do not match, k exceeds the training vectors, or these are all of one class.

    Source: the weighted vote is that of SkeleMixCLR's code; k = 1 is the retrieval protocol of inter-skeleton contrast.

    Example:
        >>> import torch
        >>> train, test = torch.eye(3), torch.tensor([[1.0, 0.2, 0.0], [0.0, 0.2, 1.0]])
        >>> knn_accuracy(train, ["walk", "run", "jump"], test, ["walk", "run"])
        Accuracy(correct=1, count=2, unseen=0)
    """
    task = check_task(train, train_labels, test, test_labels)
    accuracy = task.accuracy(vote(task, k))
    if check_leaks:
        warn_of_leaks(count_duplicates(task.train, task.test), len(task.test))
    return accuracy


@dataclass(frozen=True, eq=False)
class Task:
    """A classification task that has been checked: labels are class numbers, -1 for a class without training clip."""

    train: Tensor
    train_codes: Tensor
    test: Tensor
    test_codes: Tensor
    num_classes: int

    def accuracy(self, predicted: Tensor) -> Accuracy:
        """Compare predicted class numbers [m] with the truth."""
        correct = int((predicted == self.test_codes).sum())
        return Accuracy(correct, len(self.test_codes), int((self.test_codes < 0).sum()))


def check_task(train: Vectors, train_labels: Labels, test: Vectors, test_labels: Labels) -> Task:
    """Check that vectors and labels make a classification task."""
    train_rows, test_rows = as_rows(train, "train").detach().cpu(), as_rows(test, "test").detach().cpu()
    known, wanted = _texts(train_labels), _texts(test_labels)
    for name, rows, labels in (("train", train_rows, known), ("test", test_rows, wanted)):
        if len(rows) != len(labels):
            raise PoseError(
                f"{len(rows)} {name} vectors and {len(labels)} labels", expected="one label for each vector"
            )
    if not wanted:
        raise PoseError("no test vectors", expected="at least one")
    classes = sorted(set(known))
    if len(classes) < 2:
        found = f"all {len(known)} training labels are {classes[0]!r}" if classes else "no training vectors"
        raise PoseError(found, expected="at least two classes")
    code = {name: index for index, name in enumerate(classes)}
    return Task(
        train_rows,
        torch.tensor([code[label] for label in known]),
        test_rows,
        torch.tensor([code.get(label, -1) for label in wanted]),
        len(classes),
    )


def vote(task: Task, k: int) -> Tensor:
    """Return the class number [m] for which the k nearest training vectors of each test vector vote."""
    return elect(search(task.test, task.train, k), task.train_codes, task.num_classes)


def count_duplicates(train: Vectors, test: Vectors) -> int:
    """Count the test vectors that are among the training vectors, up to length and rounding."""
    return int((find_copies(train, test) >= 0).sum())


def find_copies(train: Vectors, test: Vectors) -> Tensor:
    """Find for each test vector the first training vector that it is equal to, up to length and rounding.

    Args:
        train: [n, dim] vectors.
        test: [m, dim] vectors.

    Returns:
        [m] int64, rows of `train`; -1 for vectors that are no copy. A vector of zeros is no copy.

    Example:
        >>> find_copies(torch.eye(2), torch.tensor([[0.0, 3.0], [1.0, 1.0]])).tolist()
        [1, -1]
    """
    known = F.normalize(as_rows(train, "train").double(), dim=1)
    found = []
    for rows in torch.split(as_rows(test, "test"), ROWS):
        # |a - b|^2 = 2 - 2 a.b for vectors of length 1
        alike = F.normalize(rows.double(), dim=1) @ known.T >= 1 - SAME_DISTANCE**2 / 2
        found.append(torch.where(alike.any(dim=1), alike.int().argmax(dim=1), -1))
    return torch.cat(found)


def warn_of_leaks(duplicates: int, count: int) -> None:
    """Warn if some of the test vectors are training vectors."""
    if duplicates:
        found = f"{duplicates} of {count} test vectors are also training vectors: the split leaks"
        warnings.warn(found, UserWarning, stacklevel=3)


def _texts(labels: Labels) -> list[str]:
    values = labels.tolist() if isinstance(labels, Tensor | np.ndarray) else labels
    return [str(label) for label in values]
