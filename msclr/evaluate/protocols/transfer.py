"""Transfer: training clips from one place, test clips from another - another data set, another joint convention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from msclr.errors import PoseError
from msclr.evaluate.protocols.linear import LinearToOptimum
from msclr.evaluate.protocols.protocol import Outcome, Protocol, ViewProtocol
from msclr.evaluate.protocols.split import Split
from msclr.evaluate.scores import listed

LINEAR = LinearToOptimum()


def between_sets(source: Split, target: Split, names: Mapping[str, str] | None = None) -> Split:
    """Train on one data set, test on another, on the classes that both have.

    Args:
        source: Its training clips are kept.
        target: Its test clips are kept.
        names: What a class of the target is called in the source, where the names differ.

    Returns:
        A split of the shared classes, for any protocol.

    Raises:
        PoseError: If fewer than two classes are shared, no test clip is left, or two classes of the target get one
            name.

    Example:
        >>> first = Split.of(torch.eye(3), ["walk", "run", "sit"], torch.eye(3), ["walk", "run", "sit"])
        >>> second = Split.of(torch.eye(3), ["gait", "run", "box"], torch.eye(3), ["gait", "run", "box"])
        >>> between_sets(first, second, {"gait": "walk"}).test_ids
        ('test 0', 'test 1')
    """
    called = dict(names or {})
    if unknown := [name for name in called if name not in target.classes]:
        raise PoseError(f"names for {listed(unknown)}", expected="some of the classes " + listed(target.classes))
    there = [called.get(name, name) for name in target.classes]
    if len(set(there)) < len(there):
        raise PoseError(f"classes {listed(there)} after naming", expected="each once")
    shared = [name for name in source.classes if name in there]
    if len(shared) < 2:
        raise PoseError(
            f"{len(shared)} classes shared by {listed(source.classes)} and {listed(there)}",
            expected="at least two",
            remedy="names={'name in the target': 'name in the source'}",
        )
    train, codes = _among(source.train_labels, source.classes, shared)
    test, asked = _among(target.test_labels, there, shared)
    kept, tried = source.train_rows(train), target.test_rows(test)
    return replace(
        kept,
        train_labels=codes,
        test=tried.test,
        test_labels=asked,
        classes=tuple(shared),
        test_ids=tried.test_ids,
        test_groups=tried.test_groups,
    )


def between_conventions(trained: Split, tested: Split) -> Split:
    """Train on the training clips in one joint convention, test on the test clips in another.

    Args:
        trained: The clips in the convention of training.
        tested: The clips in the convention of testing; the same split and the same classes.

    Raises:
        PoseError: If the classes differ, or a test clip of one convention is a training clip of the other.

    Example:
        >>> kinect = Split.of(torch.eye(2), ["walk", "run"], torch.eye(2), ["walk", "run"])
        >>> coco = Split.of(-torch.eye(2), ["walk", "run"], -torch.eye(2), ["walk", "run"])
        >>> between_conventions(kinect, coco).test.tolist()
        [[-1.0, -0.0], [-0.0, -1.0]]
    """
    if set(trained.classes) != set(tested.classes):
        raise PoseError(
            f"classes {listed(trained.classes)} there, {listed(tested.classes)} here",
            expected="the same classes",
            remedy="between_sets(trained, tested)",
        )
    if both := sorted(set(trained.train_ids) & set(tested.test_ids)):
        raise PoseError(
            f"{len(both)} clips are trained on in one convention and tested on in the other: {listed(both)}",
            expected="one split of the clips for all conventions",
        )
    return between_sets(trained, tested)


@dataclass(frozen=True)
class ConventionTransfer(ViewProtocol):
    """Train a classifier on each joint convention and test it on each: is a class in the same place everywhere?

    Args:
        protocol: The classifier; default: `LinearToOptimum`.

    Example:
        >>> view = Split.of(torch.eye(2), ["walk", "run"], torch.eye(2) + 0.1, ["walk", "run"])
        >>> dict(ConventionTransfer().run({"kinect": view, "coco": view}).numbers)
        ... # doctest: +NORMALIZE_WHITESPACE
        {'kinect > kinect': 100.0, 'kinect > coco': 100.0, 'coco > kinect': 100.0, 'coco > coco': 100.0,
         'across': 100.0, 'within': 100.0}
    """

    protocol: Protocol = LINEAR

    @property
    def name(self) -> str:
        """Name in tables."""
        return "convention-transfer"

    def run(self, views: Mapping[str, Split], *, seed: int = 0) -> Outcome:
        """Train on each view and test on each.

        Returns:
            The top-1 of each pair, "trained > tested"; "within" and "across", their means over pairs of one view and of
            two.

        Raises:
            PoseError: If there are fewer than two views, or they do not fit (see `between_conventions`).
        """
        check_views(views)
        pairs: dict[tuple[str, str], float] = {}
        for first, trained in views.items():
            runs = self.protocol.run_each([between_conventions(trained, view) for view in views.values()], seed=seed)
            pairs |= {(first, second): run.numbers["top-1"] for second, run in zip(views, runs, strict=True)}
        numbers = {f"{first} > {second}": value for (first, second), value in pairs.items()}
        for title, same in (("across", False), ("within", True)):
            chosen = [value for (first, second), value in pairs.items() if (first == second) == same]
            numbers[title] = sum(chosen) / len(chosen)
        return Outcome(numbers, {"views": len(views)})

    def chance(self, views: Mapping[str, Split]) -> Mapping[str, float]:
        """Return what guessing scores in each pair, and on average."""
        of = {title: self.protocol.chance(view)["top-1"] for title, view in views.items()}
        pairs = {f"{first} > {second}": of[second] for first in views for second in views}
        return {**pairs, **dict.fromkeys(("across", "within"), sum(of.values()) / len(of))}


def check_views(views: Mapping[str, Split]) -> None:
    """Refuse fewer than two views."""
    if len(views) < 2:
        raise PoseError(f"{len(views)} views", expected="at least two")


def _among(labels: Tensor, classes: Sequence[str], shared: Sequence[str]) -> tuple[list[int], Tensor]:
    """Return the rows whose class is shared, and the places of these classes among the shared."""
    place = {name: number for number, name in enumerate(shared)}
    codes = [place.get(classes[label], -1) for label in labels.tolist()]
    rows = [row for row, code in enumerate(codes) if code >= 0]
    return rows, torch.tensor([codes[row] for row in rows], dtype=torch.int64)
