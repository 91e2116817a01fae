from __future__ import annotations

import pytest
import torch

from msclr.models.dropout import ByteDropout


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9])
def test_the_share_is_dropped_the_rest_scaled_and_the_mean_stays(share):
    torch.manual_seed(0)
    values = torch.rand(400, 500) + 0.5
    out = ByteDropout(share)(values)
    gone = out == 0
    assert abs(float(gone.float().mean()) - share) < 0.004
    scale = 1 / (1 - round(256 * share) / 256)
    torch.testing.assert_close(out[~gone], values[~gone] * scale)
    assert abs(float(out.mean() / values.mean()) - 1) < 0.01


def test_every_place_is_dropped_for_itself():
    torch.manual_seed(1)
    dropout, ones = ByteDropout(0.5), torch.ones(2000, 19)
    kept = (dropout(ones) > 0).float()
    likeness = torch.corrcoef(kept.T) - torch.eye(19)
    assert float(likeness.abs().max()) < 0.1
    assert float((kept.mean(dim=0) - 0.5).abs().max()) < 0.05


def test_gradients_pass_where_values_did():
    values = torch.randn(30, 40, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(2)
    out = ByteDropout(0.5)(values)
    out.sum().backward()
    torch.testing.assert_close(values.grad, (out != 0) * 2.0, check_dtype=False)


def test_one_seed_drops_the_same_and_the_next_call_others():
    dropout, ones = ByteDropout(0.3), torch.ones(100)
    torch.manual_seed(3)
    first, second = dropout(ones), dropout(ones)
    torch.manual_seed(3)
    assert torch.equal(dropout(ones), first)
    assert not torch.equal(first, second)


def test_nothing_is_drawn_where_nothing_is_dropped():
    before = torch.get_rng_state()
    values = torch.randn(5)
    before = torch.get_rng_state()
    assert torch.equal(ByteDropout(0.0)(values), values)
    assert torch.equal(ByteDropout(0.5).eval()(values), values)
    assert torch.equal(torch.get_rng_state(), before)
    assert not ByteDropout(1.0)(values).any()
    assert ByteDropout(0.5)(torch.zeros(0, 3)).shape == (0, 3)
    assert ByteDropout(0.5)(values.bfloat16()).dtype == torch.bfloat16
