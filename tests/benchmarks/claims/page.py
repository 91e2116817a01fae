"""The page: tables between two marks of docs/claims.md, a picture, and the numbers behind them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pages import begin, write_between

from claims import tables
from claims.clips import HELD_OUT, SETS
from claims.judging import LINEAR
from claims.results import Finding, Results, findings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BEGIN = begin("claims")
LARGEST = 300_000
KEPT_FILE = Path("runs", "claims.json")
COLOURS = ("#1f5fa8", "#e39a3b", "#3f8f5b", "#a8437f", "#6a6f77")

TITLE = "# The papers' claims, tested\n\n"
SUBJECTS = " and ".join(each.removeprefix("uiprmd_") for each in HELD_OUT)
HOW_TO_READ = """All accuracies are per cent of test clips, vectors frozen: `linear` is logistic regression to the
optimum, `knn-1` the nearest training clip by cosine. A set has at most {most} clips on each side, drawn at random;
NW-UCLA is without its 94 copies, which leaves 8 of its 10 classes to test on; of UI-PRMD, {subjects} are tested on,
who are in no pretraining, and its number is the mean over its three sensors. No action set was pretrained on. A
network sees a clip converted to the format named.

**What is tested.** The unit is the set: for each of the {sets} sets ({in_3d} in 3D for inter-skeleton contrast) the
mean over seeds (and formats, where several are named), first minus second. A paired t test over the sets gives the
interval and, corrected by Holm for all comparisons of this page together, p: would the difference be found on other
sets like these? "p over cells" is the same test over sets and seeds as if they were independent, uncorrected; it is
too small, and stands here for who wants it. "not shown" is said of whatever has p (Holm) of 0.05 or more: it does
not mean that there is no difference."""
COMMANDS = """```bash
export MSCLR_DATA=DATA OMP_NUM_THREADS=1 PYTHONPATH=tests/benchmarks
python -m claims plan
python -m claims run -o claims    # hours; several such processes share the work
python -m claims page -o claims
```"""
TRAINED = """`recorded`: repetitions of UI-PRMD, subjects 1 to 8, each format from its own sensor or model.
`derived`: windows of 3 s of CMU, all formats converted from the same recorded joints. `recorded-3-apart` has all
three formats, but query and key of a clip are always in one of them. `plain` is SkeletonCLR with the settings of
SkeleMixCLR."""
JUDGED = """Only the three conventions of UI-PRMD are trained on, by the arms that have them; all others are held
out of training and are converted to the formats of a network. Raw poses are coordinates as recorded, by linear
layers."""
SENSORS = """Held-out subjects, linear layers, each sensor in its own format; with * converted to the first format
of the arm, which has none for it. Then linear layers of the three sensors together, and how often a repetition is
found among those of another sensor (R@1), each sensor in its own format, or all converted to the first format of
the arm; of raw poses the joints that all three have. One data set: the spread is that of seeds only."""


def write_page(results: Results, docs: Path) -> None:
    """Write the numbers, the picture and the tables.

    Args:
        results: What came out.
        docs: The folder of the pages. Text of claims.md around the marks stays.

    Raises:
        ValueError: If no comparison can be made yet, or the numbers are too many to keep.
    """
    found = findings(results)
    if not found:
        raise ValueError("no comparison has two seeds of all its arms yet: nothing to write")
    kept = json.dumps(asdict(results), separators=(",", ":")).replace('},"', '},\n"') + "\n"
    if len(kept) > LARGEST:
        raise ValueError(f"{len(kept):,} bytes of numbers, expected at most {LARGEST:,}")
    for name in ("runs", "images"):
        (docs / name).mkdir(parents=True, exist_ok=True)
    (docs / KEPT_FILE).write_text(kept)
    draw(found).savefig(docs / "images" / "claims.png", dpi=110)
    write_between(docs / "claims.md", "claims", TITLE, body(results, found))


def body(results: Results, found: Sequence[Finding]) -> str:
    """Return what is written between the marks."""
    parts = [
        "![Differences by comparison](images/claims.png)",
        "Differences by linear layers: mean over the sets with its 95 % interval; small dots are the sets.",
        HOW_TO_READ.format(most=results.most, subjects=SUBJECTS, sets=len(SETS), in_3d=len(SETS) - 2),
        COMMANDS,
        "## What was trained",
        TRAINED,
        tables.of_runs(results),
        "## What it is judged by",
        JUDGED,
        tables.of_sets(results),
    ]
    for claim, title in tables.CLAIMS.items():
        parts.append(f"## {claim}. {title}")
        if any(each.comparison.claim == claim for each in found):
            by_set = tables.of_sets_by_side(found, claim)
            parts += [tables.of_findings(found, claim), "By set, linear layers:", by_set]
        else:
            parts.append("Not run.")
    parts += [
        "## UI-PRMD by sensor",
        SENSORS,
        tables.of_sensors(results),
    ]
    if missing := tables.not_run(found):
        parts += ["## Not run", "\n".join(f"- {title}" for title in missing)]
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    parts.append(f"Computed with {versions}.")
    return "\n\n".join(parts)


def draw(found: Sequence[Finding]) -> Figure:
    """Draw the difference of each comparison by linear layers, its interval, and what the sets say."""
    from matplotlib.figure import Figure

    chosen = [each for each in found if each.protocol == LINEAR][::-1]
    figure = Figure(figsize=(9, 1.2 + 0.36 * len(chosen)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color="#22272e", linewidth=0.8)
    for place, each in enumerate(chosen):
        test, colour = each.over_sets, COLOURS[each.comparison.claim - 1]
        axes.plot(list(each.gains.values()), [place] * len(each.gains), ".", color="#b9bec5", markersize=5)
        axes.plot([test.low, test.high], [place, place], color=colour, linewidth=2)
        axes.plot(test.difference, place, "o", color=colour, markersize=6)
    axes.set_yticks(
        range(len(chosen)), [f"{each.comparison.claim}  {each.comparison.title}" for each in chosen], fontsize=8
    )
    axes.set_xlabel("difference of top-1, points")
    axes.grid(axis="x", color="#e3e6ea")
    axes.set_axisbelow(True)
    return figure
