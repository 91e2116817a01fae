"""NTU RGB+D 60 and 120: which clips there are, and on which side of a split each of them is."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msclr.errors import ConfigError
from msclr.io.ntu import ClipName

NtuSplit: TypeAlias = Literal["ntu60_xsub", "ntu60_xview", "ntu120_xsub", "ntu120_xset"]
Side: TypeAlias = Literal["train", "test"]

SPLITS: tuple[NtuSplit, ...] = ("ntu60_xsub", "ntu60_xview", "ntu120_xsub", "ntu120_xset")
CAMERAS = 3
REPLICATIONS = 2
SETUPS = {"ntu60": 17, "ntu120": 32}
ACTIONS = {"ntu60": 60, "ntu120": 120}
PERFORMERS = {"ntu60": 40, "ntu120": 106}
TRAIN_PERFORMERS_60 = frozenset({1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38})
TRAIN_PERFORMERS_120 = TRAIN_PERFORMERS_60 | frozenset(
    {45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86, 89, 91, 92, 93, 94}
    | {95, 97, 98, 100, 103}
)
TRAIN_CAMERAS = frozenset({2, 3})


def check_split(split: str) -> NtuSplit:
    """Return the name of a split; refuse one that there is not.

    Raises:
        ConfigError: If there is no such split.

    Example:
        >>> check_split("ntu60_xsub")
        'ntu60_xsub'
    """
    for known in SPLITS:
        if split == known:
            return known
    raise ConfigError(f"split {split!r:.80}", expected=f"one of {', '.join(SPLITS)}")


def side_of(name: ClipName, split: NtuSplit) -> Side | None:
    """Return whether a clip is for training or for testing.

    Args:
        name: What the name of the clip says.
        split: "ntu60_xsub" and "ntu120_xsub" divide by performer, "ntu60_xview" by camera, "ntu120_xset" by setup.

    Returns:
        "train" or "test"; None for a clip that the data set does not have, as one of setup 18 in NTU RGB+D 60.

    Raises:
        ConfigError: If there is no such split.

    Example:
        >>> clip = ClipName.find("S001C002P003R002A013.skeleton")
        >>> side_of(clip, "ntu60_xsub"), side_of(clip, "ntu60_xview"), side_of(clip, "ntu120_xset")
        ('test', 'train', 'test')

    Source:
        Shahroudy et al. 2016 (NTU RGB+D); Liu et al. 2019 (NTU RGB+D 120).
    """
    dataset, _, kind = check_split(split).partition("_")
    inside = (
        1 <= name.setup <= SETUPS[dataset]
        and 1 <= name.camera <= CAMERAS
        and 1 <= name.performer <= PERFORMERS[dataset]
        and 1 <= name.replication <= REPLICATIONS
        and 1 <= name.action <= ACTIONS[dataset]
    )
    if not inside:
        return None
    if kind == "xsub":
        performers = TRAIN_PERFORMERS_60 if dataset == "ntu60" else TRAIN_PERFORMERS_120
        return "train" if name.performer in performers else "test"
    if kind == "xview":
        return "train" if name.camera in TRAIN_CAMERAS else "test"
    return "train" if name.setup % 2 == 0 else "test"
