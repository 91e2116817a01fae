"""Everything that a model can be put to: protocols of frozen features, and fine-tuning, each by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from msclr.errors import ConfigError
from msclr.evaluate.contest import Contest
from msclr.evaluate.data.labelled import LabelledClips
from msclr.evaluate.in_views import InViews
from msclr.evaluate.judging import judge_by, settings_of
from msclr.evaluate.lineup import Lineup
from msclr.evaluate.protocols import PROTOCOLS, VIEW_PROTOCOLS, Protocol
from msclr.evaluate.protocols.tuning import ADAMW_TUNING, SKELEMIX_1_PERCENT, SKELEMIX_10_PERCENT, SKELEMIX_TUNING
from msclr.evaluate.reports.report import Setting, Task
from msclr.evaluate.tuned import FineTuning

Trial: TypeAlias = Protocol | FineTuning | InViews

FEW_LABELS = "semi-"
FROZEN: tuple[Trial, ...] = tuple(each for name, each in PROTOCOLS.items() if not name.startswith(FEW_LABELS))
FULL: tuple[Trial, ...] = (
    *FROZEN,
    *(each for name, each in PROTOCOLS.items() if name.startswith(FEW_LABELS)),
    *(InViews(each) for each in VIEW_PROTOCOLS.values()),
    *(FineTuning(percent, ADAMW_TUNING) for percent in (100, 1, 5, 10)),
    FineTuning(100, SKELEMIX_TUNING),
    FineTuning(1, SKELEMIX_1_PERCENT),
    FineTuning(10, SKELEMIX_10_PERCENT),
)
TRIALS: Mapping[str, Trial] = MappingProxyType({trial.name: trial for trial in FULL})


def find_trial(name: str) -> Trial:
    """Return a protocol, or a kind of fine-tuning, by its name.

    Raises:
        ConfigError: If there is none.

    Example:
        >>> find_trial("knn-20").name, find_trial("fine-tune-10").name
        ('knn-20', 'fine-tune-10')
    """
    if name not in TRIALS:
        raise ConfigError(f"no protocol {name!r:.60}", expected="one of " + ", ".join(TRIALS))
    return TRIALS[name]


def settings_of_trial(trial: Trial) -> dict[str, Setting]:
    """Return what decides the numbers of a trial, flat."""
    return settings_of(trial) if isinstance(trial, Protocol) else trial.settings


def judge(trial: Trial, lineup: Lineup, data: LabelledClips, contest: Contest, seeds: Sequence[int]) -> list[Task]:
    """Put a model and its baselines to a trial.

    Args:
        trial: The trial.
        lineup: The features.
        data: The clips they are of, for fine-tuning and views.
        contest: The networks, for fine-tuning and views.
        seeds: Seeds of what is drawn.

    Raises:
        ConfigError: If fine-tuning or several views are asked for between two data sets.
        MsclrError: If the trial does not fit the data.
    """
    if isinstance(trial, Protocol):
        return judge_by(lineup, trial, seeds)
    if lineup.test_data is not None:
        raise ConfigError(f"{trial.name} between two data sets", expected="one data set, or a frozen protocol")
    return trial.judge(lineup, data, contest, seeds)
