"""Fault list C01, C17 and C18 for folders of recordings."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from oracles.pose_files import ntu_lines, openpose_person, write_lines, write_openpose

from msclr.errors import FileFormatError, FileLimitError, MsclrError, NotAFileError
from msclr.io.folder import read_folder
from msclr.io.limits import ReadLimits
from msclr.io.pku_mmd import read_pku_mmd_folder


def ntu_file(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    return write_lines(path, ntu_lines([{1: np.ones((25, 3))}]))


def test_c01_an_empty_folder_and_blank_files(tmp_path):
    with pytest.raises(FileFormatError, match="none of 0 entries"):
        read_folder(tmp_path)
    (tmp_path / "a.skeleton").write_text("")
    (tmp_path / "b.skeleton").write_text(" \n")
    folder = read_folder(tmp_path, format="ntu", on_error="skip")
    assert not list(folder)
    assert [failure.name for failure in folder.failures] == ["a.skeleton", "b.skeleton"]


def test_c17_a_pipe_does_not_hang_a_folder(tmp_path):
    ntu_file(tmp_path / "S001C001P001R001A001.skeleton")
    os.mkfifo(tmp_path / "S001C001P001R001A002.skeleton")
    folder = read_folder(tmp_path, format="ntu", on_error="skip")
    assert len(list(folder)) == 1
    assert "a named pipe" in str(folder.failures[0].error)


@pytest.mark.parametrize("format", ["ntu", "auto"])
def test_c18_a_link_out_of_the_folder(tmp_path, format):
    outside = ntu_file(tmp_path / "outside" / "a.skeleton")
    inside = ntu_file(tmp_path / "data" / "b.skeleton")
    (tmp_path / "data" / "a.skeleton").symlink_to(outside)
    (tmp_path / "data" / "c.skeleton").symlink_to(inside.name)
    with pytest.raises(NotAFileError, match="a symbolic link out of the folder"):
        list(read_folder(tmp_path / "data", format=format))
    folder = read_folder(tmp_path / "data", format=format, on_error="skip")
    assert [name for name, _ in folder] == ["b.skeleton", "c.skeleton"]
    assert [failure.name for failure in folder.failures] == ["a.skeleton"]
    assert len(list(read_folder(tmp_path / "data", format=format, follow_symlinks=True))) == 3


def test_c18_links_in_a_circle_and_links_to_nothing(tmp_path):
    ntu_file(tmp_path / "data" / "a.skeleton")
    (tmp_path / "data" / "b.skeleton").symlink_to("c.skeleton")
    (tmp_path / "data" / "c.skeleton").symlink_to("b.skeleton")
    (tmp_path / "data" / "d.skeleton").symlink_to("nothing")
    for follow in (False, True):
        folder = read_folder(tmp_path / "data", format="ntu", on_error="skip", follow_symlinks=follow)
        assert [name for name, _ in folder] == ["a.skeleton"]
        assert [failure.name for failure in folder.failures] == ["b.skeleton", "c.skeleton", "d.skeleton"]


def test_c18_a_linked_folder_of_frames(tmp_path):
    outside = write_openpose(tmp_path / "outside", {0: [openpose_person(np.ones((25, 2)))]})
    write_openpose(tmp_path / "data" / "walk", {0: [openpose_person(np.ones((25, 2)))]})
    (tmp_path / "data" / "run").symlink_to(outside, target_is_directory=True)
    folder = read_folder(tmp_path / "data", format="openpose", on_error="skip")
    assert [name for name, _ in folder] == ["walk"]
    assert "a symbolic link out of the folder" in str(folder.failures[0].error)


@pytest.mark.parametrize("part", ["skeletons", "labels"])
def test_c18_links_of_pku_mmd(tmp_path, part):
    (tmp_path / "outside").mkdir()
    for name, text in (("skeletons", " ".join(["0.5"] * 150) + "\n"), ("labels", "1,1,1,1\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0002-M.txt").write_text(text)
    (tmp_path / part / "0002-M.txt").rename(tmp_path / "outside" / "file")
    (tmp_path / part / "0002-M.txt").symlink_to(tmp_path / "outside" / "file")
    folders = (tmp_path / "skeletons", tmp_path / "labels")
    with pytest.raises(NotAFileError, match="a symbolic link out of the folder"):
        list(read_pku_mmd_folder(*folders))
    assert len(list(read_pku_mmd_folder(*folders, follow_symlinks=True))) == 1


def test_c07_too_many_entries(tmp_path):
    for number in range(4):
        ntu_file(tmp_path / f"{number}.skeleton")
    with pytest.raises(FileLimitError, match="over 3 entries"):
        read_folder(tmp_path, limits=ReadLimits(maximum_files=3))


def test_c19_odd_names_in_a_folder(tmp_path):
    for name in ("a b", "\U0001f57a", "x\ny", "-rf", "%s", "S001C001P003R002A999x"):
        write_lines(tmp_path / f"{name}.skeleton", ["nonsense"])
    folder = read_folder(tmp_path, format="ntu", on_error="skip")
    assert not list(folder)
    assert len(folder.failures) == 6
    for failure in folder.failures:
        assert isinstance(failure.error, MsclrError)
        assert str(failure.error).isprintable()
