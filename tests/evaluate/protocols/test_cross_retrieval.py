from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles.retrieval import naive_retrieval
from oracles.splits import points, shuffled

from msclr.errors import PoseError
from msclr.evaluate.protocols import CrossRetrieval


def views(noise=1.0, test=30):
    """The same clips in two conventions, the second in another order and with noise."""
    kinect = points(test=test)
    generator = torch.Generator().manual_seed(0)
    coco = replace(kinect, test=kinect.test + noise * torch.randn(kinect.test.shape, generator=generator))
    return {"kinect": kinect, "coco": shuffled(coco)}


def test_numbers_equal_counting_one_by_one_in_both_directions():
    both = views()
    numbers = CrossRetrieval().run(both).numbers
    recalls = []
    for first, second in (("kinect", "coco"), ("coco", "kinect")):
        asked, searched = both[first], both[second]
        right = np.array([[name == other for other in searched.test_ids] for name in asked.test_ids])
        for rank in (1, 5, 10):
            recall, precision = naive_retrieval(asked.test.numpy(), searched.test.numpy(), right, rank)
            assert numbers[f"{first} > {second} R@{rank}"] == pytest.approx(100 * recall)
        assert numbers[f"{first} > {second} mAP"] == pytest.approx(100 * precision)
        recalls.append(numbers[f"{first} > {second} R@1"])
    assert numbers["R@1"] == pytest.approx(np.mean(recalls))
    assert numbers["chance R@1"] == pytest.approx(100 / 30)
    assert numbers["chance R@1"] < numbers["R@1"] < 100


def test_equal_views_find_everything():
    kinect = points()
    assert CrossRetrieval().run({"a": kinect, "b": kinect, "c": shuffled(kinect)}).numbers["R@1"] == 100


def test_clips_that_a_view_lacks_are_counted_and_stay_in_the_gallery():
    both = views(noise=0)
    fewer = {**both, "coco": both["coco"].without_test({"test 0", "test 1"})}
    outcome = CrossRetrieval().run(fewer)
    assert outcome.facts["unanswerable"] == 2
    assert outcome.numbers["R@1"] == 100
    assert outcome.numbers["chance R@1"] == pytest.approx(50 / 30 + 50 / 28)


def test_views_without_a_common_clip_are_refused():
    kinect = points()
    with pytest.raises(PoseError, match="none of 25 queries has a right answer"):
        CrossRetrieval().run({"a": kinect, "b": replace(kinect, test_ids=tuple(f"x{n}" for n in range(25)))})
    with pytest.raises(PoseError, match="1 views"):
        CrossRetrieval().run({"a": kinect})
