"""Fault list C17 to C20: special files, links, odd paths, interrupted writes."""

from __future__ import annotations

import errno
import os
import signal
import socket

import numpy as np
import pytest
from hub.processes import Child
from oracles.pose_files import ntu_lines, openpose_person, write_lines, write_openpose

from msclr.errors import FileFormatError, FileLimitError, MissingFileError, MsclrError, NotAFileError
from msclr.io import atomic
from msclr.io.limits import ReadLimits
from msclr.io.registry import read, write
from msclr.poses.sequence import PoseSequence


def clip(seed: int = 0, frames: int = 4) -> PoseSequence:
    values = np.random.default_rng(seed).normal(size=(frames, 17, 2))
    return PoseSequence.from_array(values, "coco_17", fps=30, meta={"label": str(seed)})


@pytest.mark.parametrize("format", ["auto", "ntu", "openpose", "npz", "npy"])
def test_c17_special_files_are_refused_without_hanging(tmp_path, format):
    os.mkfifo(tmp_path / "fifo")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    with listener:
        for path in (tmp_path / "fifo", tmp_path / "s", "/dev/zero", "/dev/null"):
            with pytest.raises(NotAFileError, match="not a regular file"):
                read(path, format=format)
    folder = write_openpose(tmp_path / "clip", {0: []})
    os.mkfifo(folder / "clip_000000000001_keypoints.json")
    with pytest.raises(NotAFileError, match="named pipe"):
        read(folder)


def test_c17_file_that_grows_while_read(tmp_path, monkeypatch):
    path = write_lines(tmp_path / "a.skeleton", ntu_lines([{1: np.ones((25, 3))}]))
    genuine = os.read

    def grow(descriptor: int, count: int) -> bytes:
        with path.open("ab") as file:
            file.write(b"\n" * 10)
        return genuine(descriptor, count)

    monkeypatch.setattr("msclr.io.guard.os.read", grow)
    with pytest.raises((FileFormatError, FileLimitError), match=r"nobody is writing|at most"):
        read(path, format="ntu", limits=ReadLimits(maximum_bytes=10_000))


def test_c18_symbolic_links(tmp_path):
    outside = write_openpose(tmp_path / "outside", {0: [openpose_person(np.ones((25, 2)))]})
    folder = write_openpose(tmp_path / "clip", {1: [openpose_person(np.ones((25, 2)))]})
    (folder / "clip_000000000000_keypoints.json").symlink_to(outside / "clip_000000000000_keypoints.json")
    with pytest.raises(NotAFileError, match="symbolic link out of the folder"):
        read(folder)
    assert read(folder, follow_symlinks=True).num_frames == 2
    (folder / "clip_000000000002_keypoints.json").symlink_to("clip_000000000001_keypoints.json")
    (folder / "clip_000000000000_keypoints.json").unlink()
    assert read(folder).num_frames == 2


@pytest.mark.parametrize("follow", [False, True])
def test_c18_symbolic_links_in_a_circle(tmp_path, follow):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(NotAFileError, match="in a circle"):
        read(tmp_path / "a", follow_symlinks=follow)
    folder = write_openpose(tmp_path / "clip", {0: []})
    (folder / "clip_000000000001_keypoints.json").symlink_to("clip_000000000001_keypoints.json")
    with pytest.raises(NotAFileError, match="in a circle"):
        read(folder, follow_symlinks=follow)


@pytest.mark.parametrize(
    "name", ["a b", "\U0001f57a", "a\nb", "x" * 250, "~", "C:\\clip", "\\\\server\\clip", "-rf", "%s"]
)
def test_c19_odd_names_work(tmp_path, name):
    write(clip(), tmp_path / name, format="npz")
    assert read(tmp_path / name).num_frames == 4
    assert read(os.fsencode(tmp_path / name)).num_frames == 4
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(MsclrError) as caught:
        read(tmp_path / name, format="npz")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("path", ["", "a\0b", 3, None, "x" * 5000, "~/clip.npz", "C:\\clip.npz", b"\xff"])
def test_c19_odd_paths_end_in_plain_errors(path):
    with pytest.raises(MsclrError):
        read(path)
    with pytest.raises(MsclrError):
        write(clip(), path if path != b"\xff" and path != "C:\\clip.npz" else "/nowhere/a.npz")


def test_c19_the_tilde_is_explained():
    with pytest.raises(MissingFileError, match="expanduser"):
        read("~/no/such/clip.npz")


def failing_write(monkeypatch, number: int) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic.os, "fsync", refuse)


WRITTEN = ["npz", "npy", "csv", "parquet", "pyskl"]


@pytest.mark.parametrize("format", WRITTEN)
def test_c20_existing_file_survives_a_full_disk(tmp_path, monkeypatch, format):
    write(clip(0), tmp_path / "a", format=format)
    before = (tmp_path / "a").read_bytes()
    failing_write(monkeypatch, errno.ENOSPC)
    with pytest.raises(NotAFileError, match="No space left on device"):
        write(clip(1), tmp_path / "a", format=format)
    assert (tmp_path / "a").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("format", WRITTEN)
def test_c20_disk_full_in_the_middle_of_the_data(tmp_path, format):
    """A child whose files may not grow over 4 kB: the kernel itself refuses the write."""
    write(clip(0), tmp_path / "a", format=format)
    before = (tmp_path / "a").read_bytes()
    values = np.random.default_rng(0).normal(size=(900, 17, 2))
    many = PoseSequence.from_array(values, "coco_17", meta={"label": "0"})
    child = Child(lambda: write(many, tmp_path / "a", format=format), largest_file=4096)
    assert child.outcome().startswith("NotAFileError: ")
    assert (tmp_path / "a").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_c20_read_only_and_missing_folder(tmp_path, monkeypatch):
    with pytest.raises(NotAFileError, match="No such file"):
        write(clip(), tmp_path / "no" / "a.npz")
    with pytest.raises(NotAFileError, match="something else than a regular file"):
        write(clip(), tmp_path, format="npz")
    with pytest.raises(NotAFileError, match="something else than a regular file"):
        write(clip(), "/dev/null", format="npz")

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(atomic.Path, "open", refuse)
    with pytest.raises(NotAFileError, match="Permission denied"):
        write(clip(), tmp_path / "a.npz")


@pytest.mark.parametrize("format", WRITTEN)
def test_c20_killed_half_way(tmp_path, format):
    write(clip(0), tmp_path / "a", format=format)
    before = (tmp_path / "a").read_bytes()

    def die(descriptor: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def write_and_die() -> None:
        atomic.os.fsync = die
        write(clip(1, frames=50), tmp_path / "a", format=format)

    assert Child(write_and_die).outcome() == ""  # one that ends by itself says something
    assert (tmp_path / "a").read_bytes() == before


def test_c20_a_link_keeps_pointing(tmp_path):
    write(clip(0), tmp_path / "real.npz")
    (tmp_path / "link.npz").symlink_to("real.npz")
    write(clip(1), tmp_path / "link.npz")
    assert (tmp_path / "link.npz").is_symlink()
    np.testing.assert_array_equal(read(tmp_path / "real.npz").positions, clip(1).positions)
