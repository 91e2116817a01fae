"""Tables with one recording in each row."""

from __future__ import annotations

import numpy as np
import pytest

from msclr.errors import FileFormatError, MissingFileError, PoseError
from msclr.store import ClipStore, Columns, clips_of_rows, parquet_rows, write_store

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

COLUMNS = Columns("keypoints", name="id", fps="rate", confidence="score", meta=["label"])


def rows(count=130):
    random = np.random.default_rng(0)
    made = []
    for number in range(count):
        frames = 1 + number % 5
        made.append(
            {
                "id": f"clip {number}",
                "keypoints": random.normal(size=(frames, 17, 2)).astype(np.float32),
                "score": random.random((frames, 17)).astype(np.float32),
                "rate": 20.0 + number,
                "label": number % 3,
            }
        )
    return made


def test_a_parquet_table_becomes_a_store(tmp_path):
    given = rows()
    table = pyarrow.table({name: [np.asarray(row[name]).tolist() for row in given] for name in given[0]})
    parquet.write_table(table, tmp_path / "clips.parquet")
    write_store(clips_of_rows(parquet_rows(tmp_path / "clips.parquet"), "coco_17", COLUMNS), tmp_path / "store")
    store = ClipStore(tmp_path / "store")
    assert store.names == tuple(row["id"] for row in given)
    for clip, row in zip(store, given, strict=True):
        np.testing.assert_array_equal(clip.positions[0], row["keypoints"])
        np.testing.assert_array_equal(clip.confidence[0], row["score"])
        assert (clip.fps, clip.meta) == (row["rate"], {"label": str(row["label"])})


def test_rows_are_numbered_without_names_and_taken_one_at_a_time():
    clips = clips_of_rows(iter(rows(3)), "coco_17", Columns("keypoints"), fps=30)
    assert [(name, clip.fps, clip.confidence) for name, clip in clips] == [(str(n), 30.0, None) for n in range(3)]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"keypoints": None}, Exception),
        ({"keypoints": np.ones((3, 16, 2))}, PoseError),
        ({"rate": -1.0}, PoseError),
        ({"score": np.full((1, 17), 7.0)}, PoseError),
    ],
)
def test_a_row_that_does_not_fit_is_named(change, error):
    given = rows(3)
    given[2].update({**change, "keypoints": change.get("keypoints", given[0]["keypoints"])})
    with pytest.raises(error, match="row 2"):
        list(clips_of_rows(given, "coco_17", COLUMNS, source="mine"))


def test_missing_columns_and_files_that_are_no_tables_are_named(tmp_path):
    with pytest.raises(FileFormatError, match="no column 'positions'"):
        list(clips_of_rows(rows(1), "coco_17"))
    parquet.write_table(pyarrow.table({"label": ["a"]}), tmp_path / "clips.parquet")
    with pytest.raises(FileFormatError, match="no column 'poses'"):
        list(parquet_rows(tmp_path / "clips.parquet", ["poses"]))
    (tmp_path / "no.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(FileFormatError, match="not a readable Parquet"):
        list(parquet_rows(tmp_path / "no.parquet"))
    with pytest.raises(MissingFileError):
        list(parquet_rows(tmp_path / "nowhere.parquet"))
