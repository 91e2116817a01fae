"""A data set seen by a model and by its baselines: the same clips, the same split, every protocol."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from torch import Tensor
from torch.nn import functional as F

from msclr.errors import LabelError
from msclr.evaluate.cache import FeatureCache, Kept
from msclr.evaluate.contest import Contest
from msclr.evaluate.data.labelled import LabelledClips, Sides
from msclr.evaluate.features import OnError, encoder_features, raw_features
from msclr.evaluate.protocols.leaks import find_leaks
from msclr.evaluate.protocols.split import Split
from msclr.evaluate.protocols.transfer import between_sets
from msclr.evaluate.reports.report import DataFacts
from msclr.evaluate.scores import Scores, listed

Scale: TypeAlias = Literal["length 1", "as they are"]

WITHOUT_COPIES = "without copies"


@dataclass(frozen=True, eq=False)
class Lineup:
    """Features of one data set, or of two to transfer between, by a model and its baselines.

    Args:
        name: Name of the task.
        data: What is trained on, and tested on without `test_data`.
        test_data: What is tested on, for transfer.
        model: The model's features.
        randoms: Those of the same network with random weights, one for each seed.
        raw: Those of the poses themselves; None if joint conventions have no joint in common.
        copies: Test clips that are among the training clips: of the same name, or with the same poses.
        options: How the features were made.
    """

    name: str
    data: DataFacts
    model: Split
    randoms: tuple[Split, ...]
    raw: Split | None
    copies: Mapping[str, str] = field(default_factory=dict)
    test_data: DataFacts | None = None
    options: FeatureOptions = field(default_factory=lambda: FeatureOptions())

    def without_copies(self) -> Lineup:
        """Return the same without the test clips that are copies of training clips."""
        left = set(self.copies)
        return replace(
            self,
            name=f"{self.name} {WITHOUT_COPIES}",
            model=self.model.without_test(left),
            randoms=tuple(split.without_test(left) for split in self.randoms),
            raw=None if self.raw is None else self.raw.without_test(left),
            copies={},
        )


@dataclass(frozen=True)
class FeatureOptions:
    """How features are made.

    Args:
        cache: Where they are looked for and kept; None computes them each time.
        on_error: What to do about a clip that cannot be used: "raise", or "skip" to leave it out and report it.
        scale: "length 1" as `embed` gives vectors, or "as they are", which the papers' linear evaluation takes.
        progress: Told how many more clips have been embedded.
    """

    cache: FeatureCache | None = None
    on_error: OnError = "raise"
    scale: Scale = "length 1"
    progress: Callable[[int], None] = lambda clips: None


def line_up(
    data: LabelledClips,
    contest: Contest,
    *,
    split: str | Sides | None = None,
    options: FeatureOptions | None = None,
) -> Lineup:
    """Compute, or take from the cache, the features of a data set by every contestant.

    Args:
        data: The data set.
        contest: The model and its random twins.
        split: As for `LabelledClips.sides`, or the sides themselves.
        options: How features are made.

    Returns:
        The lineup; a warning says how many test clips are copies of training clips, if any.

    Raises:
        LabelError: If the split does not fit, or no clip is left.
        MsclrError: If a clip cannot be used.
    """
    how = options or FeatureOptions()
    sides = split if isinstance(split, Sides) else data.sides(split)
    raw = raw_features(data, cache=how.cache, on_error=how.on_error)
    kept = encoder_features(data, contest.encoders, cache=how.cache, on_error=how.on_error, progress=how.progress)
    every = [*kept, *(raw or [])]
    left_out = _left_out(every)
    train, test = (_in_order(ids, left_out) for ids in (sides.train, sides.test))
    splits = [_split(_Side(data, each.features, train), _Side(data, each.features, test), how.scale) for each in every]
    facts = _facts(data, sides.name, left_out)
    return _lineup(data.name, facts, splits, raw is not None, how)


def line_up_between(
    source: LabelledClips,
    target: LabelledClips,
    contest: Contest,
    *,
    split: str | None = None,
    options: FeatureOptions | None = None,
) -> Lineup:
    """Compute the features for training on one data set and testing on another, on the classes that both have.

    Args:
        source, target: The data sets, of any joint conventions.
        contest: The model and its random twins.
        split: A split that both have: its training side of the source, its testing side of the target; None for all
            clips of both.
        options: How features are made; raw poses are compared by the joints that all clips have.

    Raises:
        LabelError: If no clip is left.
        PoseError: If fewer than two classes are shared.
    """
    how = options or FeatureOptions()
    train = source.ids if split is None else source.sides(split).train
    test = target.ids if split is None else target.sides(split).test
    raw = raw_features(source, target, on_error=how.on_error)
    kept = [
        encoder_features(data, contest.encoders, cache=how.cache, on_error=how.on_error, progress=how.progress)
        for data in (source, target)
    ]
    pairs = [*zip(*kept, strict=True), *([(raw[0], raw[1])] if raw else [])]
    left = [_left_out([pair[side] for pair in pairs]) for side in (0, 1)]
    known, asked = _in_order(train, left[0]), _in_order(test, left[1])
    splits = []
    for first, second in pairs:
        known_side, asked_side = _Side(source, first.features, known), _Side(target, second.features, asked)
        splits.append(
            between_sets(_split(known_side, known_side, how.scale), _split(asked_side, asked_side, how.scale))
        )
    name = f"{source.name} to {target.name}"
    facts = [_facts(data, split or "all clips", out) for data, out in zip((source, target), left, strict=True)]
    return _lineup(name, facts[0], splits, raw is not None, how, facts[1])


def _lineup(
    name: str,
    data: DataFacts,
    splits: Sequence[Split],
    has_raw: bool,
    options: FeatureOptions,
    test_data: DataFacts | None = None,
) -> Lineup:
    raw = splits[-1] if has_raw else None
    others = splits[:-1] if has_raw else splits
    copies = find_leaks(raw if raw is not None else splits[0])
    if copies:
        warnings.warn(
            f"{name}: {len(copies)} of {len(splits[0].test)} test clips are copies of training clips: the split leaks "
            f"({listed(copies)}); results without them stand beside",
            UserWarning,
            stacklevel=3,
        )
    return Lineup(name, data, others[0], tuple(others[1:]), raw, copies, test_data, options)


@dataclass(frozen=True, eq=False)
class _Side:
    """The features of some clips of a data set."""

    data: LabelledClips
    features: Scores
    ids: Sequence[str]

    def rows(self, scale: Scale) -> Tensor:
        if not self.ids:
            raise LabelError(
                "no clip of a side of the split is left", where=self.data.where, expected="clips that can be embedded"
            )
        rows = self.features.take(self.ids).values.float()
        return F.normalize(rows, dim=1) if scale == "length 1" else rows

    @property
    def labels(self) -> list[str]:
        return [self.data.label_of[name] for name in self.ids]

    @property
    def groups(self) -> tuple[str, ...]:
        return self.data.groups(self.ids)


def _split(train: _Side, test: _Side, scale: Scale) -> Split:
    return Split.of(
        train.rows(scale),
        train.labels,
        test.rows(scale),
        test.labels,
        train_ids=train.ids,
        test_ids=test.ids,
        train_groups=train.groups,
        test_groups=test.groups,
    )


def _in_order(ids: Sequence[str], left_out: Mapping[str, str]) -> list[str]:
    """Return clips in the order of their ids: what is drawn by row then does not depend on that of the data set."""
    return sorted(name for name in ids if name not in left_out)


def _left_out(kept: Sequence[Kept]) -> dict[str, str]:
    """Return the clips that any contestant cannot use: they are left out for all."""
    return {name: reason for each in kept for name, reason in each.left_out.items()}


def _facts(data: LabelledClips, split: str, left_out: Mapping[str, str]) -> DataFacts:
    return DataFacts(
        name=data.name,
        sha256=data.sha256,
        split=split,
        reading=data.reading,
        left_out={**data.left_out, **left_out},
    )
