from __future__ import annotations

import numpy as np
import pytest
from child import ROOT
from claims import page, tables
from claims.arms import ARMS, COMPARISONS, KINECT, NTU, SEEDS, Comparison, Side
from claims.clips import SENSORS, SETS, UIPRMD
from claims.results import BEST_ALONE, MEAN_ALONE, Results, corrected, finding, findings, value, verdict
from pages import END
from scipy import stats


def test_what_a_set_says_of_a_view_is_the_mean_over_its_sensors():
    cell = {
        "uiprmd_kinect": {"linear": {"uiprmd_kinect": 10.0, "uiprmd_markers": 20.0, "ensemble": 90.0}},
        "uiprmd_markers": {"linear": {"uiprmd_kinect": 30.0, "uiprmd_markers": 60.0, "ensemble": 70.0}},
        "together": {"linear": {"uiprmd_kinect": 0.0}},
    }
    assert value(cell, KINECT, "linear") == 20.0
    assert value(cell, "own", "linear") == 35.0
    assert value(cell, "ensemble", "linear") == 80.0
    assert value(cell, BEST_ALONE, "linear") == 40.0
    assert value(cell, MEAN_ALONE, "linear") == 30.0
    assert value({"jhmdb": {"linear": {"own": 7.0}}}, "own", "linear") == 7.0


def made_up(effect: dict[str, float] | None = None, seeds=SEEDS) -> Results:
    """Return results drawn at random, arms better by an effect."""
    rng = np.random.default_rng(5)
    cells: dict = {"raw": {"0": {name: cell(name, ["own"], 50.0) for name in SETS}}}
    for arm in ARMS:
        views = ["first", "second", "joined"] if arm.recipe == "isc" else [*arm.formats]
        views += ["ensemble"] if len(arm.formats) > 1 else []
        base = 60.0 + (effect or {}).get(arm.name, 0.0)
        cells[arm.name] = {
            str(seed): {name: cell(name, views, base + rng.normal(scale=0.3)) for name in SETS} for seed in seeds
        }
        if arm.recipe == "isc":
            for seed in seeds:
                cells[arm.name][str(seed)]["jhmdb"] = {}
    runs = {
        arm.name: {
            str(seed): {"updates": arm.updates, "clips_seen": 1, "clips": 2, "cpu_minutes": 1.5} for seed in seeds
        }
        for arm in ARMS
    }
    facts = {"convention": "COCO", "joints": 17, "dims": 2, "train": 3, "test": 4, "classes": 5}
    return Results(cells, runs, dict.fromkeys((*SETS[:-1], *SENSORS), facts), 500, {"msclr": "1"})


def cell(name: str, views: list[str], middle: float) -> dict:
    """Return a cell whose numbers differ by view and set."""
    shift = len(name) + SETS.index(name)
    parts = SENSORS if name == UIPRMD else (name,)
    found = {
        part: {
            kind: {view: middle + shift + 0.01 * (len(view) % 7) + (kind == "linear") for view in views}
            for kind in ("linear", "knn-1")
        }
        for part in parts
    }
    together = {"together": {kind: dict.fromkeys(views, middle) for kind in ("R@1", "linear")}}
    return found | (together if name == UIPRMD else {})


def test_differences_and_p_values_are_those_of_textbooks():
    results = made_up()
    each = Comparison(1, "a", (Side("derived-3", (NTU,)),), (Side("derived-1", (NTU,)),))
    found = finding(results, each, "knn-1", ("0", "1", "2"))
    gains, cells = [], []
    for name in SETS:
        of_seeds = []
        for seed in ("0", "1", "2"):
            first, second = (results.cells[arm][seed][name] for arm in ("derived-3", "derived-1"))
            parts = [part for part in first if part != "together"]
            difference = [first[part]["knn-1"][NTU] - second[part]["knn-1"][NTU] for part in parts]
            of_seeds.append(sum(difference) / len(difference))
        gains.append(sum(of_seeds) / 3)
        cells += of_seeds
    for test, values in ((found.over_sets, np.array(gains)), (found.over_cells, np.array(cells))):
        error = values.std(ddof=1) / np.sqrt(len(values))
        assert test.difference == pytest.approx(values.mean())
        assert test.p_value == pytest.approx(2 * stats.t.sf(abs(values.mean() / error), len(values) - 1))
        assert test.low == pytest.approx(values.mean() - stats.t.ppf(0.975, len(values) - 1) * error)
    assert list(found.gains.values()) == pytest.approx(gains)


def test_p_values_are_raised_for_all_comparisons_of_all_claims():
    found = findings(made_up())
    assert len(found) == sum(1 if each.claim == 3 else 2 for each in COMPARISONS)
    p_values = corrected(found)
    given = sorted((each.over_sets.p_value, each.name) for each in found)
    for place, (_, name) in enumerate(given):
        raised = max(min(1.0, (len(given) - k) * p) for k, (p, _) in enumerate(given[: place + 1]))
        assert p_values[name] == pytest.approx(raised)


def test_a_planted_effect_is_found_and_its_contrary_and_nothing_where_there_is_none():
    found = findings(made_up({"skelemix": 9.0, "isc-inter": -9.0}))
    p_values = corrected(found)
    said = {each.name: verdict(each, p_values[each.name]) for each in found}
    assert said["SkeleMixCLR against SkeletonCLR, linear"] == "holds"
    assert said["inter against intra: both joined, linear"] == "false: the contrary"
    assert said["derived: two formats against one, knn-1"] == "not shown"
    (joined,) = [each for each in found if each.name == "inter against intra: both joined, linear"]
    assert "jhmdb" not in joined.gains  # the networks take no 2D poses
    assert len(joined.gains) == len(SETS) - 1


def test_a_comparison_without_two_seeds_of_all_its_arms_is_not_made():
    results = made_up()
    del results.cells["plain"]["1"], results.cells["plain"]["2"]
    titles = {each.comparison.title for each in findings(results)}
    assert "SkeleMixCLR against SkeletonCLR" not in titles
    assert "SkeleMixCLR against SkeletonCLR trained four times as long" in titles
    del results.cells["skelemix"]["0"]["h36m"]
    assert findings(results)[-1].seeds == ("1", "2")


def test_the_page_keeps_what_a_person_wrote_around_its_tables(tmp_path):
    results = made_up({"skelemix": 9.0})
    (tmp_path / "claims.md").write_text(f"before\n{page.BEGIN} old {END}\nbehind\n")
    page.write_page(results, tmp_path)
    text = (tmp_path / "claims.md").read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nbehind\n")
    assert " old " not in text
    found = findings(results)
    for each in found:
        (row,) = [
            line for line in text.splitlines() if line.startswith(f"| {each.comparison.title} | {each.protocol} ")
        ]
        assert f"{each.over_sets.difference:+.1f} (" in row
        assert f"| {np.mean([np.mean(numbers) for numbers in each.random.values()]):.1f} |" in row
        assert f"| {np.mean(list(each.raw.values())):.1f} |" in row
    assert Results.kept(tmp_path / page.KEPT_FILE) == results
    assert (tmp_path / "images" / "claims.png").stat().st_size > 1000
    assert tables.spread([1.0, 2.0, 3.0]) == "2.0 ± 1.0"


def test_the_page_in_the_documentation_says_what_its_numbers_do():
    results = Results.kept(ROOT / "docs" / page.KEPT_FILE)
    assert page.body(results, findings(results)) in (ROOT / "docs" / "claims.md").read_text("utf-8")


def test_without_results_there_is_no_page(tmp_path):
    with pytest.raises(ValueError, match="nothing to write"):
        page.write_page(made_up(seeds=(0,)), tmp_path)
    assert not list(tmp_path.iterdir())
