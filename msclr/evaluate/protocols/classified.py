"""What follows from a ranking of classes for each test clip: top-1, top-5, recall of each class, confusions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from msclr.evaluate.protocols.protocol import Outcome
from msclr.evaluate.protocols.split import Split

NOBODY = -1  # fills the end of a ranking that has fewer classes


def classified(
    split: Split, ranking: Tensor, facts: Mapping[str, float] | None = None, *, top_five: bool = True
) -> Outcome:
    """Score a classification of the test clips.

    Args:
        split: Says what is right. Test clips of a class without training clip count as wrong.
        ranking: [m, r] int64, places in `split.classes`, the likeliest first; `NOBODY` where there are no more.
        facts: Further facts of the outcome.
        top_five: Whether the ranking is long enough for top-5 to mean something.

    Returns:
        "top-1", "top-5" if there are more than five classes to choose from, and "mean recall" over the classes that
        have test clips; fact "unseen" counts the test clips of classes without training clip.

    Example:
        >>> split = Split.of(torch.eye(2), ["walk", "run"], torch.eye(2), ["walk", "run"])
        >>> classified(split, torch.tensor([[1, 0], [1, 0]])).recall
        {'run': 0.0, 'walk': 100.0}
    """
    truth = split.test_labels
    best = ranking[:, 0]
    confusion = confusions(truth, best, len(split.classes))
    totals = confusion.sum(axis=1)
    recall = {
        name: 100 * float(confusion[place, place]) / int(totals[place])
        for place, name in enumerate(split.classes)
        if totals[place]
    }
    numbers = {"top-1": share(best == truth)}
    if top_five and len(seen_classes(split)) > 5:
        numbers["top-5"] = share((ranking[:, :5] == truth[:, None]).any(dim=1))
    numbers["mean recall"] = sum(recall.values()) / len(recall)
    unseen = int((~torch.isin(truth, seen_classes(split))).sum())
    return Outcome(
        numbers=numbers,
        facts={"train": len(split.train), "test": len(truth), "unseen": unseen, **(facts or {})},
        classes=split.classes,
        confusion=confusion,
        recall=recall,
        predictions={name: split.classes[place] for name, place in zip(split.test_ids, best.tolist(), strict=True)},
    )


def chance_of_classes(split: Split) -> dict[str, float]:
    """Return what guessing among the classes of the training clips scores, per cent."""
    seen = seen_classes(split)
    known = share(torch.isin(split.test_labels, seen))
    numbers = {"top-1": known / len(seen)}
    if len(seen) > 5:
        numbers["top-5"] = 5 * known / len(seen)
    wanted = present(split.test_labels)
    numbers["mean recall"] = share(torch.isin(wanted, seen)) / len(seen)
    return numbers


def seen_classes(split: Split) -> Tensor:
    """Return the classes that have training clips, in order: [s] int64."""
    return present(split.train_labels)


def present(labels: Tensor) -> Tensor:
    """Return the labels that occur, each once, in order."""
    return torch.bincount(labels).nonzero()[:, 0]


def ranked(scores: Tensor, classes: Tensor) -> Tensor:
    """Rank classes by their scores, of equal ones the first first.

    Args:
        scores: [m, s].
        classes: [s] int64, the class of each column.

    Returns:
        [m, s] int64.
    """
    return classes[scores.sort(dim=1, descending=True, stable=True).indices]


def confusions(truth: Tensor, predicted: Tensor, count: int) -> npt.NDArray[np.int64]:
    """Count how often each class [rows] was taken for each class [columns]: [count, count]."""
    return torch.bincount(truth * count + predicted, minlength=count * count).reshape(count, count).numpy()


def share(flags: Tensor) -> float:
    """Return the share of flags that are set, per cent."""
    return 100 * float(flags.double().mean())
