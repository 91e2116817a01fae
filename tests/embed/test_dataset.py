from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from embed.corpora import assert_accounted, assert_whole, corpus, small_encoder

import msclr
from msclr.embed import embed_dataset
from msclr.embed import shard as module
from msclr.errors import ConfigError, MissingExtraError, NotAFileError, StoreError
from msclr.index import VectorIndex
from msclr.models.fingerprint import fingerprint

COUNT = 100


@pytest.fixture(scope="module")
def encoder():
    return small_encoder()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return corpus(tmp_path_factory.mktemp("corpora") / "files", COUNT)


@pytest.fixture(scope="module")
def whole(encoder, files, tmp_path_factory):
    return embed_dataset(encoder, [files], tmp_path_factory.mktemp("made") / "vectors", model="small", shard_size=30)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_file_is_accounted_for_and_every_vector_is_that_of_its_file(encoder, files, whole):
    assert_accounted(whole, files, COUNT)
    index = VectorIndex.load(whole.path)
    assert len(index) == whole.vectors == COUNT - 1
    assert_whole(index, encoder, files)
    assert (index.model, index.model_sha256) == ("small", fingerprint(encoder))
    row = index.names.find(str(files / "subject 1" / "clip 000003.npz"))
    assert index.skeletons[row] == msclr.read(index.names[row]).skeleton.id
    lines = [json.loads(line) for line in (whole.path / "inputs.jsonl").read_text().splitlines()]
    assert [line["input"] for line in lines] == [entry.path for entry in whole.inputs]
    assert [path.name for path in whole.path.parent.iterdir()] == ["vectors"]


def test_batches_do_not_matter(encoder, files, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CLIPS_AT_ONCE", 7)
    monkeypatch.setattr(module, "NUMBERS_AT_ONCE", 900)
    done = embed_dataset(encoder, [files], tmp_path / "vectors", shard_size=30)
    found, given = (VectorIndex.load(each.path) for each in (done, whole))
    torch.testing.assert_close(found.vectors, given.vectors, rtol=1e-5, atol=1e-5)
    assert list(found.names) == list(given.names)


@pytest.mark.slow
def test_the_result_does_not_depend_on_workers(encoder, files, whole, tmp_path):
    done = embed_dataset(encoder, [files], tmp_path / "vectors", model="small", shard_size=30, workers=2)
    assert done.inputs == whole.inputs
    found, given = (VectorIndex.load(each.path) for each in (done, whole))
    torch.testing.assert_close(found.vectors, given.vectors, rtol=1e-5, atol=1e-5)
    assert list(found.names) == list(given.names)


def test_a_second_call_finds_it_done(encoder, files, whole, monkeypatch):
    monkeypatch.setattr(module, "embed_shard", None)
    before = content(whole.path)
    again = embed_dataset(encoder, [files], whole.path, model="small", shard_size=30)
    assert again == whole
    assert content(whole.path) == before


def test_half_precision_and_parquet(encoder, files, tmp_path):
    pytest.importorskip("pyarrow")
    some = sorted(files.glob("subject 0/*.npz"))[:12]
    for number, options in enumerate(
        ({"precision": "float16"}, {"file_format": "parquet"}, {"file_format": "parquet", "precision": "float16"})
    ):
        done = embed_dataset(encoder, some, tmp_path / f"vectors {number}", shard_size=5, **options)
        index = VectorIndex.load(done.path)
        assert len(index) == 12
        assert index.vectors.dtype == (torch.float16 if "precision" in options else torch.float32)
        vectors = encoder.embed([msclr.read(name) for name in index.names])
        torch.testing.assert_close(index.vectors.float(), vectors, rtol=1e-3, atol=1e-3)
        kind = options.get("file_format", "safetensors")
        assert sorted(path.suffix for path in done.path.iterdir()) == sorted([".json", ".jsonl", *[f".{kind}"] * 3])


def test_a_prepared_data_set_gives_a_vector_for_each_clip(encoder, tmp_path):
    rows = [np.random.default_rng(number).normal(size=(3 + number, 17, 2)).astype(np.float32) for number in range(3)]
    rows[1][:] = np.nan
    path = tmp_path / "set.npz"
    np.savez(
        path,
        joints=np.concatenate(rows),
        offsets=np.cumsum([0, *map(len, rows)]),
        joint_names=np.array(msclr.get_skeleton("coco_17").joints),
    )
    done = embed_dataset(encoder, [path], tmp_path / "vectors")
    assert list(VectorIndex.load(done.path).names) == [f"{path}/0", f"{path}/2"]
    (outcome,) = done.inputs
    assert (outcome.outcome, outcome.recordings) == ("done", 2)
    assert outcome.reason == "1 of 3 recordings have no known joint"


def test_a_file_that_only_the_network_refuses_fails_alone(encoder, tmp_path):
    """All joints at one point: read without complaint, but of no size."""
    good = msclr.PoseSequence.from_array(np.random.default_rng(0).normal(size=(4, 17, 2)), "coco_17")
    for name, clip in (("a", good), ("b", good.replace(positions=np.ones_like(good.positions))), ("c", good)):
        msclr.write(clip, tmp_path / f"{name}.npz")
    done = embed_dataset(encoder, [tmp_path / f"{name}.npz" for name in "abc"], tmp_path / "vectors")
    assert [entry.outcome for entry in done.inputs] == ["done", "failed", "done"]
    assert "at the same point" in done.failures[0].reason


def test_what_a_network_answers_in_no_numbers_is_a_failure(tmp_path):
    broken = small_encoder()
    clip = msclr.PoseSequence.from_array(np.random.default_rng(0).normal(size=(4, 17, 2)), "coco_17")
    msclr.write(clip, tmp_path / "a.npz")
    with torch.no_grad():
        broken.blocks[0].graph.linear.weight.fill_(1e30)
        broken.pooling.output.weight.fill_(1e30)
    with pytest.raises(StoreError, match="no recording is left"):
        embed_dataset(broken, [tmp_path / "a.npz"], tmp_path / "vectors")


def test_other_files_or_another_model_do_not_replace_what_is_there(encoder, files, tmp_path):
    some = sorted(files.glob("subject 0/*.npz"))[:3]
    folder = embed_dataset(encoder, some, tmp_path / "vectors").path
    before = content(folder)
    for other, paths in ((encoder, some[:2]), (small_encoder(1), some)):
        with pytest.raises(StoreError, match="vectors of other files"):
            embed_dataset(other, paths, folder)
        assert content(folder) == before
    assert embed_dataset(encoder, some[:2], folder, overwrite=True).vectors == 2
    assert len(VectorIndex.load(folder)) == 2
    (tmp_path / "precious").mkdir()
    with pytest.raises(StoreError, match="something else than vectors is there"):
        embed_dataset(encoder, some, tmp_path / "precious", overwrite=True)
    with pytest.raises(NotAFileError, match="no such folder"):
        embed_dataset(encoder, some, tmp_path / "no" / "vectors")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precious", "vectors"]


def test_damaged_vectors_are_not_taken_for_done(encoder, files, tmp_path):
    some = sorted(files.glob("subject 0/*.npz"))[:3]
    folder = embed_dataset(encoder, some, tmp_path / "vectors").path
    part = folder / "part-000000.safetensors"
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(StoreError, match="or damaged"):
        embed_dataset(encoder, some, folder)
    embed_dataset(encoder, some, folder, overwrite=True)
    assert len(VectorIndex.load(folder)) == 3


def test_a_full_disk_is_an_error_and_keeps_what_is_done(encoder, files, tmp_path, monkeypatch):
    some = sorted(files.glob("subject 0/*.npz"))[:9]
    real, calls = module.write_bytes, []

    def full(path, data):
        calls.append(path)
        if len(calls) > 4:
            raise OSError(28, "No space left on device")
        real(path, data)

    monkeypatch.setattr(module, "write_bytes", full)
    with pytest.raises(StoreError, match="cannot write: No space left on device"):
        embed_dataset(encoder, some, tmp_path / "vectors", shard_size=3)
    assert [path.name for path in tmp_path.iterdir()] == [".vectors.building"]
    assert len(list((tmp_path / ".vectors.building").glob("shard-*"))) == 2
    monkeypatch.undo()
    assert embed_dataset(encoder, some, tmp_path / "vectors", shard_size=3).vectors == 9
    assert [path.name for path in tmp_path.iterdir()] == ["vectors"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers = 0"),
        ({"shard_size": True}, "shard_size = True"),
        ({"pool": "threads"}, "pool = 'threads'; expected 'processes' or 'ray'"),
        ({"precision": "int8"}, "precision = 'int8'"),
        ({"file_format": "csv"}, "file_format = 'csv'"),
    ],
)
def test_arguments_that_cannot_be(encoder, tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        embed_dataset(encoder, [tmp_path], tmp_path / "vectors", **options)


def test_without_ray_the_extra_is_named(encoder, files, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    monkeypatch.setitem(__import__("sys").modules, "ray.data", None)
    with pytest.raises(MissingExtraError, match=r'pip install "msclr\[ray\]"'):
        embed_dataset(encoder, [files / "subject 0" / "clip 000000.npz"], tmp_path / "vectors", pool="ray")


def test_progress_counts_to_the_end(encoder, files, tmp_path):
    seen = []
    some = sorted(files.glob("subject 0/*.npz"))[:5]
    embed_dataset(
        encoder, some, tmp_path / "vectors", shard_size=2, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(0, 5), (2, 5), (4, 5), (5, 5)]
