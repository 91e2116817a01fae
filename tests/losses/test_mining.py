from __future__ import annotations

import pytest
import torch

from msclr.errors import ConfigError
from msclr.losses.infonce import pair_logits
from msclr.losses.mining import check_neighbours, is_mining, nearest_entries

ENTRIES = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-1.0, 0.0]])
QUERY = torch.tensor([[1.0, 0.1], [-1.0, 0.2]])


@pytest.mark.parametrize(
    ("mining", "mine_after", "epoch", "expected"),
    [
        (None, None, None, False), (None, None, 500, False), (None, 150, 1, False), (None, 150, 150, False),
        (None, 150, 151, True), (None, 0, 1, True), (True, 150, 1, True), (False, 150, 500, False),
        (True, None, None, True), (False, 150, None, False),
    ],
)  # fmt: skip
def test_schedule(mining: bool | None, mine_after: int | None, epoch: int | None, expected: bool) -> None:
    assert is_mining(mining, mine_after, epoch) is expected


def test_a_schedule_needs_the_epoch() -> None:
    with pytest.raises(ConfigError, match=r"mine_after is 150, and no epoch.*epoch=\.\.\."):
        is_mining(None, 150, None)


def test_nearest_entries_are_marked() -> None:
    logits = pair_logits(QUERY, QUERY, ENTRIES, temperature=0.1)
    assert nearest_entries(logits, 1).tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]
    assert nearest_entries(logits, 2).tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]
    assert nearest_entries(logits, 4).tolist() == [[1] * 4] * 2


def test_left_out_entries_and_rows_have_no_marks() -> None:
    exclude = torch.tensor([[True, False, True, True], [False] * 4])
    valid = torch.tensor([True, False])
    logits = pair_logits(QUERY, QUERY, ENTRIES, temperature=0.1, exclude=exclude, valid=valid)
    assert nearest_entries(logits, 2).tolist() == [[0, 1, 0, 0], [0, 0, 0, 0]]


def test_marks_carry_no_gradient() -> None:
    logits = pair_logits(QUERY.clone().requires_grad_(), QUERY, ENTRIES, temperature=0.1)
    assert not nearest_entries(logits, 1).requires_grad


@pytest.mark.parametrize("topk", [0, -1, 5])
def test_numbers_of_neighbours_that_the_queue_has_not(topk: int) -> None:
    with pytest.raises(ConfigError, match=f"topk is {topk}; expected 1 to 4"):
        check_neighbours(topk, 4)
