"""read and write find the format by content, and say so when they cannot."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from oracles.pose_files import ntu_lines, openpose_person, write_lines, write_openpose

from msclr.errors import PoseError, UnknownFormatError, UnknownSkeletonError
from msclr.io import registry
from msclr.io.registry import Format, formats, read, write
from msclr.poses.sequence import PoseSequence


def two_persons(frames: int = 6) -> PoseSequence:
    values = np.random.default_rng(0).normal(size=(3, frames, 17, 2))
    values[0, 2:] = np.nan
    values[2, 1:] = np.nan
    return PoseSequence.from_array(values, "coco_17", person_ids=["a", "b", "c"])


def test_every_format_has_its_own_name_and_recognises_only_its_own_files(tmp_path):
    rng = np.random.default_rng(0)
    write_lines(tmp_path / "ntu", ntu_lines([{1: rng.normal(size=(25, 3))}]))
    people = [openpose_person(rng.uniform(1, 9, size=(25, 2)))]
    write_openpose(tmp_path / "openpose", {0: people})
    write(two_persons(), tmp_path / "clip.npz")
    (tmp_path / "clip.npz").rename(tmp_path / "npz")
    with (tmp_path / "npy").open("wb") as file:
        np.save(file, np.ones((4, 17, 2)))
    assert len({known.name for known in formats()}) == len(formats())
    for name in ("ntu", "openpose", "npz", "npy"):
        assert read(tmp_path / name, skeleton="coco_17" if name == "npy" else None).num_frames >= 1
        assert registry.detect_format(tmp_path / name, registry.ReadLimits()).name == name


def test_unknown_content_lists_the_formats(tmp_path):
    (tmp_path / "poem.txt").write_text("Shall I compare thee to a summer's day?\n")
    with pytest.raises(UnknownFormatError, match=r"no format recognises this file; expected one of ntu .*npz"):
        read(tmp_path / "poem.txt")


def test_two_formats_that_fit_are_listed(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("x")
    both = tuple(Format(name, name, (), lambda _: True, lambda path, options: two_persons()) for name in ("one", "two"))
    monkeypatch.setattr(registry, "formats", lambda: both)
    with pytest.raises(UnknownFormatError, match=r"several formats fit: one, two.*format='one'"):
        read(tmp_path / "a")
    assert read(tmp_path / "a", format="two").num_persons == 3


def test_an_unknown_format_name_gets_near_ones(tmp_path):
    with pytest.raises(UnknownFormatError, match="no format is called 'opnpose'; expected one of openpose"):
        read(tmp_path, format="opnpose")


def test_an_unknown_skeleton_is_refused_before_the_file_is_touched():
    with pytest.raises(UnknownSkeletonError, match="coco"):
        read("/nowhere", skeleton="coco17x")


@pytest.mark.parametrize(
    ("person", "ids"),
    [(None, "abc"), (1, "b"), (np.int64(1), "b"), ([2, 0], "ca"), ((0,), "a"), ("longest", "b"), ([], "")],
)
def test_persons_can_be_chosen(tmp_path, person, ids):
    write(two_persons(), tmp_path / "a.npz")
    assert "".join(read(tmp_path / "a.npz", person=person).person_ids) == ids


@pytest.mark.parametrize("person", [3, -1, [0, 7], [0, 0], True, "first", 1.5, ["a"], [None]])
def test_persons_who_are_not_there_are_refused(tmp_path, person):
    write(two_persons(), tmp_path / "a.npz")
    with pytest.raises(PoseError):
        read(tmp_path / "a.npz", person=person)


def test_the_longest_of_nobody_is_refused(tmp_path):
    write_openpose(tmp_path / "clip", {0: []})
    with pytest.raises(PoseError, match="nobody"):
        read(tmp_path / "clip", person="longest")


def test_only_formats_with_a_writer_can_be_written(tmp_path):
    with pytest.raises(UnknownFormatError, match=r"ending '.skeleton'; expected one of .*npz"):
        write(two_persons(), tmp_path / "a.skeleton")
    with pytest.raises(UnknownFormatError, match="ntu is read only"):
        write(two_persons(), tmp_path / "a.npz", format="ntu")
    write(two_persons(), tmp_path / "clip.backup", format="npz")
    assert read(tmp_path / "clip.backup").num_persons == 3


def test_importing_the_registry_imports_no_reader_and_no_scipy():
    code = "import sys, msclr.io.registry; print([m for m in sys.modules if m in ('scipy', 'msclr.io.ntu')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
