"""What a map shows: points, groups, neighbours and figures, as one tree for JSON."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from msclr.evaluate.reports.plane import Projection, to_plane
from msclr.explore.motion import Figure, Motion
from msclr.neighbours import SearchResult, search

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

NEIGHBOURS = 5
LONGEST_NAME = 300


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the clips are.

    Args:
        points: [n, 2], each axis within -1 to 1, with one scale for both.
        method: How they were laid out.
        variance: Share of the variance of the vectors that the two axes hold; None for t-SNE.
        near: The nearest other clips of each, up to five.
    """

    points: npt.NDArray[np.float64]
    method: Projection
    variance: float | None
    near: SearchResult


@dataclass(frozen=True)
class Drawn:
    """The moving figures: what is drawn of each convention, and for each clip its convention's place and its motion."""

    figures: tuple[Figure, ...]
    clips: tuple[tuple[int, Motion], ...]


@dataclass(frozen=True, eq=False)
class Content:
    """All that a map shows.

    Args:
        names, conventions, labels: Of each clip; "" for a label that is not known.
        layout: Where the clips are.
        drawn: Their figures, None for a map without.
        total: How many vectors there were; more than there are names if only some are shown.
        column: What the labels are, for example "label" or "subject".
        model: Name of the model, "" if unknown.
    """

    names: tuple[str, ...]
    conventions: tuple[str, ...]
    labels: tuple[str, ...]
    layout: Layout
    drawn: Drawn | None
    total: int
    column: str
    model: str

    def to_json(self) -> Json:
        """Return what the page's script reads."""
        near = self.layout.near
        return {
            "names": [shortened(name) for name in self.names],
            "x": self.layout.points[:, 0].round(4).tolist(),
            "y": self.layout.points[:, 1].round(4).tolist(),
            "groups": {
                "label": _group(shortened(self.column), self.labels),
                "convention": _group("convention", self.conventions),
            },
            "near": near.indices.tolist(),
            "scores": [[round(score, 3) for score in row] for row in near.scores.tolist()],
            "figures": [] if self.drawn is None else [list(map(list, each.bones)) for each in self.drawn.figures],
            "clips": [] if self.drawn is None else [_clip(place, motion) for place, motion in self.drawn.clips],
        }


def lay_out(vectors: Tensor, method: Projection, seed: int) -> Layout:
    """Lay vectors out in a plane and find the neighbours of each.

    Args:
        vectors: [n, dim], n at least 1.
        method: "pca" or "tsne".
        seed: Of t-SNE.

    Example:
        >>> layout = lay_out(torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]), "pca", 0)
        >>> layout.near.indices[:, 0].tolist(), round(layout.variance, 2)
        ([1, 0, 1], 1.0)
    """
    rows = torch.nn.functional.normalize(vectors.double(), dim=1)
    points = to_plane(rows, method, seed=seed)
    points = points - (points.max(axis=0) + points.min(axis=0)) / 2
    extent = float(np.abs(points).max())
    variance = None
    if method == "pca" and len(rows) > 1:
        whole = float((rows - rows.mean(dim=0)).square().sum())
        held = float(np.square(points - points.mean(axis=0)).sum())
        variance = held / whole if whole > 0 else None
    return Layout(points / extent if extent > 0 else points, method, variance, _others(rows))


def shortened(text: str) -> str:
    """Return a name as the page shows it: its end, if it is endless."""
    return text if len(text) <= LONGEST_NAME else "…" + text[-LONGEST_NAME:]


def _others(rows: Tensor) -> SearchResult:
    """Return the nearest of each row without itself."""
    k = min(NEIGHBOURS, len(rows) - 1)
    if k < 1:
        return SearchResult(torch.zeros(len(rows), 0, dtype=torch.int64), torch.zeros(len(rows), 0))
    found = search(rows, rows, k + 1)
    other = found.indices != torch.arange(len(rows))[:, None]
    other[other.all(dim=1), -1] = False  # more than k equal rows before it: then the last of all has to go
    return SearchResult(found.indices[other].reshape(-1, k), found.scores[other].reshape(-1, k))


def _group(title: str, values: Sequence[str]) -> Json:
    """Return the values, the most frequent first and the unknown last, and which of them each clip has."""
    counts = Counter(values)
    order = sorted(counts, key=lambda value: (value == "", -counts[value], value))
    place = {value: number for number, value in enumerate(order)}
    names: list[Json] = [shortened(value) for value in order]
    return {"title": title, "names": names, "of": [place[value] for value in values]}


def _clip(figure: int, motion: Motion) -> Json:
    fields: dict[str, Json] = {name: value for name, value in dataclasses.asdict(motion).items() if name != "shape"}
    return {"figure": figure, "shape": list(motion.shape), **fields}
