from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles.contrastive_views import cross_entropy

from msclr.losses.divergence import distribution_cross_entropy
from msclr.losses.infonce import PairLogits, pair_logits


def rows(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


TARGET, STUDENT, KEYS, NEGATIVES = rows(3, 5), rows(3, 5, seed=1), rows(3, 2, 5, seed=2), rows(7, 5, seed=3)


def views(heat: float = 0.1, **options: torch.Tensor) -> list[PairLogits]:
    return [pair_logits(x, KEYS, NEGATIVES, temperature=heat, **options) for x in (TARGET, STUDENT)]


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("heat", [0.05, 0.5])
def test_equals_the_formula(joint: bool, heat: float) -> None:
    t, s, keys, queue = (x.numpy() for x in (TARGET, STUDENT, KEYS, NEGATIVES))
    expected = [
        cross_entropy(t[i], s[i], own, list(queue), heat)
        for i in range(3)
        for own in ([list(keys[i])] if joint else [[keys[i, 0]], [keys[i, 1]]])
    ]
    found = distribution_cross_entropy(*views(heat), joint=joint)
    assert float(found) == pytest.approx(np.mean(expected), abs=1e-6)


@pytest.mark.parametrize("joint", [True, False])
def test_what_is_masked_takes_no_part(joint: bool) -> None:
    mask = torch.tensor([[True, False], [True, True], [False, False]])
    exclude = rows(3, 7, seed=4) > 0.2
    exclude[0] = True  # no negative is left for the first row
    found = distribution_cross_entropy(*views(positives_mask=mask, exclude=exclude), joint=joint)
    t, s, keys, queue = (x.numpy() for x in (TARGET, STUDENT, KEYS, NEGATIVES))
    expected = []
    for i in range(2):
        left = [x for x, out in zip(queue, exclude[i], strict=True) if not out]
        own = [keys[i, p] for p in range(2) if mask[i, p]]
        expected += [cross_entropy(t[i], s[i], group, left, 0.1) for group in ([own] if joint else [[k] for k in own])]
    assert float(found) == pytest.approx(np.mean(expected), abs=1e-6)


@pytest.mark.parametrize("joint", [True, False])
def test_gradient_is_that_of_the_student_alone(joint: bool) -> None:
    exclude = torch.zeros(3, 7, dtype=torch.bool)
    exclude[[0, 2]] = True
    valid = torch.tensor([True, True, False])

    def loss(target: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
        logits = [
            pair_logits(x, KEYS, NEGATIVES, temperature=0.3, exclude=exclude, valid=valid) for x in (target, student)
        ]
        return distribution_cross_entropy(*logits, joint=joint)

    student, target = STUDENT.clone().requires_grad_(), TARGET.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(TARGET, x), (student,))
    gradients = torch.autograd.grad(loss(target, student), (target, student), allow_unused=True)
    assert gradients[0] is None
    assert not gradients[1][2].any()


@pytest.mark.parametrize("joint", [True, False])
def test_shares_too_small_for_their_logarithm_do_not_underflow(joint: bool) -> None:
    """exp(-200) is 0 in float32; its logarithm is -200."""
    target, student = torch.tensor([[1.0, 0.0]]), torch.tensor([[-1.0, 0.0]], requires_grad=True)
    key, entry = torch.tensor([[1.0, 0.0]]), torch.tensor([[-1.0, 0.0]])
    logits = [pair_logits(x, key, entry, temperature=0.01) for x in (target, student)]
    found = distribution_cross_entropy(*logits, joint=joint)
    found.backward()
    assert float(found.detach()) == pytest.approx(200.0)
    assert student.grad.isfinite().all()


def test_is_least_where_the_distributions_agree() -> None:
    same, other = (
        distribution_cross_entropy(views()[0], views()[0], joint=True),
        distribution_cross_entropy(*views(), joint=True),
    )
    assert same < other
