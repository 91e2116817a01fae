from __future__ import annotations

import pytest
import torch

from msclr.errors import PoseError
from msclr.losses.batch import describe, mean_terms, measures, queue_logits, share_of_pairs
from msclr.losses.queue import NegativeQueue

VIEW = torch.tensor([[3.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])


def test_rows_of_one_clip_are_known_by_place_and_by_id() -> None:
    queue = NegativeQueue(2, 4)
    batch = describe({"query": VIEW}, queue, torch.tensor([7, 7, -1]), torch.tensor([True, False, True]))
    assert batch.same_clip().tolist() == [[True, True, False], [True, True, False], [False, False, True]]
    assert batch.not_in_batch().tolist() == [[True, True, False], [True, True, False], [False, True, True]]
    assert batch.known_in(torch.tensor([7, -1])).tolist() == [[True, False], [True, False], [False, False]]


def test_valid_clips_are_remembered_view_by_view_at_length_one() -> None:
    queue = NegativeQueue(2, 5)
    batch = describe({"query": VIEW}, queue, torch.tensor([7, 8, 9]), torch.tensor([True, False, True]))
    batch.remember(queue, [VIEW, -VIEW])
    assert queue.keys[:4].tolist() == [[1, 0], [-1, 0], [-1, 0], [1, 0]]
    assert queue.ids.tolist() == [7, 9, 7, 9, -1]


def test_entries_of_a_querys_own_clip_are_left_out() -> None:
    queue = NegativeQueue(2, 2)
    queue.enqueue(torch.eye(2), torch.tensor([8, 9]))
    batch = describe({"query": VIEW}, queue, torch.tensor([7, 8, 9]), None)
    logits = queue_logits(VIEW, VIEW.clone().requires_grad_(), queue, batch, 0.5)
    assert logits.negative.isinf().tolist() == [[False, False], [True, False], [False, True]]
    assert logits.positive.flatten().tolist() == [2.0, 2.0, 2.0]
    assert not logits.positive.requires_grad


def test_measures_of_a_small_batch() -> None:
    queue = NegativeQueue(2, 1)
    queue.enqueue(torch.tensor([[0.6, 0.8]]))
    batch = describe({"query": VIEW}, queue, None, torch.tensor([True, True, False]))
    key = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    logits = queue_logits(VIEW, key, queue, batch, 0.5)
    found = measures(logits, 0.5, VIEW, batch.valid)
    # Cosines with the keys 1 and 0, with the entry 0.6 and 0.8; the two queries stand at right angles.
    assert float(found["accuracy"]) == 0.5
    assert float(found["alignment"]) == pytest.approx(1.0)
    assert float(found["uniformity"]) == pytest.approx(-4.0)
    assert float(share_of_pairs(logits, 3)) == pytest.approx(2 / 3)


def test_mean_of_each_figure() -> None:
    parts = [{"a": torch.tensor(1.0)}, {"a": torch.tensor(2.0)}]
    assert {name: float(value) for name, value in mean_terms(parts).items()} == {"a": 1.5}


def test_a_batch_without_views_is_refused() -> None:
    with pytest.raises(PoseError, match="no view"):
        describe({}, NegativeQueue(2, 1), None, None)
