"""Stores of tables: every row accounted for, every mistake named by its row."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from msclr.errors import ConfigError, FileFormatError, MissingExtraError, PoseError, PoseTypeError, StoreError
from msclr.store import ClipStore, Columns, from_dataset

COLUMNS = Columns("keypoints", name="id", fps="rate", meta=["label"])


def rows(count: int = 6) -> list[dict[str, object]]:
    random = np.random.default_rng(0)
    return [
        {
            "id": f"clip {number}",
            "keypoints": random.normal(size=(3 + number, 17, 2)).astype(np.float32).tolist(),
            "rate": 20.0 + number,
            "label": f"l{number % 2}",
        }
        for number in range(count)
    ]


def check(path, given) -> None:
    store = ClipStore(path)
    assert store.names == tuple(row["id"] for row in given)
    for clip, row in zip(store, given, strict=True):
        np.testing.assert_allclose(clip.positions[0], np.array(row["keypoints"]), rtol=1e-6)
        assert (clip.fps, dict(clip.meta)) == (row["rate"], {"label": row["label"]})


def test_rows_become_recordings_and_are_all_accounted_for(tmp_path):
    given = rows()
    given[1]["keypoints"] = [[[np.nan, np.nan]] * 17] * 2
    given[4]["keypoints"] = [[[1.0, 2.0]] * 16] * 2
    done = from_dataset(given, tmp_path / "store", skeleton="coco_17", columns=COLUMNS, on_error="skip")
    assert [entry.outcome for entry in done.inputs] == ["done", "left out", "done", "done", "failed", "done"]
    assert [entry.path for entry in done.inputs] == [f"dataset, row {number}" for number in range(6)]
    assert "row 4" in done.inputs[4].reason
    assert done.recordings == 4
    assert ClipStore(tmp_path / "store").inputs == done.inputs
    check(tmp_path / "store", [given[number] for number in (0, 2, 3, 5)])


def test_a_row_that_does_not_fit_into_the_precision_leaves_nothing_of_itself(tmp_path):
    given = rows(3)
    given[1]["keypoints"] = [[[1e6, 0.0]] * 17] * 2
    options = {"skeleton": "coco_17", "columns": COLUMNS, "precision": "float16", "on_error": "skip"}
    done = from_dataset(given, tmp_path / "store", **options)
    assert [entry.outcome for entry in done.inputs] == ["done", "failed", "done"]
    assert [clip.num_frames for clip in ClipStore(tmp_path / "store")] == [3, 5]


@pytest.mark.parametrize(
    ("change", "error", "found"),
    [
        ({"keypoints": [[[1.0, 2.0]] * 16]}, PoseError, "row 3"),
        ({"keypoints": [[[1.0, 2.0]] * 17, [[1.0]]]}, (PoseError, PoseTypeError), "row 3"),
        ({"keypoints": "none"}, (PoseError, PoseTypeError), "row 3"),
        ({"rate": -2.0}, PoseError, "row 3"),
        ({"rate": None, "keypoints": None}, (PoseError, PoseTypeError), "row 3"),
    ],
)
def test_a_row_that_is_no_recording_stops_it_by_its_number_and_leaves_nothing(tmp_path, change, error, found):
    given = rows()
    given[3].update(change)
    with pytest.raises(error, match=found):
        from_dataset(given, tmp_path / "store", skeleton="coco_17", columns=COLUMNS)
    assert not list(tmp_path.iterdir())


def test_a_table_that_cannot_be_read_on_says_how_far_it_came(tmp_path):
    def broken():
        yield from rows(2)
        raise OSError("disk gone")

    with pytest.raises(FileFormatError, match=r"row 2: cannot be read \(OSError: disk gone\)"):
        from_dataset(broken(), tmp_path / "store", skeleton="coco_17", columns=COLUMNS, on_error="skip")


@pytest.mark.parametrize(
    ("dataset", "error", "found"),
    [
        ({"train": rows(1), "test": rows(1)}, PoseTypeError, r"train, test.*dataset\['train'\]"),
        (["row"], PoseTypeError, "row 0"),
        ([], StoreError, "no recording in 0 rows"),
        ([{"positions": 1}], FileFormatError, "no column 'rate'"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, dataset, error, found):
    with pytest.raises(error, match=found):
        from_dataset(dataset, tmp_path / "store", skeleton="coco_17", columns=COLUMNS)


def test_an_unknown_answer_to_errors_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="ignore"):
        from_dataset([], tmp_path / "store", skeleton="coco_17", on_error="ignore")


def test_a_folder_of_parquet_files_is_one_table(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (tmp_path / "table").mkdir()
    for number, part in enumerate((rows()[:4], rows()[4:])):
        table = pyarrow.table({name: [row[name] for row in part] for name in part[0]})
        parquet.write_table(table, tmp_path / "table" / f"{number}.parquet")
    from_dataset(tmp_path / "table", tmp_path / "store", skeleton="coco_17", columns=COLUMNS)
    check(tmp_path / "store", rows())


def test_a_data_set_of_hugging_face_is_read_from_memory_and_from_its_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_list(rows())
    from_dataset(dataset, tmp_path / "store", skeleton="coco_17", columns=COLUMNS)
    check(tmp_path / "store", rows())
    dataset.save_to_disk(str(tmp_path / "saved"))
    from_dataset(tmp_path / "saved", tmp_path / "again", skeleton="coco_17", columns=COLUMNS)
    check(tmp_path / "again", rows())
    from_dataset(dataset.to_iterable_dataset(), tmp_path / "streamed", skeleton="coco_17", columns=COLUMNS)
    check(tmp_path / "streamed", rows())
    (tmp_path / "saved" / "state.json").write_text("{")
    with pytest.raises(FileFormatError, match="saved: not a readable data set"):
        from_dataset(tmp_path / "saved", tmp_path / "damaged", skeleton="coco_17", columns=COLUMNS)


def test_without_datasets_its_folders_say_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "state.json").write_text("{}")
    with pytest.raises(MissingExtraError, match=r"msclr\[datasets\]"):
        from_dataset(tmp_path / "saved", tmp_path / "store", skeleton="coco_17")
