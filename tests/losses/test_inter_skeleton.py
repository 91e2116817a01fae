from __future__ import annotations

import pytest
import torch
from oracles import contrastive_views as oracle
from oracles.contrastive import moco

from msclr.losses import InterSkeletonLoss, MSCLRLoss


def rows(count: int, dim: int = 6, seed: int = 0) -> list[torch.Tensor]:
    """q, r, k, l."""
    generator = torch.Generator().manual_seed(seed)
    return list(torch.randn(4, count, dim, generator=generator, dtype=torch.float64))


def build(size: int = 9, dim: int = 6, **options: object) -> InterSkeletonLoss:
    return InterSkeletonLoss(dim, size, **options).double()


@pytest.mark.parametrize(("count", "dim", "size"), [(1, 3, 1), (2, 6, 4), (4, 2, 9), (5, 5, 17)])
@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_equals_the_formula(count: int, dim: int, size: int, temperature: float) -> None:
    views, loss = rows(count, dim), build(size, dim, temperature=temperature)
    arrays = [x.numpy() for x in views]
    queues = [loss.queue_s1.keys.numpy().copy(), loss.queue_s2.keys.numpy().copy()]
    output = loss(*views)
    assert float(output.total) == pytest.approx(oracle.inter_skeleton(*arrays, *queues, temperature), abs=1e-6)
    assert float(output.terms["nce_s1"]) == pytest.approx(moco(arrays[0], arrays[3], queues[1], temperature), abs=1e-6)
    torch.testing.assert_close(output.terms["nce_s1"] + output.terms["nce_s2"], output.total)


def test_keys_enter_the_queue_of_their_own_representation() -> None:
    views, loss = rows(3), build(8)
    loss(*views, sample_ids=torch.tensor([4, 5, 6]), valid=torch.tensor([True, False, True]))
    for queue, key in ((loss.queue_s1, views[2]), (loss.queue_s2, views[3])):
        torch.testing.assert_close(queue.keys[:2], (key / key.norm(dim=1, keepdim=True))[[0, 2]])
        assert queue.ids.tolist() == [4, 6] + [-1] * 6


def test_queues_start_with_different_rows() -> None:
    loss, twin = build(), build()
    assert not torch.equal(loss.queue_s1.keys, loss.queue_s2.keys)
    assert torch.equal(loss.queue_s2.keys, twin.queue_s2.keys)
    other = build(generator=torch.Generator().manual_seed(5))
    assert not torch.equal(loss.queue_s1.keys, other.queue_s1.keys)


def test_intra_is_one_contrast_for_each_representation() -> None:
    q, r, k, l = rows(4)  # noqa: E741
    loss = build(intra=True, temperature=0.1)
    plain = [MSCLRLoss(6, 9, temperature=0.1).double() for _ in range(2)]
    plain[0].queue.load_state_dict(loss.queue_s1.state_dict())
    plain[1].queue.load_state_dict(loss.queue_s2.state_dict())
    ids = torch.tensor([3, 1, 4, 1])
    for _ in range(2):
        output = loss(q, r, k, l, sample_ids=ids)
        first, second = plain[0](q, k, sample_ids=ids), plain[1](r, l, sample_ids=ids)
        torch.testing.assert_close(output.total, first.total + second.total)
        for name in ("alignment", "uniformity", "accuracy", "valid"):
            torch.testing.assert_close(output.terms[name], (first.terms[name] + second.terms[name]) / 2)


def test_a_bad_row_in_one_representation_costs_one_pair() -> None:
    q, r, k, l = rows(3)  # noqa: E741
    loss = build(temperature=0.2)
    queues = [loss.queue_s1.keys.numpy().copy(), loss.queue_s2.keys.numpy().copy()]
    l[1] = float("nan")
    output = loss(q, r, k, l)
    expected = moco(q.numpy()[[0, 2]], l.numpy()[[0, 2]], queues[1], 0.2) + moco(r.numpy(), k.numpy(), queues[0], 0.2)
    assert float(output.total) == pytest.approx(expected, abs=1e-6)
    assert float(output.terms["valid"]) == pytest.approx(5 / 6)
    assert [int(loss.queue_s1.rejected), int(loss.queue_s2.rejected)] == [0, 1]
