"""Pictures of a report: bars beside the baselines, confusions, a map of the vectors. Needs the extra `msclr[viz]`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from msclr.errors import MissingExtraError, PoseError
from msclr.evaluate.reports.report import MODEL, RANDOM, RAW, Task
from msclr.evaluate.reports.tables import CHANCE, LOWER_IS_BETTER, headline
from msclr.io.atomic import atomic_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {MODEL: "#1f5fa8", RANDOM: "#b9bec5", RAW: "#e39a3b"}
INK, GRID = "#22272e", "#e3e6ea"
DPI = 150
LABELLED_CELLS = 20  # classes up to which a confusion shows its numbers
LEGEND_ROWS = 22


def draw_bars(tasks: Sequence[Task]) -> Figure:
    """Draw the headline of each protocol: the model beside its baselines, chance as a line.

    Args:
        tasks: Results of several protocols on one data set, or of means.

    Raises:
        PoseError: If no task has numbers.
        MissingExtraError: If matplotlib is not installed.
    """
    done = [task for task in tasks if task.methods and headline(task.protocol) in task.numbers]
    if not done:
        raise PoseError("no task with numbers", expected="at least one")
    figure = new_figure(max(4.5, 1.6 + 0.95 * len(done)), 3.6)
    ax = figure.add_subplot()
    methods = [name for name in COLOURS if any(name in task.methods for task in done)]
    width = 0.8 / len(methods)
    for place, name in enumerate(methods):
        number = [headline(task.protocol) if name in task.methods else "" for task in done]
        has = [index for index, title in enumerate(number) if title]
        means = [done[index].methods[name].mean(number[index]) for index in has]
        spread = [done[index].methods[name].deviation(number[index]) for index in has]
        at = [index + (place - (len(methods) - 1) / 2) * width for index in has]
        ax.bar(
            at,
            means,
            0.92 * width,
            color=COLOURS[name],
            label=name,
            yerr=[each or np.nan for each in spread],
            error_kw={"elinewidth": 1, "ecolor": INK, "capsize": 2},
        )
    known = [
        (index, task.chance[headline(task.protocol)])
        for index, task in enumerate(done)
        if headline(task.protocol) in task.chance
    ]
    if known:
        at, height = np.array(known).T
        ax.hlines(height, at - 0.45, at + 0.45, colors=INK, linestyles=(0, (2, 2)), linewidth=1, label=CHANCE)
    ax.set_xticks(range(len(done)), [f"{task.protocol}\n{headline(task.protocol)}" for task in done])
    ax.set_ylabel("per cent", fontsize=9, color=INK)
    ax.set_ylim(0, 100)
    plain(ax)
    ax.yaxis.grid(True, color=GRID)
    ax.set_title(done[0].name, loc="left", fontsize=10, color=INK, parse_math=False)
    figure.legend(loc="outside upper right", ncols=4, frameon=False, fontsize=8)
    return figure


def draw_gains(tasks: Sequence[Task]) -> Figure:
    """Draw, for many data sets and protocols, how far the model is above the better of its baselines.

    Args:
        tasks: Results; where a lower number is better, the sign is turned round.

    Raises:
        PoseError: If no task has numbers.
        MissingExtraError: If matplotlib is not installed.
    """
    done = [task for task in tasks if MODEL in task.methods and len(task.methods) > 1]
    if not done:
        raise PoseError("no task with numbers", expected="at least one")
    names = list(dict.fromkeys(task.name for task in done))
    protocols = list(dict.fromkeys(task.protocol for task in done))
    gains = np.full((len(names), len(protocols)), np.nan)
    for task in done:
        gains[names.index(task.name), protocols.index(task.protocol)] = gain(task)
    figure = new_figure(3.2 + 0.62 * len(protocols), 1.6 + 0.34 * len(names))
    ax = figure.add_subplot()
    image = ax.imshow(gains, cmap="RdBu", vmin=-20, vmax=20, aspect="auto")
    ax.set_xticks(range(len(protocols)), [f"{name}\n{headline(name)}" for name in protocols], rotation=90)
    ax.set_yticks(range(len(names)), [short(name) for name in names], parse_math=False)
    for row, column in zip(*np.nonzero(np.isfinite(gains)), strict=True):
        value = gains[row, column]
        colour = "white" if abs(value) > 13 else INK
        ax.text(column, row, f"{value:+.1f}", ha="center", va="center", fontsize=7, color=colour)
    plain(ax, frame=True)
    ax.set_title("model above the better of random init and raw poses, points", loc="left", fontsize=10, color=INK)
    bar = figure.colorbar(image, ax=ax, fraction=0.03, pad=0.02, extend="both")
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8, colors=INK)
    return figure


def gain(task: Task) -> float:
    """Return how far the headline of the model is above that of the better baseline, in points; for errors below."""
    number = headline(task.protocol)
    others = [method.mean(number) for name, method in task.methods.items() if name != MODEL]
    mine = task.methods[MODEL].mean(number)
    return min(others) - mine if number in LOWER_IS_BETTER else mine - max(others)


def draw_confusion(task: Task) -> Figure:
    """Draw how often the model took each class for each class, in per cent of the clips of a class.

    Args:
        task: A task with a confusion matrix.

    Raises:
        PoseError: If it has none.
        MissingExtraError: If matplotlib is not installed.
    """
    if not task.confusion:
        raise PoseError(f"no confusion matrix of {task.protocol}", expected="a protocol that classifies")
    counts = np.array(task.confusion, dtype=np.float64)
    totals = counts.sum(axis=1)
    kept = np.flatnonzero((totals > 0) | (counts.sum(axis=0) > 0))
    counts, totals, names = counts[np.ix_(kept, kept)], totals[kept], [short(task.classes[place]) for place in kept]
    shares = 100 * counts / np.maximum(totals, 1)[:, None]
    side = min(14.0, 2.6 + 0.34 * len(names))
    figure = new_figure(side + 1.5, side)
    ax = figure.add_subplot()
    image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="equal")
    step = max(1, len(names) // 60)
    size = 8 if len(names) <= 30 else 6
    ax.set_xticks(range(0, len(names), step), names[::step], rotation=90, fontsize=size, parse_math=False)
    ax.set_yticks(range(0, len(names), step), names[::step], fontsize=size, parse_math=False)
    if len(names) <= LABELLED_CELLS:
        for row, column in zip(*np.nonzero(shares >= 0.5), strict=True):
            share = shares[row, column]
            ax.text(
                column, row, f"{share:.0f}", ha="center", va="center", fontsize=7, color="white" if share > 55 else INK
            )
    ax.set_xlabel("taken for", fontsize=9, color=INK)
    ax.set_ylabel("class", fontsize=9, color=INK)
    plain(ax, frame=True)
    top = f", top-1 {task.methods[MODEL].mean('top-1'):.1f} %" if "top-1" in task.numbers else ""
    ax.set_title(f"{task.name}, {task.protocol}{top}", loc="left", fontsize=10, color=INK, parse_math=False)
    bar = figure.colorbar(image, ax=ax, fraction=0.04, pad=0.02)
    bar.set_label("per cent of the clips of a class", fontsize=8)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8, colors=INK)
    return figure


def draw_map(points: npt.NDArray[np.floating], labels: Sequence[str], title: str) -> Figure:
    """Draw clips as points in a plane, coloured by class.

    Args:
        points: [n, 2].
        labels: The class of each.
        title: A heading.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    names = sorted(set(labels))
    legend = len(names) <= 2 * LEGEND_ROWS
    columns = 1 + (len(names) - 1) // LEGEND_ROWS
    figure = new_figure(5.6 + (1.9 * columns if legend else 0), 5.2)
    import matplotlib as mpl
    from matplotlib.patheffects import withStroke

    ax = figure.add_subplot()
    table = "tab10" if len(names) <= 10 else "tab20" if len(names) <= 20 else "gist_ncar"
    of = np.array(labels)
    for place, name in enumerate(names):
        colour = mpl.colormaps[table](place if len(names) <= 20 else 0.03 + 0.92 * place / len(names))
        chosen = points[of == name]
        ax.scatter(chosen[:, 0], chosen[:, 1], s=16, color=[colour], alpha=0.85, linewidths=0, label=short(name))
        if not legend:
            x, y = np.median(chosen, axis=0)
            label = ax.text(x, y, short(name, 8), fontsize=6, ha="center", color=INK, parse_math=False)
            label.set_path_effects([withStroke(linewidth=1.6, foreground="white")])
    ax.set_xticks([])
    ax.set_yticks([])
    plain(ax, frame=True)
    ax.set_title(title, loc="left", fontsize=10, color=INK, parse_math=False)
    if legend:
        figure.legend(loc="outside right upper", ncols=columns, frameon=False, fontsize=8, markerscale=1.4)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG; the file appears complete or not at all."""
    with atomic_file(path) as file:
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return path


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in inches, which needs no display.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("pictures need matplotlib", remedy='pip install "msclr[viz]"') from None
    return Figure(figsize=(width, height), layout="constrained")


def plain(ax: Axes, *, frame: bool = False) -> None:
    """Take what says nothing away from axes."""
    for name, spine in ax.spines.items():
        spine.set_visible(frame or name == "bottom")
        spine.set_color(GRID if frame else INK)
    ax.tick_params(length=0, labelsize=8, colors=INK)
    ax.set_axisbelow(True)


def short(name: str, length: int = 24) -> str:
    """Return a name that leaves room for the picture.

    Example:
        >>> short("elbowToKnee1RepsLelbowStart")
        'elbowToKnee1RepsLelbow..'
    """
    return name if len(name) <= length else f"{name[: length - 2]}.."
