"""Several views judged together: one linear layer for each, and their scores put together clip by clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch

from msclr.errors import PoseError
from msclr.evaluate.ensemble import Ensemble, fit_ensemble
from msclr.evaluate.fusion import THREE_STREAMS, Missing
from msclr.evaluate.linear_head import Combine, HeadProtocol, LogisticProtocol, SgdProtocol
from msclr.evaluate.protocols.classified import chance_of_classes, judged, present, ranked
from msclr.evaluate.protocols.protocol import Outcome, ViewProtocol, checked
from msclr.evaluate.protocols.split import Split
from msclr.evaluate.scores import Scores, listed

LOGISTIC = LogisticProtocol()


@dataclass(frozen=True)
class MultiSkeletonEnsemble(ViewProtocol):
    """Average what the linear layers of several joint conventions say of a clip; a clip need not have them all.

    Args:
        training: How the layers are trained: `SgdProtocol()` is that of the papers.
        combine: "losses" lets each layer learn by itself, as MS-CLR does; see `fit_ensemble`.
        missing: "skip" averages over the conventions that a clip has, "error" refuses clips that lack one.

    Source:
        MS-CLR, results marked "+".

    Example:
        >>> view = Split.of(torch.eye(2), ["walk", "run"], torch.eye(2) + 0.1, ["walk", "run"])
        >>> outcome = MultiSkeletonEnsemble().run({"kinect": view, "coco": view})
        >>> sorted(outcome.numbers)
        ['coco alone', 'kinect alone', 'mean recall', 'top-1']
    """

    training: HeadProtocol = LOGISTIC
    combine: Combine = "losses"
    missing: Missing = "skip"

    @property
    def name(self) -> str:
        """Name in tables."""
        return "ensemble" if isinstance(self.training, LogisticProtocol) else "ensemble-sgd"

    @property
    def deterministic(self) -> bool:
        """Whether the layers are trained to the optimum."""
        return isinstance(self.training, LogisticProtocol)

    def run(self, views: Mapping[str, Split], *, seed: int = 0) -> Outcome:
        """Train, fuse and test.

        Returns:
            Those of a classification, and the top-1 of each view alone ("kinect alone"), of the test clips it has;
            facts "lacking in" count the test clips that a view lacks.

        Raises:
            PoseError: If a clip has two classes, is trained on in one view and tested on in another, or is missing and
                `missing` is "error"; or a view has no training clip of some class.
        """
        return _fused(views, self.training, self.combine, self.missing, None, seed)

    def chance(self, views: Mapping[str, Split]) -> Mapping[str, float]:
        """Return what guessing scores."""
        return _chance(views)


@dataclass(frozen=True)
class ThreeStreams(ViewProtocol):
    """Put together what the linear layers of the joint, bone and motion streams say of a clip.

    Args:
        fusion: "published" weighs joint 0.6, bone 0.6, motion 0.4, "mean" takes the mean; both of layers that learn by
            themselves. "logits" trains the three layers on the mean of their logits.
        training: How the layers are trained.
        missing: As for `MultiSkeletonEnsemble`.

    Source:
        "published": MS-CLR and AimCLR. "logits": Li et al. 2021 (CrosSCLR).

    Example:
        >>> view = Split.of(torch.eye(2), ["walk", "run"], torch.eye(2) + 0.1, ["walk", "run"])
        >>> ThreeStreams().run({"joint": view, "bone": view, "motion": view}).numbers["top-1"]
        100.0
    """

    fusion: Literal["published", "mean", "logits"] = "published"
    training: HeadProtocol = LOGISTIC
    missing: Missing = "error"

    @property
    def name(self) -> str:
        """Name in tables."""
        return "three-streams" if self.fusion == "published" else f"three-streams-{self.fusion}"

    @property
    def deterministic(self) -> bool:
        """Whether the layers are trained to the optimum."""
        return isinstance(self.training, LogisticProtocol)

    def run(self, views: Mapping[str, Split], *, seed: int = 0) -> Outcome:
        """Train, fuse and test; see `MultiSkeletonEnsemble.run`.

        Raises:
            PoseError: If the views are not "joint", "bone" and "motion"; and as for `MultiSkeletonEnsemble.run`.
        """
        if set(views) != set(THREE_STREAMS):
            raise PoseError(f"views {listed(views)}", expected="'joint', 'bone' and 'motion'")
        combine: Combine = "logits" if self.fusion == "logits" else "losses"
        weights = THREE_STREAMS if self.fusion == "published" else None
        return _fused(views, self.training, combine, self.missing, weights, seed)

    def chance(self, views: Mapping[str, Split]) -> Mapping[str, float]:
        """Return what guessing scores."""
        return _chance(views)


def _fused(
    views: Mapping[str, Split],
    training: HeadProtocol,
    combine: Combine,
    missing: Missing,
    weights: Mapping[str, float] | None,
    seed: int,
) -> Outcome:
    known, asked = (_labels(views, side) for side in ("train", "test"))
    if both := sorted(set(known) & set(asked)):
        raise PoseError(f"{len(both)} clips trained on in one view, tested on in another: {listed(both)}")
    training = replace(training, seed=checked(seed)) if isinstance(training, SgdProtocol) else training
    features = {title: Scores(view.train_ids, view.train) for title, view in views.items()}
    tests = {title: Scores(view.test_ids, view.test) for title, view in views.items()}
    ensemble = fit_ensemble(features, known, protocol=training, combine=combine, missing=missing)
    fused = ensemble.predict(tests, weights=weights, missing=missing)
    classes = tuple(sorted({*known.values(), *asked.values()}))
    facts = {"train": len(known)} | {f"lacking in {title}": len(ids) for title, ids in fused.missing.items()}
    outcome = _judged(fused.scores, asked, classes, ensemble, facts)
    alone = {
        f"{title} alone": _judged(scores, asked, classes, ensemble, {}).numbers["top-1"]
        for title, scores in ensemble.scores(tests).items()
    }
    return replace(outcome, numbers={**outcome.numbers, **alone})


def _chance(views: Mapping[str, Split]) -> dict[str, float]:
    of = {title: chance_of_classes(view) for title, view in views.items()}
    return {**next(iter(of.values())), **{f"{title} alone": each["top-1"] for title, each in of.items()}}


def _judged(
    scores: Scores, labels: Mapping[str, str], classes: tuple[str, ...], ensemble: Ensemble, facts: Mapping[str, float]
) -> Outcome:
    code = {name: place for place, name in enumerate(classes)}
    columns = torch.tensor([code[name] for name in ensemble.classes])
    truth = torch.tensor([code[labels[name]] for name in scores.ids])
    return judged(scores.ids, truth, classes, ranked(scores.values, columns), present(columns), facts)


def _labels(views: Mapping[str, Split], side: str) -> dict[str, str]:
    """Return the class of each clip of one side, by name; all views have to agree."""
    labels: dict[str, str] = {}
    for title, view in views.items():
        ids, codes = (view.train_ids, view.train_labels) if side == "train" else (view.test_ids, view.test_labels)
        for name, code in zip(ids, codes.tolist(), strict=True):
            found = labels.setdefault(name, view.classes[code])
            if found != view.classes[code]:
                raise PoseError(
                    f"clip {name!r} is {view.classes[code]!r} in view {title!r} and {found!r} in another",
                    expected="one class of a clip in all views",
                )
    return labels
