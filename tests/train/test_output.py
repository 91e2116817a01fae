"""The last linear map, fitted after training, against a decomposition by NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_runs import universal_run, watch

from msclr.errors import ConfigError
from msclr.hub.load import load_pretrained
from msclr.hub.save import save_pretrained
from msclr.train.loop import optimize
from msclr.train.output import components, feature_width
from msclr.train.universal import Universal

ENCODER = {"channels": (8, 16), "strides": (2, 2), "dim": 12, "frames": 16, "input_stretches": 3}


def fitted_run(**changes):
    return universal_run(encoder=ENCODER, output={"bottleneck": 8, "batches": 6}, **changes)


@pytest.mark.parametrize("whitening", [0.0, 0.5, 1.0])
def test_components_are_those_of_a_singular_value_decomposition(whitening):
    random = np.random.default_rng(0)
    values = random.normal(size=(60, 9)) @ random.normal(size=(9, 9)) * ([100.0] * 5 + [0.1] * 4)
    values -= values.mean(axis=0)
    found = torch.tensor(values) @ components(torch.tensor(values), [5, 4], 4, whitening).T

    halves = [values[:, :5], values[:, 5:]]
    scaled = np.concatenate([half / np.sqrt((half**2).sum(axis=1).mean()) for half in halves], axis=1)
    left, spread, _ = np.linalg.svd(scaled, full_matrices=False)
    variance = spread[:4] ** 2 / len(values)
    expected = left[:, :4] * np.sqrt(len(values)) * variance ** ((1 - whitening) / 2)
    expected /= np.sqrt((variance ** (1 - whitening)).sum())
    assert np.allclose(np.abs(found.numpy()), np.abs(expected), atol=1e-9)
    assert found.square().sum(dim=1).mean().item() == pytest.approx(1)


def test_what_has_no_spread_counts_for_nothing():
    values = torch.cat((torch.randn(30, 3, generator=torch.Generator().manual_seed(0)), torch.zeros(30, 2)), dim=1)
    weight = components(values.double(), [3, 2], 4, 1.0)
    assert weight.isfinite().all()
    assert (weight[:, 3:] == 0).all()


def test_the_map_is_fitted_when_all_else_is_trained(training_folder, tmp_path):
    config = fitted_run()
    method = Universal(config, training_folder)
    encoder = method.query.encoder
    before = encoder.pooling.output.weight.clone()
    optimize(method, watch(method, tmp_path / "log.jsonl"))
    assert torch.equal(encoder.pooling.output.weight, before)
    assert not any(weight.requires_grad for weight in encoder.pooling.output.parameters())
    method.finish()
    assert all(weight.requires_grad for weight in encoder.parameters())
    views = list(method._further_views(6, torch.device("cpu")))
    vectors = torch.cat([encoder.encode(batch) for batch in views]).detach()
    covariance = torch.cov(vectors.T, correction=0)
    assert vectors.mean(dim=0).abs().max() < 0.02
    assert (covariance - covariance.diag().diag()).abs().max() < 0.02 * covariance.max()
    assert (covariance.diag().diff() < 0.02 * covariance.max()).all()


def test_finishing_twice_is_finishing_once(training_folder):
    method = Universal(fitted_run(), training_folder)
    method.finish()
    weight = method.query.encoder.pooling.output.weight.clone()
    method.finish()
    assert torch.equal(method.query.encoder.pooling.output.weight, weight)


def test_a_model_file_holds_the_fitted_map_in_half_the_space(training_folder, tmp_path):
    wide = universal_run(encoder={**ENCODER, "dim": 128}, output={"bottleneck": 8, "batches": 2})
    method = Universal(wide, training_folder)
    method.finish()
    encoder = method.trained()["encoder"].eval()
    save_pretrained(encoder, tmp_path / "model")
    numbers = sum(weight.numel() for weight in encoder.state_dict().values())
    map_numbers = encoder.pooling.output.weight.numel()
    assert map_numbers > 2**16
    assert (tmp_path / "model" / "model.safetensors").stat().st_size < 4 * numbers - 2 * map_numbers + 8_000
    again = load_pretrained(tmp_path / "model")
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), encoder.parameters(), strict=True))


def test_an_encoder_without_such_a_map_is_refused(training_folder):
    encoder = {"channels": (8,), "strides": (2,), "dim": 8, "frames": 16, "pooling": "joint"}
    with pytest.raises(ConfigError, match="last linear map"):
        Universal(universal_run(encoder=encoder, output={}), training_folder)


def test_the_width_of_features_is_that_of_their_averages(training_folder):
    encoder = Universal(fitted_run(), training_folder).query.encoder
    assert feature_width(encoder) == 16 * 6 * 4
