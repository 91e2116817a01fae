from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from labelled_sets import labelled
from small_encoder import small_encoder

from msclr.errors import NotAFileError
from msclr.evaluate.cache import FeatureCache, Kept, default_folder, feature_key
from msclr.evaluate.features import encoder_features, raw_features
from msclr.evaluate.scores import Scores

KEY = {"data": "d", "weights": "w"}


def some() -> Kept:
    return Kept(Scores(["b", "a"], torch.tensor([[1.0, 2.0], [3.0, 4.0]])), {"c": "no body"})


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_is_kept_comes_back_by_id(tmp_path):
    cache = FeatureCache(tmp_path / "new" / "folder")
    assert cache.load(KEY) is None
    cache.store(KEY, some())
    found = cache.load(KEY)
    assert found.features.ids == ("b", "a")
    assert torch.equal(found.features.values, some().features.values)
    assert found.left_out == {"c": "no body"}
    assert cache.load({**KEY, "weights": "other"}) is None


def test_the_folder_is_that_of_the_variable_or_of_the_users_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("MSCLR_CACHE", str(tmp_path / "own"))
    assert FeatureCache().folder == tmp_path / "own"
    monkeypatch.delenv("MSCLR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_folder() == tmp_path / "xdg" / "msclr"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_folder() == tmp_path / "home" / ".cache" / "msclr"


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "text", "other entry"])
def test_a_damaged_entry_counts_as_none_with_a_warning(tmp_path, damage):
    cache = FeatureCache(tmp_path)
    cache.store(KEY, some())
    path = cache.path(KEY)
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-9] ^= 1
    elif damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "empty":
        content = bytearray()
    elif damage == "text":
        content = bytearray(b"not a cache")
    else:
        cache.store({"data": "e"}, some())
        content = bytearray(cache.path({"data": "e"}).read_bytes())
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="damaged features are computed again"):
        assert cache.load(KEY) is None


def test_an_entry_that_is_interrupted_leaves_nothing(tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path)

    def stop(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        cache.store(KEY, some())
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAFileError, match="cannot write"):
        FeatureCache(tmp_path / "file").store(KEY, some())


@pytest.mark.parametrize(
    "change",
    [{"digest": lambda: "b" * 64}, {"reading": "line=cros"}, {"preparation": "cros"}],
)
def test_the_key_changes_with_whatever_decides_the_features(change):
    data, encoder = labelled(), small_encoder()
    key = feature_key(data, encoder)
    assert key == feature_key(labelled(), small_encoder())
    assert key != feature_key(replace(data, **change), encoder)
    assert key != feature_key(data, small_encoder(seed=1))
    assert key != feature_key(data, small_encoder(maximum_frames=20))
    assert key != feature_key(data, None)


def test_features_are_computed_once_and_again_after_damage(tmp_path, monkeypatch):
    cache, encoder, data = FeatureCache(tmp_path), small_encoder(), labelled(2, 1)
    (first,) = encoder_features(data, [encoder], cache=cache)
    (raw,) = raw_features(data, cache=cache)
    assert len(files(tmp_path)) == 2
    monkeypatch.setattr("msclr.evaluate.features.windows_of", None)  # whoever computes fails
    (second,) = encoder_features(data, [encoder], cache=cache)
    assert torch.equal(second.features.values, first.features.values)
    monkeypatch.undo()
    for path in files(tmp_path):
        path.write_bytes(path.read_bytes()[:-1] + b"\x00\x00")
    with pytest.warns(UserWarning, match="damaged"):
        (third,) = encoder_features(data, [encoder], cache=cache)
    with pytest.warns(UserWarning, match="damaged"):
        (again,) = raw_features(data, cache=cache)
    assert torch.equal(third.features.values, first.features.values)
    assert torch.equal(again.features.values, raw.features.values)
    (fourth,) = encoder_features(data, [encoder], cache=cache)
    assert torch.equal(fourth.features.values, first.features.values)


def test_only_the_encoders_that_are_not_there_are_computed(tmp_path):
    cache, data = FeatureCache(tmp_path), labelled(2, 1)
    encoder_features(data, [small_encoder()], cache=cache)
    asked: list[int] = []
    kept = encoder_features(data, [small_encoder(), small_encoder(seed=1)], cache=cache, progress=asked.append)
    alone = encoder_features(data, [small_encoder(seed=1)])
    assert torch.equal(kept[1].features.values, alone[0].features.values)
    assert sum(asked) == len(data)
    assert len(files(tmp_path)) == 2
