from __future__ import annotations

import msclr
from msclr.index import VectorIndex


def test_a_folder_of_files_becomes_vectors_that_can_be_searched(run, clips, model_folder, tmp_path):
    folder = clips[0].parent
    outcome = run("embed-corpus", folder, "-o", tmp_path / "vectors", "--model", model_folder, "--shard-size", 3)
    assert outcome.code == 0
    assert "vectors: 4 vectors of 4 files; 0 failed, 0 left out" in outcome.out
    index = VectorIndex.load(tmp_path / "vectors")
    assert sorted(index.names) == sorted(map(str, clips))
    assert index.model == str(model_folder)
    run("embed", *sorted(clips), "-o", tmp_path / "v.npz", "--model", model_folder)
    expected = run("search", clips[1], "--in", tmp_path / "v.npz")
    assert expected.out.count("\n") == 3
    assert run("search", clips[1], "--in", tmp_path / "vectors") == expected
    again = run("embed-corpus", folder, "-o", tmp_path / "vectors", "--model", model_folder, "--shard-size", 3)
    assert again.out == outcome.out


def test_files_that_cannot_be_embedded_are_named_up_to_twenty(run, clips, model_folder, tmp_path):
    for number in range(22):
        (tmp_path / f"bad {number:02d}.npz").write_bytes(b"PK\x03\x04 nothing else")
    paths = sorted(tmp_path.glob("bad*"))
    outcome = run("embed-corpus", clips[0], *paths, "-o", tmp_path / "vectors", "--model", model_folder)
    assert outcome.code == 0
    assert "1 vectors of 1 files; 22 failed, 0 left out" in outcome.out
    lines = outcome.err.splitlines()
    assert len(lines) == 21
    assert lines[0].startswith(f"failed: {paths[0]}: ")
    assert lines[-1] == "failed: 2 more, see inputs.jsonl"


def test_nothing_to_embed_is_an_error(run, model_folder, tmp_path):
    (tmp_path / "notes.md").write_text("x")
    outcome = run("embed-corpus", tmp_path / "notes.md", "-o", tmp_path / "vectors", "--model", model_folder)
    assert (outcome.code, outcome.out) == (1, "")
    assert not (tmp_path / "vectors").exists()


def test_reading_options_reach_the_files(run, clips, model_folder, tmp_path):
    outcome = run("embed-corpus", clips[2], "-o", tmp_path / "vectors", "--model", model_folder, "--person", 7)
    assert outcome.code == 1
    assert "no recording is left of 1 inputs; the first" in outcome.err
    assert "person" in outcome.err
    assert msclr.read(clips[2]).num_persons == 1
