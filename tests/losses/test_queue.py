from __future__ import annotations

from collections import deque

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from msclr.errors import ConfigError, PoseError
from msclr.losses.queue import NegativeQueue


def in_order(queue: NegativeQueue) -> list[tuple[list[float], int]]:
    """Content from the oldest to the newest."""
    start = int(queue.pointer)
    return list(zip(queue.keys.roll(-start, 0).tolist(), queue.ids.roll(-start, 0).tolist(), strict=True))


@settings(max_examples=60)
@given(size=st.integers(1, 9), batches=st.lists(st.integers(0, 23), max_size=6), bad=st.integers(0, 40))
def test_behaves_as_a_deque(size: int, batches: list[int], bad: int) -> None:
    queue = NegativeQueue(dim=2, size=size)
    reference = deque(in_order(queue), maxlen=size)
    number, rejected = 0, 0
    for batch in batches:
        ids = torch.arange(number, number + batch)
        keys = torch.stack([ids.float(), -ids.float()], dim=1)
        if number <= bad < number + batch:
            keys[bad - number, 1] = float("nan")
            rejected += 1
        number += batch
        queue.enqueue(keys, ids)
        good = keys.isfinite().all(1)
        reference.extend(zip(keys[good].tolist(), ids[good].tolist(), strict=True))
    assert in_order(queue) == list(reference)
    assert int(queue.rejected) == rejected


def test_starts_with_unit_rows_of_its_generator() -> None:
    first = NegativeQueue(8, 16, torch.Generator().manual_seed(1))
    second = NegativeQueue(8, 16, torch.Generator().manual_seed(1))
    other = NegativeQueue(8, 16, torch.Generator().manual_seed(2))
    torch.testing.assert_close(first.keys.norm(dim=1), torch.ones(16))
    assert torch.equal(first.keys, second.keys)
    assert not torch.equal(first.keys, other.keys)
    assert torch.equal(NegativeQueue(8, 16).keys, NegativeQueue(8, 16).keys)
    assert first.ids.tolist() == [-1] * 16


def test_state_dict_holds_everything() -> None:
    queue = NegativeQueue(3, 5)
    queue.enqueue(torch.tensor([[1.0, 2.0, 3.0], [float("inf"), 0.0, 0.0], [4.0, 5.0, 6.0]]), torch.tensor([3, 4, 5]))
    copy = NegativeQueue(3, 5, torch.Generator().manual_seed(9))
    copy.load_state_dict(queue.state_dict())
    for twin in (queue, copy):
        twin.enqueue(torch.ones(4, 3))
    assert in_order(queue) == in_order(copy)
    assert int(copy.rejected) == 1
    assert set(queue.state_dict()) == {"keys", "ids", "pointer", "rejected"}


def test_negatives_survive_a_later_enqueue() -> None:
    queue = NegativeQueue(2, 3)
    weight = torch.ones(1, 2, requires_grad=True)
    negatives = queue()
    before = negatives.clone()
    product = (weight @ negatives.T).sum()
    queue.enqueue(torch.full((5, 2), 9.0))
    product.backward()
    assert torch.equal(negatives, before)
    torch.testing.assert_close(weight.grad, before.sum(0, keepdim=True))


def test_keys_enter_without_their_graph() -> None:
    queue = NegativeQueue(2, 3)
    queue.enqueue(torch.ones(2, 2, requires_grad=True) * 2)
    assert not queue.keys.requires_grad


def test_a_key_too_large_for_the_type_of_the_queue_is_rejected() -> None:
    queue = NegativeQueue(2, 3).half()
    queue.enqueue(torch.tensor([[1e6, 1.0], [1.0, 1.0]]))
    assert queue.keys.isfinite().all()
    assert int(queue.rejected) == 1


@pytest.mark.parametrize(
    ("keys", "ids", "match"),
    [
        (torch.ones(2, 4), None, r"\(2, 4\).*\[n, 3\]"),
        (torch.ones(3), None, r"\(3,\)"),
        (torch.ones(2, 3), torch.zeros(3, dtype=torch.int64), r"\(3,\).*\(2, 3\)"),
        (torch.ones(2, 3), torch.zeros(2), "float32"),
        (torch.ones(2, 3, device="meta"), None, r"meta.*cpu"),
    ],
)
def test_what_does_not_fit_is_named(keys: torch.Tensor, ids: torch.Tensor | None, match: str) -> None:
    with pytest.raises(PoseError, match=match):
        NegativeQueue(3, 4).enqueue(keys, ids)


@pytest.mark.parametrize(("dim", "size"), [(0, 4), (4, 0), (4, -1)])
def test_sizes_below_one_are_refused(dim: int, size: int) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        NegativeQueue(dim, size)
