"""What is given to prepare: folders however deep."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from msclr.io.limits import ReadLimits
from msclr.store.inputs import list_inputs

DEPTH = 1100  # beyond Python's default stack


@pytest.fixture
def deep(tmp_path, monkeypatch):
    """A file in so many folders; taken apart again from below, as what tidies up after tests goes by recursion."""
    monkeypatch.chdir(tmp_path)
    for _ in range(DEPTH):
        Path("d").mkdir()
        os.chdir("d")
    Path("clip.npz").touch()
    os.chdir(tmp_path)
    yield tmp_path / "d"
    for _ in range(DEPTH):
        os.chdir("d")
    Path("clip.npz").unlink()
    for _ in range(DEPTH):
        os.chdir("..")
        Path("d").rmdir()


def test_folders_may_be_nested_deeper_than_the_stack(deep):
    found, sources = list_inputs([deep], "auto", ReadLimits(), follow_symlinks=False)
    assert ([entry.label.replace("d/", "") for entry in found], sources) == (["clip.npz"], ["d"])


def test_entries_come_in_the_order_of_their_names_at_every_level(tmp_path):
    for name in ("b/z.npz", "b/a/y.npz", "c.npz", "a.npz", "b/k.npz"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found, _ = list_inputs([tmp_path], "auto", ReadLimits(), follow_symlinks=False)
    labels = [entry.label.split("/", 1)[1] for entry in found]
    assert labels == ["a.npz", "b/a/y.npz", "b/k.npz", "b/z.npz", "c.npz"]
