from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles.splits import points

from msclr.errors import ConfigError, MissingExtraError, PoseError
from msclr.evaluate.protocols import TimeWarping
from msclr.evaluate.protocols.warping import warped_distances

pytest.importorskip("dtaidistance")


def naive_distance(first, second, window):
    """Root of the least sum of squared distances along a path, by the recurrence."""
    rows, columns = len(first), len(second)
    best = [[math.inf] * (columns + 1) for _ in range(rows + 1)]
    best[0][0] = 0.0
    for i in range(rows):
        for j in range(columns):
            if abs(i - j) <= window:
                step = sum((a - b) ** 2 for a, b in zip(first[i], second[j], strict=True))
                best[i + 1][j + 1] = step + min(best[i][j], best[i][j + 1], best[i + 1][j])
    return math.sqrt(best[rows][columns])


@pytest.mark.parametrize("window", [None, 1, 3])
def test_distances_equal_the_recurrence(window):
    rng = np.random.default_rng(0)
    queries, bank = rng.normal(size=(3, 9, 4)), rng.normal(size=(5, 9, 4))
    expected = [[naive_distance(a, b, 99 if window is None else window) for b in bank] for a in queries]
    assert warped_distances(queries, bank, window) == pytest.approx(np.array(expected))


def test_the_nearest_training_clip_decides():
    split = points(dim=2 * 6 * 4, train=20, test=8, noise=2)
    outcome = TimeWarping(frames=6, persons=2, window=2).run(split)
    series = {}
    for side in ("train", "test"):
        rows = getattr(split, side).double().numpy().reshape(-1, 2, 6, 4)
        series[side] = [[[*row[0][t], *row[1][t]] for t in range(6)] for row in rows]
    for name, query in zip(split.test_ids, series["test"], strict=True):
        nearest = min(range(20), key=lambda row: naive_distance(query, series["train"][row], 2))
        assert outcome.predictions[name] == split.classes[split.train_labels[nearest]]


def test_a_change_of_tempo_is_forgiven():
    slow = torch.tensor([0.0, 0, 0, 1, 2, 3, 3, 3])
    quick = torch.tensor([0.0, 1, 2, 3, 3, 3, 3, 3])
    other = torch.tensor([0.0, 0, 0, 1, 2, 2, 1, 0])
    split = replace(points(train=2, test=1, classes=2, dim=8), train=torch.stack([quick, other]), test=slow[None])
    assert float((slow - quick).norm()) > float((slow - other).norm() - 1)
    assert TimeWarping(frames=8).run(split).predictions["test 0"] == split.classes[split.train_labels[0]]


def test_features_of_another_shape_are_refused():
    with pytest.raises(PoseError, match="features of length 5; expected raw poses of 1 persons in 32 frames"):
        TimeWarping().run(points())
    with pytest.raises(ConfigError, match="at least 1 each"):
        TimeWarping(frames=0)


def test_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "dtaidistance", None)
    with pytest.raises(MissingExtraError, match=r'pip install "msclr\[dtw\]"'):
        TimeWarping(frames=5).run(points())


def test_it_says_so_when_the_compiled_library_is_missing(monkeypatch):
    monkeypatch.setattr("dtaidistance.dtw.dtw_cc", None)
    with pytest.raises(MissingExtraError, match="without its compiled library"):
        TimeWarping(frames=5).run(points())
