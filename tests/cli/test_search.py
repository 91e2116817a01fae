from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from msclr.cli.vectors import read_vectors


@pytest.fixture
def vectors(run, clips, model_folder, tmp_path) -> Path:
    path = tmp_path / "vectors.npz"
    assert run("embed", *clips, "-o", path, "--model", model_folder).code == 0
    return path


def ranking(out: str) -> list[tuple[float, str]]:
    return [(float(line.split()[0]), line.split()[1]) for line in out.splitlines()]


def test_query_by_name_lists_the_others_nearest_first(run, vectors, clips):
    found = ranking(run("search", clips[1], "--in", vectors).out)
    bank = read_vectors(vectors)
    scores = bank.vectors @ bank.vectors[1]
    others = [(float(scores[index]), bank.names[index]) for index in range(len(clips)) if index != 1]
    expected = sorted(others, reverse=True)
    assert [name for _, name in found] == [name for _, name in expected]
    assert [score for score, _ in found] == pytest.approx([score for score, _ in expected], abs=1e-4)


def test_query_by_file_finds_itself_first(run, vectors, clips, tmp_path):
    copy = tmp_path / "copy.npz"
    copy.write_bytes(clips[2].read_bytes())
    found = ranking(run("search", copy, "--in", vectors, "-k", 2).out)
    assert len(found) == 2
    assert found[0] == (1.0, str(clips[2]))


def test_k_beyond_the_end_lists_all(run, vectors, clips):
    assert len(ranking(run("search", clips[0], "--in", vectors, "-k", 100).out)) == len(clips) - 1


def test_vectors_of_other_weights_are_refused(run, vectors, clips, other_model_folder, tmp_path):
    copy = tmp_path / "copy.npz"
    copy.write_bytes(clips[2].read_bytes())
    outcome = run("search", copy, "--in", vectors, "--model", other_model_folder)
    assert (outcome.code, outcome.out) == (1, "")
    assert "the vectors were made with" in outcome.err


def test_neither_name_nor_file(run, vectors):
    outcome = run("search", "nobody", "--in", vectors)
    assert outcome.code == 1
    assert "nobody" in outcome.err


def test_a_vector_that_is_not_finite_is_named_with_its_file_and_row(run, vectors, clips):
    bank = read_vectors(vectors)
    spoiled = bank.vectors.copy()
    spoiled[2, 5] = float("nan")
    replace(bank, vectors=spoiled).write(vectors)
    outcome = run("search", clips[0], "--in", vectors)
    assert (outcome.code, outcome.out) == (1, "")
    assert f"{vectors}: NaN or infinite numbers in row 2, of '{clips[2]}'" in outcome.err
