from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from oracles import contrastive_views as oracle

from msclr.errors import ConfigError, PoseError, PoseTypeError
from msclr.losses import PAIR_POLICIES, AimCLRLoss, MSCLRLoss

NAMES = ("ntu_25", "smpl_24", "coco_17")
SIDES = ("query", "extreme", "dropped", "key")


def rows(count: int, dim: int = 6, seed: int = 0) -> list[torch.Tensor]:
    """Query, extreme, dropped, key."""
    generator = torch.Generator().manual_seed(seed)
    return list(torch.randn(4, count, dim, generator=generator, dtype=torch.float64))


def views(conventions: int, count: int) -> list[dict[str, torch.Tensor]]:
    drawn = [rows(count, seed=i) for i in range(conventions)]
    return [{NAMES[i]: drawn[i][side] for i in range(conventions)} for side in range(4)]


def build(size: int = 9, dim: int = 6, **options: object) -> AimCLRLoss:
    return AimCLRLoss(dim, size, **options).double()


def expected_of(sides: list[torch.Tensor], queue: torch.Tensor, **options: object) -> tuple[float, float]:
    query, extreme, dropped, key = (x.detach().numpy() for x in sides)
    return oracle.aimclr(query, extreme, dropped, [[k] for k in key], queue.numpy().copy(), **options)


@pytest.mark.parametrize(("count", "dim", "size"), [(1, 3, 3), (2, 6, 4), (4, 2, 9), (5, 5, 17)])
@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize("topk", [None, 1, 2, 3])
def test_equals_the_formula(count: int, dim: int, size: int, temperature: float, topk: int | None) -> None:
    sides, loss = rows(count, dim), build(size, dim, temperature=temperature, topk=topk or 1)
    first, second = expected_of(sides, loss.queue.keys, temperature=temperature, topk=topk)
    output = loss(*sides, mining=topk is not None)
    assert float(output.terms["nnm" if topk else "info_nce"]) == pytest.approx(first, abs=1e-6)
    assert float(output.terms["d3m"]) == pytest.approx(second, abs=1e-6)
    assert float(output.total) == pytest.approx(first + second, abs=1e-6)


@pytest.mark.parametrize("topk", [None, 2])
def test_gradients_are_those_of_the_formula_with_a_constant_target(topk: int | None) -> None:
    sides, loss = rows(3), build(temperature=0.3, topk=topk or 1)
    queue = loss.queue.keys.clone()
    queries = [x.requires_grad_() for x in sides[:3]]
    loss(*sides, mining=topk is not None).total.backward()
    target = sides[0].detach().numpy().copy()
    for place, query in enumerate(queries):

        def total(moved: np.ndarray, place: int = place) -> float:
            others = [*sides[:place], torch.from_numpy(moved), *sides[place + 1 :]]
            return sum(expected_of(others, queue, temperature=0.3, topk=topk, targets=target))

        np.testing.assert_allclose(query.grad.numpy(), oracle.slope(total, query.detach().numpy()), atol=1e-7)


def test_no_gradient_passes_the_target_distribution() -> None:
    query, extreme, dropped, key = (x.requires_grad_() for x in rows(3))
    full, plain = build(), MSCLRLoss(6, 9).double()
    of_full = torch.autograd.grad(full(query, extreme, dropped, key).total, query)[0]
    of_instance = torch.autograd.grad(plain(query, key).total, query)[0]
    torch.testing.assert_close(of_full, of_instance)


def test_no_gradient_passes_the_choice_of_neighbours() -> None:
    query, extreme, dropped, key = (x.requires_grad_() for x in rows(3))
    loss = build(temperature=0.2)
    mined = torch.autograd.grad(loss(query, extreme, dropped, key, mining=True).total, (extreme, dropped))
    plain = torch.autograd.grad(build(temperature=0.2)(query, extreme, dropped, key).total, (extreme, dropped))
    torch.testing.assert_close(mined, plain)


@pytest.mark.parametrize("policy", ["cross", "all", "multi"])
@pytest.mark.parametrize("topk", [None, 2])
@pytest.mark.parametrize(("conventions", "count", "size"), [(2, 1, 4), (3, 4, 8)])
def test_conventions_equal_the_formula(policy: str, topk: int | None, conventions: int, count: int, size: int) -> None:
    sides, loss = views(conventions, count), build(size, policy=policy, temperature=0.1, topk=topk or 1)
    query, extreme, dropped, key = ({n: x.numpy() for n, x in side.items()} for side in sides)
    pairs = [(f, [g]) for f, g in product(query, key) if policy == "all" or f != g]
    pairs = [(f, list(key)) for f in query] if policy == "multi" else pairs
    first, second = oracle.aimclr(
        np.concatenate([query[f] for f, _ in pairs]),
        np.concatenate([extreme[f] for f, _ in pairs]),
        np.concatenate([dropped[f] for f, _ in pairs]),
        [[key[g][i] for g in others] for _, others in pairs for i in range(count)],
        loss.queue.keys.numpy().copy(),
        temperature=0.1,
        topk=topk,
    )
    output = loss(*sides, mining=topk is not None)
    assert float(output.terms["nnm" if topk else "info_nce"]) == pytest.approx(first, abs=1e-6)
    assert float(output.terms["d3m"]) == pytest.approx(second, abs=1e-6)


@pytest.mark.parametrize("policy", PAIR_POLICIES)
def test_first_term_of_conventions_is_the_ms_clr_loss(policy: str) -> None:
    query, extreme, dropped, key = views(3, 5)
    full, plain = build(policy=policy), MSCLRLoss(6, 9, policy=policy).double()
    given = {"sample_ids": torch.tensor([3, 1, 4, 1, -1])}
    for step in range(2):  # in the second step the queue holds keys of these clips
        generators = [torch.Generator().manual_seed(step) for _ in range(2)]
        output = full(query, extreme, dropped, key, generator=generators[0], **given)
        expected = plain(query, key, generator=generators[1], **given)
        torch.testing.assert_close(output.terms["info_nce"], expected.total)
        for name in ("alignment", "uniformity", "accuracy", "valid"):
            torch.testing.assert_close(output.terms[name], expected.terms[name])
    assert torch.equal(full.queue.keys, plain.queue.keys)


def test_random_draws_one_convention_for_the_three_query_views() -> None:
    sides, loss = views(3, 40), build(policy="random", temperature=0.1)
    queue = loss.queue.keys.clone()
    output = loss(*sides, generator=torch.Generator().manual_seed(4))
    generator = torch.Generator().manual_seed(4)
    of_query, of_key = (torch.randint(3, (40,), generator=generator).tolist() for _ in range(2))
    drawn = [
        torch.stack([side[NAMES[f]][i] for i, f in enumerate(of_key if name == "key" else of_query)])
        for name, side in zip(SIDES, sides, strict=True)
    ]
    assert float(output.total) == pytest.approx(sum(expected_of(drawn, queue, temperature=0.1)), abs=1e-6)
    with pytest.raises(ConfigError, match="generator"):
        loss(*sides)


def test_order_of_conventions_may_differ_between_views() -> None:
    query, extreme, dropped, key = views(3, 4)
    turned = dict(reversed(extreme.items()))
    torch.testing.assert_close(build()(query, turned, dropped, key).total, build()(query, extreme, dropped, key).total)


def test_schedule_starts_mining_after_its_epoch() -> None:
    sides, loss = rows(3), build(mine_after=150).eval()
    assert torch.equal(loss(*sides, epoch=150).total, loss(*sides, mining=False).total)
    assert torch.equal(loss(*sides, epoch=151).total, loss(*sides, mining=True).total)
    assert "nnm" in loss(*sides, epoch=3, mining=True).terms
    assert "info_nce" in build()(*sides, epoch=300).terms
    with pytest.raises(ConfigError, match=r"mine_after is 150.*epoch=\.\.\."):
        loss(*sides)


def test_a_shared_queue_is_filled_once() -> None:
    query, extreme, dropped, key = rows(3)
    plain = MSCLRLoss(6, 9).double()
    extra = AimCLRLoss(queue=plain.queue)
    plain(query, key, sample_ids=torch.arange(3))
    extra(query, extreme, dropped, key, update_queue=False)
    assert extra.queue is plain.queue
    assert plain.queue.ids.tolist() == [0, 1, 2] + [-1] * 6


def test_a_bad_extreme_view_costs_only_its_half_of_d3m() -> None:
    sides, loss = rows(3), build(temperature=0.2).eval()
    whole = loss(*sides)
    sides[1] = sides[1].clone()
    sides[1][1, 0] = float("nan")
    output = loss(*sides)
    query, key, queue = sides[0].numpy(), sides[3].numpy(), list(loss.queue.keys.numpy())
    halves = [
        np.mean([oracle.cross_entropy(query[i], side[i].numpy(), [key[i]], queue, 0.2) for i in which])
        for side, which in ((sides[1], [0, 2]), (sides[2], [0, 1, 2]))
    ]
    assert torch.equal(output.terms["info_nce"], whole.terms["info_nce"])
    assert float(output.terms["d3m"]) == pytest.approx(sum(halves) / 2, abs=1e-6)
    assert float(output.terms["valid"]) == 1.0


def test_a_bad_extreme_view_mines_nothing() -> None:
    sides, loss = rows(2), build(temperature=0.2).eval()
    sides[1] = torch.full_like(sides[1], float("nan"))
    output = loss(*sides, mining=True)
    # The extreme view that finds what the normal view finds anyway.
    sides[1] = sides[0]
    expected, _ = expected_of(sides, loss.queue.keys, temperature=0.2, topk=1)
    assert float(output.terms["nnm"]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("policy", ["all", "multi"])
def test_a_bad_normal_view_takes_its_row_out_though_others_mine(policy: str) -> None:
    sides, loss = views(2, 3), build(policy=policy, temperature=0.2).eval()
    kept = [{name: view[[0, 2]] for name, view in side.items()} for side in sides]
    for view in sides[0].values():
        view[1] = float("nan")
    torch.testing.assert_close(loss(*sides, mining=True).total, loss(*kept, mining=True).total)


def test_mined_neighbours_are_never_of_the_same_clip() -> None:
    query, _, _, key = rows(1)
    loss = build(3, temperature=0.2).eval()
    loss.queue.enqueue(query / query.norm(), torch.tensor([7]))
    near = loss(query, query, query, key, mining=True, sample_ids=torch.tensor([7]))
    rest = loss.queue.keys[loss.queue.ids != 7]
    expected, _ = expected_of([query, query, query, key], rest, temperature=0.2, topk=1)
    assert float(near.terms["nnm"]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"policy": "pairs"}, "'pairs'"),
        ({"topk": 0}, "topk is 0; expected 1 to 9"),
        ({"topk": 10}, "topk is 10; expected 1 to 9"),
        ({"temperature": 0.0}, "temperature"),
    ],
)
def test_bad_settings_are_refused(options: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        build(**options)


def test_views_that_do_not_fit_are_named() -> None:
    query, extreme, dropped, key = views(2, 3)
    with pytest.raises(PoseError, match=r"extreme has conventions \['ntu_25'\].*\['ntu_25', 'smpl_24'\]"):
        build()(query, {"ntu_25": extreme["ntu_25"]}, dropped, key)
    with pytest.raises(PoseTypeError, match="query is a dict, extreme is a Tensor"):
        build()(query, extreme["ntu_25"], dropped, key)
    with pytest.raises(PoseError, match="key has no convention"):
        build()(query, extreme, dropped, {})
