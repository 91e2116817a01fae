from __future__ import annotations

import json
import sys

import pytest
from pydantic import ValidationError

from msclr.train.watch.report import Report, make_report, write_report

LINES = [
    {
        "step": 0,
        "loss": 3.0,
        "untrained_knn": 0.4,
        "knn_chance": 0.3,
        "knn_raw_poses": 0.6,
        "skipped": 0,
        "rejected": 0,
    },
    {"step": 50, "loss": None, "knn": None, "skipped": 1, "rejected": 7},
    {"step": 99, "loss": 1.0, "knn": 0.8, "skipped": 1, "rejected": 7, "alarms": {"rank": "update 100: few"}},
]


def report(lines=LINES, **changes):
    facts = {"steps": 100, "planned": 100, "seconds": 20.0, "clips": 8, "stopped": None}
    return make_report(
        lines, name="tiny", config={"steps": 100}, data={"file": {"clips": 9}}, device="cpu", **{**facts, **changes}
    )


def test_a_report_sums_up_the_log():
    found = report()
    assert (found.finished, found.clips, found.clips_per_second) == (True, 800, 40.0)
    assert (found.skipped, found.rejected) == (1, 7)
    assert (found.first["loss"], found.last["loss"]) == (3.0, 1.0)
    assert type(found.last["step"]) is int
    assert [(alarm.step, alarm.name) for alarm in found.alarms] == [(99, "rank")]
    assert found.knn is not None
    assert (found.knn.chance, found.knn.raw_poses, found.knn.untrained) == (0.3, 0.6, {"knn": 0.4})
    assert [(each.step, each.accuracy) for each in found.knn.course] == [(99, {"knn": 0.8})]


def test_a_run_that_came_to_nothing_has_a_report_too():
    found = report([], steps=0, seconds=0.0, stopped="stopped by SIGTERM")
    assert (found.finished, found.stopped, found.clips_per_second) == (False, "stopped by SIGTERM", 0)
    assert (found.knn, found.rejected, found.last, found.alarms) == (None, None, {}, ())


def test_numbers_of_a_report_are_finite():
    with pytest.raises(ValidationError):
        report(seconds=float("nan"))


def test_a_report_is_written_as_json_that_it_can_be_read_from_and_curves(tmp_path):
    pytest.importorskip("matplotlib")
    write_report(report(), tmp_path / "out", LINES)
    text = (tmp_path / "out.report.json").read_text()
    assert Report.model_validate_json(text) == report()
    assert json.loads(text)["versions"].keys() == {"msclr", "python", "torch", "numpy", "platform"}
    assert (tmp_path / "out.report.png").read_bytes().startswith(b"\x89PNG")


def test_two_lines_are_no_curve(tmp_path):
    write_report(report(LINES[:2]), tmp_path / "out", LINES[:2])
    assert [path.name for path in tmp_path.iterdir()] == ["out.report.json"]


def test_without_matplotlib_there_is_the_json_and_a_line_of_log(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with caplog.at_level("INFO"):
        write_report(report(), tmp_path / "out", LINES)
    assert [path.name for path in tmp_path.iterdir()] == ["out.report.json"]
    assert 'pip install "msclr[viz]"' in caplog.text


def test_a_report_that_cannot_be_written_is_a_warning(tmp_path):
    with pytest.warns(UserWarning, match="no report of the run in .*: No such file"):
        write_report(report(), tmp_path / "nowhere" / "out", LINES)
