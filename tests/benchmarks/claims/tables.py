"""Results as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from pages import spread, table

from claims.arms import ARMS, BATCH, BY_NAME, CENTRES, COMPARISONS, KINECT, MARKERS, MHAD, NTU, SMPLX, Side
from claims.clips import SENSORS, UIPRMD
from claims.judging import FOUND, LINEAR, OWN, TOGETHER, Numbers
from claims.results import Finding, Results, corrected, verdict
from claims.running import RAW

SHORT = {
    KINECT: "Kinect",
    MARKERS: "markers",
    CENTRES: "joint centres",
    NTU: "Kinect v2",
    SMPLX: "SMPL-X",
    MHAD: "MHAD",
}
NETWORKS = {"first": "recurrent", "second": "convolutional"}
CLAIMS = {
    1: "Several skeletons against one",
    2: "More formats help",
    3: "The multi-skeleton ensemble",
    4: "Inter-skeleton contrast against intra",
    5: "SkeleMixCLR against plain SkeletonCLR",
}


def of_runs(results: Results) -> str:
    """Return what was trained, and what it cost."""
    rows = []
    for arm in ARMS:
        facts = list(results.runs.get(arm.name, {}).values())
        if not facts or not arm.updates:
            continue
        minutes = [float(each["cpu_minutes"]) for each in facts]
        formats = ", ".join(SHORT[each] for each in arm.formats)
        seen = f"{int(facts[0]['clips_seen']):,} of {int(facts[0]['clips']):,}"
        rows.append(
            [f"`{arm.name}`", arm.data, formats, f"{facts[0]['updates']:,}", seen, spread(minutes), str(len(facts))]
        )
    heading = ["arm", "clips", "formats", f"updates of {BATCH} clips", "clips seen", "CPU minutes", "seeds"]
    return table(heading, rows)


def of_sets(results: Results) -> str:
    """Return what models are judged by."""
    rows = [
        [name, *(str(facts[key]) for key in ("convention", "joints", "dims", "train", "test", "classes")), raw]
        for name, facts in results.sets.items()
        for raw in [_raw_of(results, name)]
    ]
    heading = ["set", "recorded in", "joints", "dims", "train", "test", "classes", "raw poses"]
    return table(heading, rows)


def of_findings(found: Sequence[Finding], claim: int) -> str:
    """Return the comparisons of a claim; p values are corrected for all comparisons of all claims."""
    p_values = corrected(found)
    rows = []
    for each in found:
        if each.comparison.claim != claim:
            continue
        test = each.over_sets
        sides = [mean_of(side.values()) for side in (each.first, each.second, each.random)]
        rows.append(
            [
                each.comparison.title,
                each.protocol,
                *sides,
                f"{fmean(each.raw.values()):.1f}",
                f"{test.difference:+.1f} ({test.low:+.1f} to {test.high:+.1f})",
                f"{sum(gain > 0 for gain in each.gains.values())} of {len(each.gains)}",
                p_text(p_values[each.name]),
                p_text(each.over_cells.p_value),
                verdict(each, p_values[each.name]),
            ]
        )
    heading = ["first against second", "protocol", "first", "second", "random init", "raw poses"]
    return table([*heading, "difference", "sets better", "p (Holm)", "p over cells", "claim"], rows)


def of_sets_by_side(found: Sequence[Finding], claim: int, protocol: str = LINEAR) -> str:
    """Return what each set says of each side of a claim's comparisons: mean and deviation over seeds."""
    columns: dict[str, dict[str, tuple[float, ...]]] = {}
    chosen = [each for each in found if each.comparison.claim == claim and each.protocol == protocol]
    for each in chosen:
        columns[label(each.comparison.first)] = each.first
        columns[label(each.comparison.second)] = each.second
    for each in chosen:
        columns[f"random init{_view_of(each.comparison.first)}"] = each.random
    rows = [
        [name, *(spread(numbers[name]) for numbers in columns.values()), f"{chosen[0].raw[name]:.1f}"]
        for name in chosen[0].raw
    ]
    return table(["set", *columns, "raw poses"], rows)


def of_sensors(results: Results) -> str:
    """Return UI-PRMD by sensor, by linear layers: formats trained on and not, and sensors together."""
    rows = []
    for arm in (RAW, "random-recorded", *(arm.name for arm in ARMS if arm.data == "recorded" and arm.updates)):
        cells = [found[UIPRMD] for found in results.cells.get(arm, {}).values() if UIPRMD in found]
        if not cells:
            continue
        row = [f"`{arm}`" if arm in BY_NAME else "raw poses"]
        row += [_sensor(cells, arm, sensor) for sensor in SENSORS]
        row += [_together(cells, arm, protocol, own) for protocol in (LINEAR, FOUND) for own in (True, False)]
        rows.append(row)
    together = [f"{what}, {how}" for what in ("all three", "R@1") for how in ("own formats", "converted")]
    return table(["arm", *(SHORT[each] for each in SENSORS), *together], rows)


def label(sides: Sequence[Side]) -> str:
    """Name one side of a comparison.

    Example:
        >>> label((Side("recorded-2", (KINECT,)),)), label((Side("derived-3", ("ensemble",)),))
        ('recorded-2, Kinect', 'derived-3, ensemble')
    """
    if len(sides) > 1:
        return "one format each"
    return sides[0].arm + _view_of(sides)


def mean_of(sets: Iterable[Sequence[float]]) -> str:
    """Return the mean over sets of the means over seeds."""
    return f"{fmean(fmean(values) for values in sets):.1f}"


def p_text(p_value: float) -> str:
    """Return a p value as it stands in a table.

    Example:
        >>> p_text(0.0001), p_text(0.0456)
        ('<0.001', '0.046')
    """
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def not_run(found: Sequence[Finding]) -> list[str]:
    """Name the comparisons that lack an arm."""
    done = {each.comparison.title for each in found}
    return [each.title for each in COMPARISONS if each.title not in done]


def _view_of(sides: Sequence[Side]) -> str:
    views = sides[0].views
    if len(sides) > 1 or len(views) > 1:
        return ", mean of its formats"
    view = views[0]
    return f", {SHORT.get(view) or NETWORKS.get(view, view)}"


def _raw_of(results: Results, name: str) -> str:
    cell = results.cells.get(RAW, {}).get("0", {})
    found = cell.get(name, {}).get(name) or cell.get(UIPRMD, {}).get(name)
    return f"{found[LINEAR][OWN]:.1f}" if found else "-"


def _sensor(cells: Sequence[Numbers], arm: str, sensor: str) -> str:
    views = cells[0][sensor][LINEAR]
    if arm == RAW:
        return spread([cell[sensor][LINEAR][OWN] for cell in cells])
    view, mark = (sensor, "") if sensor in views else (BY_NAME[arm].formats[0], "*")
    return spread([cell[sensor][LINEAR][view] for cell in cells]) + mark


def _together(cells: Sequence[Numbers], arm: str, protocol: str, own: bool) -> str:
    """Sensors together, in their own formats or converted to the first of the arm; raw poses have common joints."""
    view = OWN if own or arm == RAW else BY_NAME[arm].formats[0]
    if view not in cells[0][TOGETHER][protocol] or (own and arm == RAW):
        return "-"
    return spread([cell[TOGETHER][protocol][view] for cell in cells])
