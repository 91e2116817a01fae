"""Opening and using a store: names, several conventions, other processes, and whatever may be wrong with the files."""

from __future__ import annotations

import json
import os
import pickle
import shutil

import numpy as np
import pytest
import torch
from strategies import standing_person

from msclr.errors import MissingFileError, PoseTypeError, StoreError, UnknownViewError
from msclr.store import ClipStore, write_store
from msclr.store.layout import CONTENT, RECORD


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    kinect = standing_person("kinect_v2_25", frames=30).replace(meta={"recording": "walk", "label": "walking"})
    coco = standing_person("coco_17", frames=30, dims=2).replace(meta={"recording": "walk"}, person_ids=("7",))
    slow = standing_person("h36m_17", frames=15, fps=15.0).replace(meta={"recording": "sit"})
    fast = standing_person("coco_17", frames=30).replace(meta={"recording": "sit"})
    scored = standing_person("coco_17", frames=4, dims=2)
    scored = scored.replace(confidence=np.full(scored.valid.shape, 0.5, np.float32))
    place = tmp_path_factory.mktemp("stores") / "store"
    write_store([("a", kinect), ("b", coco), ("a", slow), ("c", fast), ("d", scored)], place)
    return place


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def change(folder, **fields):
    """Change the manifest."""
    manifest = json.loads((folder / "store.json").read_bytes())
    manifest.update(fields)
    (folder / "store.json").write_text(json.dumps(manifest))


def rewrite(folder, number, **fields):
    """Change a record of the index."""
    records = np.fromfile(folder / "index.bin", RECORD)
    for name, value in fields.items():
        records[name][number] = value
    records.tofile(folder / "index.bin")


def test_recordings_are_found_by_number_and_name(folder):
    store = ClipStore(folder)
    assert store.names == ("a", "b", "a (2)", "c", "d")
    assert [store.number(name) for name in store.names] == [0, 1, 2, 3, 4]
    assert store["a"].meta == {"recording": "walk", "label": "walking"}
    assert store[-1].confidence.min() == 0.5
    assert len(list(store)) == 5
    assert [spec.id for spec in store.conventions] == ["kinect_v2_25", "coco_17", "h36m_17", "coco_17"]
    assert [table.dims for table in store.tables] == [3, 2, 3, 3]
    assert repr(store).endswith("5 recordings in 4 conventions)")
    for index, kind in ((5, IndexError), (-6, StoreError), ("e", StoreError), (None, PoseTypeError), (True, TypeError)):
        with pytest.raises(kind):
            store[index]


def test_a_motion_in_several_conventions_comes_as_one(folder):
    store = ClipStore(folder)
    assert store.recordings == {"walk": (0, 1), "sit": (2, 3)}
    walk = store.multi("walk")
    assert list(walk) == ["kinect_v2_25", "coco_17"]
    assert walk["coco_17"].num_frames == 30
    assert store.multi("sit", align=True).num_frames == 15
    with pytest.raises(ValueError, match="frames"):
        store.multi("sit")
    with pytest.raises(UnknownViewError, match="'run'"):
        store.multi("run")


def test_another_process_opens_it_again(folder):
    store = ClipStore(folder)
    assert len(pickle.dumps(store)) < 500
    assert np.array_equal(pickle.loads(pickle.dumps(store))[0].positions, store[0].positions)  # noqa: S301


def test_opening_keeps_no_file_open(folder):
    stores = [ClipStore(folder)[0] for _ in range(3)]
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH208, PTH112
    stores += [ClipStore(folder)[0] for _ in range(40)]
    del stores[:]
    after = len(os.listdir("/proc/self/fd")) if before else 0  # noqa: PTH208
    assert after <= before


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(MissingFileError):
        ClipStore(tmp_path / "nowhere")
    with pytest.raises(StoreError, match=r"without store\.json"):
        ClipStore(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="not a folder"):
        ClipStore(tmp_path / "file")


@pytest.mark.parametrize("name", [*CONTENT, "store.json"])
@pytest.mark.parametrize("how", ["short", "long", "gone", "empty", "folder", "link"])
def test_a_file_of_another_size_or_kind_is_named(copy, tmp_path, name, how):
    path = copy / name
    content = path.read_bytes()
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "link":
        (tmp_path / "elsewhere").write_bytes(content[:-1])
        path.symlink_to(tmp_path / "elsewhere")
    elif how != "gone":
        path.write_bytes({"short": content[:-1], "long": content + b"\0", "empty": b""}[how])
    with pytest.raises(StoreError, match=r"store\.json" if name == "store.json" else name):
        ClipStore(copy)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"format": "other"}, "not the manifest"),
        ({"version": 2}, "version 2"),
        ({"precision": "float8"}, "precision"),
        ({"recordings": 4}, r"index\.bin"),
        ({"recordings": -1}, "recordings = -1"),
        ({"recordings": 1e400}, "Inf"),
        ({"tables": []}, r"positions\.bin"),
        ({"tables": 3}, "tables"),
        ({"tables": [{"skeleton": {"id": "x"}, "dims": 2, "unit": "m", "up": "+y", "rows": 1}]}, "missing fields"),
        ({"tables": [{"skeleton": {}, "dims": 4, "unit": "m", "up": "+y", "rows": 1}]}, "dims 4"),
        ({"sources": [1]}, "sources"),
        ({"files": {}}, "files of a store"),
        ({"files": {name: {"bytes": 2**60, "sha256": ""} for name in CONTENT}}, "bytes of"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(copy, fields, text):
    change(copy, **fields)
    with pytest.raises(StoreError, match=text):
        ClipStore(copy)


def test_a_manifest_that_is_no_json_is_refused(copy):
    for content in (b"{", b"[]", b"\xff", b'{"format": 1, "format": 2}', b"[" * 10_000):
        (copy / "store.json").write_bytes(content)
        with pytest.raises(StoreError, match=r"store\.json"):
            ClipStore(copy)


@pytest.mark.parametrize(
    "fields",
    [
        {"table": 9},
        {"source": 7},
        {"row": 2**63},
        {"persons": 2**32 - 1},
        {"frames": 2**63},
        {"frames": 31},
        {"confidence": 10**6},
        {"confidence": -2},
        {"fps": np.nan},
        {"fps": -1.0},
        {"text": 2**62},
        {"text_bytes": 2**31},
        {"text_bytes": 3},
    ],
)
def test_a_record_that_leads_out_of_the_files_is_refused(copy, fields):
    rewrite(copy, 3, **fields)
    with pytest.raises(StoreError, match="record"):
        ClipStore(copy)


@pytest.mark.parametrize("name", CONTENT)
def test_damage_that_keeps_the_sizes_is_found_by_its_sha256(copy, name):
    store = ClipStore(copy)
    store.verify()
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(bytes(content))
    with pytest.raises(StoreError, match=f"{name}: another sha256"):
        store.verify()


def test_a_coordinate_that_is_no_number_never_comes_out(copy):
    content = bytearray((copy / "positions.bin").read_bytes())
    content[40:44] = np.float32(np.nan).tobytes()
    (copy / "positions.bin").write_bytes(bytes(content))
    store = ClipStore(copy)
    with pytest.raises(StoreError, match="recording 0: a coordinate"):
        store[0]
    with pytest.raises(StoreError, match="recording 0: a coordinate"):
        store.cut(np.array([1, 0]), np.arange(5.0)[None].repeat(2, 0))
    assert store[1].num_frames == 30


def test_confidence_and_words_that_are_none_are_refused(copy):
    scores = np.fromfile(copy / "confidence.bin", "<f4")
    scores[3] = 7.0
    scores.tofile(copy / "confidence.bin")
    texts = (copy / "texts.jsonl").read_bytes()
    (copy / "texts.jsonl").write_bytes(texts.replace(b'"name"', b'"neme"', 1))
    store = ClipStore(copy)
    with pytest.raises(StoreError, match="recording 4: confidence"):
        store[4]
    for look in (lambda: store[0], lambda: store.names, lambda: store["a"]):
        with pytest.raises(StoreError, match="no name"):
            look()
    (copy / "texts.jsonl").write_bytes(texts.replace(b'"name": "a"', b'"n":1}, {"a"', 1))
    with pytest.raises(StoreError):
        _ = ClipStore(copy).names


def test_a_store_of_nothing_opens_and_draws_nothing(tmp_path):
    write_store([], tmp_path / "store")
    store = ClipStore(tmp_path / "store")
    assert (len(store), store.names, store.conventions, dict(store.recordings)) == (0, (), (), {})
    store.verify()
    with pytest.raises(StoreError, match="no recording to draw"):
        store.windows(torch.Generator(), size=2, frames=3)
