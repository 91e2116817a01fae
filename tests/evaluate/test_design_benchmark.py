"""The benchmark of the models' design: what it would train, and what it says of results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from design.arms import ARMS, BY_CONVENTION, BY_NAME, BY_SET, RECIPE, SETS, chosen
from design.page import Outcome, body, write_page
from design.running import result_path

from msclr.train.runs import load_run

SHIPPED = Path(__file__).parents[2] / "msclr" / "weights" / "msclr-base" / "metrics.json"


def result(arm, seed=0, *, better=0.0):
    """The figures of the bundled model, those of the model itself raised, as an arm's."""
    found = json.loads(SHIPPED.read_text())
    for task in found["tasks"]:
        task["scores"]["model"] = {metric: value + better for metric, value in task["scores"]["model"].items()}
    return {"arm": arm, "seed": seed, "settings": BY_NAME[arm].settings(10, seed), **found}


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name)
def test_every_arm_is_a_run_that_leaves_out_what_it_says(arm):
    config = load_run(RECIPE, arm.settings(10, 1))
    assert (config.steps, config.seed) == (10, 1)
    left = {source.file for source in config.sources if source.file not in config.leave_out}
    assert not left & {f"actions/{name}.npz" for name in arm.without}
    assert set(config.leave_out) <= {source.file for source in config.sources}


def test_every_set_is_left_out_once_and_once_with_its_convention():
    for folds in (BY_SET, BY_CONVENTION):
        assert sorted(name for fold in folds for name in fold) == list(SETS)


def test_copies_of_a_set_go_with_it():
    assert "mocap/hdm05_subset_CC-BY-SA.npz" in load_run(RECIPE, BY_NAME["set-3"].settings(1, 0)).leave_out


def test_tables_hold_the_numbers_of_the_results():
    outcomes = [Outcome.of(result(arm, seed, better=0.02 * seed)) for arm in ("all", "convention-1") for seed in (0, 1)]
    lines = body(outcomes, outcomes).splitlines()
    tasks = {task["name"]: task["scores"] for task in json.loads(SHIPPED.read_text())["tasks"]}
    known, other = tasks["nwucla without copies"], tasks["utdmhad"]
    (nwucla,) = (line for line in lines if line.startswith("| nwucla"))
    model = f"{100 * known['model']['1-NN'] + 1:.1f} ± 1.4"
    baselines = [f"{100 * known[name]['1-NN']:.1f}" for name in ("raw poses", "random init")]
    assert [cell.strip() for cell in nwucla.split("|")[2:7]] == [*baselines, model, "", model]
    (recipe,) = (line for line in lines if line.startswith("| `convention-1`"))
    linear = 50 * (known["model"]["linear"] + other["model"]["linear"]) + 1
    assert recipe.split("|")[4].strip() == f"{linear:.1f} ± 1.4"


def test_the_page_keeps_its_text_and_the_numbers(tmp_path):
    result_path(tmp_path, "all", 0).write_text(json.dumps(result("all")))
    write_page(tmp_path, tmp_path, tmp_path / "docs")
    page = tmp_path / "docs" / "design.md"
    page.write_text(page.read_text() + "\nWhat it means.\n")
    write_page(tmp_path, tmp_path, tmp_path / "docs")
    assert page.read_text().count("| hdm05 |") == 1
    assert page.read_text().endswith("\nWhat it means.\n")
    kept = (tmp_path / "docs" / "runs" / "design.json").read_text().splitlines()
    assert [json.loads(line)["arm"] for line in kept] == ["all"]


def test_changes_of_the_recipe_may_be_of_another_run(tmp_path):
    for run, arms in (("left", ("all", "convention-1")), ("changed", ("convention-1", "anatomy"))):
        (tmp_path / run).mkdir()
        for arm in arms:
            found = {**result(arm), "settings": BY_NAME[arm].settings(1500 if run == "left" else 500, 0)}
            result_path(tmp_path / run, arm, 0).write_text(json.dumps(found))
    write_page(tmp_path / "left", tmp_path / "changed", tmp_path / "docs")
    page = (tmp_path / "docs" / "design.md").read_text()
    left, changed = page.split("## The recipe changed")
    assert "Updates: 1,500. Seeds: 0." in left
    assert "Updates: 500. Seeds: 0." in changed
    assert [arm in changed for arm in ("`convention-1`", "`anatomy`")] == [True, True]
    assert "`anatomy`" not in left
    assert len((tmp_path / "docs" / "runs" / "design.json").read_text().splitlines()) == 4


def test_unknown_arms_are_named():
    with pytest.raises(ValueError, match="no arm 'al'"):
        chosen(["al"])
