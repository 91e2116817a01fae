"""Faults of section E: numbers that are too large, too small, too few, or no numbers."""

from __future__ import annotations

import pytest
import torch
from oracles.contrastive import moco

from msclr.errors import ConfigError
from msclr.losses import PAIR_POLICIES, MSCLRLoss, NegativeQueue, info_nce

HALVES = [torch.float16, torch.bfloat16]
NAMES = ("ntu_25", "smpl_24")


def rows(count: int, dim: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def views(count: int, seed: int = 0) -> dict[str, torch.Tensor]:
    return {name: rows(count, seed=seed + i) for i, name in enumerate(NAMES)}


@pytest.mark.parametrize("dtype", HALVES)
def test_e02_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    query, key, negatives = (rows(n, seed=i).to(dtype) for i, n in enumerate((16, 16, 64)))
    expected = moco(*(x.double().numpy() for x in (query, key, negatives)), 0.07)
    naive = torch.nn.functional.cross_entropy(
        torch.nn.functional.normalize(query, dim=1)
        @ torch.nn.functional.normalize(torch.cat([key, negatives]), dim=1).T
        / 0.07,
        torch.arange(16),
    )
    found = info_nce(query, key, negatives, temperature=0.07)
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(expected, abs=1e-4)
    assert abs(float(naive) - expected) != pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("dtype", HALVES)
def test_e02_autocast_changes_nothing(dtype: torch.dtype) -> None:
    query, key = views(6), views(6, seed=5)
    plain = MSCLRLoss(8, 16, in_batch=True)(query, key)
    with torch.autocast("cpu", dtype=dtype):
        cast = MSCLRLoss(8, 16, in_batch=True)(query, key)
    assert cast.total.dtype == torch.float32
    torch.testing.assert_close(cast.total, plain.total, rtol=1e-6, atol=1e-6)
    for name, value in plain.terms.items():
        torch.testing.assert_close(cast.terms[name], value, rtol=1e-6, atol=1e-6)


def test_e02_unnormalised_logits_of_half_precision_do_not_overflow() -> None:
    query = torch.full((2, 8), 6e4, dtype=torch.float16, requires_grad=True)
    loss = info_nce(query, query.detach(), -query.detach(), temperature=0.07, normalize=False)
    loss.backward()
    assert loss.isfinite()
    assert query.grad.isfinite().all()


def test_e03_zero_vector_has_a_defined_result() -> None:
    query, key, negatives = rows(3), rows(3, seed=1), rows(5, seed=2)
    query[1], key[2], negatives[0] = 0.0, 0.0, 0.0
    tensors = [x.requires_grad_() for x in (query, key, negatives)]
    loss = info_nce(*tensors, temperature=0.07)
    loss.backward()
    assert loss.item() == pytest.approx(moco(*(x.detach().double().numpy() for x in tensors), 0.07), abs=1e-4)
    assert all(x.grad.isfinite().all() for x in tensors)
    assert not query.grad[1].any()
    assert query.grad[0].any()


def test_e03_all_vectors_zero() -> None:
    query = {name: torch.zeros(3, 8, requires_grad=True) for name in NAMES}
    output = MSCLRLoss(8, 4, in_batch=True)(query, query)
    output.total.backward()
    assert output.total.isfinite()
    assert all(x.grad is not None and not x.grad.any() for x in query.values())


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("joint", [True, False])
def test_e04_bad_row_leaves_the_others_alone(bad: float, joint: bool) -> None:
    query, key, negatives = rows(4), rows(4, seed=1), rows(6, seed=2)
    query[0, 3], key[1, 0], negatives[2, 5] = bad, bad, bad
    query.requires_grad_()
    loss = info_nce(query, key, negatives, temperature=0.07, joint=joint)
    loss.backward()
    good = [0, 1, 3, 4, 5]
    torch.testing.assert_close(loss, info_nce(query[2:], key[2:], negatives[good], temperature=0.07, joint=joint))
    assert query.grad.isfinite().all()
    assert not query.grad[:2].any()


@pytest.mark.parametrize("policy", PAIR_POLICIES)
def test_e04_one_nan_sample_in_a_batch(policy: str) -> None:
    query, key = views(5), views(5, seed=7)
    for side in (query, key):
        for view in side.values():
            view[2] = float("nan")
            view.requires_grad_(side is query)
    keep = torch.tensor([0, 1, 3, 4])
    loss = MSCLRLoss(8, 32, in_batch=True, policy=policy)
    output = loss(query, key, generator=torch.Generator().manual_seed(0))
    output.total.backward()
    assert output.total.isfinite()
    assert float(output.terms["valid"]) == pytest.approx(0.8)
    assert all(value.isfinite() for value in output.terms.values())
    assert all(x.grad.isfinite().all() and not x.grad[2].any() for x in query.values())
    assert loss.queue.keys.isfinite().all()
    assert int(loss.queue.rejected) == (1 if policy == "random" else 2)
    if policy != "random":
        clean = MSCLRLoss(8, 32, in_batch=True, policy=policy)(
            {n: x[keep] for n, x in query.items()}, {n: x[keep] for n, x in key.items()}
        )
        torch.testing.assert_close(output.total, clean.total)
        torch.testing.assert_close(output.terms, clean.terms | {"valid": output.terms["valid"]})


def test_e04_a_clip_missing_in_one_convention_keeps_its_other_pairs() -> None:
    query, key = views(3), views(3, seed=7)
    key["smpl_24"][1] = float("nan")
    output = MSCLRLoss(8, 16)(query, key)
    assert output.total.isfinite()
    assert float(output.terms["valid"]) == pytest.approx(5 / 6)


def test_e04_nothing_but_nan() -> None:
    query = {name: torch.full((2, 8), float("nan"), requires_grad=True) for name in NAMES}
    loss = MSCLRLoss(8, 4, in_batch=True)
    output = loss(query, query)
    output.total.backward()
    assert output.total.item() == 0.0
    assert float(output.terms["valid"]) == 0.0
    assert not any(x.grad.any() for x in query.values())
    assert int(loss.queue.rejected) == 4


@pytest.mark.parametrize("temperature", [0.0, -0.07, 1e-9, 9e-7, float("nan"), float("inf")])
def test_e06_temperature(temperature: float) -> None:
    with pytest.raises(ConfigError, match="temperature"):
        MSCLRLoss(8, 4, temperature=temperature)
    with pytest.raises(ConfigError, match="temperature"):
        info_nce(rows(2), rows(2), temperature=temperature)


@pytest.mark.parametrize("size", [0, -3])
def test_e06_queue_without_rows(size: int) -> None:
    with pytest.raises(ConfigError, match="size"):
        NegativeQueue(8, size)
    with pytest.raises(ConfigError, match="size"):
        MSCLRLoss(8, size)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_e06_queue_of_one_below_the_batch_and_not_divisible(size: int) -> None:
    key = rows(3)
    loss = MSCLRLoss(8, size)
    for _ in range(2):
        assert loss(rows(3, seed=1), key, sample_ids=torch.arange(3)).total.isfinite()
    assert loss.queue.ids.roll(-int(loss.queue.pointer)).tolist() == [0, 1, 2, 0, 1, 2][-size:]


@pytest.mark.parametrize("policy", PAIR_POLICIES)
@pytest.mark.parametrize("in_batch", [True, False])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_e07_small_batches_are_defined(policy: str, in_batch: bool, count: int) -> None:
    loss = MSCLRLoss(8, 4, policy=policy, in_batch=in_batch)
    query = {name: x.requires_grad_() for name, x in views(count).items()}
    output = loss(query, views(count, seed=5), generator=torch.Generator().manual_seed(0))
    output.total.backward()
    assert output.total.isfinite()
    assert all(value.isfinite() for value in output.terms.values())
    assert (output.total.item() == 0.0) == (count == 0)


@pytest.mark.parametrize("policy", PAIR_POLICIES)
def test_e08_all_samples_identical(policy: str) -> None:
    loss = MSCLRLoss(8, 6, policy=policy, in_batch=True)
    same = {name: torch.ones(4, 8, requires_grad=True) for name in NAMES}
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        output = loss(same, same, generator=generator)
    output.total.backward()
    assert output.total.isfinite()
    assert all(x.grad.isfinite().all() for x in same.values())
    # The queue is full of the same vector: nothing can be told apart.
    assert float(output.terms["accuracy"]) == 0.0
    assert float(output.terms["alignment"]) == pytest.approx(0.0, abs=1e-5)
    assert float(output.terms["uniformity"]) == pytest.approx(0.0, abs=1e-5)


def test_e08_all_clips_masked() -> None:
    query = {name: x.requires_grad_() for name, x in views(3).items()}
    loss = MSCLRLoss(8, 4)
    before = loss.queue.keys.clone()
    output = loss(query, views(3, seed=5), valid=torch.zeros(3, dtype=torch.bool))
    output.total.backward()
    assert output.total.item() == 0.0
    assert not any(x.grad.any() for x in query.values())
    assert torch.equal(loss.queue.keys, before)
