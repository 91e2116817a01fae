"""What follows from a ranking of classes for each test clip: top-1, top-5, recall of each class, confusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from msclr.evaluate.protocols.protocol import Outcome
from msclr.evaluate.protocols.split import Split

FIVE = 5


def classified(
    split: Split, ranking: Tensor, facts: Mapping[str, float] | None = None, *, top_five: bool = True
) -> Outcome:
    """Score a classification of the test clips of a split.

    Args:
        split: Says what is right. Test clips of a class without training clip count as wrong.
        ranking: [m, r] int64, places in `split.classes`, the likeliest first; `NOBODY` where there are no more.
        facts: Further facts of the outcome.
        top_five: Whether the ranking is long enough for top-5 to mean something.

    Returns:
        As for `judged`, with the number of training clips as a fact.

    Example:
        >>> split = Split.of(torch.eye(2), ["walk", "run"], torch.eye(2), ["walk", "run"])
        >>> classified(split, torch.tensor([[1, 0], [1, 0]])).recall
        {'run': 0.0, 'walk': 100.0}
    """
    facts = {"train": len(split.train), **(facts or {})}
    seen = seen_classes(split)
    return judged(split.test_ids, split.test_labels, split.classes, ranking, seen, facts, top_five=top_five)


def judged(
    ids: Sequence[str],
    truth: Tensor,
    classes: tuple[str, ...],
    ranking: Tensor,
    seen: Tensor,
    facts: Mapping[str, float],
    *,
    top_five: bool = True,
) -> Outcome:
    """Score a classification of clips.

    Args:
        ids: m names of clips.
        truth: [m] int64, their places in `classes`.
        classes: Names of the classes.
        ranking: [m, r] int64, as for `classified`.
        seen: [s] int64, the classes that have training clips.
        facts: Further facts of the outcome.
        top_five: As for `classified`.

    Returns:
        "top-1", "top-5" if there are more than five classes to choose from, and "mean recall" over the classes that
        have clips; facts "test", and "unseen" for the clips of classes without training clip.
    """
    best = ranking[:, 0]
    confusion = confusions(truth, best, len(classes))
    totals = confusion.sum(axis=1)
    hits = confusion.diagonal()
    recall = {name: 100 * int(hits[place]) / int(totals[place]) for place, name in enumerate(classes) if totals[place]}
    numbers = {"top-1": share(best == truth)}
    if top_five and len(seen) > FIVE:
        numbers["top-5"] = share((ranking[:, :FIVE] == truth[:, None]).any(dim=1))
    numbers["mean recall"] = sum(recall.values()) / len(recall)
    return Outcome(
        numbers=numbers,
        facts={**facts, "test": len(truth), "unseen": int((~torch.isin(truth, seen)).sum())},
        classes=classes,
        confusion=confusion,
        recall=recall,
        predictions={name: classes[place] for name, place in zip(ids, best.tolist(), strict=True)},
        truth={name: classes[place] for name, place in zip(ids, truth.tolist(), strict=True)},
    )


def chance_of_classes(split: Split, *, top_five: bool = True) -> dict[str, float]:
    """Return what guessing among the classes of the training clips scores, per cent."""
    seen = seen_classes(split)
    known = share(torch.isin(split.test_labels, seen))
    numbers = {"top-1": known / len(seen)}
    if top_five and len(seen) > FIVE:
        numbers["top-5"] = FIVE * known / len(seen)
    numbers["mean recall"] = share(torch.isin(present(split.test_labels), seen)) / len(seen)
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
    """Count how often each class (rows) was taken for each class (columns): [count, count]."""
    return torch.bincount(truth * count + predicted, minlength=count * count).reshape(count, count).numpy()


def share(flags: Tensor) -> float:
    """Return the share of flags that are set, per cent."""
    return 100 * float(flags.double().mean())
