"""Fault list C01 to C08: what a hostile or broken file may not do to the readers."""

from __future__ import annotations

import codecs
import json
import os

import numpy as np
import pytest
from oracles.pose_files import body_block, ntu_lines, openpose_person, write_lines, write_openpose

from msclr.errors import FileFormatError, FileLimitError, MissingFileError, MsclrError, NotAFileError
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.registry import formats, read

FILE_FORMATS = [known.name for known in formats() if known.name in ("ntu", "openpose", "npz", "npy")]


def pose(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(25, 3))


def points(seed: int, joints: int = 25) -> np.ndarray:
    return np.random.default_rng(seed).uniform(1, 60, size=(joints, 2))


@pytest.mark.parametrize("format", ["auto", *FILE_FORMATS])
def test_c01_missing_file(tmp_path, format):
    with pytest.raises(FileNotFoundError, match=r"no\.such: no such file or folder") as caught:
        read(tmp_path / "no.such", format=format)
    assert isinstance(caught.value, MissingFileError)
    with pytest.raises(MissingFileError):
        read(tmp_path / "no" / "folder", format=format)


@pytest.mark.parametrize("format", ["auto", *FILE_FORMATS])
def test_c01_directory(tmp_path, format):
    with pytest.raises(MsclrError, match=r"folder|no file NAME"):
        read(tmp_path, format=format)


@pytest.mark.parametrize("format", ["auto", *FILE_FORMATS])
@pytest.mark.parametrize(("content", "message"), [(b"", "an empty file"), (b" \r\n\t\n", "white space")])
def test_c01_empty_file(tmp_path, format, content, message):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        read(tmp_path / "a", format=format)


def test_c01_no_permission(tmp_path, monkeypatch):
    path = write_lines(tmp_path / "a.skeleton", ntu_lines([{1: pose(0)}]))

    def refuse(*args: object, **kwargs: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(guard.os, "open", refuse)
    with pytest.raises(NotAFileError, match="Permission denied"):
        read(path)


def test_c02_truncated_at_every_line(tmp_path):
    lines = ntu_lines([{1: pose(0)}, {}, {1: pose(1), 2: pose(2)}])
    for length in range(1, len(lines)):
        path = write_lines(tmp_path / "a.skeleton", lines[:length])
        with pytest.raises(FileFormatError, match=rf"line ({length + 1}|1): .*expected"):
            read(path, format="ntu")
    assert read(write_lines(tmp_path / "a.skeleton", lines)).num_frames == 3


def test_c02_truncated_inside_a_line(tmp_path):
    lines = ntu_lines([{1: pose(0)}])
    path = write_lines(tmp_path / "a.skeleton", [*lines[:-1], lines[-1][:-2]])
    with pytest.raises(FileFormatError, match="line 29: 11 values for joint 24"):
        read(path)


@pytest.mark.parametrize("count", ["1000000000", "11", "99999999999999999999"])
def test_c03_header_announces_more_frames_than_there_are(tmp_path, count):
    lines = ntu_lines([{1: pose(frame)} for frame in range(10)])
    path = write_lines(tmp_path / "a.skeleton", [count, *lines[1:]])
    with pytest.raises((FileFormatError, FileLimitError), match=r"line (1|282): .*expected"):
        read(path)


def test_c03_header_is_refused_before_allocation(tmp_path, monkeypatch):
    lines = ntu_lines([{1: pose(0)}])
    path = write_lines(tmp_path / "a.skeleton", ["1000000000", *lines[1:]])

    def refuse(*args: object, **kwargs: object) -> None:
        pytest.fail("an array was made")

    monkeypatch.setattr(np, "full", refuse)
    monkeypatch.setattr(np, "zeros", refuse)
    with pytest.raises(FileLimitError, match="1,000,000,000 frames"):
        read(path)


@pytest.mark.parametrize("count", ["-1", "1.0", "1e0", "0x1", "", "one", "1_0", "NaN", "0", "1 1", "\u0661"])
def test_c04_frame_counts_that_are_none(tmp_path, count):
    path = write_lines(tmp_path / "a.skeleton", [count, *ntu_lines([{1: pose(0)}])[1:]])
    with pytest.raises(FileFormatError, match="line 1: "):
        read(path, format="ntu")


@pytest.mark.parametrize("count", ["-1", "1.5", "9" * 12, "two"])
def test_c04_body_counts_that_are_none(tmp_path, count):
    path = write_lines(tmp_path / "a.skeleton", ["1", count, *body_block(1, pose(0))])
    with pytest.raises(FileFormatError, match="line 2: "):
        read(path, format="ntu")


def test_c04_more_bodies_announced_than_follow(tmp_path):
    path = write_lines(tmp_path / "a.skeleton", ["1", "999999999", *body_block(1, pose(0))])
    with pytest.raises(FileFormatError, match="line 30: the end of the file"):
        read(path)


@pytest.mark.parametrize("joints", ["24", "26", "-25", "25.0", "1000000000"])
def test_c04_joint_counts_other_than_25(tmp_path, joints):
    path = write_lines(tmp_path / "a.skeleton", ["1", "1", *body_block(1, pose(0), joints=joints)])
    with pytest.raises(FileFormatError, match="line 4: "):
        read(path)


def test_c04_extra_trailing_lines(tmp_path):
    lines = ntu_lines([{1: pose(0)}])
    with pytest.raises(FileFormatError, match="line 32: text after the last of 1 frames"):
        read(write_lines(tmp_path / "a.skeleton", [*lines, "", " ", "0"]))
    assert read(write_lines(tmp_path / "a.skeleton", [*lines, "", " ", ""])).num_frames == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2 3 4 5 6 7 8 9 10 11", "11 values"),
        ("1 2 x 4 5 6 7 8 9 10 11 2", "text among"),
        ("1 2 1_0 4 5 6 7 8 9 10 11 2", "underscore"),
        ("1 2 3 4 5 6 7 8 9 10 11 3", "tracking state '3'"),
        ("1 2 3 4 5 6 7 8 9 10 11 nan", "tracking state"),
        ("1 2 3 4 5 6 7 8 9 10 11 1.5", "tracking state"),
    ],
)
def test_c04_joint_lines_that_are_wrong(tmp_path, line, message):
    lines = ntu_lines([{1: pose(0)}])
    lines[10] = line
    with pytest.raises(FileFormatError, match=f"line 11: .*{message}"):
        read(write_lines(tmp_path / "a.skeleton", lines))


@pytest.mark.parametrize("value", ["inf", "-Infinity", "1e30", "1e300"])
def test_c04_coordinates_out_of_this_world(tmp_path, value):
    lines = ntu_lines([{1: pose(0)}])
    lines[4] = f"0 {value} 0 1 2 3 4 5 6 7 8 2"
    with pytest.raises(MsclrError, match=r"a.skeleton, frame 0, person 0, joint 'pelvis': coordinate y"):
        read(write_lines(tmp_path / "a.skeleton", lines))


def test_c05_bodies_leave_return_and_swap(tmp_path):
    a, b = pose(1), pose(2)
    frames = [{7: a, 9: b}, {9: b, 7: a}, {9: b}, {}, {9: b, 7: a}]
    sequence = read(write_lines(tmp_path / "a.skeleton", ntu_lines(frames)))
    assert sequence.person_ids == ("7", "9")
    assert sequence.valid.all(axis=2).tolist() == [[True, True, False, False, True], [True, True, True, False, True]]
    for frame in (0, 1, 4):
        np.testing.assert_allclose(sequence.positions[0, frame], a, rtol=1e-5)
        np.testing.assert_allclose(sequence.positions[1, frame], b, rtol=1e-5)


def test_c05_the_same_body_twice_in_a_frame(tmp_path):
    lines = ["2", "0", "2", *body_block(7, pose(0)), *body_block(7, pose(1))]
    with pytest.raises(FileFormatError, match="line 31: body '7' for the second time in frame 1"):
        read(write_lines(tmp_path / "a.skeleton", lines))


def json_file(folder, text: str | bytes):
    path = folder / "clip_000000000000_keypoints.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"people": [', r"line 1, column 13"),
        ('{"people":\n [}]}', r"line 2, column 3"),
        ('{"people": [], "people": []}', "'people' occurs twice"),
        ('{"people": [{"pose_keypoints_2d": [NaN]}]}', "NaN"),
        ('{"people": [{"pose_keypoints_2d": [1e999]}]}', "1e999"),
        ('{"people": ' + "[" * 100_000 + "]" * 100_000 + "}", "100001 nested levels"),
        ("[]", "no list 'people'"),
        ("3", "no list 'people'"),
        ('{"people": 3}', "no list 'people'"),
        ('{"people": [3]}', r"people\[0\]: a JSON int"),
        ('{"people": []} x', "Extra data"),
        ('{"people": []}'.encode("utf-16"), "UTF-16"),
        ('{"people": []}'.encode("utf-16-le"), "binary"),
        (b'{"people": [], "x": "\xff"}', "byte 21 is not UTF-8"),
    ],
)
def test_c06_json_that_is_none(tmp_path, text, message):
    path = json_file(tmp_path, text)
    with pytest.raises(MsclrError, match=message) as caught:
        read(path, format="openpose")
    assert "clip_000000000000_keypoints.json" in str(caught.value)


def test_c06_byte_order_mark_is_accepted(tmp_path):
    path = json_file(tmp_path, codecs.BOM_UTF8 + json.dumps({"people": [openpose_person(points(0))]}).encode())
    assert read(path).num_persons == 1


def test_c07_oversized_file_is_refused_by_its_size(tmp_path):
    path = json_file(tmp_path, '{"people": []}')
    os.truncate(path, 2 * 2**30)
    with pytest.raises(FileLimitError, match="2,147,483,648 bytes"):
        read(path)
    os.truncate(path, 100 * 2**20)
    path.write_bytes(b'{"people": []}' + b" " * (70 * 2**20))
    with pytest.raises(FileLimitError, match="bytes of JSON"):
        read(path)


def test_c07_more_people_than_allowed(tmp_path):
    path = json_file(tmp_path, '{"people": [' + ",".join(["{}"] * 100_000) + "]}")
    with pytest.raises(FileLimitError, match="100,000 people"):
        read(path)


def test_c07_folder_over_the_limit_in_all(tmp_path):
    folder = write_openpose(tmp_path / "clip", {frame: [openpose_person(points(0))] for frame in range(10)})
    with pytest.raises(FileLimitError, match="over 5,000 bytes"):
        read(folder, limits=ReadLimits(maximum_bytes=5000))
    with pytest.raises(FileLimitError, match="over 9 entries"):
        read(folder, limits=ReadLimits(maximum_files=9))


@pytest.mark.parametrize("value", ['"1"', "null", "true", "[1]", "{}", "1" + "0" * 300, "-1e200"])
def test_c07_something_else_than_a_number(tmp_path, value):
    numbers = ["1"] * 75
    numbers[31] = value
    path = json_file(tmp_path, '{"people": [{"pose_keypoints_2d": [' + ",".join(numbers) + "]}]}")
    with pytest.raises(FileFormatError, match=r"people\[0\].pose_keypoints_2d\[31\]"):
        read(path)


def test_c08_nobody_in_a_frame_is_masked(tmp_path):
    person = [openpose_person(points(0))]
    sequence = read(write_openpose(tmp_path / "clip", {0: person, 1: [], 2: person}))
    assert sequence.valid.any(axis=2).tolist() == [[True, False, True]]


@pytest.mark.parametrize("count", [135 * 3 + 1, 137 * 3, 17 * 3, 74, 76, 3, 4])
def test_c08_counts_that_no_convention_has(tmp_path, count):
    path = json_file(tmp_path, json.dumps({"people": [{"pose_keypoints_2d": [1] * count}]}))
    with pytest.raises(FileFormatError, match=rf"{count} values; expected .*45 .*54 .*75 \(openpose_body25_25\)"):
        read(path)


def test_c08_gaps_in_the_frame_numbers_stay_gaps(tmp_path):
    people = {number: [openpose_person(points(number))] for number in (10, 11, 14)}
    sequence = read(write_openpose(tmp_path / "clip", people))
    assert sequence.meta["first_frame"] == "10"
    assert sequence.valid.any(axis=2).tolist() == [[True, True, False, False, True]]
    np.testing.assert_allclose(sequence.positions[0, 4], points(14), rtol=1e-6)


def test_c08_twelve_digit_numbers_are_read_as_numbers(tmp_path):
    people = {999_999_999_998: [openpose_person(points(0))], 999_999_999_999: [openpose_person(points(1))]}
    assert read(write_openpose(tmp_path / "clip", people)).num_frames == 2


@pytest.mark.parametrize(("score", "message"), [(-0.5, "score -0.5"), (7.0, "score 7")])
def test_c08_scores_out_of_range(tmp_path, score, message):
    folder = write_openpose(tmp_path / "clip", {0: [openpose_person(points(0), score)]})
    with pytest.raises(FileFormatError, match=message):
        read(folder)


def test_c08_one_person_id_twice_in_a_frame(tmp_path):
    people = [openpose_person(points(0), person_id=2), openpose_person(points(1), person_id=2)]
    with pytest.raises(FileFormatError, match="person '2' 2 times in frame 0"):
        read(write_openpose(tmp_path / "clip", {0: people}))
