"""What tests of the door of PoseSequence share."""

from __future__ import annotations

import numpy as np
import pytest

from msclr import PoseSequence, SkeletonSpec
from msclr.errors import PoseError

FOUR = SkeletonSpec("four", ("a", "b", "c", "d"), (-1, 0, 1, 2))


def poses(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape or (5, 4, 3)) + 3


def take(array, skeleton=FOUR, **options):
    return PoseSequence.from_array(array, skeleton, **options)


def refused(*words, array=None, skeleton=FOUR, error=PoseError, **options):
    with pytest.raises(error) as caught:
        take(poses() if array is None else array, skeleton, **options)
    message = str(caught.value)
    assert all(word in message for word in words), message
