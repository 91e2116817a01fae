"""One model and one set: the numbers of a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import torch
from torch.nn import functional as F

from claims.clips import Part, in_format
from msclr.evaluate.features import encoder_features, raw_features
from msclr.evaluate.protocols import CrossRetrieval, LinearToOptimum, MultiSkeletonEnsemble, NearestNeighbours, Split
from msclr.evaluate.scores import Scores
from msclr.models.base import PoseEncoder
from msclr.models.config import SingleConfig
from msclr.models.per_skeleton import PerSkeletonEncoder

KNN, LINEAR, FOUND = "knn-1", "linear", "R@1"
OWN, ENSEMBLE, JOINED, TOGETHER = "own", "ensemble", "joined", "together"

Views: TypeAlias = dict[str, Split]
Numbers: TypeAlias = dict[str, dict[str, dict[str, float]]]  # of a part: protocol, view, per cent


def judge(encoders: Mapping[str, PoseEncoder], parts: Sequence[Part]) -> Numbers:
    """Judge the networks of an arm by a set.

    Args:
        encoders: The networks by name; several are looked at one by one and joined.
        parts: The set; several parts are of the same clips, recorded by several sensors.

    Returns:
        For each part top-1 of nearest neighbours and of logistic regression, by view: in each format of the network,
        the clips converted; of networks of one format by network, and "joined". Several formats also have the
        "ensemble" of their linear layers. Several parts have a further one, "together": how often a test clip finds
        itself among the clips of another sensor, and the ensemble of sensors, in each format, or in their "own".
        Nothing of a 2D set if the networks take 3D only.
    """
    if any(takes_3d_only(encoder) and part.dims == 2 for encoder in encoders.values() for part in parts):
        return {}
    views = {part.title: views_of(encoders, part) for part in parts}
    found = {title: classified(each) for title, each in views.items()}
    if len(parts) > 1:
        by_view = {name: {title: each[name] for title, each in views.items()} for name in next(iter(views.values()))}
        if all(part.skeleton in views[part.title] for part in parts):
            by_view[OWN] = {part.title: views[part.title][part.skeleton] for part in parts}
        found[TOGETHER] = across(by_view)
    return found


def judge_raw(parts: Sequence[Part]) -> Numbers:
    """Judge coordinates alone by a set, as they are recorded, joined ones by the joints that all have; see `judge`."""
    found = {}
    for part in parts:
        (kept,) = raw_features(part.data) or ()
        found[part.title] = classified({OWN: _split(part, kept.features)})
    if len(parts) > 1:
        several = raw_features(*(part.data for part in parts)) or ()
        rows = {part.title: _split(part, kept.features) for part, kept in zip(parts, several, strict=True)}
        found[TOGETHER] = across({OWN: rows})
    return found


def takes_3d_only(encoder: PoseEncoder) -> bool:
    """Return whether a network is one of inter-skeleton contrast."""
    return isinstance(encoder.config, SingleConfig)


def views_of(encoders: Mapping[str, PoseEncoder], part: Part) -> Views:
    """Return the features of a part by each view of the networks, each of length 1."""
    views = {}
    for name, encoder in encoders.items():
        for view, skeleton in _formats(name, encoder).items():
            views[view] = split_in(part, encoder, skeleton)
    if len(encoders) > 1:
        sides = [torch.cat([getattr(each, side) for each in views.values()], dim=1) for side in ("train", "test")]
        ids = [*part.sides.train, *part.sides.test]
        views[JOINED] = _split(part, Scores(ids, torch.cat(sides)))
    return views


def split_in(part: Part, encoder: PoseEncoder, skeleton: str) -> Split:
    """Return the features of a part whose clips are converted to a format, each of length 1."""
    (kept,) = encoder_features(in_format(part, skeleton, encoder.frames), [encoder])
    return _split(part, kept.features)


def classified(views: Mapping[str, Split]) -> dict[str, dict[str, float]]:
    """Return top-1 of both protocols by view, and of the ensemble of several formats."""
    found = {KNN: {name: _top(NearestNeighbours(1).run(each).numbers) for name, each in views.items()}}
    if len(views) == 1 or JOINED in views:
        found[LINEAR] = {name: _top(LinearToOptimum().run(each).numbers) for name, each in views.items()}
    else:
        numbers = MultiSkeletonEnsemble().run(views).numbers
        found[LINEAR] = {name: round(numbers[f"{name} alone"], 2) for name in views}
        found[LINEAR][ENSEMBLE] = _top(numbers)
    return found


def across(by_view: Mapping[str, Mapping[str, Split]]) -> dict[str, dict[str, float]]:
    """Return, by view, how often clips are found among those of another sensor, and the ensemble of all sensors."""
    found: dict[str, dict[str, float]] = {FOUND: {}, LINEAR: {}}
    for name, sensors in by_view.items():
        found[FOUND][name] = round(CrossRetrieval(ranks=(1,)).run(sensors).numbers[FOUND], 2)
        found[LINEAR][name] = _top(MultiSkeletonEnsemble().run(sensors).numbers)
    return found


def _formats(name: str, encoder: PoseEncoder) -> dict[str, str]:
    """The views of a network, and the format that clips are converted to for each."""
    if isinstance(encoder, PerSkeletonEncoder):
        return {spec.id: spec.id for spec in encoder.skeletons}
    assert isinstance(encoder.config, SingleConfig)
    return {name: encoder.config.skeleton}


def _split(part: Part, features: Scores) -> Split:
    train, test = (features.take(ids).values.float() for ids in (part.sides.train, part.sides.test))
    labels = [[part.data.label_of[name] for name in ids] for ids in (part.sides.train, part.sides.test)]
    return Split.of(
        F.normalize(train, dim=1),
        labels[0],
        F.normalize(test, dim=1),
        labels[1],
        train_ids=part.sides.train,
        test_ids=part.sides.test,
    )


def _top(numbers: Mapping[str, float]) -> float:
    return round(numbers["top-1"], 2)
