"""The curves of a run as a picture. Needs the extra `msclr[viz]`."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from msclr.strict_json import JsonValue

FEWEST_POINTS = 3  # of a curve
_PANELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("loss", ("loss",)),
    ("nearest neighbours: accuracy", ("knn",)),
    ("contrast: accuracy", ("accuracy",)),
    ("alignment, uniformity", ("alignment", "uniformity")),
    ("spread of the keys", ("spread",)),
    ("effective rank of the keys", ("effective_rank",)),
    ("learning rate", ("learning_rate",)),
    ("clips per second", ("clips_per_second",)),
)
_LEVELS = {"knn_chance": ("chance", ":"), "knn_raw_poses": ("raw poses", "--"), "untrained_knn": ("untrained", "-.")}
_COLUMNS, _WIDTH, _HEIGHT, _DPI = 2, 5.0, 2.2, 100

Curve = tuple[list[int], list[float]]


def draw_curves(lines: Sequence[Mapping[str, JsonValue]], *, title: str) -> bytes:
    """Draw what the log of a run says, a panel for each of its subjects.

    Args:
        lines: Of the log.
        title: Of the picture.

    Returns:
        A PNG file.

    Raises:
        ImportError: If matplotlib is not installed.

    Example:
        >>> draw_curves([{"step": step, "loss": 1.0} for step in range(3)], title="tiny")[1:4]
        b'PNG'
    """
    from matplotlib.figure import Figure

    curves = curves_of(lines)
    panels = [(name, _members(starts, curves)) for name, starts in _PANELS]
    panels = [(name, members) for name, members in panels if members]
    rows = max(1, -(-len(panels) // _COLUMNS))
    figure = Figure(figsize=(_COLUMNS * _WIDTH, rows * _HEIGHT), layout="constrained")
    figure.suptitle(title, fontsize=10, parse_math=False)
    for number, (name, members) in enumerate(panels, 1):
        ax = figure.add_subplot(rows, _COLUMNS, number)
        for member in members:
            ax.plot(*curves[member], label=member, linewidth=1, marker="." if len(curves[member][0]) < 30 else None)
        if members[0].startswith("knn"):
            for level, (label, style) in _LEVELS.items():
                for member in (each for each in curves if each.startswith(level)):
                    ax.axhline(curves[member][1][0], label=label, linewidth=0.8, linestyle=style, color="gray")
        if len(members) > 1 or members[0].startswith("knn"):
            ax.legend(fontsize=6)
        ax.set_title(name, fontsize=8)
        ax.tick_params(labelsize=6)
        ax.set_xlabel("update", fontsize=7)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()


def curves_of(lines: Sequence[Mapping[str, JsonValue]]) -> dict[str, Curve]:
    """Return, for each figure of the log, the updates that have it and its values.

    Example:
        >>> curves_of([{"step": 0, "loss": 2.0}, {"step": 1, "loss": None}, {"step": 2, "loss": 1.0}])["loss"]
        ([0, 2], [2.0, 1.0])
    """
    found: dict[str, Curve] = {}
    for line in lines:
        step = line.get("step")
        for name, value in line.items():
            if name != "step" and isinstance(value, int | float) and isinstance(step, int):
                steps, values = found.setdefault(name, ([], []))
                steps.append(step)
                values.append(value)
    return found


def _members(starts: Sequence[str], curves: Mapping[str, Curve]) -> list[str]:
    """The curves of a panel: of the names given, or of one of them and an encoder."""
    return [
        name
        for start in starts
        for name in curves
        if name not in _LEVELS and (name == start or (start == "knn" and name.startswith("knn_")))
    ]
