"""Ensembles: one linear head for each part (joint convention, stream, model), and the mean of what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch

from msclr.errors import ConfigError, PoseError
from msclr.evaluate.fusion import Fused, Missing, fuse, missing_samples
from msclr.evaluate.linear_head import Combine, HeadProtocol, SgdProtocol, TrainedHead, train_heads
from msclr.evaluate.scores import Scores, listed

PUBLISHED = SgdProtocol()


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Trained heads, one for each part.

    Args:
        heads: The head of each part, by name.
        left_out: For each part the training samples that its head was trained without.

    Example:
        >>> points = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.1, 0.9], [0.9, 0.2]])
        >>> features = {"kinect": Scores(["a", "b", "c", "d"], points), "vicon": Scores(["b", "a"], points[:2])}
        >>> labels = {"a": "up", "b": "right"}
        >>> ensemble = fit_ensemble(features, labels, protocol=SgdProtocol(epochs=5))
        >>> fused = ensemble.predict({name: each.take(set(each.ids) - {"a"}) for name, each in features.items()})
        >>> fused.scores.take(["d"]).predictions(), sorted(fused.missing["vicon"])
        ({'d': 'right'}, ['c', 'd'])
    """

    heads: Mapping[str, TrainedHead]
    left_out: Mapping[str, tuple[str, ...]]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of the columns of all scores."""
        return next(iter(self.heads.values())).classes

    def scores(self, features: Mapping[str, Scores]) -> dict[str, Scores]:
        """Return what each head says of the features of its part.

        Args:
            features: Features of some or all of the parts, by name.

        Raises:
            ConfigError: If there is no head for a part, or there are no parts.
            PoseError: If features are of another length than those trained on.
        """
        unknown = [name for name in features if name not in self.heads]
        if unknown or not features:
            found = f"no head for {listed(unknown)}" if unknown else "features of no part"
            raise ConfigError(found, expected="some of " + ", ".join(self.heads))
        return {name: self.heads[name].scores(each) for name, each in features.items()}

    def predict(
        self,
        features: Mapping[str, Scores],
        *,
        weights: Mapping[str, float] | None = None,
        missing: Missing = "skip",
        ids: Iterable[str] | None = None,
    ) -> Fused:
        """Average what the heads say of each sample; a part that lacks a sample is left out of its mean and reported.

        Args:
            features: Features of the test samples by part; a part that is left out lacks them all.
            weights: One weight for each part of the ensemble; default: the mean.
            missing: As for `fuse`, but "skip" by default.
            ids: The samples wanted, as for `fuse`.

        Raises:
            ConfigError: If there is no head for a part, or there are no parts.
            PoseError: As for `fuse`.
        """
        said = self.scores(features)
        nothing = torch.zeros(0, len(self.classes))
        parts = {name: said.get(name, Scores((), nothing, self.classes)) for name in self.heads}
        wanted = [name for each in features.values() for name in each.ids] if ids is None else ids
        return fuse(parts, weights=weights, missing=missing, ids=dict.fromkeys(wanted))


def fit_ensemble(
    features: Mapping[str, Scores],
    labels: Mapping[str, object],
    *,
    protocol: HeadProtocol = PUBLISHED,
    combine: Combine = "losses",
    missing: Missing = "error",
) -> Ensemble:
    """Train one linear head on the features of each part.

    Args:
        features: Features of each part, of the training samples at least; others in them are not looked at.
        labels: The training samples: the class of each, by id.
        protocol: `SgdProtocol()` is that of the papers; `LogisticProtocol()` suits small sets.
        combine: "losses" adds up the losses of the heads, as the multi-skeleton ensemble does: each head learns by
            itself. "logits" trains on the mean of their logits, as three-stream CrosSCLR does.
        missing: "error" refuses training samples that a part lacks. "skip" trains its head without them and reports
            them; with "logits" they are left out of all heads.

    Returns:
        The heads, and the samples that each was trained without.

    Raises:
        PoseError: If training samples are missing, a part has none of some class, or there are less than two classes.
        TrainingError: If the weights of a head are not finite in the end.
        MissingExtraError: If the protocol needs scikit-learn and it is not installed.

    Source:
        MS-CLR, results marked "+"; Li et al. 2021 (CrosSCLR), three streams.

    Example:
        >>> points = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
        >>> features = {"joint": Scores(["a", "b"], points), "bone": Scores(["b", "a"], points.flip(0))}
        >>> fit_ensemble(features, {"a": "up", "b": "right"}, protocol=SgdProtocol(epochs=5)).classes
        ('right', 'up')
    """
    if combine not in ("losses", "logits"):
        raise ConfigError(f"combine={combine!r}", expected="'losses' or 'logits'")
    texts = {name: str(label) for name, label in labels.items()}
    classes = tuple(sorted(set(texts.values())))
    if not features or len(classes) < 2:
        found = "features of no part" if not features else f"{len(texts)} training samples of {len(classes)} classes"
        raise PoseError(found, expected="at least one part and two classes")
    lacking = _lacking(features, texts, combine, missing)
    heads: dict[str, TrainedHead] = {}
    for group in [list(features)] if combine == "logits" else [[title] for title in features]:
        without = set(lacking.get(group[0], ()))
        ids = sorted(texts.keys() - without)
        _check_classes(f"part {group[0]!r}", {texts[name] for name in ids}, classes)
        blocks = [features[title].take(ids).values for title in group]
        codes = torch.tensor([classes.index(texts[name]) for name in ids])
        heads.update(zip(group, train_heads(blocks, codes, classes, protocol), strict=True))
    return Ensemble(MappingProxyType(heads), lacking)


def held_out_scores(
    features: Mapping[str, Scores],
    labels: Mapping[str, object],
    *,
    folds: int | Mapping[str, object] = 5,
    seed: int = 0,
    protocol: HeadProtocol = PUBLISHED,
    combine: Combine = "losses",
    missing: Missing = "error",
) -> dict[str, Scores]:
    """Score each training sample by heads that were trained without it: what `learn_weights` should see.

    Args:
        features: As for `fit_ensemble`.
        labels: The training samples, as for `fit_ensemble`.
        folds: In how many parts to cut the training samples, each class evenly; or the group of each sample, for
            example its subject, to leave out one group after the other.
        seed: Draws which sample is in which fold.
        protocol, combine, missing: As for `fit_ensemble`.

    Returns:
        The scores of the training samples by part.

    Raises:
        PoseError: As for `fit_ensemble`, of every fold; a class needs samples in two folds at least.
        ConfigError: If there are fewer than two folds, or the group of a sample is unknown.

    Example:
        >>> points = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.1, 1.0], [1.0, 0.1]])
        >>> labels = {"a": "up", "b": "right", "c": "up", "d": "right"}
        >>> brief = SgdProtocol(epochs=5)
        >>> held_out_scores({"joint": Scores(list(labels), points)}, labels, folds=2, protocol=brief)
        {'joint': Scores(4 samples, 2 classes)}
    """
    fold_of = _folds(labels, folds, seed)
    found: dict[str, list[Scores]] = {title: [] for title in features}
    for fold in sorted(set(fold_of.values())):
        training = {name: label for name, label in labels.items() if fold_of[name] != fold}
        _check_classes(f"what is outside fold {fold!r}", set(_texts(training)), _texts(labels))
        ensemble = fit_ensemble(features, training, protocol=protocol, combine=combine, missing=missing)
        for title, each in features.items():
            held = [name for name in each.ids if fold_of.get(name) == fold]
            found[title].append(ensemble.heads[title].scores(each.take(held)))
    return {title: _together(several) for title, several in found.items()}


def _lacking(
    features: Mapping[str, Scores], labels: Mapping[str, str], combine: Combine, missing: Missing
) -> dict[str, tuple[str, ...]]:
    """Return the training samples that each part has to do without."""
    lacking = missing_samples(features, labels)
    if lacking and missing != "skip":
        raise PoseError(
            "; ".join(f"part {name!r} lacks {len(ids)} samples: {listed(ids)}" for name, ids in lacking.items()),
            expected=f"all {len(labels)} training samples in every part",
            remedy='missing="skip" to train each head on what its part has',
        )
    if lacking and combine == "logits":
        absent = {name for ids in lacking.values() for name in ids}
        return dict.fromkeys(features, tuple(name for name in labels if name in absent))
    return lacking


def _check_classes(what: str, found: set[str], classes: Sequence[str]) -> None:
    without = [name for name in classes if name not in found]
    if without:
        raise PoseError(
            f"{what} has no training sample of {listed(without)}",
            expected="some of each class",
            remedy="leave out the part, the class, or have fewer folds",
        )


def _texts(labels: Mapping[str, object]) -> list[str]:
    return sorted({str(label) for label in labels.values()})


def _together(several: list[Scores]) -> Scores:
    ids = [name for each in several for name in each.ids]
    return Scores(ids, torch.cat([each.values for each in several]), several[0].classes)


def _folds(labels: Mapping[str, object], folds: int | Mapping[str, object], seed: int) -> dict[str, str]:
    """Return the fold of each sample, whatever the order in which the samples are given."""
    if isinstance(folds, Mapping):
        if unknown := [name for name in labels if name not in folds]:
            raise ConfigError(f"no fold of {listed(unknown)}", expected="one for each training sample")
        fold_of = {name: str(folds[name]) for name in labels}
    else:
        if folds < 2:
            raise ConfigError(f"folds={folds}", expected="at least 2")
        generator = torch.Generator().manual_seed(seed)
        shuffled = sorted(labels)
        shuffled = [shuffled[place] for place in torch.randperm(len(shuffled), generator=generator).tolist()]
        by_class = sorted(shuffled, key=lambda name: str(labels[name]))
        fold_of = {name: str(place % folds) for place, name in enumerate(by_class)}
    if len(set(fold_of.values())) < 2:
        raise ConfigError(f"{len(set(fold_of.values()))} folds with samples", expected="at least 2")
    return fold_of
