"""Faults C01, C06, C16 and C17 for every reader there is."""

from __future__ import annotations

import gzip
import os
import shutil

import pytest
from oracles.reader_files import LAYOUTS

from msclr import read
from msclr.errors import FileFormatError, MissingFileError, MsclrError, NotAFileError
from msclr.io import guard
from msclr.io.registry import formats

FORMATS = [known.name for known in formats()]
JSON = ("openpose", "mediapipe", "mmpose", "coco", "alphapose", "panoptic", "metrabs")
ONE_FILE = [layout for layout, (format, _) in LAYOUTS.items() if format not in ("openpose", "ultralytics", "panoptic")]
JSON_LAYOUTS = [layout for layout, (format, _) in LAYOUTS.items() if format in JSON and layout != "metrabs"]  # a .npz


@pytest.mark.parametrize("format", FORMATS)
def test_c01_missing_files(tmp_path, format):
    with pytest.raises(FileNotFoundError, match=r"walk\.1: no such file or folder") as caught:
        read(tmp_path / "walk.1", format=format)
    assert isinstance(caught.value, MissingFileError)


@pytest.mark.parametrize("format", FORMATS)
def test_c01_empty_folders(tmp_path, format):
    with pytest.raises((NotAFileError, FileFormatError, MissingFileError), match=r"folder|no file") as caught:
        read(tmp_path, format=format)
    assert isinstance(caught.value, OSError | ValueError)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("content", [b"", b" \r\n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n"])
def test_c01_empty_and_blank_files(tmp_path, format, content):
    (tmp_path / "a_1.txt").write_bytes(content)
    with pytest.raises(ValueError, match=r"a_1\.txt: (an empty file|nothing but white space)") as caught:
        read(tmp_path / "a_1.txt", format=format)
    assert isinstance(caught.value, FileFormatError)


@pytest.mark.parametrize("layout", ONE_FILE)
def test_c01_no_permission(tmp_path, layout, monkeypatch):
    format, build = LAYOUTS[layout]
    recording = build(tmp_path, 3)

    def refuse(*args: object, **kwargs: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(guard.os, "open", refuse)
    with pytest.raises(OSError, match="Permission denied") as caught:
        read(recording.path, format=format, **recording.options)
    assert isinstance(caught.value, NotAFileError)


@pytest.mark.parametrize("format", JSON)
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'[{"a": 1},\n {]', r"line 2, column 3"),
        ("[{}]".encode("utf-16"), "UTF-16"),
        (b'[{"a": NaN}]', "NaN"),
        (b'[{"a": 1, "a": 2}]', "'a' occurs twice"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, r"nested|objects"),
        (b"3", r"expected"),
        (b'"people"', r"expected"),
        (b'["\xff"]', "not UTF-8"),
    ],
)
def test_c06_json_that_is_none(tmp_path, format, data, message):
    (tmp_path / "body3DScene_00000000.json").write_bytes(data)
    with pytest.raises(MsclrError, match=message) as caught:
        read(tmp_path / "body3DScene_00000000.json", format=format, skeleton=None)
    assert "body3DScene_00000000.json" in str(caught.value)


@pytest.mark.parametrize("layout", JSON_LAYOUTS)
def test_c06_a_byte_order_mark_is_accepted(tmp_path, layout):
    format, build = LAYOUTS[layout]
    recording = build(tmp_path, 3)
    expected = read(recording.path, format=format, **recording.options)
    for path in recording.files:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    for name in (format, "auto"):
        assert (read(recording.path, format=name, **recording.options).positions == expected.positions).all()


@pytest.mark.parametrize("format", ["auto", *FORMATS])
def test_c16_a_compressed_file_is_named(tmp_path, format):
    _, build = LAYOUTS["ntu"]
    path = build(tmp_path, 3).path
    (tmp_path / "walk_1.gz").write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(FileFormatError, match=r"compressed with gzip.*unpack it first"):
        read(tmp_path / "walk_1.gz", format=format)


@pytest.mark.parametrize("layout", ONE_FILE)
@pytest.mark.parametrize("name", ["walk", "WALK.TXT", "walk.bin.bak", "a walk \N{DANCER}.x"])
def test_c16_the_content_decides_whatever_the_name(tmp_path, layout, name):
    format, build = LAYOUTS[layout]
    if format == "asf_amc":
        pytest.skip("a pair of files finds itself by the endings")
    recording = build(tmp_path, 3)
    expected = read(recording.path, format=format, **recording.options)
    moved = shutil.move(recording.path, tmp_path / name)
    by_name_only = format in ("pyskl", "amass")
    found = read(moved, format=format if by_name_only else "auto", **recording.options)
    assert (found.skeleton.id, found.positions.shape) == (expected.skeleton.id, expected.positions.shape)


@pytest.mark.parametrize("format", ["auto", *FORMATS])
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_c17_pipes_and_devices_are_refused_without_waiting(tmp_path, format):
    os.mkfifo(tmp_path / "pipe_1")
    for path in (tmp_path / "pipe_1", "/dev/zero"):
        with pytest.raises(NotAFileError, match="not a regular file"):
            read(path, format=format)
