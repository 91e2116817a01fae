from __future__ import annotations

from pathlib import Path

import pytest
from labelled_sets import labelled, write_collection

from msclr.evaluate.reports.report import Report


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "actions").mkdir(parents=True)
    for seed, name in enumerate(("first", "second")):
        write_collection(folder / "actions" / f"{name}.npz", labelled(3, 2 + seed))
    return folder


def test_one_table_of_all_sets_and_a_report(run, model_folder, data, tmp_path, monkeypatch):
    monkeypatch.setenv("MSCLR_DATA", str(data))
    words = ("benchmark", model_folder, "-o", tmp_path / "out", "--protocol", "knn-1,retrieval", "--no-cache")
    outcome = run(*words)
    assert outcome.code == 0, outcome.err
    lines = [line.rstrip() for line in outcome.out.splitlines()]
    assert [line for line in lines if line.startswith(("first", "second", "mean"))] == [
        "first: 9 clips to train on, 6 to test on, 3 classes",
        "second: 9 clips to train on, 9 to test on, 3 classes",
        "mean over 2 data sets",
    ]
    assert sum(line.startswith("  model ") for line in lines) == 3
    assert [line for line in outcome.err.splitlines() if ": " in line] == [
        "first: knn-1",
        "first: retrieval",
        "second: knn-1",
        "second: retrieval",
    ]
    assert len(Report.read(tmp_path / "out" / "report.json").tasks) == 4
    again = run(*words)
    assert again.out == outcome.out
    assert again.err == ""


def test_sets_can_be_chosen_and_what_does_not_fit_is_said(run, model_folder, data, tmp_path):
    words = ("benchmark", model_folder, "--data", data, "-o", tmp_path / "out", "--no-cache", "--seeds", 1)
    outcome = run(*words, "--sets", "second", "--protocol", "knn-10,knn-1")
    assert outcome.code == 0, outcome.err
    assert "second, knn-10: k=10 for 9 vectors" in outcome.err
    assert "first" not in outcome.out
    assert run(*words, "--sets", "third").err == "msclr: error: no data set 'third'; expected one of first, second\n"


def test_it_says_where_data_is_looked_for(run, model_folder, tmp_path, monkeypatch):
    monkeypatch.delenv("MSCLR_DATA", raising=False)
    outcome = run("benchmark", model_folder, "-o", tmp_path / "out")
    assert outcome.code == 2
    assert "MSCLR_DATA" in outcome.err
    assert run("benchmark", model_folder, "--data", tmp_path, "-o", tmp_path / "out").code == 1


def test_protocols_of_several_views_have_their_baselines_and_views(run, model_folder, data, tmp_path):
    words = ("benchmark", model_folder, "--data", data, "-o", tmp_path / "out", "--no-cache", "--seeds", 1)
    outcome = run(*words, "--sets", "first", "--protocol", "cross-retrieval", "--views", "h36m_17")
    assert outcome.code == 0, outcome.err
    (task,) = Report.read(tmp_path / "out" / "report.json").tasks
    assert task.settings["views"] == "as recorded, h36m_17"
    assert set(task.methods) == {"model", "random init", "raw poses"}
    assert "R@1" in outcome.out
    other = run(*words, "--sets", "first", "--protocol", "cross-retrieval", "--views", "smpl_24")
    assert "first: cross-retrieval" in other.err  # other views are other numbers
