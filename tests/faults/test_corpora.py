"""Fault F13: a corpus with corrupt files and equal names, killed and resumed, two workers on one shard."""

from __future__ import annotations

import os
import random
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from embed.corpora import assert_accounted, assert_whole, corpus, small_encoder
from killing import ended, start

from msclr.embed import dataset, embed_dataset
from msclr.embed import shard as shards
from msclr.errors import StoreError
from msclr.index import VectorIndex

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

COUNT, SIZE = 100, 12


@pytest.fixture(scope="module")
def encoder():
    return small_encoder()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return corpus(tmp_path_factory.mktemp("corpora") / "files", COUNT)


def noting(pipe, encoder, files, out):
    """Embed, and write the number of each file that is begun into a pipe."""
    real = shards._read

    def read(entry, reading):
        os.write(pipe, b"%d " % entry.number)
        return real(entry, reading)

    shards._read = read
    embed_dataset(encoder, [files], out, shard_size=SIZE)


def attempt(encoder, files, out, dies_before):
    """Embed in a fork that is killed before a call that changes the disk; the files it began, and whether it ended."""
    reading, writing = os.pipe()
    child = start(partial(noting, writing, encoder, files, out), dies_before=dies_before)
    os.close(writing)
    with open(reading) as file:  # noqa: PTH123  # a descriptor
        begun = [int(number) for number in file.read().split()]
    return begun, ended(child, None)


def test_f13_killed_and_resumed_every_file_is_there_once_and_no_more_than_a_shard_is_repeated(encoder, files, tmp_path):
    chance = random.Random(0)
    whole = embed_dataset(encoder, [files], tmp_path / "whole", shard_size=SIZE)
    assert_accounted(whole, files, COUNT)
    assert_whole(VectorIndex.load(whole.path), encoder, files)
    out = tmp_path / "vectors"
    done: set[int] = set()
    kills = 0
    for _ in range(40):
        begun, finished = attempt(encoder, files, out, chance.randint(20, 90))
        assert len(begun) == len(set(begun))
        assert len(done & set(begun)) <= SIZE
        done |= set(begun)
        if finished:
            break
        kills += 1
        assert not out.exists() or VectorIndex.load(out)
    else:
        pytest.fail("never finished")
    assert kills >= 2
    assert len(done) == len(whole.inputs)
    again = embed_dataset(encoder, [files], out, shard_size=SIZE)
    assert again.inputs == whole.inputs
    found, given = VectorIndex.load(out), VectorIndex.load(whole.path)
    assert list(found.names) == list(given.names)
    assert torch.equal(found.vectors, given.vectors)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vectors", "whole"]


def test_f13_two_workers_on_one_shard_leave_one_whole_shard(encoder, files, tmp_path, monkeypatch):
    """Two processes make all shards of the same corpus at once, as a scheduler does that takes a slow one for dead."""
    made: list[shards.Shard] = []

    def take_down(missing, pool, workers):
        made.extend(missing)
        raise Stop
        yield

    monkeypatch.setattr(dataset, "run", take_down)
    with pytest.raises(Stop):
        embed_dataset(encoder, [files], tmp_path / "vectors", shard_size=SIZE)
    monkeypatch.undo()

    def all_of_them():
        for shard in made:
            shards.embed_shard(shard)

    children = [start(all_of_them) for _ in range(2)]
    assert [ended(child, None) for child in children] == [True, True]
    building = tmp_path / ".vectors.building"
    assert sorted(path.name for path in building.glob("*")) == sorted(
        [*(shard.folder.name for shard in made), "model", "lock"]
    )
    done = embed_dataset(encoder, [files], tmp_path / "vectors", shard_size=SIZE)
    assert_accounted(done, files, COUNT)
    assert_whole(VectorIndex.load(done.path), encoder, files)


class Stop(Exception):  # noqa: N818  # no error
    """Ends a run before it puts its shards together."""


def test_f13_two_runs_at_once_are_refused(encoder, files, tmp_path):
    building = tmp_path / ".vectors.building"
    building.mkdir()
    with dataset.only_one(building), pytest.raises(StoreError, match="another process is making this"):
        embed_dataset(encoder, [files], tmp_path / "vectors")
    assert not (tmp_path / "vectors").exists()


def test_f13_a_file_that_changes_between_the_runs_is_embedded_again(encoder, tmp_path):
    files = corpus(tmp_path / "files", 40)
    out = tmp_path / "vectors"
    begun, finished = attempt(encoder, files, out, 30)
    assert not finished
    assert 0 < len(begun) < 43
    first, other = (Path(files / "subject 0" / f"clip {number:06d}.npz") for number in (0, 1))
    first.write_bytes(other.read_bytes())
    embed_dataset(encoder, [files], out, shard_size=SIZE)
    assert_whole(VectorIndex.load(out), encoder, files)
