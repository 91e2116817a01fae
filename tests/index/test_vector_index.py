from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.retrieval import naive_order

from msclr.errors import ConfigError, FileFormatError, MissingExtraError, MissingFileError, NotAFileError, PoseError
from msclr.index import VectorIndex, parts, scan
from msclr.index.texts import Texts
from msclr.neighbours import search


def vectors(rows, dim=6, seed=0):
    return torch.randn(rows, dim, generator=torch.Generator().manual_seed(seed))


def indexed(rows=50, dim=6, **options):
    return VectorIndex.of(vectors(rows, dim), [f"clip {number}" for number in range(rows)], **options)


@settings(max_examples=25)
@given(
    rows=st.integers(1, 7),
    size=st.integers(1, 40),
    seed=st.integers(0, 99),
    piece=st.integers(1, 9),
    precision=st.sampled_from(["float16", "float32"]),
    data=st.data(),
)
def test_search_is_exact_on_the_stored_vectors_to_the_order_of_ties(rows, size, seed, piece, precision, data):
    k = data.draw(st.integers(1, size))
    gallery = vectors(size, dim=2, seed=seed).round()  # few different directions: many ties, and zeros
    query = vectors(rows, dim=2, seed=seed + 1)
    index = VectorIndex.of(gallery, ["x"] * size, precision=precision)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(scan.SCAN_ROWS, "cpu", piece)
        patch.setattr(scan, "SCORES_AT_ONCE", 3 * size)
        found = index.search(query, k)
    expected = search(query, index.vectors, k)
    assert torch.equal(found.indices, expected.indices)
    assert torch.equal(found.scores, expected.scores)
    order, cosines = naive_order(query[0], index.vectors)
    assert found.indices[0].tolist() == order[:k]
    assert found.scores[0].tolist() == pytest.approx([cosines[row] for row in order[:k]], abs=1e-6)


def test_rows_that_single_precision_cannot_tell_apart_are_told_apart():
    """The nearest of a thousand rows that differ in the eighth digit, in a scan that errs in the seventh."""
    random = np.random.default_rng(0)
    centre = torch.from_numpy(random.normal(size=256)).float()
    gallery = centre + 3e-5 * torch.from_numpy(random.normal(size=(1000, 256))).float()
    index = VectorIndex.of(gallery, ["x"] * 1000, precision="float32")
    rough = scan._scan(torch.nn.functional.normalize(centre[None], dim=1), index.vectors, index.scales)[:, 0]
    found = index.search(centre[None], 20)
    expected = search(centre[None], index.vectors, 20)
    assert torch.equal(found.indices, expected.indices)
    assert rough.topk(20).indices.tolist() != expected.indices[0].tolist()


def test_half_precision_changes_cosines_by_less_than_a_thousandth():
    gallery, query = vectors(400, 256), vectors(5, 256, seed=1)
    exact = search(query, gallery, 400)
    found = VectorIndex.of(gallery, ["x"] * 400).search(query, 400)
    by_row = torch.zeros(5, 400).scatter(1, found.indices, found.scores)
    assert (by_row.gather(1, exact.indices) - exact.scores).abs().max() < 1e-3


def test_lengths_of_vectors_do_not_matter_and_no_query_is_no_answer():
    gallery = vectors(30)
    index = VectorIndex.of(gallery * 1e4, ["x"] * 30, precision="float32")
    assert torch.equal(index.search(gallery[:3] * 1e-5, 4).indices, search(gallery[:3], gallery, 4).indices)
    assert index.search(torch.zeros(0, 6), 2).indices.shape == (0, 2)


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_what_is_saved_is_loaded_whatever_the_number_of_parts(tmp_path, monkeypatch, precision):
    monkeypatch.setattr(parts, "PART_ROWS", 20)
    names = ["", "a\nb", "ß/walk", "\udcff.bvh", *(f"clip {number}" for number in range(46))]
    index = VectorIndex.of(
        vectors(50), names, skeletons=["coco_17"] * 50, model="m", model_sha256="ab", precision=precision
    )
    folder = index.save(tmp_path / "index")
    assert sorted(path.name for path in folder.iterdir()) == [
        *(f"part-{number:06d}.safetensors" for number in range(3)),
        "vectors.json",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    again = VectorIndex.load(folder)
    assert torch.equal(again.vectors, index.vectors)
    assert (list(again.names), list(again.skeletons)) == (names, ["coco_17"] * 50)
    assert (again.model, again.model_sha256) == ("m", "ab")
    assert [again.names.find(name) for name in names] == list(range(50))
    assert again.names.find("clip") is None


def test_every_flipped_byte_and_every_cut_of_a_file_is_noticed(tmp_path):
    folder = indexed(5, 4).save(tmp_path / "index")
    path = folder / "part-000000.safetensors"
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(FileFormatError, match=r"part-000000.safetensors: .* expected the file that was written"):
            VectorIndex.load(folder)
        path.write_bytes(whole[:place])
        with pytest.raises(FileFormatError):
            VectorIndex.load(folder)
    path.unlink()
    with pytest.raises(MissingFileError, match="this part is missing"):
        VectorIndex.load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "format 2; expected 1. Try: pip install --upgrade msclr"),
        ({"dim": 5}, r"vectors \(5, 4\) of torch.float16; expected \(5, 5\) of float16"),
        ({"precision": "float32"}, r"expected \(5, 4\) of float32"),
        ({"precision": "int8"}, "precision: Input should be 'float32' or 'float16'"),
        ({"extra": 1}, "extra: Extra inputs are not permitted"),
        ({"parts": []}, "parts: "),
        ({"parts": [{"file": "../x", "rows": 1, "size": 1, "sha256": "0" * 64}]}, "parts.0.file: String should match"),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(tmp_path, change, message):
    folder = indexed(5, 4).save(tmp_path / "index")
    fields = json.loads((folder / "vectors.json").read_text())
    (folder / "vectors.json").write_text(json.dumps(fields | change))
    with pytest.raises(FileFormatError, match=message):
        VectorIndex.load(folder)


def test_a_manifest_that_claims_more_than_the_files_hold_takes_no_memory(tmp_path):
    folder = indexed(5, 4).save(tmp_path / "index")
    fields = json.loads((folder / "vectors.json").read_text())
    fields["parts"][0]["rows"] = 2**32
    (folder / "vectors.json").write_text(json.dumps(fields))
    with pytest.raises(FileFormatError, match=r"where the manifest says .* and 4,294,967,296 vectors"):
        VectorIndex.load(folder)


def test_names_are_found_whole_wherever_else_their_letters_are():
    names = ["ab", "abab", "b", "ba", "", "aba", "ab"]
    texts = Texts.of(names)
    for name in {*names, "bb", "a", "abababba", "c"}:
        assert texts.find(name) == (names.index(name) if name in names else None)
    assert Texts.of([]).find("") is None
    assert Texts.of([]).find("a") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"vectors": np.where([[0], [0], [1], [0], [1]], np.nan, np.ones((5, 4))).astype(np.float16)},
            "000.safe.*in row 2, of ",
        ),
        ({"names_ends": np.array([5, 4, 6, 7, 30])}, "names that are no texts"),
        ({"names_ends": np.arange(4)}, "names that are no texts"),
        ({"skeletons": np.zeros(3, np.int64)}, "tensors names, names_ends"),
        ({"more": np.zeros(3, np.int64)}, "tensors more, names"),
    ],
)
def test_a_part_that_was_written_wrongly_is_refused(tmp_path, change, message):
    import safetensors.numpy

    folder = indexed(5, 4).save(tmp_path / "index")
    arrays = safetensors.numpy.load_file(folder / "part-000000.safetensors")
    facts = parts.write_file(folder, "part-000000.safetensors", safetensors.numpy.save(arrays | change), 5)
    parts.read_manifest(folder).model_copy(update={"parts": (facts,)}).write(folder)
    with pytest.raises(FileFormatError, match=message):
        VectorIndex.load(folder)


def test_saving_never_replaces_what_it_should_not(tmp_path):
    index = indexed()
    folder = index.save(tmp_path / "index")
    with pytest.raises(NotAFileError, match="something is there already; expected a name that is free"):
        index.save(folder)
    other = indexed(7)
    other.save(folder, overwrite=True)
    assert len(VectorIndex.load(folder)) == 7
    (tmp_path / "precious").mkdir()
    with pytest.raises(NotAFileError, match="something else than vectors is there"):
        index.save(tmp_path / "precious", overwrite=True)
    with pytest.raises(NotAFileError, match="no such folder"):
        index.save(tmp_path / "no" / "index")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "precious"]


def test_a_save_that_fails_leaves_the_old_index_and_nothing_else(tmp_path, monkeypatch):
    folder = indexed(7).save(tmp_path / "index")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parts, "write_bytes", full)
    with pytest.raises(NotAFileError, match="cannot write: No space left on device"):
        indexed().save(folder, overwrite=True)
    assert len(VectorIndex.load(folder)) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_what_is_no_index_is_refused(tmp_path):
    with pytest.raises(MissingFileError):
        VectorIndex.load(tmp_path / "none")
    with pytest.raises(MissingFileError, match=r"a folder without vectors.json"):
        VectorIndex.load(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotAFileError, match="a file; expected a folder"):
        VectorIndex.load(tmp_path / "file")


def test_what_cannot_be_indexed_is_refused():
    with pytest.raises(PoseError, match="3 vectors, 2 names, 3 conventions"):
        VectorIndex.of(vectors(3), ["a", "b"])
    with pytest.raises(PoseError, match="0 vectors"):
        VectorIndex.of(vectors(0), [])
    with pytest.raises(PoseError, match="1 of 1 rows of vectors have NaN"):
        VectorIndex.of(torch.full((1, 3), torch.nan), ["a"])
    with pytest.raises(ConfigError, match="precision = 'int8'"):
        VectorIndex.of(vectors(3), ["a"] * 3, precision="int8")
    index = indexed(4)
    with pytest.raises(PoseError, match="length 5 against vectors of length 6"):
        index.search(vectors(1, 5))
    with pytest.raises(PoseError, match="k=5 for 4 vectors"):
        index.search(vectors(1))
    with pytest.raises(PoseError, match="probes=3 for an index without cells"):
        index.search(vectors(1), 2, probes=3)


def clustered(rows, dim=16):
    random = np.random.default_rng(0)
    centres = random.normal(size=(20, dim))
    return torch.from_numpy(centres[random.integers(0, 20, rows)] + 0.2 * random.normal(size=(rows, dim))).float()


def test_cells_hold_every_row_once_and_all_of_them_give_the_exact_answer(tmp_path):
    pytest.importorskip("faiss")
    gallery, query = clustered(630).split([600, 30])
    index = VectorIndex.of(gallery, ["x"] * 600).with_cells(seed=3)
    assert len(index.cells.ends) == 24
    assert index.cells.order.sort().values.tolist() == list(range(600))
    again = VectorIndex.load(index.save(tmp_path / "index"))
    exact = again.search(query, 5)
    everything = again.search(query, 5, probes=24)
    assert torch.equal(everything.indices, exact.indices)
    few = again.search(query, 5, probes=2)
    hits = (few.indices[:, :, None] == exact.indices[:, None]).any(dim=2).float().mean()
    assert hits > 0.9
    assert torch.equal(few.scores, again.search(query, 5, probes=2).scores)
    assert again.search(query, 600, probes=1).indices.sort(dim=1).values.tolist() == [list(range(600))] * 30


def test_cells_of_other_vectors_are_refused(tmp_path):
    pytest.importorskip("faiss")
    folder = indexed(40).with_cells(5).save(tmp_path / "index")
    cells = indexed(30).with_cells(5).cells
    facts = parts.write_file(folder, "cells.safetensors", cells.encode(), 30)
    parts.read_manifest(folder).model_copy(update={"cells": facts}).write(folder)
    with pytest.raises(FileFormatError, match="no cells; expected cells of 40 vectors"):
        VectorIndex.load(folder)


@pytest.mark.parametrize("count", [0, 41, 2.0, True])
def test_numbers_of_cells_that_cannot_be(count):
    with pytest.raises(PoseError, match="cells for 40 vectors"):
        indexed(40).with_cells(count)


def test_without_faiss_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(MissingExtraError, match=r'pip install "msclr\[faiss\]"'):
        indexed().with_cells()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_an_index_on_a_gpu_finds_the_same(tmp_path):
    folder = indexed(3000, 64).save(tmp_path / "index")
    query = vectors(20, 64, seed=5)
    found = VectorIndex.load(folder, device="cuda").search(query, 9)
    assert found.indices.is_cuda
    assert torch.equal(found.indices.cpu(), VectorIndex.load(folder).search(query, 9).indices)
