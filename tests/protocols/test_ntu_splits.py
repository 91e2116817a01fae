from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from msclr.errors import ConfigError
from msclr.io.ntu import ClipName
from msclr.protocols.ntu_splits import SPLITS, check_split, side_of

XSUB_60 = "1,2,4,5,8,9,13,14,15,16,17,18,19,25,27,28,31,34,35,38"
XSUB_120 = (
    XSUB_60 + ",45,46,47,49,50,52,53,54,55,56,57,58,59,70,74,78,80,81,82,83,84,85,86,89,91,92,93,94,95,97,98,100,103"
)


def every_clip(setups, performers, actions):
    return [
        ClipName(setup, camera, performer, replication, action)
        for setup, camera, performer, replication, action in product(
            range(1, setups + 1), (1, 2, 3), range(1, performers + 1), (1, 2), range(1, actions + 1)
        )
    ]


CLIPS_60 = every_clip(17, 40, 60)


@pytest.mark.parametrize(
    ("split", "train", "test"),
    [
        ("ntu60_xsub", 20 * 17 * 3 * 2 * 60, 20 * 17 * 3 * 2 * 60),
        ("ntu60_xview", 2 * 17 * 40 * 2 * 60, 1 * 17 * 40 * 2 * 60),
    ],
)
def test_every_clip_of_ntu_60_is_on_one_side(split, train, test):
    assert Counter(side_of(clip, split) for clip in CLIPS_60) == {"train": train, "test": test}


@pytest.mark.parametrize(
    ("split", "train", "test"),
    [("ntu120_xsub", 53 * 32 * 3 * 2 * 5, 53 * 32 * 3 * 2 * 5), ("ntu120_xset", 16 * 106 * 3 * 2 * 5, 16 * 106 * 30)],
)
def test_every_clip_of_ntu_120_is_on_one_side(split, train, test):
    clips = [
        ClipName(clip.setup, clip.camera, clip.performer, clip.replication, 24 * clip.action)
        for clip in every_clip(32, 106, 5)
    ]
    assert Counter(side_of(clip, split) for clip in clips) == {"train": train, "test": test}


@pytest.mark.parametrize(("split", "numbers"), [("ntu60_xsub", XSUB_60), ("ntu120_xsub", XSUB_120)])
def test_the_subjects_are_the_listed_ones(split, numbers):
    performers = range(1, 41 if split == "ntu60_xsub" else 107)
    train = [number for number in performers if side_of(ClipName(1, 1, number, 1, 1), split) == "train"]
    assert ",".join(map(str, train)) == numbers


def test_views_and_setups_are_the_listed_ones():
    cameras = [side_of(ClipName(1, camera, 1, 1, 1), "ntu60_xview") for camera in (1, 2, 3)]
    assert cameras == ["test", "train", "train"]
    setups = [side_of(ClipName(setup, 1, 1, 1, 1), "ntu120_xset") for setup in range(1, 33)]
    assert setups == ["test", "train"] * 16


@pytest.mark.parametrize(
    "clip",
    [
        ClipName(18, 1, 1, 1, 1),
        ClipName(1, 4, 1, 1, 1),
        ClipName(1, 1, 41, 1, 1),
        ClipName(1, 1, 1, 3, 1),
        ClipName(1, 1, 1, 1, 61),
        ClipName(0, 1, 1, 1, 1),
    ],
)
def test_what_the_data_set_does_not_have_is_on_neither_side(clip):
    assert side_of(clip, "ntu60_xsub") is None
    assert side_of(clip, "ntu60_xview") is None
    inside_120 = clip in (ClipName(18, 1, 1, 1, 1), ClipName(1, 1, 41, 1, 1), ClipName(1, 1, 1, 1, 61))
    assert (side_of(clip, "ntu120_xset") is not None) == inside_120


def test_unknown_splits_are_refused():
    assert [check_split(split) for split in SPLITS] == list(SPLITS)
    for wrong in ("xsub", "ntu60", "ntu120_xview", "NTU60_XSUB"):
        with pytest.raises(ConfigError, match="expected one of ntu60_xsub, ntu60_xview, ntu120_xsub, ntu120_xset"):
            side_of(ClipName(1, 1, 1, 1, 1), wrong)
