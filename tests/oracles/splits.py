"""Splits of points around one centre for each class."""

from __future__ import annotations

import numpy as np

from msclr.evaluate.protocols import Split


def points(seed=0, classes=4, train=40, test=25, dim=5, noise=0.8, names=None):
    """A split whose classes overlap a little; every class has training clips if `train` is a few times `classes`."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, dim))
    labels = np.concatenate([np.arange(train) % classes, rng.integers(classes, size=test)])
    rows = (centres[labels] + noise * rng.normal(size=(train + test, dim))).astype(np.float32)
    named = [names[label] if names else f"class {label}" for label in labels]
    return Split.of(rows[:train], named[:train], rows[train:], named[train:])


def shuffled(split, seed=0):
    """The same split with its clips in another order."""
    rng = np.random.default_rng(seed)
    return split.train_rows(rng.permutation(len(split.train))).test_rows(rng.permutation(len(split.test)))
