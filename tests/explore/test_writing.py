from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch
from strategies import standing_person

from msclr.errors import ConfigError, LabelError, MissingExtraError, NotAFileError, PoseError, PoseTypeError
from msclr.explore import write_map


def content_of(path):
    text = path.read_text("utf-8")
    return json.loads(text.split('id="data">')[1].split("</script>")[0])


@pytest.fixture
def page(tmp_path):
    return tmp_path / "map.html"


def test_names_conventions_and_labels_come_from_the_clips_where_none_are_given(page):
    clips = [
        standing_person("coco_17", dims=2).replace(source="a.npz", meta={"label": "walk", "subject": "s1"}),
        standing_person("kinect_v2_25").replace(source="b.npz", meta={"label": "hop"}),
        standing_person("kinect_v2_25", seed=1),
    ]
    written = write_map(page, torch.randn(3, 8, generator=torch.Generator().manual_seed(0)), clips)
    assert (written.shown, written.total, written.size) == (3, 3, page.stat().st_size)
    data = content_of(page)
    assert data["names"] == ["a.npz", "b.npz", "clip 2"]
    assert data["groups"]["convention"]["names"] == ["kinect_v2_25", "coco_17"]
    assert data["groups"]["convention"]["of"] == [1, 0, 0]
    assert [data["groups"]["label"]["names"][place] for place in data["groups"]["label"]["of"]] == ["walk", "hop", ""]
    assert [clip["figure"] for clip in data["clips"]] == [0, 1, 1]
    assert [clip["shape"][2:] for clip in data["clips"]] == [[17, 2], [25, 3], [25, 3]]
    write_map(page, torch.eye(3), clips, column="subject")
    assert content_of(page)["groups"]["label"]["title"] == "subject"


def test_of_more_than_most_clips_an_even_selection_with_neighbours_among_themselves(page):
    read = []

    class Clips(list):
        def __getitem__(self, row):
            read.append(row)
            return standing_person("coco_17", frames=3, dims=2, seed=row)

    vectors = np.random.default_rng(0).normal(size=(101, 6))
    written = write_map(page, vectors, Clips([None] * 101), names=[f"{row}" for row in range(101)], most=11)
    assert (written.shown, written.total) == (11, 101)
    assert read == list(range(0, 101, 10))
    data = content_of(page)
    assert data["names"] == [str(row) for row in read]
    unit = vectors[read] / np.linalg.norm(vectors[read], axis=1, keepdims=True)
    scores = unit @ unit.T
    np.fill_diagonal(scores, -2)
    assert data["near"] == np.argsort(-scores, axis=1, kind="stable")[:, :5].tolist()
    assert np.allclose(data["scores"], -np.sort(-scores, axis=1)[:, :5], atol=6e-4)
    assert "Of 101 vectors, 11 are shown" in page.read_text("utf-8")


def test_near_points_are_those_of_the_two_widest_directions(page):
    random = np.random.default_rng(1)
    vectors = random.normal(size=(40, 5)) * [3.0, 2.0, 0.1, 0.1, 0.1]
    write_map(page, vectors)
    data = content_of(page)
    points = np.array([data["x"], data["y"]]).T
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    centred = unit - unit.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    expected = centred @ axes[:, [-1, -2]]
    assert np.abs(points).max() == pytest.approx(1)
    for axis in range(2):
        assert abs(np.corrcoef(points[:, axis], expected[:, axis])[0, 1]) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("vectors", ["equal", "zero"])
def test_equal_vectors_and_few_of_them_make_a_page(page, count, vectors):
    rows = torch.ones(count, 4) if vectors == "equal" else torch.zeros(count, 4)
    write_map(page, rows)
    data = content_of(page)
    for row, near in enumerate(data["near"]):
        assert row not in near
        assert len(set(near)) == len(near) == min(5, count - 1)


def test_tsne_keeps_groups_together(page):
    groups = np.repeat(np.eye(8)[:3], 12, axis=0) + np.random.default_rng(0).normal(size=(36, 8)) * 0.01
    write_map(page, groups, method="tsne")
    data = content_of(page)
    points = np.array([data["x"], data["y"]]).T.reshape(3, 12, 2)
    centres = points.mean(axis=1)
    apart = min(np.linalg.norm(centres[a] - centres[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert np.linalg.norm(points - centres[:, None], axis=-1).max() < apart
    assert "distances between far groups mean nothing" in page.read_text("utf-8")


def test_tsne_without_scikit_learn_says_what_to_install_before_a_clip_is_read(page, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(MissingExtraError, match="evaluate"):
        write_map(page, torch.eye(5), [None] * 5, method="tsne")
    assert not page.exists()


def test_a_page_that_is_there_stays_until_the_new_one_is_complete(page):
    page.write_text("old")
    broken = standing_person("coco_17", dims=2)
    broken = broken.replace(valid=np.zeros_like(broken.valid))
    with pytest.raises(PoseError, match=r"clips\[1\]: no joint is known"):
        write_map(page, torch.eye(2), [standing_person("coco_17", dims=2), broken])
    assert page.read_text() == "old"
    assert list(page.parent.iterdir()) == [page]
    write_map(page, torch.eye(2))
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"vectors": torch.zeros(0, 4)}, PoseError, "no vectors.*Try: msclr embed"),
        ({"vectors": torch.tensor([[1.0, float("nan")], [0.0, 1.0]])}, PoseError, "1 of 2 rows of vectors have NaN"),
        ({"vectors": torch.zeros(4)}, PoseError, r"shape \(4,\)"),
        ({"vectors": [[1.0]]}, PoseTypeError, "list"),
        ({"clips": []}, PoseError, "0 clips for 2 vectors"),
        ({"clips": ["walk.bvh", "hop.bvh"]}, PoseTypeError, r"clips\[0\]: a str"),
        ({"names": ["one"]}, PoseError, "1 names for 2 vectors"),
        ({"conventions": ["a", "b", "c"]}, PoseError, "3 conventions for 2 vectors"),
        ({"labels": ["a"]}, LabelError, "1 labels for 2 vectors"),
        ({"column": "subject"}, LabelError, "no clip has a 'subject'"),
        ({"method": "umap"}, ConfigError, "method='umap'; expected 'tsne' or 'pca'"),
        ({"most": 0}, ConfigError, "most=0; expected 1 to 20,000"),
        ({"most": 20_001}, ConfigError, "most=20001"),
        ({"path": "map.npz"}, ConfigError, "'map.npz'; expected a name that ends in .html"),
        ({"path": "missing/map.html"}, NotAFileError, "missing: no such folder"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(page, changes, error, words):
    arguments = {"vectors": torch.eye(2), **changes}
    path = page.parent / arguments.pop("path", "map.html")
    with pytest.raises(error, match=words):
        write_map(path, **arguments)
    assert list(page.parent.iterdir()) == []
