"""Results as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from pages import spread, table

from msclr.evaluate.reports.report import MODEL
from weights import robustness, units
from weights.damage import DAMAGES
from weights.matrix import BODIES, FOUND, kind_of
from weights.probes import LINEAR
from weights.results import Column, Results

KINDS = ("3D-3D", "3D-2D", "2D-2D, two cameras", "2D-2D, one camera")
BODY_TITLES = {"full": "full body", "upper": "upper body", "upper-in-full": "upper body among full bodies"}
SENSOR_TITLES = {"kinect": "Kinect", "centres": "Vicon, joint centres", "markers": "Vicon, markers"}


def titles(results: Results) -> list[str]:
    """Return the headings of the columns."""
    return [column.title for column in results.columns]


def of_models(results: Results) -> str:
    """Return what was measured."""
    rows = [
        [f"`{name}`", *(f"{facts[key]:,}" for key in ("dim", "parameters", "seeds")), f"`{str(facts['sha256'])[:16]}`"]
        for name, facts in results.models.items()
    ]
    return table(["model", "numbers in a vector", "weights", "random twins", "fingerprint"], rows)


def of_matrix(results: Results) -> str:
    """Return the means over pairs of conventions by kind; raw poses only where all pairs have joints in common."""
    rows = []
    for body in BODIES:
        piece = f"matrix/{body}"
        tasks = list(results.tasks(piece))
        for kind in KINDS:
            for title, chosen in (
                (kind, [task for task in tasks if kind_of(task)[0] == kind]),
                (f"{kind}, no markers", [task for task in tasks if kind_of(task) == (kind, False)]),
            ):
                if chosen and (title == kind or len(chosen) < len([t for t in tasks if kind_of(t)[0] == kind])):
                    means = [mean_of_pairs(results, piece, chosen, column) for column in results.columns]
                    rows.append([BODY_TITLES[body], title, str(len(chosen)), *means])
    return table(["seen", "pairs", "number", *titles(results)], rows, texts=2)


def mean_of_pairs(results: Results, piece: str, tasks: Sequence[str], column: Column) -> str:
    """Return the mean over pairs, and its deviation over seeds; "-" if a pair has no value."""
    values = [results.values(piece, task, FOUND, column) for task in tasks]
    if not all(values):
        return "-"
    return spread([fmean(of_seed) for of_seed in zip(*values, strict=True)])


def worst_pairs(results: Results, count: int = 3) -> str:
    """Name the pairs of conventions that are found least often, full bodies, for each model and kind."""
    rows = []
    for column in (each for each in results.columns if each.method == MODEL):
        for kind in KINDS:
            found = {
                task: results.values("matrix/full", task, FOUND, column)[0]
                for task in results.tasks("matrix/full", column.model)
                if kind_of(task)[0] == kind
            }
            worst = sorted(found, key=lambda task: found[task])[:count]
            pairs = ", ".join(f"{task.partition(': ')[2] or task} {found[task]:.1f}" for task in worst)
            rows.append([f"`{column.model}`", kind, pairs])
    return table(["model", "kind", "least often found"], rows, texts=3)


def of_pairs(results: Results) -> str:
    """Return what came out of real pairs."""
    rows = []
    for piece in results.pieces("pairs"):
        for task, metrics in results.tasks(piece).items():
            for metric in metrics:
                rows.append([*_of_pair(results, piece, task), metric, *_values(results, piece, task, metric)])
    return table(["query, gallery", "sizes", "metric", *titles(results)], rows, texts=3)


def _of_pair(results: Results, piece: str, task: str) -> tuple[str, str]:
    sizes = {
        name.removeprefix(f"{task}: "): value
        for name, value in results.facts(piece).items()
        if name.startswith(f"{task}: ")
    }
    what = "pairs.json, " if piece.endswith("/pairs") else ""
    return what + task, ", ".join(f"{value} {name}" for name, value in sizes.items())


def of_subjects(results: Results) -> str:
    """Return exercises and their quality by subject."""
    rows = []
    for sensor, title in SENSOR_TITLES.items():
        piece = f"subjects/{sensor}"
        facts = results.facts(piece)
        for task, metrics in results.tasks(piece).items():
            often = facts.get(f"most frequent, {task}", "-")
            told = f"{often:.1f}" if isinstance(often, float) else str(often)
            for metric in metrics:
                rows.append([title, task, metric, told, *_values(results, piece, task, metric)])
    return table(["sensor", "question", "protocol", "most frequent", *titles(results)], rows, texts=3)


def of_transfer(results: Results) -> str:
    """Return what a probe of one convention says in another."""
    rows = []
    for piece in results.pieces("transfer"):
        for task, metrics in results.tasks(piece).items():
            for metric in metrics:
                rows.append([piece.partition("/")[2], task, metric, *_values(results, piece, task, metric)])
    return table(["set", "trained > tested", "protocol", *titles(results)], rows, texts=3)


def of_robustness(results: Results, metric: str) -> str:
    """Return the curves of one protocol as numbers."""
    rows = []
    sets = [name for name in robustness.SETS if any(results.tasks(f"robustness/{name}-{kind}") for kind in DAMAGES)]
    for kind, damage in DAMAGES.items():
        for level in damage.levels:
            values = [
                value for name in sets for value in _values(results, f"robustness/{name}-{kind}", f"{level:g}", metric)
            ]
            rows.append(
                [damage.title, f"{level:g} {damage.unit if damage.unit != damage.title else ''}".strip(), *values]
            )
    heading = [f"{name}: {title}" for name in sets for title in titles(results)]
    return table(["damage", "dose", *heading], rows, texts=2)


def of_units(results: Results) -> str:
    """Return what becomes of clips whose unit is declared wrong."""
    rows = []
    for name in robustness.SETS:
        piece = f"robustness/{name}-unit"
        for task, metrics in results.tasks(piece).items():
            fates = metrics[units.CAUGHT]
            caught = [f"{fates[fate][0]:.0f}" for fate in (units.REFUSED, units.NAMED, units.NEITHER)]
            models = [column for column in results.columns if column.method == MODEL]
            cosines = [results.values(piece, task, units.COSINE, column) for column in models]
            cosine = min((value for values in cosines for value in values), default=None)
            told = "-" if cosine is None else f"{cosine / 100:.4f}"
            rows.append([name, task, *caught, told, *_values(results, piece, task, LINEAR)])
    heading = ["set", "unit as declared", "refused, %", "named by the doctor, %", "neither, %", "least cosine"]
    return table([*heading, *titles(results)], rows, texts=2)


def of_sizes(results: Results, part: str) -> str:
    """Return the sizes of the sets of a part, in one line."""
    told: dict[str, str] = {}
    for piece in results.pieces(part):
        facts = results.facts(piece)
        if "train" in facts:
            sizes = f"{facts['train']} to train on, {facts['test']} to test on, {facts['classes']} classes"
            name = piece.partition("/")[2].partition("-")[0]
            told[name] = f"{name}: {sizes}, the most frequent one {facts['most frequent']:.1f} %"
    return "; ".join(told.values())


def _values(results: Results, piece: str, task: str, metric: str) -> list[str]:
    return [spread(results.values(piece, task, metric, column)) for column in results.columns]
