from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from msclr import strict_json
from msclr.errors import FileFormatError, MissingFileError, NotAFileError
from msclr.evaluate.reports.grid import Grid
from msclr.evaluate.reports.page import to_markdown
from msclr.evaluate.reports.pictures import draw_bars, draw_confusion, draw_gains, draw_map, short
from msclr.evaluate.reports.plane import to_plane
from msclr.evaluate.reports.report import DataFacts, Method, ModelFacts, Report, Task, versions
from msclr.evaluate.reports.tables import headline_table, mean_tasks, task_table
from msclr.evaluate.reports.writing import Map, write_report

FACTS = {"train": 20, "test": 10, "classes": 2, "copies": 0}


def task(name="walks", protocol="knn-1", model=80.0, copies=0, **changes) -> Task:
    number = {"retrieval": "mAP", "calibration": "ECE"}.get(protocol, "top-1")
    fields = {
        "name": name,
        "data": DataFacts(name=name.split(" ")[0], sha256="1" * 64, split="xsub", left_out={"c": "no body"}),
        "protocol": protocol,
        "settings": {"k": 1},
        "facts": {**FACTS, "copies": copies},
        "chance": {number: 50.0},
        "methods": {
            "model": Method(seeds=(0,), numbers={number: (model,)}),
            "random init": Method(seeds=(0, 1, 2), numbers={number: (50.0, 60.0, 70.0)}),
            "raw poses": Method(seeds=(0,), numbers={number: (65.0,)}),
        },
        "classes": ("run", "walk"),
        "confusion": ((4, 1), (1, 4)),
        "recall": {"run": 80.0, "walk": 80.0},
        **changes,
    }
    return Task(**fields)


def report(*tasks: Task, **changes) -> Report:
    model = ModelFacts(name="tiny", weights_sha256="2" * 64, dim=16, parameters=12345)
    fields = {"title": "tiny on walks", "model": model, "seeds": (0, 1, 2), "versions": versions(), "tasks": tasks}
    return Report(**{**fields, **changes})


def test_a_report_reads_back_as_it_was(tmp_path):
    written = report(
        task(), task(protocol="linear"), task(failure="k too large", methods={}), command="msclr evaluate x"
    )
    written.write(tmp_path / "report.json")
    assert Report.read(tmp_path / "report.json") == written
    plain = strict_json.loads((tmp_path / "report.json").read_bytes())
    assert plain["tasks"][0]["methods"]["random init"]["numbers"]["top-1"] == [50, 60, 70]
    assert set(plain["versions"]) == {"msclr", "python", "torch", "numpy", "scikit-learn"}


def test_numbers_that_are_none_never_get_into_a_report():
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValidationError):
            Method(seeds=(0,), numbers={"top-1": (value,)})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("80.0", "NaN"), "the number NaN"),
        (lambda text: text[:-9], "expected valid JSON"),
        (lambda text: text.replace('"tasks"', '"taks"'), "tasks: Field required"),
        (lambda text: text.replace("1" * 64, "1" * 63), "tasks.0.data.sha256"),
        (lambda text: text.replace("report-1", "report-2"), "format"),
    ],
)
def test_something_else_than_a_report_is_refused_with_the_place(tmp_path, damage, message):
    (tmp_path / "report.json").write_text(damage(report(task()).to_json().decode()))
    with pytest.raises(FileFormatError, match=message):
        Report.read(tmp_path / "report.json")
    with pytest.raises(MissingFileError):
        Report.read(tmp_path / "none.json")


def test_means_and_deviations_are_those_of_the_runs():
    values = (50.0, 60.0, 73.0)
    method = Method(seeds=(0, 1, 2), numbers={"top-1": values})
    assert method.mean("top-1") == pytest.approx(np.mean(values))
    assert method.deviation("top-1") == pytest.approx(np.std(values, ddof=1))


def test_a_table_has_every_number_beside_its_baselines_and_chance():
    lines = task_table([task(), task(protocol="calibration", model=4.0)]).text().splitlines()
    assert lines[0].split() == ["protocol", "number", "model", "random", "init", "raw", "poses", "chance"]
    assert lines[2] == "knn-1        top-1    80.0  60.0 ± 10.0       65.0    50.0"
    assert lines[3] == "calibration  ECE ↓     4.0  60.0 ± 10.0       65.0    50.0"
    assert all(line == line.rstrip() for line in lines)


def test_the_best_of_a_row_is_bold_the_lowest_where_lower_is_better():
    text = task_table([task(), task(protocol="calibration", model=70.0)]).markdown()
    assert "| knn-1 | top-1 | **80.0** | 60.0 ± 10.0 | 65.0 | 50.0 |" in text
    assert "| calibration | ECE ↓ | 70.0 | **60.0 ± 10.0** | 65.0 | 50.0 |" in text


def test_many_data_sets_are_blocks_of_rows_with_a_mean_without_copies():
    tasks = [
        task("walks", copies=3),
        task("walks without copies", model=60.0),
        task("runs", model=70.0),
        task("walks", "linear", copies=3),
        task("walks without copies", "linear"),
        task("runs", "linear", failure="too few clips", methods={}),
    ]
    lines = headline_table(tasks).text().splitlines()
    assert [line.split() for line in lines[:3]] == [["knn"], ["1", "linear"], ["top-1", "top-1"]]
    assert "walks: 20 clips to train on, 10 to test on (3 copies of training clips), 2 classes" in lines
    (mean,) = mean_tasks(tasks)
    assert mean.name == "mean over 2 data sets, without copies"
    assert mean.methods["model"].mean("top-1") == 65
    after = lines[lines.index("mean over 2 data sets, without copies") + 1]
    assert after.split() == ["model", "65.0", "-"]


def test_a_page_says_all_that_belongs_to_a_number():
    page = to_markdown(report(task(), command="msclr evaluate tiny --data walks"), ["bars.png"])
    for text in ("2" * 64, "1" * 64, "xsub", "seeds: 0, 1, 2", "torch ", "knn-1", "chance", "![bars](bars.png)"):
        assert text in page
    assert "left out: 1 clips of walks: c (no body)" in page
    assert "msclr evaluate tiny --data walks" in page
    assert "| run | 80.0 |" in page


def test_a_page_says_why_there_are_no_numbers():
    page = to_markdown(report(task(failure="k=40 for 20 vectors", methods={}, facts={}, confusion=(), recall={})))
    assert "knn-1 (top-1): k=40 for 20 vectors" in page


def test_a_report_is_written_with_pictures(tmp_path):
    points = np.random.default_rng(0).normal(size=(10, 2))
    maps = {"map": Map(points, ("run", "walk") * 5, "walks")}
    written = write_report(report(task(), task(protocol="linear")), tmp_path / "new" / "out", maps)
    assert written.names == ("bars.png", "confusion.png", "map.png", "report.md", "report.json")
    for name in written.names[:3]:
        assert (written.folder / name).read_bytes().startswith(b"\x89PNG")
        assert f"({name})" in (written.folder / "report.md").read_text("utf-8")
    assert Report.read(written.folder / "report.json").tasks[0].name == "walks"
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAFileError, match="cannot make the folder"):
        write_report(report(task()), tmp_path / "file" / "out")


def test_without_matplotlib_there_are_json_and_markdown(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    maps = {"map": Map(np.zeros((2, 2)), ("a", "b"), "")}
    written = write_report(report(task()), tmp_path, maps)
    assert written.names == ("report.md", "report.json")
    assert 'pip install "msclr[viz]"' in written.without_pictures


def test_bars_have_the_height_of_their_numbers():
    (ax,) = draw_bars([task(), task(protocol="retrieval", model=30.0)]).axes
    heights = sorted(bar.get_height() for bar in ax.patches)
    assert heights == pytest.approx(sorted([80, 60, 65, 30, 60, 65]))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["knn-1\ntop-1", "retrieval\nmAP"]


def test_gains_are_points_above_the_better_baseline_or_below_where_lower_is_better(tmp_path):
    tasks = [
        task("walks"),
        task("runs", "calibration", model=50.0),
        task("walks", "calibration", model=60.0),
        task("runs"),
    ]
    ax = draw_gains(tasks).axes[0]
    assert ax.images[0].get_array().tolist() == [[15, 0], [15, 10]]
    written = write_report(report(*tasks), tmp_path)
    assert written.names == ("bars.png", "gains.png", "report.md", "report.json")


def test_confusions_are_shown_in_per_cent_of_a_class():
    figure = draw_confusion(task(classes=("run", "unused", "walk"), confusion=((3, 0, 1), (0, 0, 0), (0, 0, 6))))
    ax = figure.axes[0]
    assert ax.images[0].get_array().tolist() == [[75, 25], [0, 100]]
    assert [text.get_text() for text in ax.texts] == ["75", "25", "100"]


@pytest.mark.parametrize("classes", [3, 15, 30, 60])
def test_a_map_has_a_colour_for_each_class_however_many(classes):
    labels = [f"class {number}" for number in range(classes)] * 2
    (ax,) = draw_map(np.random.default_rng(0).normal(size=(2 * classes, 2)), labels, "title").axes
    colours = {tuple(np.round(points.get_facecolor()[0], 6)) for points in ax.collections}
    assert len(colours) == classes


def test_names_with_dollars_are_no_formulas(tmp_path):
    strange = "a$b$ _{c}^"
    figure = draw_confusion(task(name=strange, classes=(strange, "walk")))
    with (tmp_path / "a.png").open("wb") as file:
        figure.savefig(file, format="png")
    assert figure.axes[0].get_yticklabels()[0].get_text() == short(strange)


def test_planes_keep_what_varies_most_and_neighbours_together():
    import torch

    generator = torch.Generator().manual_seed(0)
    points = torch.randn(40, 5, generator=generator) * torch.tensor([9.0, 4.0, 0.1, 0.1, 0.1])
    plane = to_plane(points, "pca")
    assert np.var(plane, axis=0, ddof=1) == pytest.approx(
        np.linalg.eigvalsh(np.cov(points.T.numpy()))[:-3:-1], rel=1e-5
    )
    assert np.array_equal(plane, to_plane(points.clone(), "pca"))
    groups = torch.eye(3).repeat_interleave(8, dim=0) + 0.01 * torch.randn(24, 3, generator=generator)
    plane = to_plane(groups, "tsne")
    distances = np.linalg.norm(plane[:, None] - plane[None], axis=-1) + 1e9 * np.eye(24)
    assert [place // 8 for place in distances.argmin(axis=1)] == [row // 8 for row in range(24)]
    assert to_plane(torch.ones(1, 3), "tsne").shape == (1, 2)


def test_cells_with_bars_do_not_break_a_markdown_table():
    grid = Grid(["a", "b"], 1)
    grid.add(["x|y", "1"])
    assert grid.markdown().splitlines()[-1] == "| x\\|y | 1 |"
    assert json.dumps(grid.text())
