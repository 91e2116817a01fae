from __future__ import annotations

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
