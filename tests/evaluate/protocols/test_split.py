from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles.splits import points

from msclr.errors import PoseError, PoseTypeError
from msclr.evaluate.protocols import Split


def test_labels_of_a_file_become_places_among_sorted_names():
    split = Split.of(np.eye(3), ["run", "walk", "run"], np.eye(3)[:2], ["hop", "run"])
    assert split.classes == ("hop", "run", "walk")
    assert split.train_labels.tolist() == [1, 2, 1]
    assert split.test_labels.tolist() == [0, 1]
    assert (split.train.dtype, split.train_labels.dtype) == (torch.float32, torch.int64)


def test_rows_are_taken_with_their_labels_names_and_groups():
    split = Split.of(np.eye(3), "aba", np.eye(3), "aba", train_groups=["s1", "s2", "s3"])
    taken = split.train_rows([2, 1]).test_rows(torch.tensor([1]))
    assert torch.equal(taken.train, split.train[[2, 1]])
    assert (taken.train_labels.tolist(), taken.train_ids, taken.train_groups) == (
        [0, 1],
        ("train 2", "train 1"),
        ("s3", "s2"),
    )
    assert (taken.test_ids, taken.test_labels.tolist(), taken.test_groups) == (("test 1",), [1], ())


def test_test_clips_are_left_out_by_name():
    split = points()
    assert split.without_test({"test 0", "test 3"}).test_ids == tuple(f"test {n}" for n in range(25) if n not in (0, 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_labels": torch.zeros(39, dtype=torch.int64)}, "40 train features and 39 labels"),
        ({"test_ids": ("a",)}, "25 test features and 1 ids"),
        ({"test_groups": ("a",)}, "25 test features and 1 groups"),
        ({"classes": ("a", "b", "c", "a")}, "classes that come twice: 'a'"),
        ({"classes": ("a", "b", "c")}, "train label 3; expected 0 to 2"),
        ({"train_ids": ("a",) * 40}, "train ids that come twice: 'a'"),
        ({"train_labels": torch.full((40,), -1)}, "train label -1"),
        ({"train_labels": torch.zeros(40, dtype=torch.int64)}, "all 40 training clips are 'class 0'"),
        ({"train": torch.full((40, 5), torch.nan)}, "40 of 40 rows of train features have NaN"),
        ({"train": torch.zeros(40, 6)}, "training features of length 6, test features of length 5"),
    ],
)
def test_a_split_that_contradicts_itself_is_refused(change, message):
    with pytest.raises(PoseError, match=message):
        replace(points(), **change)


def test_labels_must_be_whole_numbers():
    with pytest.raises(PoseTypeError, match=r"test labels of type torch\.float32"):
        replace(points(), test_labels=torch.zeros(25))


def test_a_side_without_clips_is_refused():
    with pytest.raises(PoseError, match="no test clips"):
        points().test_rows([])
    with pytest.raises(PoseError, match="no training clips"):
        points().train_rows([])
