"""F02: the power goes at any moment of writing a checkpoint, and the disk keeps only what it had to."""

from __future__ import annotations

import errno
import os
import warnings
from pathlib import Path

import pytest
import torch

from msclr import atomic
from msclr.errors import TrainingError
from msclr.train.checkpoint import TENSORS, Checkpoints
from msclr.train.identity import Identity

CALLS = ("mkdir", "fsync", "rename", "replace", "unlink", "rmdir")


class State:
    """Stands in for a run: its only tensor says after how many updates it was saved."""

    device = torch.device("cpu")

    def __init__(self, step):
        self.step = step

    def tensors(self):
        return {"step": torch.full((64,), self.step)}

    def values(self):
        return {}


class Disk:
    """What would be left below a folder if the power went before or after any call that changes the disk.

    Two disks are imagined. On one, names are there at once, as in a journal, but the content of a file only if it was
    flushed. On the other, names too are those of the last flush of their folder.
    """

    def __init__(self, root, patch):
        self.root = root
        self.contents = {}
        self.names = {}
        self.open = []  # held open, so that no number of a file is given to another one
        self.lost = []
        self.flushes = True
        self.names[root.stat().st_ino] = {}
        for name in CALLS:
            patch.setattr(os, name, self.watched(getattr(os, name), name))
        patch.setattr(atomic, "_exchange", self.watched(atomic._exchange, "exchange"))

    def watched(self, original, name):
        def call(*arguments, **options):
            self.photograph()
            outcome = original(*arguments, **options)
            if name == "fsync" and self.flushes:
                self.flush(arguments[0])
            self.photograph()
            return outcome

        return call

    def flush(self, descriptor):
        self.open.append(os.dup(descriptor))
        path = Path(f"/proc/self/fd/{descriptor}").resolve()
        number = os.fstat(descriptor).st_ino
        if path.is_dir():
            self.names[number] = {entry.name: (entry.is_dir(), entry.inode()) for entry in os.scandir(path)}
        else:
            self.contents[number] = path.read_bytes()

    def photograph(self):
        live = {
            path.relative_to(self.root): None if path.is_dir() else self.contents.get(path.stat().st_ino, b"")
            for path in self.root.rglob("*")
        }
        self.lost += [live, dict(self.kept(self.root.stat().st_ino, Path()))]

    def kept(self, folder, path):
        for name, (is_folder, number) in self.names.get(folder, {}).items():
            yield path / name, None if is_folder else self.contents.get(number, b"")
            if is_folder:
                yield from self.kept(number, path / name)

    def close(self):
        for descriptor in self.open:
            os.close(descriptor)


def checkpoints(root):
    return Checkpoints(root / "run.checkpoints", every=1, identity=Identity({}, {}))


def build(tree, root):
    root.mkdir()
    for path, content in tree.items():
        if content is None:
            (root / path).mkdir(parents=True, exist_ok=True)
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
    return root


def newest(root):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = checkpoints(root).newest()
    if found is not None:
        assert torch.equal(found.tensors["step"], torch.full((64,), found.step))
    return (found.step if found else 0), bool(caught)


@pytest.fixture
def disk(tmp_path, monkeypatch):
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("the model of the disk looks at /proc")
    root = tmp_path / "disk"
    root.mkdir()
    with monkeypatch.context() as patch:
        found = Disk(root, patch)
        yield found
    found.close()


def saved(disk, *steps):
    """Save checkpoints; for each the trees that a loss of power would have left meanwhile."""
    trees = []
    for step in steps:
        disk.lost = []
        assert checkpoints(disk.root).save(State(step), step)
        disk.photograph()
        trees.append(disk.lost)
    disk.lost = []
    return trees


def test_f02_whenever_the_power_goes_the_new_or_the_previous_checkpoint_is_whole(disk, tmp_path, monkeypatch):
    meanwhile = saved(disk, 1, 2, 3, 4)
    monkeypatch.undo()
    before = 0
    for step, trees in enumerate(meanwhile, start=1):
        assert len(trees) > 10
        for number, tree in enumerate(trees):
            found, warned = newest(build(tree, tmp_path / f"{step}-{number}"))
            assert found in (before, step)
            assert not warned
            assert found == step or number < len(trees) - 2  # save() had returned before these two
        before = step


def test_f02_a_checkpoint_saved_again_is_the_old_or_the_new_one_all_the_time(disk, tmp_path):
    *_, again = saved(disk, 1, 2, 2)
    for number, tree in enumerate(again):
        assert newest(build(tree, tmp_path / str(number))) == (2, False)


def test_f02_data_that_was_never_flushed_is_noticed_and_the_previous_checkpoint_used(disk, tmp_path):
    saved(disk, 1, 2)
    disk.flushes = False
    journal, _ = saved(disk, 3)[0][-2:]  # the name is there, the data is not
    assert journal[Path("run.checkpoints", "step-000000003", TENSORS)] == b""
    assert newest(build(journal, tmp_path / "torn")) == (2, True)


def test_f02_the_model_of_the_disk_sees_a_writer_that_flushes_nothing(disk, tmp_path):
    disk.flushes = False
    trees = [tree for trees in saved(disk, 1, 2) for tree in trees]
    outcomes = []
    for number, tree in enumerate(trees):
        try:
            outcomes.append(newest(build(tree, tmp_path / str(number))))
        except TrainingError:
            outcomes.append("lost")
    assert "lost" in outcomes


def test_f02_a_failed_flush_leaves_no_checkpoint_that_looks_whole(tmp_path, monkeypatch):
    def broken(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    root = tmp_path / "disk"
    root.mkdir()
    assert checkpoints(root).save(State(1), 1)
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.warns(UserWarning, match="no checkpoint of step 2"):
        assert not checkpoints(root).save(State(2), 2)
    assert [path.name for path in (root / "run.checkpoints").iterdir()] == ["step-000000001"]
    assert newest(root) == (1, False)
