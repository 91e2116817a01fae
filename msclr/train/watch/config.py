"""What is watched while a run goes on; nothing of it changes what is learnt."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Updates = Annotated[int, Field(ge=1, le=10**9)]


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NeighboursConfig(_Config):
    """Nearest neighbours among a few labelled clips, asked now and then: how well classes come apart, without training.

    Args:
        file: A collection of clips (`.npz`) or a clip store, relative to the data folder.
        label: Column, or fact of each recording, whose values are the classes; clips without one are left out.
        every: Updates between two measurements; there is one before the first update and one after the last.
        k: Neighbours that vote.
        limit: Use only so many clips, spread over the file.
        prepared: Whether the clips are prepared already, as `msclr protocol` does; None for what holds of the clips
            that are trained on.
    """

    file: Annotated[str, Field(min_length=1)]
    label: str = "label"
    every: Updates = 1000
    k: Annotated[int, Field(ge=1, le=1000)] = 5
    limit: Annotated[int, Field(ge=4, le=10**6)] = 500
    prepared: bool | None = None


class WatchConfig(_Config):
    """What a person sees of a run.

    Args:
        log_every: Updates between two lines of the log.
        tensorboard: Write the log for TensorBoard too, to OUTPUT.tensorboard.
        wandb: Send the log to this project of Weights & Biases too; None for not.
        curves: Draw the log in the end, if matplotlib is there (extra `viz`).
        knn: Labelled clips to watch; None for none.
        least_spread: A spread of the keys below this is an alarm.
        least_rank: An effective rank of the keys below this is an alarm.
        alarm_after: No alarm before so many updates: the published start is a point that spreads out slowly.
        alarm_lines: So many lines of the log in a row have to agree.

    Example:
        >>> WatchConfig().log_every
        50
    """

    log_every: Updates = 50
    tensorboard: bool = False
    wandb: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    curves: bool = True
    knn: NeighboursConfig | None = None
    least_spread: Share = 0.02
    least_rank: Annotated[float, Field(ge=0, le=4096)] = 2.0
    alarm_after: Updates = 2000
    alarm_lines: Annotated[int, Field(ge=1, le=10**6)] = 5
