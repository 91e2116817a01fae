"""Who competes: networks and their random twins, or the coordinates alone."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from msclr import __version__
from msclr.errors import PoseError
from msclr.evaluate.cache import FeatureCache
from msclr.evaluate.contest import Contest
from msclr.evaluate.data.labelled import LabelledClips
from msclr.evaluate.evaluation import usual_scale
from msclr.evaluate.features import RAW_FRAMES, encoder_features, raw_features
from msclr.evaluate.reports.report import MODEL, RANDOM, RAW
from msclr.models.fingerprint import fingerprint
from msclr.poses.raw import common_joints
from msclr.skeletons.spec import SkeletonSpec


@dataclass(frozen=True, eq=False)
class Rows:
    """Clips described by one entrant.

    Args:
        values: [n, d] in the order of the clips' ids.
        skeleton, dims: Of poses; None and 0 of vectors.
    """

    values: Tensor
    skeleton: SkeletonSpec | None = None
    dims: int = 0


class Entrants(ABC):
    """Those who are put to the same tasks side by side."""

    name: str

    @abstractmethod
    def describe(self, data: LabelledClips, *, keep: bool = True) -> list[Rows]:
        """Describe the clips of one convention, once by each entrant; `keep` on the disk what took long."""

    @abstractmethod
    def told(self, values: Sequence[float]) -> dict[str, list[float]]:
        """Return the values of all entrants, in per cent, by the method that they stand for."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """What tells entrants apart."""


class Networks(Entrants):
    """A model, and the same network with random weights, one for each seed."""

    def __init__(self, name: str, contest: Contest, cache: FeatureCache | None = None) -> None:
        self.name, self.contest, self.cache = name, contest, cache

    def describe(self, data: LabelledClips, *, keep: bool = True) -> list[Rows]:
        """Embed the clips."""
        found = encoder_features(data, self.contest.encoders, cache=self.cache if keep else None)
        rows = [each.features.take(data.ids).values.float() for each in found]
        scaled = usual_scale(self.contest.model) == "length 1"
        return [Rows(F.normalize(each, dim=1) if scaled else each) for each in rows]

    def told(self, values: Sequence[float]) -> dict[str, list[float]]:
        """Return the value of the model, and those of the random weights."""
        shown = [round(value, 2) for value in values]
        return {MODEL: shown[:1], RANDOM: shown[1:]} if len(shown) > 1 else {MODEL: shown}

    @property
    def identity(self) -> str:
        """The hashes of all weights."""
        return " ".join(fingerprint(each) for each in self.contest.encoders)

    @property
    def architecture(self) -> str:
        """What decides the network with random weights."""
        settings = json.dumps(self.contest.model.config.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(settings.encode()).hexdigest()[:16]


class Coordinates(Entrants):
    """The poses themselves, in common coordinates."""

    name = "raw"

    def describe(self, data: LabelledClips, *, keep: bool = True) -> list[Rows]:
        """Flatten the poses."""
        (kept,) = raw_features(data) or ()
        clip = data.clips[data.ids[0]]
        return [Rows(kept.features.take(data.ids).values.float(), clip.skeleton, clip.dims)]

    def told(self, values: Sequence[float]) -> dict[str, list[float]]:
        """Return the one value."""
        return {RAW: [round(value, 2) for value in values]}

    @property
    def identity(self) -> str:
        """The version, as the preparation may change with it."""
        return f"raw poses, {RAW_FRAMES} frames, msclr {__version__}"


def comparable(first: Rows, second: Rows) -> tuple[Tensor, Tensor] | None:
    """Return two sets of rows as they can be compared: poses by the joints and coordinates that both have.

    A joint that no clip of a set has is none that it has. None if there is no such joint.
    """
    if first.skeleton is None or second.skeleton is None:
        return first.values, second.values
    try:
        names = common_joints(first.skeleton, second.skeleton)
    except PoseError:
        return None
    sides = [_by_joint(each)[..., _places(each, names), :] for each in (first, second)]
    known = torch.stack([(side != 0).any(dim=-1).flatten(0, -2).any(dim=0) for side in sides]).all(dim=0)
    if not bool(known.any()):
        return None
    dims = min(first.dims, second.dims)
    left, right = (F.normalize(side[..., known, :dims].flatten(1), dim=1) for side in sides)
    return left, right


def _by_joint(rows: Rows) -> Tensor:
    """The poses as they were before they were flattened: [n, p * t, j, c]."""
    assert rows.skeleton is not None
    return rows.values.reshape(len(rows.values), -1, rows.skeleton.num_joints, rows.dims)


def _places(rows: Rows, names: Sequence[str]) -> list[int]:
    assert rows.skeleton is not None
    return [rows.skeleton.anatomy.index(name) for name in names]
