from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from msclr import collectives
from msclr.models.normalise import JointBatchNorm, MaskedBatchNorm, SharedBatchNorm, share_statistics


def test_statistics_are_measured_in_full_precision_inside_autocast():
    values = torch.randn(40, 30, 3, generator=torch.Generator().manual_seed(0)) + 7
    valid = torch.ones(40, 30, dtype=torch.bool)
    found = []
    for half in (False, True):
        norms = MaskedBatchNorm(3), JointBatchNorm(5, 3)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            norms[0](values, valid)
            norms[1](values.unflatten(1, (6, 5)), valid.unflatten(1, (6, 5)))
        found.append([norm.running_mean for norm in norms] + [norm.running_var for norm in norms])
    for half, full in zip(found[1], found[0], strict=True):
        assert torch.equal(half, full)


def layers():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 1), nn.BatchNorm2d(4, momentum=None), nn.Flatten(), nn.BatchNorm1d(24), nn.Linear(24, 3)
    )


def test_shared_normalisations_keep_names_weights_and_statistics():
    plain = layers()
    shared = copy.deepcopy(plain)
    share_statistics(shared)
    assert [type(layer) for layer in shared][1::2] == [SharedBatchNorm, SharedBatchNorm]
    assert {name: value.tolist() for name, value in shared.state_dict().items()} == {
        name: value.tolist() for name, value in plain.state_dict().items()
    }
    assert [name for name, _ in shared.named_parameters()] == [name for name, _ in plain.named_parameters()]


@pytest.mark.parametrize("processes", [1, 2])
def test_shared_normalisations_are_those_of_torch(monkeypatch, processes):
    # Two processes with the same clips have the statistics of one, but for the count that makes the variance unbiased.
    monkeypatch.setattr(collectives, "world_size", lambda: processes)
    monkeypatch.setattr(collectives, "all_reduce_sum", lambda tensor: tensor)
    plain = layers().double()
    shared = copy.deepcopy(plain)
    share_statistics(shared)
    clips = torch.randn(3, 5, 2, 3, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for batch in clips:
        outs = [each(batch) for each in (plain, shared)]
        assert torch.allclose(*outs, atol=1e-10)
        for out in outs:
            out.square().sum().backward()
    for ours, theirs in zip(shared.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-8)
    for (name, ours), theirs in zip(shared.named_buffers(), plain.buffers(), strict=True):
        assert torch.allclose(ours, theirs), name
    for each in (plain, shared):
        each.eval()
    assert torch.allclose(plain(clips[0]), shared(clips[0]))
