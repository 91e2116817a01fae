from __future__ import annotations

import pytest
import torch
from torch import nn

from msclr.errors import ConfigError
from msclr.models.momentum import MomentumEncoder


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_starts_equal_and_is_a_copy() -> None:
    encoder = network()
    copy = MomentumEncoder(encoder)
    for (name, own), (_, source) in zip(
        copy.encoder.state_dict().items(), encoder.state_dict().items(), strict=True
    ):  # fmt: skip
        assert torch.equal(own, source), name
        assert own.data_ptr() != source.data_ptr()
    assert not any(p.requires_grad for p in copy.parameters())
    assert all(p.requires_grad for p in encoder.parameters())


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.999, 1.0])
def test_update_is_the_moving_average(momentum: float) -> None:
    encoder = network().double()
    copy = MomentumEncoder(encoder, momentum)
    expected = {name: value.detach().clone() for name, value in encoder.named_parameters()}
    for _ in range(3):
        with torch.no_grad():
            for parameter in encoder.parameters():
                parameter.add_(torch.randn_like(parameter))
        copy.update(encoder)
        for name, value in encoder.named_parameters():
            expected[name] = momentum * expected[name] + (1 - momentum) * value.detach()
    for name, value in copy.encoder.named_parameters():
        torch.testing.assert_close(value, expected[name])
        assert not value.requires_grad
    exact = {0.0: dict(encoder.named_parameters()), 1.0: expected}.get(momentum)
    if exact:
        assert all(torch.equal(value, exact[name]) for name, value in copy.encoder.named_parameters())


def test_batch_norm_statistics_are_its_own() -> None:
    encoder = network()
    copy = MomentumEncoder(encoder, 0.0)
    encoder(torch.randn(16, 3) + 5.0)
    copy.update(encoder)
    assert not copy.encoder[1].running_mean.any()
    copy(torch.randn(16, 3) + 5.0)
    assert copy.encoder[1].running_mean.any()
    before = copy.encoder[1].running_mean.clone()
    copy.eval()(torch.randn(16, 3))
    assert torch.equal(copy.encoder[1].running_mean, before)


def test_forward_makes_no_graph() -> None:
    output = MomentumEncoder(network())(torch.randn(4, 3, requires_grad=True))
    assert output.shape == (4, 2)
    assert not output.requires_grad


def test_state_dict_round_trip() -> None:
    first, second = MomentumEncoder(network()), MomentumEncoder(network())
    second.load_state_dict(first.state_dict())
    clips = torch.randn(4, 3)
    assert torch.equal(first.eval()(clips), second.eval()(clips))


def test_another_encoder_is_refused() -> None:
    copy = MomentumEncoder(network())
    with pytest.raises(ConfigError, match="differ in name or shape"):
        copy.update(nn.Sequential(network()))
    with pytest.raises(ConfigError, match=r"2 parameters differ.*'2\.bias'"):
        copy.update(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 3)))


@pytest.mark.parametrize("momentum", [-0.1, 1.001, float("nan")])
def test_momentum_outside_its_range_is_refused(momentum: float) -> None:
    with pytest.raises(ConfigError, match="momentum"):
        MomentumEncoder(network(), momentum)
