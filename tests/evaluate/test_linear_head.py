from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles.ensembles import naive_sgd

from msclr.errors import ConfigError, TrainingError
from msclr.evaluate import ISC_PROTOCOL, LogisticProtocol, SgdProtocol
from msclr.evaluate.linear_head import train_heads

BRIEF = SgdProtocol(learning_rate=0.5, epochs=6, milestones=(4,), batch_size=7, drop_last=False)


def points(dim, count=40, classes=3):
    """Features [n, dim] of samples whose classes are 0, 1, 2, 0, 1, ..."""
    rng = np.random.default_rng(dim)
    return torch.from_numpy(rng.normal(size=(classes, dim))[np.arange(count) % classes] + rng.normal(size=(count, dim)))


@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_steps_equal_momentum_steps_by_hand(decay):
    codes = torch.arange(40) % 3
    (head,) = train_heads([points(4)], codes, ("a", "b", "c"), replace(BRIEF, weight_decay=decay))
    generator = torch.Generator().manual_seed(0)
    start = (0.02 * torch.randn(3, 4, generator=generator)).numpy()
    orders = [torch.randperm(40, generator=generator).tolist() for _ in range(6)]
    rates = [0.5] * 4 + [0.05] * 2
    weight, bias = naive_sgd(points(4).numpy(), codes.tolist(), start, np.zeros(3), orders, rates, 0.9, 7, decay)
    assert head.weight.numpy() == pytest.approx(weight, abs=2e-5)
    assert head.bias.numpy() == pytest.approx(bias, abs=2e-5)


def test_samples_that_fill_no_step_are_left_out_of_an_epoch():
    codes = torch.arange(40) % 3
    (head,) = train_heads([points(4)], codes, ("a", "b", "c"), replace(BRIEF, drop_last=True))
    generator = torch.Generator().manual_seed(0)
    start = (0.02 * torch.randn(3, 4, generator=generator)).numpy()
    orders = [torch.randperm(40, generator=generator).tolist()[:35] for _ in range(6)]
    rates = [0.5] * 4 + [0.05] * 2
    weight, _ = naive_sgd(points(4).numpy(), codes.tolist(), start, np.zeros(3), orders, rates, 0.9, 7)
    assert head.weight.numpy() == pytest.approx(weight, abs=2e-5)


def test_fewer_samples_than_a_step_has_are_used_all_the_same():
    codes = torch.arange(40) % 3
    kept, dropped = (
        train_heads([points(4)], codes, ("a", "b", "c"), replace(BRIEF, batch_size=64, drop_last=drop))[0]
        for drop in (False, True)
    )
    assert torch.equal(kept.weight, dropped.weight)
    assert not torch.equal(kept.bias, torch.zeros(3).double())


def test_heads_are_shown_after_every_fifth_epoch_and_the_last_one():
    seen = []
    protocol = replace(BRIEF, epochs=12, test_every=5)
    (head,) = train_heads(
        [points(4)], torch.arange(40) % 3, "abc", protocol, watch=lambda epoch, heads: seen.append((epoch, heads[0]))
    )
    assert [epoch for epoch, _ in seen] == [5, 10, 12]
    assert torch.equal(seen[-1][1].weight, head.weight)
    assert not torch.equal(seen[0][1].weight, head.weight)


def test_published_protocols_have_the_published_numbers():
    published = SgdProtocol()
    assert [published.learning_rate_of(epoch) for epoch in (1, 80, 81, 100)] == pytest.approx([3.0, 3.0, 0.3, 0.3])
    assert (published.momentum, published.weight_decay, published.epochs, published.batch_size) == (0.9, 0, 100, 128)
    assert [ISC_PROTOCOL.learning_rate_of(epoch) for epoch in (50, 51, 71)] == pytest.approx([0.1, 0.01, 0.001])
    assert (published.drop_last, published.test_every) == (True, 5)
    assert (ISC_PROTOCOL.epochs, ISC_PROTOCOL.batch_size) == (80, 64)
    assert (ISC_PROTOCOL.drop_last, ISC_PROTOCOL.test_every) == (False, 1)


def test_heads_on_the_mean_of_logits_equal_one_layer_on_all_features():
    """CE of mean_i(W_i f_i + b_i): by hand, one softmax regression on the features side by side."""
    codes = torch.arange(40) % 3
    blocks = [points(4), points(5)]
    heads = train_heads(blocks, codes, ("a", "b", "c"), BRIEF)
    generator = torch.Generator().manual_seed(0)
    starts = [0.02 * torch.randn(3, dim, generator=generator) for dim in (4, 5)]
    orders = [torch.randperm(40, generator=generator).tolist() for _ in range(6)]
    # Two biases that start at 0 and move alike: features 1/2 and 1/2 of one layer without a bias of its own.
    side_by_side = np.concatenate([blocks[0] / 2, blocks[1] / 2, np.full((40, 2), 0.5)], axis=1)
    start = np.concatenate([*starts, np.zeros((3, 2))], axis=1)
    weight = _without_bias(side_by_side, codes.tolist(), start, orders)
    assert heads[0].weight.numpy() == pytest.approx(weight[:, :4], abs=2e-5)
    assert heads[1].weight.numpy() == pytest.approx(weight[:, 4:9], abs=2e-5)
    assert heads[1].bias.numpy() == pytest.approx(weight[:, 10], abs=2e-5)


def _without_bias(rows_of, codes, start, orders):
    weight, velocity = np.array(start, float), np.zeros_like(start, dtype=float)
    for epoch, order in enumerate(orders):
        for first in range(0, len(order), 7):
            rows = order[first : first + 7]
            logits = rows_of[rows] @ weight.T
            share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            share[np.arange(len(rows)), [codes[row] for row in rows]] -= 1
            velocity = 0.9 * velocity + share.T @ rows_of[rows] / len(rows)
            weight = weight - (0.5 if epoch < 4 else 0.05) * velocity
    return weight


@pytest.mark.parametrize(
    ("protocol", "values", "message"),
    [
        (SgdProtocol, {"epochs": 0}, "epochs=0"),
        (SgdProtocol, {"batch_size": 0}, "batch_size=0"),
        (SgdProtocol, {"test_every": 0}, "test_every=0"),
        (SgdProtocol, {"momentum": 1.0}, "momentum"),
        (SgdProtocol, {"learning_rate": float("nan")}, "learning_rate > 0"),
        (LogisticProtocol, {"regularisation": 0.0}, "above 0"),
    ],
)
def test_protocols_out_of_bounds_are_refused(protocol, values, message):
    with pytest.raises(ConfigError, match=message):
        protocol(**values)


def test_weights_that_run_away_are_an_error():
    with pytest.raises(TrainingError, match="not finite after 6 epochs"):
        train_heads([points(4) * 1e30], torch.arange(40) % 3, ("a", "b", "c"), BRIEF)
