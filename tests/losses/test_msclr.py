from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from oracles import contrastive

from msclr.errors import ConfigError, PoseError, PoseTypeError
from msclr.losses.msclr import MSCLRLoss
from msclr.losses.pairs import PAIR_POLICIES

NAMES = ("ntu_25", "smpl_24", "coco_17")


def views(conventions: int, count: int, dim: int = 6, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {n: torch.randn(count, dim, generator=generator, dtype=torch.float64) for n in NAMES[:conventions]}


def as_numpy(mapping: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy() for name, value in mapping.items()}


def build(size: int = 11, dim: int = 6, **options: object) -> MSCLRLoss:
    return MSCLRLoss(dim, size, **options).double()


@pytest.mark.parametrize("policy", ["cross", "all", "multi"])
@pytest.mark.parametrize("in_batch", [False, True])
@pytest.mark.parametrize(("conventions", "count", "size"), [(2, 1, 1), (2, 4, 7), (3, 3, 16), (3, 5, 2)])
def test_equals_the_formula(policy: str, in_batch: bool, conventions: int, count: int, size: int) -> None:
    query, key = views(conventions, count), views(conventions, count, seed=1)
    loss = build(size, policy=policy, in_batch=in_batch, temperature=0.1)
    queue = loss.queue.keys.numpy().copy()
    expected = contrastive.msclr(
        as_numpy(query), as_numpy(key), queue, policy=policy, in_batch=in_batch, temperature=0.1
    )
    output = loss(query, key)
    assert output.total.item() == pytest.approx(expected, abs=1e-6)
    assert output.terms["info_nce"] == output.total


@pytest.mark.parametrize("policy", ["cross", "all", "multi"])
def test_entries_of_the_same_clip_are_no_negatives(policy: str) -> None:
    query, key = views(2, 4), views(2, 4, seed=1)
    ids, valid = [5, 6, 5, -1], [True, True, True, False]
    loss = build(6, policy=policy, in_batch=True, temperature=0.1)
    loss.queue.enqueue(torch.randn(5, 6, generator=torch.Generator().manual_seed(3)), torch.tensor([5, 5, 9, 6, -1]))
    expected = contrastive.msclr(
        as_numpy(query), as_numpy(key), loss.queue.keys.numpy().copy(), policy=policy, temperature=0.1, in_batch=True,
        sample_ids=ids, queue_ids=loss.queue.ids.tolist(), valid=valid,
    )  # fmt: skip
    output = loss(query, key, sample_ids=torch.tensor(ids), valid=torch.tensor(valid))
    assert output.total.item() == pytest.approx(expected, abs=1e-6)
    assert float(output.terms["valid"]) == pytest.approx(0.75)


def test_unknown_ids_exclude_nothing() -> None:
    query, key = views(2, 3), views(2, 3, seed=1)
    unknown = build(in_batch=True)(query, key, sample_ids=torch.full((3,), -1))
    assert float(unknown.total) == float(build(in_batch=True)(query, key).total)


def test_random_draws_a_convention_for_each_clip_and_side() -> None:
    query, key = views(3, 90), views(3, 90, seed=1)
    loss = build(policy="random", temperature=0.1)
    queue = loss.queue.keys.numpy().copy()
    output = loss(query, key, generator=torch.Generator().manual_seed(4), update_queue=False)
    generator = torch.Generator().manual_seed(4)
    sides = [torch.randint(3, (90,), generator=generator).tolist() for _ in range(2)]
    assert set(zip(*sides, strict=True)) == set(product(range(3), range(3)))
    drawn = [
        np.stack([mapping[NAMES[f]][i].numpy() for i, f in enumerate(side)])
        for mapping, side in zip((query, key), sides, strict=True)
    ]
    assert output.total.item() == pytest.approx(contrastive.moco(*drawn, queue, 0.1), abs=1e-6)
    with pytest.raises(ConfigError, match="generator"):
        loss(query, key)


@pytest.mark.parametrize("policy", PAIR_POLICIES)
def test_two_tensors_are_plain_moco(policy: str) -> None:
    query, key = views(1, 4)[NAMES[0]], views(1, 4, seed=1)[NAMES[0]]
    loss = build(policy=policy, temperature=0.2)
    expected = contrastive.moco(query.numpy(), key.numpy(), loss.queue.keys.numpy().copy(), 0.2)
    assert float(loss(query, key).total) == pytest.approx(expected, abs=1e-6)


def test_symmetric_is_the_mean_of_both_directions() -> None:
    query = {n: x.requires_grad_() for n, x in views(2, 3).items()}
    key = {n: x.requires_grad_() for n, x in views(2, 3, seed=1).items()}
    loss = build(symmetric=True, temperature=0.1)
    queue = loss.queue.keys.numpy().copy()
    both = [
        contrastive.msclr(as_numpy(a), as_numpy(b), queue, policy="cross", temperature=0.1)
        for a, b in ((query, key), (key, query))
    ]
    output = loss(query, key)
    assert output.total.item() == pytest.approx(sum(both) / 2, abs=1e-6)
    output.total.backward()
    assert all(x.grad.any() for x in (*query.values(), *key.values()))
    with pytest.raises(ConfigError, match="no gradient"):
        loss(query, views(2, 3))


def test_gradient_reaches_queries_only() -> None:
    query = {n: x.requires_grad_() for n, x in views(2, 3).items()}
    key = {n: x.requires_grad_() for n, x in views(2, 3, seed=1).items()}
    build(in_batch=True)(query, key).total.backward()
    assert all(x.grad.any() for x in query.values())
    assert all(x.grad is None for x in key.values())


def test_measures_equal_their_formulas() -> None:
    query, key = views(2, 4), views(2, 4, seed=1)
    loss = build(3)
    queue = loss.queue.keys.numpy().copy()
    terms = loss(query, key).terms
    first, second = NAMES[:2]
    pairs = [(query[a][i].numpy(), key[b][i].numpy()) for a, b in ((first, second), (second, first)) for i in range(4)]
    wins = [
        contrastive.unit(q) @ contrastive.unit(k) > max(contrastive.unit(q) @ contrastive.unit(n) for n in queue)
        for q, k in pairs
    ]
    assert 0 < sum(wins) < len(wins)
    assert float(terms["accuracy"]) == pytest.approx(np.mean(wins))
    assert float(terms["alignment"]) == pytest.approx(contrastive.alignment(pairs), abs=1e-6)
    assert float(terms["uniformity"]) == pytest.approx(contrastive.uniformity(as_numpy(query)), abs=1e-6)


def test_keys_enter_the_queue_after_the_loss() -> None:
    query, key = views(2, 3), views(2, 3, seed=1)
    loss = build(8)
    loss(query, key, sample_ids=torch.tensor([4, 5, 6]), valid=torch.tensor([True, False, True]))
    wanted = torch.cat([key[n][[0, 2]] for n in NAMES[:2]])
    torch.testing.assert_close(loss.queue.keys[:4], wanted / wanted.norm(dim=1, keepdim=True))
    assert loss.queue.ids.tolist() == [4, 6, 4, 6, -1, -1, -1, -1]
    before = loss.queue.keys.clone()
    loss(query, key, update_queue=False)
    loss.eval()(query, key)
    assert torch.equal(loss.queue.keys, before)


def test_second_step_meets_the_keys_of_the_first() -> None:
    query, key = views(2, 3), views(2, 3, seed=1)
    loss = build(8, temperature=0.1)
    loss(query, key)
    expected = contrastive.msclr(
        as_numpy(query), as_numpy(key), loss.queue.keys.numpy().copy(), policy="cross", temperature=0.1
    )
    output = loss(query, key)
    output_again = loss(query, key)
    assert output.total.item() == pytest.approx(expected, abs=1e-6)
    assert output_again.total.item() != pytest.approx(expected, abs=1e-6)


def test_conventions_of_the_two_sides_may_differ() -> None:
    query, key = views(1, 3), views(3, 3, seed=1)
    loss = build(4, temperature=0.1)
    expected = contrastive.msclr(
        as_numpy(query), as_numpy(key), loss.queue.keys.numpy().copy(), policy="cross", temperature=0.1
    )
    assert float(loss(query, key).total) == pytest.approx(expected, abs=1e-6)


def test_training_brings_conventions_together() -> None:
    torch.manual_seed(0)
    loss = MSCLRLoss(dim=6, queue_size=32, in_batch=True)
    embeddings = {n: x.float().requires_grad_() for n, x in views(2, 8).items()}
    optimiser = torch.optim.Adam(embeddings.values(), lr=0.05)
    history = []
    for _ in range(60):
        output = loss(embeddings, embeddings, sample_ids=torch.arange(8))
        optimiser.zero_grad()
        output.total.backward()
        optimiser.step()
        history.append({name: float(value) for name, value in output.terms.items()})
    assert history[-1]["info_nce"] < 0.2 * history[0]["info_nce"]
    assert history[-1]["alignment"] < 0.5 * history[0]["alignment"]
    assert history[-1]["accuracy"] == 1.0


def test_state_dict_brings_the_queue_along() -> None:
    loss = build(4)
    loss(views(2, 3), views(2, 3, seed=1))
    twin = build(4, generator=torch.Generator().manual_seed(8))
    twin.load_state_dict(loss.state_dict())
    query, key = views(2, 3, seed=5), views(2, 3, seed=6)
    assert torch.equal(twin(query, key).total, loss(query, key).total)


@pytest.mark.parametrize(
    ("query", "key", "options", "error", "match"),
    [
        (views(2, 3), views(2, 4), {}, PoseError, r"\(4, 6\) beside \(3, 6\)"),
        (views(2, 3, dim=5), views(2, 3), {}, PoseError, r"\(3, 5\).*\[b, 6\]"),
        ({}, views(2, 3), {}, PoseError, "query has no convention"),
        (views(2, 3), views(1, 3)[NAMES[0]], {}, PoseTypeError, "dict.*Tensor"),
        (views(1, 3), views(1, 3), {}, ConfigError, "ntu_25.*two conventions"),
        (views(2, 3), views(2, 3), {"sample_ids": torch.arange(4)}, PoseError, r"\(4,\).*\(3,\)"),
        (views(2, 3), views(2, 3), {"sample_ids": torch.ones(3)}, PoseError, "float32"),
        (views(2, 3), views(2, 3), {"valid": torch.ones(3)}, PoseError, "torch.bool"),
        (views(2, 3), {n: x.to("meta") for n, x in views(2, 3).items()}, {}, PoseError, r"meta.*cpu"),
    ],
)
def test_what_does_not_fit_is_named(
    query: dict[str, torch.Tensor],
    key: dict[str, torch.Tensor],
    options: dict[str, torch.Tensor],
    error: type[Exception],
    match: str,
) -> None:
    with pytest.raises(error, match=match):
        build()(query, key, **options)


def test_unknown_policy_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'pairs'.*random, cross, all, multi"):
        MSCLRLoss(policy="pairs")
