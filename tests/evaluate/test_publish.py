from __future__ import annotations

import json

import pytest
import torch

import msclr
from msclr.evaluate.publish import attach_results
from msclr.hub.save import save_pretrained
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig


def test_results_replace_older_ones_and_leave_the_weights(tmp_path):
    encoder = build_encoder(EncoderConfig(channels=(8,), strides=(1,), dim=8))
    folder = save_pretrained(encoder, tmp_path / "tiny", card="# tiny\n\nWords.", licence="mit")
    weights = (folder / "model.safetensors").read_bytes()
    for figure in (1, 2):
        attach_results(folder, encoder, {"tasks": [figure]}, f"| {figure} |")
    card = (folder / "README.md").read_text()
    assert card.startswith("# tiny\n\nWords.")
    assert "| 2 |" in card
    assert "| 1 |" not in card
    assert json.loads((folder / "metrics.json").read_text()) == {"tasks": [2]}
    assert (folder / "model.safetensors").read_bytes() == weights
    again = msclr.load_pretrained(folder)
    assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), again.parameters(), strict=True))


def test_a_folder_without_a_model_is_an_error(tmp_path):
    encoder = build_encoder(EncoderConfig(channels=(8,), strides=(1,), dim=8))
    with pytest.raises(FileNotFoundError, match="model folder"):
        attach_results(tmp_path, encoder, {}, "")
