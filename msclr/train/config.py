"""What a pretraining run is: every number of it, checked before anything is built."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from msclr.models.config import EncoderConfig
from msclr.train.runtime import RuntimeConfig
from msclr.train.watch.config import WatchConfig

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, lt=1e6)]


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ClipsConfig(_Config):
    """Clips of a prepared data set, or of a clip store that `msclr prepare` made.

    Args:
        file: Path of the `.npz` or of the folder, below the data folder.
        only: Facts that the clips have, such as `{"split": "train"}`; all clips without.
    """

    file: str
    only: dict[str, str] = {}

    def __str__(self) -> str:
        facts = " and ".join(f"{name} is {value}" for name, value in self.only.items())
        return f"`{self.file}`" + (f" where {facts}" if facts else "")


class SourceConfig(ClipsConfig):
    """Clips to train on; 2D clips have 2D views only.

    Args:
        file: See `ClipsConfig`. A store is a source for each of its conventions, which share its weight by their
            numbers of recordings.
        only: See there.
        part: One of the inputs of a store, by its name in `ClipStore.sources`; None for all.
        weight: Share of the clips drawn from it, relative to the other sources.
        group: Sources of one group recorded the same motions: clips of the same name are views of each other.
        label: Column whose values are classes for the supervised term, or None.
    """

    part: str | None = None
    weight: Positive = 1.0
    group: str | None = None
    label: str | None = None


class ViewConfig(_Config):
    """How a clip becomes a view in another convention, seen by another sensor.

    Args:
        derived: Share of views in a random derived convention (the rest: a known or the native one).
        registered: Share of views in a convention that ships with msclr.
        flat: Share of views projected to 2D.
        yaw: Largest turn of the camera about the vertical for 2D views, degrees.
        pitch: Largest tilt of the camera for 2D views, degrees.
        facing_noise: Standard deviation of the facing direction of 3D views, degrees.
        jitter: Standard deviation of joint noise, in torso lengths, its largest value.
        dropout: Share of joints that are lost for a stretch of time, its largest value.
        shortest: Shortest window, as a share of the clip or of `seconds`, whichever is less.
        seconds: Longest window.
        shift: How far the windows of two views may be apart, as a share of their length.
        pool: Number of derived conventions drawn for each source.
        largest: Most joints of such a convention; face meshes and hands cost much and move little.
        without: Ids of conventions that no view is in, to ask what a model makes of one that it has never seen.
    """

    derived: Share = 0.5
    registered: Share = 0.3
    flat: Share = 0.35
    yaw: Annotated[float, Field(ge=0, le=180)] = 60.0
    pitch: Annotated[float, Field(ge=0, le=90)] = 15.0
    facing_noise: Annotated[float, Field(ge=0, le=180)] = 10.0
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.03
    dropout: Share = 0.1
    shortest: Share = 0.4
    seconds: Positive = 6.0
    shift: Share = 0.1
    pool: Annotated[int, Field(ge=1, le=1000)] = 32
    largest: Annotated[int, Field(ge=1, le=1024)] = 45
    without: tuple[str, ...] = ()


class LossConfig(_Config):
    """What is optimised: MS-CLR's contrast between conventions and, where there are labels, cross-entropy.

    Args:
        queue_size: Rows of the negative queue.
        temperature: Of the contrastive softmax.
        momentum: Of the key encoder.
        projection: Length of the projected vectors.
        label_weight: Weight of the supervised term.
        contrast_weight: Weight of the contrast; one of both is above 0.
        masked_weight: Weight of the masked-joint term, see `msclr.train.hidden`; 0 for none.
        masked_share: Share of the joints of a query view that are hidden for it.
    """

    queue_size: Annotated[int, Field(ge=1, le=2**20)] = 4096
    temperature: Annotated[float, Field(ge=1e-3, le=10)] = 0.07
    momentum: Share = 0.99
    projection: Annotated[int, Field(ge=2, le=4096)] = 128
    label_weight: Annotated[float, Field(ge=0, le=100)] = 0.5
    contrast_weight: Annotated[float, Field(ge=0, le=100)] = 1.0
    masked_weight: Annotated[float, Field(ge=0, le=100)] = 0.0
    masked_share: Annotated[float, Field(gt=0, lt=1)] = 0.2

    @model_validator(mode="after")
    def _something_to_learn(self) -> LossConfig:
        if self.label_weight == 0 == self.contrast_weight:
            raise ValueError("label_weight and contrast_weight are both 0")
        return self


class OutputConfig(_Config):
    """How the last linear map of the encoder is fitted when all else is trained, see `msclr.train.output`.

    Args:
        bottleneck: Length of the vectors that are contrasted and classified in training instead of the encoder's.
        whitening: From 0, principal components as they are, to 1, all of one variance.
        batches: Batches of views that it is fitted to.
    """

    bottleneck: Annotated[int, Field(ge=2, le=4096)] = 256
    whitening: Share = 0.5
    batches: Annotated[int, Field(ge=1, le=10**5)] = 100


class TrainConfig(_Config):
    """A pretraining run.

    Args:
        name: Name of the model.
        encoder: The network.
        sources: Files to train on.
        leave_out: Files among them that are not trained on this time, to measure on them afterwards.
        exclude_subjects: Subjects that are never trained on.
        exclude_clips: Clips that are never trained on, nor copies of them: whatever has one of their names or, number
            for number, the coordinates of one of them.
        exclude_pairs: JSON files (below the data folder) whose recordings `name_a` and `name_b` are never trained on.
        views, loss: See there.
        output: How the last linear map is fitted; without, it is trained like the others.
        steps: Number of updates.
        batch_size: Clips per update.
        blocks: Sources per update; each gives batch_size / blocks clips.
        learning_rate: Peak of the cosine schedule.
        warmup: Share of steps over which the rate rises.
        weight_decay: Of AdamW, on matrices only.
        runtime: How the run is computed.
        watch: What is seen of it.
        checkpoint_every: Updates between two checkpoints, from which a run that was stopped goes on.
        seed: Of every random number.
        licence: Terms of the weights, for the card.
        acknowledgements: What the terms of the data ask to be said, for the card.
        limits: What the model is not for, for the card, beside what it says of every model.

    Example:
        >>> TrainConfig(name="tiny", sources=(SourceConfig(file="walks.npz"),), steps=10).batch_size
        64
    """

    name: Annotated[str, Field(min_length=1, max_length=96)]
    encoder: EncoderConfig = EncoderConfig()
    sources: Annotated[tuple[SourceConfig, ...], Field(min_length=1)]
    leave_out: tuple[str, ...] = ()
    exclude_subjects: tuple[str, ...] = ()
    exclude_clips: tuple[ClipsConfig, ...] = ()
    exclude_pairs: tuple[str, ...] = ()
    views: ViewConfig = ViewConfig()
    loss: LossConfig = LossConfig()
    output: OutputConfig | None = None
    steps: Annotated[int, Field(ge=1, le=10**8)] = 10_000
    batch_size: Annotated[int, Field(ge=2, le=65536)] = 64
    blocks: Annotated[int, Field(ge=1, le=64)] = 4
    learning_rate: Positive = 2e-3
    warmup: Share = 0.05
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.01
    runtime: RuntimeConfig = RuntimeConfig()
    watch: WatchConfig = WatchConfig()
    checkpoint_every: Annotated[int, Field(ge=1, le=10**9)] = 500
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0
    licence: str = "apache-2.0"
    acknowledgements: tuple[str, ...] = ()
    limits: str = ""
    format_version: Literal[1] = 1
