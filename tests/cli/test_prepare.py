from __future__ import annotations

import numpy as np
import pytest

import msclr
from msclr.store import ClipStore


def test_files_become_a_store(run, clips, tmp_path):
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"PK\x03\x04 no archive")
    stopped = run("prepare", *clips, bad, "-o", tmp_path / "store")
    assert stopped.code == 1
    assert "bad.npz" in stopped.err
    assert not (tmp_path / "store").exists()
    done = run("prepare", *clips, bad, "-o", tmp_path / "store", "--skip")
    assert done.code == 0
    assert "4 recordings of 4 files; 1 failed, 0 left out" in done.out
    assert done.err.startswith("failed: ")
    store = ClipStore(tmp_path / "store")
    assert store.names == tuple(path.name for path in clips)
    assert store[2].num_frames == msclr.read(clips[2]).num_frames


def test_options_reach_the_store(run, clips, tmp_path):
    options = ["--precision", "float16", "--pairing", "name", "--fps", 12, "--workers", 1]
    assert run("prepare", clips[0], "-o", tmp_path / "store", *options).code == 0
    assert ClipStore(tmp_path / "store")[0].fps == 12
    other = run("prepare", clips[1], "-o", tmp_path / "store")
    assert other.code == 1
    assert "--overwrite" in other.err
    assert run("prepare", clips[1], "-o", tmp_path / "store", "--overwrite").code == 0
    assert ClipStore(tmp_path / "store").names == (clips[1].name,)


def test_wrong_usage_is_told_apart(run, tmp_path):
    assert run("prepare", "-o", tmp_path / "store").code == 2
    assert run("prepare", "a.npz").code == 2
    assert run("prepare", "a.npz", "-o", tmp_path / "store", "--workers", 0).code == 2
    assert run("prepare", "nowhere.npz", "-o", tmp_path / "store").code == 1


def test_a_table_becomes_a_store_row_by_row(run, tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    poses = np.random.default_rng(0).normal(size=(3, 4, 17, 2)).tolist()
    poses[1] = [[[0.0, 0.0]] * 16]
    table = pyarrow.table({"keypoints": poses, "rate": [20.0, 25.0, 30.0], "word": ["a", "b", "c"]})
    parquet.write_table(table, tmp_path / "clips.parquet")
    columns = [f"--column={each}" for each in ("positions=keypoints", "fps=rate", "name=word", "meta=word")]
    options = ["--skeleton", "coco_17", *columns, "-o", tmp_path / "store"]
    stopped = run("prepare", tmp_path / "clips.parquet", *options)
    assert stopped.code == 1
    assert "clips.parquet, row 1" in stopped.err
    done = run("prepare", tmp_path / "clips.parquet", *options, "--skip")
    assert done.code == 0
    assert "2 recordings of 2 rows; 1 failed, 0 left out" in done.out
    store = ClipStore(tmp_path / "store")
    assert (store.names, store.column("word"), store.fps.tolist()) == (("a", "c"), ("a", "c"), [20.0, 30.0])


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["a.parquet"], "needs --skeleton"),
        (["a.parquet", "b.bvh", "--skeleton", "coco_17"], "prepared alone"),
        (["a.bvh", "--column", "name=id"], "is for a table"),
        (["a.parquet", "--skeleton", "coco_17", "--column", "joints=id"], "expected ROLE=NAME"),
    ],
)
def test_the_command_says_what_a_table_needs(run, tmp_path, arguments, found):
    outcome = run("prepare", *arguments, "-o", tmp_path / "store")
    assert outcome.code == 2
    assert found in " ".join(outcome.err.split())
