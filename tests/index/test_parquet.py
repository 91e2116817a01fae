from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from msclr.errors import FileFormatError, MissingExtraError
from msclr.index import VectorIndex, parquet, parts
from msclr.index.texts import Texts

pyarrow = pytest.importorskip("pyarrow")


def part(rows=5, kind=torch.float32):
    vectors = torch.randn(rows, 4, generator=torch.Generator().manual_seed(0)).to(kind)
    return parts.Part(vectors, Texts.of(map(str, range(rows))), Texts.of(["coco_17"] * rows))


@pytest.mark.parametrize("kind", [torch.float32, torch.float16])
def test_a_part_comes_back_as_it_was(kind):
    given = part(kind=kind)
    found = parquet.decode_parquet(parquet.encode_parquet(given), 4, "x")
    assert torch.equal(found.vectors, given.vectors)
    assert found.vectors.dtype == kind
    assert (list(found.names), list(found.skeletons)) == (list(given.names), list(given.skeletons))


def test_other_programs_read_the_columns():
    from pyarrow import parquet as reader

    table = reader.read_table(io.BytesIO(parquet.encode_parquet(part())))
    assert table.column_names == ["name", "skeleton", "vector"]
    assert table.column("name").to_pylist() == list("01234")
    assert np.allclose(table.column("vector").to_pylist(), part().vectors)


def test_a_folder_of_parquet_parts_is_an_index(tmp_path):
    given = part()
    facts = parts.write_file(tmp_path, "part-000000.parquet", parquet.encode_parquet(given), 5)
    parts.VectorManifest(dim=4, precision="float32", parts=(facts,)).write(tmp_path)
    index = VectorIndex.load(tmp_path)
    assert index.search(given.vectors, 1).indices[:, 0].tolist() == [0, 1, 2, 3, 4]
    wrong = parts.VectorManifest(dim=3, precision="float32", parts=(facts,))
    wrong.write(tmp_path)
    with pytest.raises(FileFormatError):
        VectorIndex.load(tmp_path)


def test_other_tables_are_refused():
    from pyarrow import parquet as writer

    file = io.BytesIO()
    writer.write_table(pyarrow.table({"x": [1]}), file)
    with pytest.raises(FileFormatError, match="expected columns name, skeleton, vector"):
        parquet.decode_parquet(file.getvalue(), 4, "x")


def test_without_pyarrow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r'pip install "msclr\[table\]"'):
        parquet.encode_parquet(part())
