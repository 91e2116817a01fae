"""Collectives in one process, and in two that talk over the loopback; this file is also the program they run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import torch
from child import two_ranks

from msclr.collectives import (
    all_reduce_sum,
    all_true,
    gather_rows,
    gather_shares,
    gather_texts,
    largest,
    peers_may_end,
    rank,
    share_of,
    world_size,
)
from msclr.errors import PoseError


def test_single_process_is_the_identity() -> None:
    tensor = torch.randn(3, 2, requires_grad=True)
    assert (rank(), world_size()) == (0, 1)
    assert torch.equal(gather_rows(tensor), tensor)
    assert not gather_rows(tensor).requires_grad
    assert all_reduce_sum(tensor) is tensor
    assert gather_shares(tensor, 3) is tensor
    assert share_of(3) == slice(0, 3)
    assert all_true(torch.tensor(False)).item() is False
    assert (largest(-3), gather_texts("müde")) == (-3, ["müde"])


@pytest.mark.parametrize("error", [RuntimeError("gloo is a word"), ValueError("gloo"), PoseError("other")])
def test_an_error_of_a_single_process_is_nobody_else_s_fault(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, peers_may_end():
        raise error
    assert caught.value is error


def test_a_scalar_has_no_rows() -> None:
    with pytest.raises(PoseError, match=r"\(\)"):
        gather_rows(torch.tensor(1.0))


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """What each of two processes has found."""
    if not torch.distributed.is_available():
        pytest.skip("this torch has no torch.distributed")
    store = tmp_path_factory.mktemp("store") / "rendezvous"
    return [json.loads(output.splitlines()[-1]) for output in two_ranks(__file__, store)]


def test_ranks_differ_and_world_is_two(two_processes: list[dict[str, object]]) -> None:
    assert [(found["rank"], found["world"]) for found in two_processes] == [(0, 2), (1, 2)]


def test_rows_come_in_rank_order_on_every_process(two_processes: list[dict[str, object]]) -> None:
    for found in two_processes:
        assert found["uneven"] == [[0.0, 0.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
        assert found["one_empty"] == [10, 11]


def test_sum_has_the_gradient_of_all_processes(two_processes: list[dict[str, object]]) -> None:
    # Loss r is (r + 1) * sum(x)**2 / 2 with sum(x) = 3: each x gets (1 + 2) * 3.
    for found in two_processes:
        assert found["sum"] == 3.0
        assert found["gradient"] == 9.0


def test_shares_make_up_the_batch_and_get_the_gradient_that_the_mean_over_processes_makes_whole(
    two_processes: list[dict[str, object]],
) -> None:
    # Both compute sum(x * [1, 2, 3]) of the whole batch; the mean over processes halves what each has of its own rows.
    assert [found["share"] for found in two_processes] == [[0], [1, 2]]
    assert [found["whole"] for found in two_processes] == [[0.0, 1.0, 2.0]] * 2
    assert [found["share_gradient"] for found in two_processes] == [[2.0], [4.0, 6.0]]
    assert [found["no_share"] for found in two_processes] == [[7.0]] * 2


def test_flags_numbers_and_texts_of_all_are_known_to_all(two_processes: list[dict[str, object]]) -> None:
    for found in two_processes:
        assert found["all_true"] == [True, False]
        assert found["largest"] == 15
        assert found["texts"] == ["", "process 1: schön"]


def test_queue_is_the_same_on_every_process(two_processes: list[dict[str, object]]) -> None:
    # Ranks bring keys 0..2 and 100..101, then 3 and nothing; one key of rank 1 is NaN. Size 4.
    for found in two_processes:
        assert found["queue"] == [0, 1, 2, 100, 3][-4:]
        assert found["rejected"] == 1


def _work(number: int, store: str) -> dict[str, object]:
    from msclr.losses.queue import NegativeQueue

    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    torch.distributed.init_process_group("gloo", init_method=Path(store).as_uri(), rank=number, world_size=2)
    found: dict[str, object] = {"rank": rank(), "world": world_size()}
    found["uneven"] = gather_rows(torch.full((1 + 2 * number, 2), float(number))).tolist()
    found["one_empty"] = gather_rows(torch.tensor([10, 11])[: 2 * (1 - number)]).tolist()

    value = torch.tensor(1.0 + number, requires_grad=True)
    total = all_reduce_sum(value)
    ((number + 1) * total**2 / 2).backward()
    found["sum"], found["gradient"] = total.item(), value.grad.item()

    own = torch.arange(3)[share_of(3)]
    rows = own.double().requires_grad_()
    whole = gather_shares(rows, 3)
    (whole * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    found |= {"share": own.tolist(), "whole": whole.tolist(), "share_gradient": rows.grad.tolist()}
    found["no_share"] = gather_shares(torch.tensor([7.0])[share_of(1)], 1).tolist()
    found["all_true"] = [bool(all_true(torch.tensor(flag))) for flag in (True, number == 0)]
    found["largest"] = largest(15 * number)
    found["texts"] = gather_texts(f"process {number}: schön" if number else "")

    queue = NegativeQueue(dim=1, size=4)
    ids = torch.arange(3) if number == 0 else torch.tensor([100, 101])
    keys = ids.float()[:, None].clone()
    if number == 1:
        keys[1] = float("nan")
    queue.enqueue(keys, ids)
    ids = torch.tensor([3]) if number == 0 else torch.zeros(0, dtype=torch.int64)
    queue.enqueue(ids.float()[:, None], ids)
    found["queue"] = queue.keys.flatten().roll(-int(queue.pointer)).int().tolist()
    found["rejected"] = int(queue.rejected)
    torch.distributed.destroy_process_group()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_work(int(sys.argv[1]), sys.argv[2])) + "\n")
