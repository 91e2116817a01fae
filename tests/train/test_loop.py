from __future__ import annotations

import json

import pytest
import torch

import msclr
from msclr.train.loop import pretrain


def test_a_run_trains_and_writes_a_model_that_loads(training_folder, tiny_config, tmp_path):
    encoder = pretrain(tiny_config, training_folder, tmp_path / "model", device="cpu", progress=False)["encoder"]
    lines = [json.loads(line) for line in (tmp_path / "model.pretrain.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == tiny_config.steps - 1
    assert all(torch.isfinite(parameter).all() for parameter in encoder.parameters())
    again = msclr.load_pretrained(tmp_path / "model")
    for (name, ours), theirs in zip(encoder.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name


def test_the_same_seed_trains_the_same_weights(training_folder, tiny_config, tmp_path):
    runs = [pretrain(tiny_config, training_folder, tmp_path / name, device="cpu", progress=False) for name in "ab"]
    for ours, theirs in zip(*(run["encoder"].parameters() for run in runs), strict=True):
        assert torch.equal(ours, theirs)


def test_training_brings_views_of_a_clip_together(training_folder, tiny_config, tmp_path):
    config = tiny_config.model_copy(update={"steps": 60, "batch_size": 16})
    pretrain(config, training_folder, tmp_path / "model", device="cpu", progress=False)
    lines = [json.loads(line) for line in (tmp_path / "model.pretrain.jsonl").read_text().splitlines()]
    assert lines[-1]["labels"] < lines[0]["labels"]


def test_a_run_that_diverges_stops_with_a_diagnosis(training_folder, tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr("msclr.train.universal._label_loss", lambda *_: torch.tensor(torch.nan, requires_grad=True))
    config = tiny_config.model_copy(update={"steps": 100})
    with pytest.raises(msclr.MsclrError, match="in a row"):
        pretrain(config, training_folder, tmp_path / "model", device="cpu", progress=False)


def test_the_package_offers_the_loop_and_a_run_names_its_own_output(
    training_folder, tiny_config, tmp_path, monkeypatch
):
    from msclr import train

    monkeypatch.chdir(tmp_path)
    config = tiny_config.model_copy(update={"steps": 1})
    assert set(train.pretrain(config, training_folder, device="cpu", progress=False)) == {"encoder"}
    assert msclr.load_pretrained(tmp_path / "tiny").dim == 16
    assert {name: getattr(train, name).__name__ for name in train.__all__} == {name: name for name in train.__all__}
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        train.fit  # noqa: B018
