"""What is given to prepare: folders however deep."""

from __future__ import annotations

import os
from pathlib import Path

from strategies import standing_person

import msclr
from msclr.io.limits import ReadLimits
from msclr.store.inputs import list_inputs


def test_folders_may_be_nested_deeper_than_the_stack(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(1100):
        Path("d").mkdir()
        os.chdir("d")
    msclr.write(standing_person("coco_17", frames=2, dims=2), "clip.npz")
    os.chdir(tmp_path)
    found, sources = list_inputs([tmp_path / "d"], "auto", ReadLimits(), follow_symlinks=False)
    assert ([entry.label.replace("d/", "") for entry in found], sources) == (["clip.npz"], ["d"])


def test_entries_come_in_the_order_of_their_names_at_every_level(tmp_path):
    for name in ("b/z.npz", "b/a/y.npz", "c.npz", "a.npz", "b/k.npz"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found, _ = list_inputs([tmp_path], "auto", ReadLimits(), follow_symlinks=False)
    labels = [entry.label.split("/", 1)[1] for entry in found]
    assert labels == ["a.npz", "b/a/y.npz", "b/k.npz", "b/z.npz", "c.npz"]
