"""Results as pictures: a heat map of the matrix, small multiples of the curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from msclr.evaluate.reports.report import MODEL, RANDOM, RAW
from weights.damage import DAMAGES
from weights.matrix import FOUND, IMAGE, SPACE
from weights.probes import LINEAR, METRICS
from weights.results import Column, Results
from weights.robustness import SETS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#1f5fa8", "#3f8f5b", "#a8437f", "#e39a3b")
PLAIN = {RANDOM: "#6a6f77", RAW: "#b0763a"}
PANELS = (("matrix/full", "full body"), ("matrix/upper", "upper body"))
ACROSS = 3


def matrix(results: Results) -> Figure:
    """Draw how often clips of one convention are found among those of another, for models and random weights."""
    from matplotlib.figure import Figure

    columns = [column for column in results.columns if column.method in (MODEL, RANDOM)]
    panels = [(column, piece, body) for column in columns for piece, body in PANELS if results.tasks(piece)]
    across = min(2, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(2.2 + 4.9 * across, 1.2 + 4.3 * down), layout="constrained")
    every = [*figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).flat]
    image = None
    for axes, (column, piece, body) in zip(every, panels, strict=False):
        image = _heat(axes, shares(results, piece, column), f"{column.title}, {body}")
    if image is not None:
        figure.colorbar(image, ax=every, shrink=0.5, label="R@1, %")
    return figure


def shares(results: Results, piece: str, column: Column) -> npt.NDArray[np.float64]:
    """Return R@1 [query, gallery], means over seeds, NaN on the diagonal; pairs in 2D seen by two cameras."""
    names = (*SPACE, *IMAGE)
    found = np.full((len(names), len(names)), np.nan)
    for row, first in enumerate(names):
        for place, second in enumerate(names):
            if values := results.values(piece, f"{first} > {second}", FOUND, column):
                found[row, place] = np.mean(values)
    return found


def _heat(axes: Axes, found: npt.NDArray[np.float64], title: str) -> object:
    names = [f"{name.removeprefix('metrabs_')}, {dims}D" for names, dims in ((SPACE, 3), (IMAGE, 2)) for name in names]
    image = axes.imshow(found, vmin=0, vmax=100, cmap="viridis")
    for (row, place), value in np.ndenumerate(found):
        if np.isfinite(value):
            colour = "white" if value < 60 else "black"
            number = axes.text(place, row, f"{value:.0f}", ha="center", va="center", fontsize=6, color=colour)
            number.set_in_layout(False)  # hundreds of them, all inside the axes
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_title(f"{title}: query down, gallery across", fontsize=9)
    return image


def curves(results: Results) -> Figure:
    """Draw accuracy against dose, a panel for each damage and set; lines are linear probes, thin ones 1-NN."""
    from matplotlib.figure import Figure

    down = -(-len(DAMAGES) // ACROSS)
    figure = Figure(figsize=(3.2 * ACROSS, 2.7 * down * len(SETS)), layout="constrained")
    every = figure.subplots(down * len(SETS), ACROSS, squeeze=False)
    for block, name in enumerate(SETS):
        panels = every[block * down : (block + 1) * down].flat
        for axes, kind in zip(panels, DAMAGES, strict=False):
            _curves_of(axes, results, name, kind)
        for axes in panels[len(DAMAGES) :]:
            axes.remove()
    handles, labels = every[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    return figure


def _curves_of(axes: Axes, results: Results, name: str, kind: str) -> None:
    damage = DAMAGES[kind]
    models = list(results.models)
    for column in results.columns:
        colour = COLOURS[models.index(column.model) % len(COLOURS)] if column.method == MODEL else PLAIN[column.method]
        for metric in METRICS:
            values = [
                results.values(f"robustness/{name}-{kind}", f"{dose:g}", metric, column) for dose in damage.levels
            ]
            if not all(values):
                continue
            means = [float(np.mean(of_dose)) for of_dose in values]
            style = {"linewidth": 1.8} if metric == LINEAR else {"linewidth": 0.9, "linestyle": "--"}
            axes.plot(
                damage.levels,
                means,
                marker="o",
                markersize=2.5,
                color=colour,
                label=f"{column.title}, {metric}",
                **style,
            )
    if damage.clean is None:
        axes.set_xscale("log", base=2)
        axes.set_xticks(damage.levels, [f"{level:g}" for level in damage.levels])
    axes.set_ylim(0, 100)
    axes.set_title(f"{name}: {damage.title}", fontsize=8)
    axes.set_xlabel(damage.unit, fontsize=7)
    axes.tick_params(labelsize=7)
    axes.grid(color="#e3e6ea")
    axes.set_axisbelow(True)
