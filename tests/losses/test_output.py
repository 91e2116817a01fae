from __future__ import annotations

import dataclasses

import pytest
import torch

from msclr.losses.output import LossOutput


def test_terms_are_detached_and_the_total_is_not() -> None:
    value = torch.tensor(2.0, requires_grad=True) * 1.5
    output = LossOutput(value, {"info_nce": value})
    assert output.total is value
    assert not output.terms["info_nce"].requires_grad
    assert float(output.terms["info_nce"]) == 3.0


def test_is_frozen() -> None:
    output = LossOutput(torch.tensor(1.0), {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        output.total = torch.tensor(2.0)  # type: ignore[misc]
