from __future__ import annotations

import json
import math

import pytest

from msclr.train.course import Course
from msclr.train.watch.observer import Line


def write(course, *steps, loss=1.0):
    for step in steps:
        course.log(Line(step, {"loss": loss}))


def steps(path):
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize("tail", [b"", b'{"step": 3, "lo', b"\xff\xfe\n", b'{"step": "4"}\n[]\n', b'{"step": 1}'])
def test_a_log_continues_without_double_or_missing_lines(tmp_path, tail):
    path = tmp_path / "new" / "log.jsonl"
    first = Course(path)
    first.begin(0)
    write(first, 0, 1, 2, 3)
    with path.open("ab") as file:
        file.write(tail)
    second = Course(path)
    second.begin(2)
    write(second, 2, 3, 4)
    assert steps(path) == [0, 1, 2, 3, 4]


def test_a_run_from_the_start_has_a_log_of_its_own(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": -1}\nsomething else\n')
    Course(path).begin(0)
    assert path.read_text() == ""


def test_a_log_that_is_gone_begins_again(tmp_path):
    course = Course(tmp_path / "log.jsonl")
    course.begin(5)
    write(course, 5)
    assert steps(course.path) == [5]


def test_what_is_no_number_is_null(tmp_path):
    course = Course(tmp_path / "log.jsonl")
    write(course, 0, loss=math.nan)
    assert json.loads(course.path.read_text(), parse_constant=pytest.fail)["loss"] is None


def test_time_goes_on_from_what_was_spent_before(tmp_path):
    course = Course(tmp_path / "log.jsonl")
    course.seconds = 1000.0
    write(course, 0)
    assert 1000 <= json.loads(course.path.read_text())["seconds"] < 1060


def test_a_log_that_cannot_be_written_warns_once(tmp_path):
    course = Course(tmp_path)
    with pytest.warns(UserWarning, match="the course cannot be written"):
        course.begin(3)
    write(course, 3)
    course.flush()
