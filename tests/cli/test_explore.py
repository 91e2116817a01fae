from __future__ import annotations

import json
import os

import numpy as np
import pytest
from labelled_sets import labelled, write_collection

from msclr.cli.vectors import read_vectors


@pytest.fixture
def vectors(run, clips, model_folder, tmp_path):
    path = tmp_path / "vectors.npz"
    assert run("embed", *clips, "-o", path, "--model", model_folder).code == 0
    return path


def content_of(path):
    return json.loads(path.read_text("utf-8").split('id="data">')[1].split("</script>")[0])


def changed(path, **arrays):
    """The same file of vectors with some arrays changed."""
    with np.load(path) as archive:
        kept = {name: archive[name] for name in archive.files}
    np.savez(path, **(kept | arrays))
    return path


def test_a_file_of_vectors_becomes_a_page_with_the_recordings_it_was_made_of(run, vectors, clips, tmp_path):
    outcome = run("explore", vectors, "-o", tmp_path / "map.html")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == f"{tmp_path / 'map.html'}: 4 clips, {(tmp_path / 'map.html').stat().st_size / 1000:.0f} kB\n"
    data = content_of(tmp_path / "map.html")
    assert data["names"] == [clip.name for clip in clips]  # without the folder
    assert [data["groups"]["convention"]["names"][place] for place in data["groups"]["convention"]["of"]] == [
        clip.stem for clip in clips
    ]
    assert [clip["shape"][2] for clip in data["clips"]] == [25, 31, 17, 17]
    bank = read_vectors(vectors).vectors
    scores = bank @ bank.T
    np.fill_diagonal(scores, -2)
    assert data["near"] == np.argsort(-scores, axis=1)[:, :3].tolist()
    page = (tmp_path / "map.html").read_text("utf-8")
    assert "· small ·" in page  # the name of the model, without its folder
    assert str(tmp_path) not in page


def test_folders_of_index_and_of_embed_corpus_do_as_well(run, vectors, clips, model_folder, tmp_path):
    run("index", vectors, "-o", tmp_path / "index")
    write_collection(tmp_path / "set.npz", labelled(train=1, test=0))
    run("embed-corpus", tmp_path / "set.npz", clips[0], "-o", tmp_path / "corpus", "--model", model_folder)
    assert run("explore", tmp_path / "index", "-o", tmp_path / "index.html").code == 0
    assert content_of(tmp_path / "index.html")["names"] == [clip.name for clip in clips]
    outcome = run("explore", tmp_path / "corpus", "-o", tmp_path / "corpus.html")
    assert (outcome.code, outcome.err) == (0, "")
    data = content_of(tmp_path / "corpus.html")
    names = ["slow_train_0", "quick_train_0", "still_train_0"]
    assert [name.rpartition("/")[2] for name in data["names"]] == [*names, clips[0].name]
    assert data["groups"]["label"]["names"] == ["quick", "slow", "still", ""]  # what the data set says


def test_labels_from_a_table_and_poses_from_where_they_are_now(run, vectors, clips, tmp_path):
    now = tmp_path / "now"
    now.mkdir()
    for clip in clips:
        (now / clip.name).write_bytes(clip.read_bytes())
    names = np.array([f"/gone/{clip.name}" for clip in clips])
    changed(vectors, names=names)
    table = tmp_path / "labels.csv"
    table.write_text("file,label,mood\n" + "".join(f"{clip.name},walk,glad\n" for clip in clips[:3]))
    words = ["explore", vectors, "-o", tmp_path / "map.html", "--labels", table, "--title", "Takes <1>"]
    outcome = run(*words)
    assert outcome.code == 1
    assert "no recording for 4 of 4 vectors, the first '/gone/" in outcome.err
    assert "--poses FOLDER, or --no-poses" in outcome.err
    assert run(*words, "--poses", now, "--label", "mood").code == 0
    group = content_of(tmp_path / "map.html")["groups"]["label"]
    assert (group["title"], group["names"], group["of"]) == ("mood", ["glad", ""], [0, 0, 0, 1])
    assert '<h1 dir="auto">Takes &lt;1&gt;</h1>' in (tmp_path / "map.html").read_text("utf-8")
    assert "map.html: 2 of 4 clips, " in run(*words, "--no-poses", "--most", 2).out
    assert content_of(tmp_path / "map.html")["clips"] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.write_bytes(b"BVH?"), "not a file of vectors; expected a file that msclr embed wrote. Try:"),
        (lambda path: changed(path, vectors=np.full((4, 16), np.nan)), "NaN or infinite numbers in row 0, of "),
        (lambda path: changed(path, vectors=np.ones((3, 16))), "one name and one skeleton for each vector"),
        (lambda path: changed(path, vectors=np.zeros((0, 16)), names=np.array([], "U1")), "0 names"),
    ],
)
def test_vectors_that_are_none_end_in_one_line_and_no_page(run, vectors, tmp_path, change, words):
    change(vectors)
    outcome = run("explore", vectors, "-o", tmp_path / "map.html")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert words in outcome.err
    assert not (tmp_path / "map.html").exists()


@pytest.mark.parametrize(
    ("code", "options", "words"),
    [
        (1, ["-o", "gone/map.html"], "no such folder"),
        (1, ["-o", "map.npz"], "a name that ends in .html"),
        (1, ["-o", "map.html", "--labels", "gone.csv"], "gone.csv"),
        (1, ["-o", "map.html", "--poses", "gone"], "gone"),
        (1, ["-o", "map.html", "--label", "subject"], "no clip has a 'subject'"),
        (1, ["-o", "map.html", "--person", "7"], "7"),
        (2, ["-o", "map.html", "--poses", ".", "--no-poses"], "exclude each other"),
        (2, ["-o", "map.html", "--method", "umap"], "umap"),
        (2, ["-o", "map.html", "--most", "0"], "--most"),
        (2, [], "-o"),
    ],
)
def test_bad_options_end_in_one_line(run, vectors, tmp_path, monkeypatch, code, options, words):
    monkeypatch.chdir(tmp_path)
    outcome = run("explore", vectors, *options)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (code, "", 1)
    assert outcome.err.startswith("msclr: error: ")
    assert words in outcome.err
    assert not (tmp_path / "map.html").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(run, vectors, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    outcome = run("explore", vectors, "-o", tmp_path / "closed" / "map.html")
    assert (outcome.code, "cannot write" in outcome.err) == (1, True)
