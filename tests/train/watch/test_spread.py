from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from msclr.losses.queue import NegativeQueue
from msclr.train.watch.spread import effective_rank, figures, newest_keys, spread


def vectors(count=40, dim=6, seed=0, scale=None):
    rows = np.random.default_rng(seed).normal(size=(count, dim)) * (1 if scale is None else np.asarray(scale))
    return torch.from_numpy(rows)


@settings(max_examples=20)
@given(st.integers(2, 30), st.integers(1, 8), st.integers(0, 99), st.floats(-3, 3))
def test_the_figures_are_their_formulas(count, dim, seed, shift):
    rows = vectors(count, dim, seed) + shift
    unit = rows.numpy() / np.linalg.norm(rows.numpy(), axis=1, keepdims=True)
    distances = [np.sum((row - unit.mean(0)) ** 2) for row in unit]
    assert spread(rows) == pytest.approx(math.sqrt(np.mean(distances)), abs=1e-6)
    eigenvalues = np.clip(np.linalg.eigvalsh(np.cov(unit.T, bias=True).reshape(dim, dim)), 0, None)
    values = np.sqrt(eigenvalues[eigenvalues > 1e-12])
    shares = values / values.sum()
    expected = math.exp(-sum(share * math.log(share) for share in shares)) if len(values) else 0.0
    assert effective_rank(rows) == pytest.approx(expected, abs=1e-3)


def test_vectors_on_a_point_a_line_and_a_sphere():
    point, line = torch.ones(20, 4), torch.cat([torch.ones(10, 4), -torch.ones(10, 4)])
    sphere = vectors(2000, 4)
    assert (spread(point), effective_rank(point)) == (0, 0)
    assert (spread(line), effective_rank(line)) == pytest.approx((1, 1))
    assert spread(sphere) > 0.99
    assert 3.99 < effective_rank(sphere) <= 4
    assert effective_rank(vectors(2000, 4, scale=[1, 1, 1e-6, 1e-6])) == pytest.approx(2, abs=0.01)


def test_figures_leave_out_vectors_that_are_no_numbers():
    rows = vectors(10).float()
    bad = torch.cat([rows, torch.full((1, 6), torch.nan), torch.full((1, 6), torch.inf)])
    assert figures(bad) == figures(rows)
    assert figures(rows[:1]) == figures(bad[10:]) == {}
    assert figures(rows)["uniformity"] < figures(rows + 3)["uniformity"] < 0


@settings(max_examples=30)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(1, 12), st.booleans())
def test_the_newest_keys_are_those_that_entered_last_and_none_of_the_first_content(batches, size, with_ids):
    queue = NegativeQueue(dim=1, size=size)
    entered = []
    for count in batches:
        fresh = torch.arange(len(entered), len(entered) + count)
        entered += fresh.tolist()
        queue.enqueue(fresh[:, None].float(), fresh if with_ids else None)
    offered = len(entered) + 5 * with_ids  # some clips had no partner
    (found,) = newest_keys(torch.nn.Sequential(torch.nn.Identity(), queue), offered if entered else 0)
    assert found[:, 0].tolist() == entered[::-1][:size]


def test_keys_that_were_turned_away_are_not_counted_as_entered():
    queue = NegativeQueue(dim=2, size=8)
    queue.enqueue(torch.tensor([[1.0, 0.0], [torch.nan, 0.0], [0.0, 1.0]]))
    assert newest_keys(queue, 3)[0].tolist() == [[0, 1], [1, 0]]
    assert newest_keys(torch.nn.Linear(2, 2), 3) == []
