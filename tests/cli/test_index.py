from __future__ import annotations

import pytest

from msclr.cli.vectors import read_vectors
from msclr.index import VectorIndex


@pytest.fixture
def files(run, clips, model_folder, tmp_path):
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    assert run("embed", *clips[:2], "-o", paths[0], "--model", model_folder).code == 0
    assert run("embed", *clips[2:], "-o", paths[1], "--model", model_folder).code == 0
    return paths


def test_an_index_of_several_files_answers_as_one_file_does(run, clips, model_folder, files, tmp_path):
    outcome = run("index", *files, "-o", tmp_path / "index", "--precision", "float32")
    assert (outcome.code, outcome.err) == (0, "")
    assert "index: 4 vectors of 16 numbers" in outcome.out
    whole = tmp_path / "whole.npz"
    run("embed", *clips, "-o", whole, "--model", model_folder)
    for query in (clips[1], clips[3]):
        expected = run("search", query, "--in", whole)
        assert expected.code == 0
        assert expected.out.count("\n") == 3
        assert run("search", query, "--in", tmp_path / "index") == expected
    found = VectorIndex.load(tmp_path / "index")
    assert found.model_sha256 == read_vectors(whole).model_sha256
    assert list(found.skeletons) == [clip.stem for clip in clips]


def test_an_index_finds_a_file_that_is_not_in_it(run, clips, files, tmp_path):
    run("index", *files, "-o", tmp_path / "index")
    copy = tmp_path / "copy.npz"
    copy.write_bytes(clips[2].read_bytes())
    first = run("search", copy, "--in", tmp_path / "index", "-k", 1).out.split()
    assert first[:2] == ["1.0000", str(clips[2])]


def test_cells_and_probes(run, clips, files, tmp_path):
    pytest.importorskip("faiss")
    assert "in 2 cells" in run("index", *files, "-o", tmp_path / "index", "--cells", 2).out
    exact = run("search", clips[0], "--in", tmp_path / "index")
    assert run("search", clips[0], "--in", tmp_path / "index", "--probes", 2) == exact
    run("index", *files, "-o", tmp_path / "plain")
    outcome = run("search", clips[0], "--in", tmp_path / "plain", "--probes", 2)
    assert (outcome.code, outcome.out) == (1, "")
    assert "without cells" in outcome.err


def test_vectors_of_two_models_are_not_put_together(run, clips, files, other_model_folder, tmp_path):
    run("embed", clips[0], "-o", tmp_path / "other.npz", "--model", other_model_folder)
    outcome = run("index", files[0], tmp_path / "other.npz", "-o", tmp_path / "index")
    assert (outcome.code, outcome.out) == (1, "")
    assert "vectors of other weights" in outcome.err
    assert not (tmp_path / "index").exists()


def test_an_index_that_is_there_is_replaced_only_if_asked(run, files, tmp_path):
    run("index", files[0], "-o", tmp_path / "index")
    assert "something is there already" in run("index", *files, "-o", tmp_path / "index").err
    assert run("index", *files, "-o", tmp_path / "index", "--overwrite").code == 0
    assert len(VectorIndex.load(tmp_path / "index")) == 4
