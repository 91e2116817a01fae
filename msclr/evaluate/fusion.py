"""Fusion: the scores of several parts (streams, joint conventions, models) put together, sample by sample."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from msclr.errors import PoseError, PoseTypeError
from msclr.evaluate.scores import Scores, listed

Missing: TypeAlias = Literal["error", "skip"]

THREE_STREAMS: Mapping[str, float] = MappingProxyType({"joint": 0.6, "bone": 0.6, "motion": 0.4})


@dataclass(frozen=True, eq=False)
class Fused:
    """Scores put together, and what was missing.

    Args:
        scores: One row for each sample.
        weights: The weight of each part.
        missing: For each part that lacks samples, their ids.
    """

    scores: Scores
    weights: Mapping[str, float]
    missing: Mapping[str, tuple[str, ...]]


def fuse(
    parts: Mapping[str, Scores],
    *,
    weights: Mapping[str, float] | None = None,
    missing: Missing = "error",
    ids: Iterable[str] | None = None,
) -> Fused:
    """Put the scores of several parts together: the weighted sum, joined by sample id.

    Args:
        parts: The scores of each stream, joint convention or model, of the same classes in any order; each in its
            own order of samples. Features of one length can be fused as well.
        weights: One weight for each part, by name; `THREE_STREAMS` are those of MS-CLR. Default: the mean.
        missing: "error" refuses samples that are not in all parts. "skip" takes the weighted mean over the parts that
            have a sample, on the scale that the sum of all parts would have, and reports what was missing.
        ids: The samples wanted, in this order; default: all, in the order in which the parts name them.

    Returns:
        The scores, the weights, and for each part the samples that it lacks.

    Raises:
        PoseError: If samples are missing, no part that counts has a sample, the classes of the parts differ, or
            weights are negative, not finite, all 0, or of other parts.

    Source:
        MS-CLR (joint 0.6, bone 0.6, motion 0.4); Li et al. 2021 (CrosSCLR) take the mean.

    Example:
        >>> import torch
        >>> joint = Scores(["a", "b"], torch.tensor([[1.0, 0.0], [0.0, 1.0]]), ["walk", "run"])
        >>> motion = Scores(["b"], torch.tensor([[5.0, 0.0]]), ["walk", "run"])
        >>> fused = fuse({"joint": joint, "motion": motion}, missing="skip")
        >>> fused.scores.predictions(), dict(fused.missing)
        ({'a': 'walk', 'b': 'walk'}, {'motion': ('a',)})
    """
    if missing not in ("error", "skip"):
        raise PoseError(f"missing={missing!r}", expected="'error' or 'skip'")
    parts = same_columns(parts)
    chosen = check_weights(parts, weights)
    wanted = list(dict.fromkeys(name for part in parts.values() for name in part.ids)) if ids is None else list(ids)
    lacking = missing_samples(parts, wanted)
    if lacking and missing == "error":
        raise _lacking_error(parts, lacking, len(wanted))
    first = next(iter(parts.values()))
    total = torch.zeros(len(wanted), first.values.shape[1], dtype=torch.float64)
    share = torch.zeros(len(wanted), dtype=torch.float64)
    whole = 0.0
    for name in sorted(parts):  # so that the order in which parts are given changes no last digit
        rows, there = _rows(parts[name], wanted)
        total[there] += chosen[name] * parts[name].values[rows]
        share[there] += chosen[name]
        whole += chosen[name]
    nowhere = [name for name, weight in zip(wanted, share.tolist(), strict=True) if weight == 0]
    if nowhere:
        raise PoseError(f"{listed(nowhere)} in no part that counts", expected="each in a part of weight above 0")
    return Fused(Scores(wanted, total * (whole / share)[:, None], first.classes), MappingProxyType(chosen), lacking)


def missing_samples(parts: Mapping[str, Scores], ids: Iterable[str] | None = None) -> dict[str, tuple[str, ...]]:
    """List for each part the samples that it lacks and another has; parts that lack none are left out.

    Args:
        parts: The scores of each part.
        ids: The samples that should be there, instead of those of any part.

    Example:
        >>> import torch
        >>> missing_samples({"joint": Scores(["a", "b"], torch.eye(2)), "bone": Scores(["b"], torch.eye(1, 2))})
        {'bone': ('a',)}
    """
    wanted = dict.fromkeys(name for part in parts.values() for name in part.ids) if ids is None else dict.fromkeys(ids)
    lacking = {title: tuple(name for name in wanted if name not in part.places) for title, part in parts.items()}
    return {title: names for title, names in lacking.items() if names}


def same_columns(parts: Mapping[str, Scores]) -> dict[str, Scores]:
    """Bring the columns of all parts into the order of the first, by the names of their classes.

    Raises:
        PoseError: If there are no parts, or their classes (or lengths of features) differ.
        PoseTypeError: If the parts have no names, or are no Scores.
    """
    if not isinstance(parts, Mapping):
        raise PoseTypeError(f"parts are a {type(parts).__name__}", expected="a mapping from names to Scores")
    if not parts:
        raise PoseError("no parts", expected="at least one")
    for name, part in parts.items():
        if not isinstance(part, Scores):
            raise PoseTypeError(f"part {name!r} is a {type(part).__name__}", expected="Scores")
    (title, first), *_ = parts.items()
    ordered: dict[str, Scores] = {}
    for name, part in parts.items():
        if (part.classes is None) != (first.classes is None) or part.values.shape[1] != first.values.shape[1]:
            raise PoseError(
                f"part {name!r} has {part!r}, part {title!r} {first!r}", expected="the same classes in all parts"
            )
        try:
            ordered[name] = part if first.classes is None else part.with_classes(first.classes)
        except PoseError as error:
            raise PoseError(
                f"{error.found} (here part {name!r}, there part {title!r})", expected=error.expected
            ) from None
    return ordered


def check_weights(parts: Mapping[str, Scores], weights: Mapping[str, float] | None) -> dict[str, float]:
    """Return one weight for each part; by default they sum to 1."""
    if weights is None:
        return dict.fromkeys(parts, 1 / len(parts))
    if not isinstance(weights, Mapping):
        raise PoseTypeError(
            f"weights are a {type(weights).__name__}",
            expected="a mapping from the names of the parts",
            remedy="dict(zip(parts, weights))",
        )
    if set(weights) != set(parts):
        raise PoseError(f"weights of {listed(weights)}", expected="one for each of " + listed(parts))
    chosen = {name: float(weights[name]) for name in parts}
    if any(weight < 0 or not math.isfinite(weight) for weight in chosen.values()) or not any(chosen.values()):
        raise PoseError(f"weights {chosen}", expected="finite weights of at least 0, one above 0")
    return chosen


def _rows(part: Scores, wanted: list[str]) -> tuple[Tensor, Tensor]:
    """Return which rows of a part go to which places of the samples wanted."""
    found = [(part.places[name], place) for place, name in enumerate(wanted) if name in part.places]
    rows = torch.tensor([row for row, _ in found], dtype=torch.int64)
    return rows, torch.tensor([place for _, place in found], dtype=torch.int64)


def _lacking_error(parts: Mapping[str, Scores], lacking: Mapping[str, tuple[str, ...]], count: int) -> PoseError:
    names = [f"part {title!r} lacks {len(ids)} of {count} samples: {listed(ids)}" for title, ids in lacking.items()]
    return PoseError(
        "; ".join(names),
        expected=f"the same samples in all {len(parts)} parts",
        remedy='missing="skip" to average each sample over the parts that have it',
    )
