from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles.contrastive import moco, nce_one, unit

from msclr.errors import PoseError
from msclr.losses.infonce import info_nce, nce_from_logits, pair_logits, split_rows, unit_rows


def rows(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("size", [1, 7, 33])
@pytest.mark.parametrize("temperature", [0.05, 0.2, 1.0])
def test_equals_the_formula(count: int, size: int, temperature: float) -> None:
    query, key, negatives = rows(count, 6), rows(count, 6, seed=1), rows(size, 6, seed=2)
    expected = moco(query.numpy(), key.numpy(), negatives.numpy(), temperature)
    for joint in (True, False):
        found = info_nce(query, key, negatives, temperature=temperature, joint=joint)
        assert float(found) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("positives", "size"), [(1, 1), (2, 3), (4, 9)])
def test_several_positives_share_a_softmax_or_have_their_own(positives: int, size: int) -> None:
    query, keys, negatives = rows(3, 5), rows(3, positives, 5, seed=1), rows(size, 5, seed=2)
    others = list(negatives.numpy())
    joint = np.mean([nce_one(query[i].numpy(), list(keys[i].numpy()), others, 0.1) for i in range(3)])
    single = np.mean(
        [nce_one(query[i].numpy(), [keys[i, p].numpy()], others, 0.1) for i in range(3) for p in range(positives)]
    )
    assert float(info_nce(query, keys, negatives, temperature=0.1)) == pytest.approx(joint, abs=1e-6)
    assert float(info_nce(query, keys, negatives, temperature=0.1, joint=False)) == pytest.approx(single, abs=1e-6)


def test_masks_leave_keys_negatives_and_queries_out() -> None:
    query, keys, shared, own = rows(3, 4), rows(3, 2, 4, seed=1), rows(5, 4, seed=2), rows(3, 2, 4, seed=3)
    positives = torch.tensor([[1, 0], [1, 1], [0, 1]], dtype=torch.bool)
    exclude = rows(3, 7, seed=4) > 0.3
    valid = torch.tensor([True, False, True])
    expected = []
    for i in (0, 2):
        negatives = [x for x, out in zip([*shared.numpy(), *own[i].numpy()], exclude[i], strict=True) if not out]
        expected.append(nce_one(query[i].numpy(), list(keys[i][positives[i]].numpy()), negatives, 0.2))
    for joint in (True, False):
        found = info_nce(
            query, keys, shared, temperature=0.2, own_negatives=own, positives_mask=positives, exclude=exclude,
            valid=valid, joint=joint,
        )  # fmt: skip
        assert float(found) == pytest.approx(np.mean(expected), abs=1e-6)


def test_mined_negatives_count_as_positives() -> None:
    query, key, negatives = rows(2, 4), rows(2, 4, seed=1), rows(3, 4, seed=2)
    mask = torch.tensor([[1, 0, 1, 0], [1, 0, 0, 0]], dtype=torch.bool)
    first = nce_one(query[0].numpy(), [key[0].numpy(), negatives[1].numpy()], negatives.numpy()[[0, 2]], 0.1)
    second = nce_one(query[1].numpy(), [key[1].numpy()], list(negatives.numpy()), 0.1)
    found = info_nce(query, key, negatives, temperature=0.1, positives_mask=mask)
    assert float(found) == pytest.approx((first + second) / 2, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.05, 0.3])
def test_mined_negatives_stand_beside_each_key_with_a_softmax_of_its_own(temperature: float) -> None:
    query, keys, negatives = rows(2, 4), rows(2, 2, 4, seed=1), rows(3, 4, seed=2)
    mask = torch.tensor([[1, 1, 0, 1, 0], [1, 0, 1, 0, 1]], dtype=torch.bool)
    expected = []
    for i, p in ((0, 0), (0, 1), (1, 0)):
        mined = [x.numpy() for x, hit in zip(negatives, mask[i, 2:], strict=True) if hit]
        others = [x.numpy() for x, hit in zip(negatives, mask[i, 2:], strict=True) if not hit]
        expected.append(nce_one(query[i].numpy(), [keys[i, p].numpy(), *mined], others, temperature))
    found = info_nce(query, keys, negatives, temperature=temperature, positives_mask=mask, joint=False)
    assert float(found) == pytest.approx(np.mean(expected), abs=1e-6)


def test_mined_beside_left_out_negatives() -> None:
    query, key, negatives = (x.requires_grad_() for x in (rows(1, 4), rows(1, 4, seed=1), rows(3, 4, seed=2)))
    found = info_nce(
        query, key, negatives, temperature=0.1, positives_mask=torch.tensor([[1, 1, 1, 0]]).bool(),
        exclude=torch.tensor([[False, True, False]]),
    )  # fmt: skip
    found.backward()
    first, _, last = negatives.detach().numpy()
    expected = nce_one(query[0].detach().numpy(), [key[0].detach().numpy(), first], [last], 0.1)
    assert found.item() == pytest.approx(expected, abs=1e-6)
    assert negatives.grad.isfinite().all()
    assert not negatives.grad[1].any()


@pytest.mark.parametrize("joint", [True, False])
def test_a_row_that_does_not_count_and_has_no_negatives(joint: bool) -> None:
    query, key = rows(2, 4).requires_grad_(), rows(2, 4, seed=1).requires_grad_()
    negatives, exclude = rows(3, 4, seed=2), torch.tensor([[False] * 3, [True] * 3])
    loss = info_nce(
        query, key, negatives, temperature=0.1, exclude=exclude, valid=torch.tensor([True, False]), joint=joint
    )
    loss.backward()
    assert loss.item() == pytest.approx(moco(*(x[:1].detach().numpy() for x in (query, key)), negatives.numpy(), 0.1))
    assert query.grad[0].any()
    assert not query.grad[1].any()
    assert not key.grad[1].any()


def test_weights_scale_the_share_of_a_key() -> None:
    query, keys, negatives = rows(1, 4), rows(1, 2, 4, seed=1), rows(3, 4, seed=2)
    logits = np.array([unit(query[0].numpy()) @ unit(x) / 0.5 for x in (*keys[0].numpy(), *negatives.numpy())])
    log_share = logits - np.log(np.exp(logits).sum())
    expected = -(3 * log_share[0] + log_share[1]) / 4
    found = info_nce(query, keys, negatives, temperature=0.5, positives_mask=torch.tensor([[3.0, 1.0]]))
    assert float(found) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("joint", [True, False])
def test_gradients_are_those_of_the_function(joint: bool) -> None:
    query, keys, negatives = (
        x.requires_grad_() for x in (rows(3, 4), rows(3, 2, 4, seed=1), rows(4, 4, seed=2))
    )  # fmt: skip
    exclude = torch.zeros(3, 4, dtype=torch.bool)
    exclude[0] = True  # no negative is left for the first query
    positives = torch.tensor([[True, True], [True, False], [False, False]])

    def loss(q: torch.Tensor, k: torch.Tensor, n: torch.Tensor) -> torch.Tensor:
        return info_nce(q, k, n, temperature=0.3, exclude=exclude, positives_mask=positives, joint=joint)

    assert torch.autograd.gradcheck(loss, (query, keys, negatives))
    loss(query, keys, negatives).backward()
    assert not query.grad[2].any()
    assert query.grad[1].any()


@pytest.mark.parametrize("joint", [True, False])
def test_gradient_through_mined_positives(joint: bool) -> None:
    mask = torch.tensor([[0, 1, 0], [1, 0, 1]], dtype=torch.bool)
    inputs = tuple(x.requires_grad_() for x in (rows(2, 3), rows(2, 3, seed=1), rows(2, 3, seed=2)))

    def loss(q: torch.Tensor, k: torch.Tensor, n: torch.Tensor) -> torch.Tensor:
        return info_nce(q, k, n, temperature=0.3, positives_mask=mask, joint=joint)

    assert torch.autograd.gradcheck(loss, inputs)


@pytest.mark.parametrize("joint", [True, False])
def test_without_negatives_one_key_costs_nothing(joint: bool) -> None:
    query = rows(2, 4).requires_grad_()
    loss = info_nce(query, rows(2, 4, seed=1), temperature=0.1, joint=joint)
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-12)
    assert query.grad.abs().max() < 1e-12


def test_loss_does_not_depend_on_length_or_order() -> None:
    query, key, negatives = rows(4, 5), rows(4, 5, seed=1), rows(6, 5, seed=2)
    base = info_nce(query, key, negatives, temperature=0.1)
    torch.testing.assert_close(info_nce(query * 1e-8, key * 1e30, negatives * 7, temperature=0.1), base)
    torch.testing.assert_close(info_nce(query.flip(0), key.flip(0), negatives.flip(0), temperature=0.1), base)


def test_low_temperature_stays_finite() -> None:
    query = rows(3, 5).float().requires_grad_()
    loss = info_nce(query, -query.detach(), query.detach(), temperature=1e-6)
    loss.backward()
    assert loss.item() == pytest.approx(2e6, rel=1e-3)
    assert query.grad.isfinite().all()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"query": torch.ones(3)}, r"query has shape \(3,\)"),
        ({"keys": torch.ones(2, 4)}, r"keys has shape \(2, 1, 4\) beside query of shape \(3, 4\)"),
        ({"keys": torch.ones(3, 0, 4)}, r"\(3, 0, 4\)"),
        ({"negatives": torch.ones(5, 3)}, r"negatives has shape \(5, 3\) beside query of shape \(3, 4\)"),
        ({"own_negatives": torch.ones(5, 4)}, r"own_negatives has shape \(5, 4\).*\[3, any, 4\]"),
        ({"exclude": torch.ones(3, 6, dtype=torch.bool)}, r"exclude has shape \(3, 6\).*\(3, 5\)"),
        ({"exclude": torch.ones(3, 5)}, r"torch.float32.*torch.bool"),
        ({"valid": torch.ones(2, dtype=torch.bool)}, r"valid has shape \(2,\).*\(3,\)"),
        ({"positives_mask": torch.ones(3, 2)}, r"\(3, 2\).*\(3, 1\) or \(3, 6\)"),
        ({"positives_mask": -torch.ones(3, 1)}, "below 0"),
        ({"negatives": torch.ones(5, 4, device="meta")}, r"meta.*cpu"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, torch.Tensor], match: str) -> None:
    given = {"query": torch.ones(3, 4), "keys": torch.ones(3, 4), "negatives": torch.ones(5, 4)} | change
    with pytest.raises(PoseError, match=match):
        info_nce(**given, temperature=0.1)


def test_unit_rows_have_length_one_at_every_scale() -> None:
    directions = unit_rows(rows(5, 8).float())
    for scale in (1e-11, 1.0, 1e30):
        torch.testing.assert_close(unit_rows(directions * scale), directions)
    assert torch.autograd.gradcheck(unit_rows, (rows(3, 4).requires_grad_(),))
    assert unit_rows(torch.tensor([[float("nan"), 1.0]])).isnan().any()
    assert unit_rows(torch.ones(2, 4, dtype=torch.float16)).dtype == torch.float32


def test_logits_mark_what_is_left_out() -> None:
    logits = pair_logits(rows(2, 3), rows(2, 3, seed=1), rows(2, 3, seed=2), temperature=0.1,
                         exclude=torch.tensor([[True, False], [False, False]]))  # fmt: skip
    assert logits.negative.isinf().tolist() == [[True, False], [False, False]]
    assert logits.weights.tolist() == [[1.0], [1.0]]
    assert logits.mined is None


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("mined", [True, False])
def test_views_computed_as_one_split_again(count: int, mined: bool) -> None:
    query, keys, negatives = rows(2 * count, 4), rows(2 * count, 4, seed=1), rows(5, 4, seed=2)
    mask = torch.ones(2 * count, 6 if mined else 1)
    mask[:, 1:4] = 0
    whole = pair_logits(query, keys, negatives, temperature=0.1, positives_mask=mask)
    parts = split_rows(whole, 2)
    assert len(parts) == 2
    for part, at in zip(parts, (slice(0, count), slice(count, None)), strict=True):
        expected = info_nce(query[at], keys[at], negatives, temperature=0.1, positives_mask=mask[at])
        torch.testing.assert_close(nce_from_logits(part, joint=True), expected)
