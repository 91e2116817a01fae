from __future__ import annotations

from itertools import pairwise, permutations

import pytest
import torch
from oracles import contrastive_views as oracle
from oracles.contrastive import nce_one

from msclr.errors import ConfigError, PoseError, PoseTypeError
from msclr.losses import CrosSCLRLoss, info_nce, unit_rows

STREAMS = ("joint", "motion", "bone")


def views(count: int, dim: int = 6, seed: int = 0, streams: tuple[str, ...] = STREAMS) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(count, dim, generator=generator, dtype=torch.float64) for name in streams}


def build(size: int = 9, dim: int = 6, **options: object) -> CrosSCLRLoss:
    return CrosSCLRLoss(dim, size, **options).double()


def expected_of(
    query: dict[str, torch.Tensor], key: dict[str, torch.Tensor], loss: CrosSCLRLoss, **options: object
) -> float:
    arrays = ({n: x.detach().numpy() for n, x in side.items()} for side in (query, key))
    return oracle.crosclr(*arrays, {n: q.keys.numpy().copy() for n, q in loss.queues.items()}, **options)


@pytest.mark.parametrize(("count", "dim", "size"), [(1, 3, 3), (2, 6, 4), (4, 2, 9), (5, 5, 17)])
@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize(("topk", "context"), [(None, True), (1, True), (1, False), (2, False), (3, True)])
def test_equals_the_formula(
    count: int, dim: int, size: int, temperature: float, topk: int | None, context: bool
) -> None:
    query, key = views(count, dim), views(count, dim, seed=1)
    loss = build(size, dim, temperature=temperature, topk=topk or 1, context=context)
    expected = expected_of(query, key, loss, temperature=temperature, topk=topk, context=context)
    output = loss(query, key, mining=topk is not None)
    assert float(output.total) == pytest.approx(expected, abs=1e-6)
    assert output.terms["knowledge" if topk else "info_nce"] == output.total
    torch.testing.assert_close(sum(output.terms[f"loss_{name}"] for name in STREAMS), output.total)


def test_two_streams_are_enough() -> None:
    names = ("joint", "bone")
    query, key = views(3, streams=names), views(3, seed=1, streams=names)
    loss = build(streams=names, temperature=0.2)
    expected = expected_of(query, key, loss, temperature=0.2, topk=1)
    assert float(loss(query, key, mining=True).total) == pytest.approx(expected, abs=1e-6)


def test_no_gradient_passes_the_choice_of_neighbours() -> None:
    names = ("joint", "bone")
    query, key = views(3, streams=names), views(3, seed=1, streams=names)
    loss = build(context=False, streams=names, temperature=0.2, topk=2)
    bone = query["bone"].requires_grad_()
    queues = {name: queue.negatives() for name, queue in loss.queues.items()}
    nearest = unit_rows(query["joint"]) @ queues["joint"].T  # what the joint stream tells the bone stream
    marks = torch.ones(3, 10, dtype=torch.bool)
    marks[:, 1:] = nearest >= nearest.topk(2).values[:, 1:]
    fixed = info_nce(bone, key["bone"], queues["bone"], temperature=0.2, positives_mask=marks)
    found = loss(query, key, mining=True)
    torch.testing.assert_close(found.terms["loss_bone"], fixed.detach())
    torch.testing.assert_close(*(torch.autograd.grad(x, bone)[0] for x in (found.total, fixed)))


def test_products_of_the_context_teach_both_streams() -> None:
    query, key = views(3), views(3, seed=1)
    bone = query["bone"].requires_grad_()
    with_context, without = (
        torch.autograd.grad(build(context=c, temperature=0.2)(query, key, mining=True).total, bone)[0]
        for c in (True, False)
    )
    assert not torch.allclose(with_context, without)


def test_streams_may_come_in_any_order() -> None:
    query, key = views(3), views(3, seed=1)
    turned = dict(reversed(query.items()))
    assert torch.equal(build()(turned, key, mining=True).total, build()(query, key, mining=True).total)


def test_queues_stay_in_step() -> None:
    """A row of all queues is one clip, also when a key of one stream has NaN."""
    loss = build(8)
    key = views(4, seed=1)
    key["motion"][1, 2] = float("nan")
    loss(views(4), key, sample_ids=torch.arange(4), valid=torch.tensor([True, True, True, False]))
    for name, queue in loss.queues.items():
        assert queue.ids.tolist() == [0, 2] + [-1] * 6
        assert int(queue.rejected) == 1
        torch.testing.assert_close(queue.keys[:2], (key[name] / key[name].norm(dim=1, keepdim=True))[[0, 2]])


def test_queues_start_with_different_rows() -> None:
    starts = [queue.keys for queue in build().queues.values()]
    assert not any(torch.equal(a, b) for a, b in pairwise(starts))


def test_a_bad_row_in_one_stream_costs_the_pairs_of_this_stream() -> None:
    query, key = views(3), views(3, seed=1)
    loss = build(temperature=0.2, context=False).eval()
    marred = query | {"bone": query["bone"].clone()}
    marred["bone"][1] = float("nan")
    output = loss(marred, key, mining=True)
    arrays = {n: (query[n].numpy(), key[n].numpy(), loss.queues[n].keys.numpy()) for n in STREAMS}

    def between(first: str, second: str) -> float:
        """What the first stream learns from the second, over the rows that both have."""
        losses = []
        for i in [0, 2] if "bone" in (first, second) else [0, 1, 2]:
            (q, k, entries), (other, _, guide) = arrays[first], arrays[second]
            nearest = oracle.largest(oracle.cosines(other[i], list(guide)), 1)
            mined = [entries[n] for n in nearest]
            losses.append(nce_one(q[i], [k[i], *mined], [x for n, x in enumerate(entries) if n not in nearest], 0.2))
        return sum(losses) / len(losses)

    expected = sum(between(u, v) / 2 for u, v in permutations(STREAMS, 2))
    assert float(output.total) == pytest.approx(expected, abs=1e-6)
    assert float(output.terms["valid"]) == pytest.approx(8 / 9)


def test_schedule_starts_mining_after_its_epoch() -> None:
    query, key, loss = views(3), views(3, seed=1), build(mine_after=150).eval()
    assert torch.equal(loss(query, key, epoch=150).total, loss(query, key, mining=False).total)
    assert torch.equal(loss(query, key, epoch=151).total, loss(query, key, mining=True).total)
    with pytest.raises(ConfigError, match="mine_after is 150"):
        loss(query, key)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"streams": ("joint",)}, "'joint'; expected at least two"),
        ({"streams": ("joint", "joint")}, "two different names"),
        ({"streams": ("joint", "a.b")}, "'a.b'"),
        ({"streams": ("joint", "keys")}, "'keys'"),
        ({"topk": 10}, "topk is 10; expected 1 to 9"),
        ({"temperature": 0.0}, "temperature"),
    ],
)
def test_bad_settings_are_refused(options: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        build(**options)


def test_streams_that_do_not_fit_are_named() -> None:
    query, key = views(3), views(3, seed=1)
    with pytest.raises(PoseError, match=r"key has streams \['joint'\].*\['bone', 'joint', 'motion'\]"):
        build()(query, {"joint": key["joint"]})
    with pytest.raises(PoseTypeError, match="query is a Tensor"):
        build()(query["joint"], key)


@pytest.mark.parametrize("context", [True, False])
def test_an_entry_that_is_bad_in_one_queue_is_not_mined_there(context: bool) -> None:
    query, loss = views(2), build(3, topk=3, context=context).eval()
    loss.queues["bone"].keys[1] = float("nan")
    assert loss(query, views(2, seed=1), mining=True).total.isfinite()
