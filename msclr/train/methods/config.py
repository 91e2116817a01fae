"""PublishedConfig: a pretraining run of a published system, with the numbers of its paper."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, model_validator

from msclr.errors import ConfigError
from msclr.models.config import FACES, ModelConfig
from msclr.train.runtime import RuntimeConfig
from msclr.train.watch.config import WatchConfig

MethodName: TypeAlias = Literal["skeletonclr", "aimclr", "ms-aimclr", "skelemix", "crosclr", "isc"]

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=10**9)]


def _encoder(value: object) -> object:
    """Take the fields of any encoder for its configuration; `face` says which."""
    if not isinstance(value, dict):
        return value
    kind = FACES.get(str(value.get("face")))
    if kind is None:
        raise ValueError(f"face is {value.get('face')!r:.40}; expected one of {', '.join(FACES)}")
    try:
        return kind(**value)
    except ConfigError as error:
        raise ValueError(str(error)) from None


AnyEncoder = Annotated[SerializeAsAny[ModelConfig], BeforeValidator(_encoder)]


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FormatConfig(_Config):
    """One joint convention in which the clips of a run are seen.

    Args:
        skeleton: Id of the convention.
        file: Prepared data set or clip store, relative to the data folder; of a store those recordings that are in the
            convention, if there are any, else all, converted. None derives the convention from the first format.
    """

    skeleton: str
    file: str | None = None


class WindowConfig(_Config):
    """Which stretch of a recording becomes a clip, drawn anew each time that the recording is used.

    Args:
        seconds: Its longest length; the recording, if that is less.
        frames: The same in frames, for recordings without a frame rate.
        shortest: Its shortest length, as a share of the longest.
    """

    seconds: Annotated[float, Field(gt=0, lt=1e6)] | None = None
    frames: Annotated[int, Field(ge=1, le=10**6)] | None = None
    shortest: Annotated[float, Field(gt=0, le=1)] = 1.0

    @model_validator(mode="after")
    def _check_one(self) -> WindowConfig:
        if (self.seconds is None) == (self.frames is None):
            raise ValueError("seconds and frames both given, or neither; expected one of them")
        return self


class ClipConfig(_Config):
    """The clips of a run and how they are prepared.

    Args:
        formats: The conventions; clips of one name in several files, recordings of one motion in stores, are one
            recording.
        preparation: "none" for files that are prepared already (`msclr protocol`); "cros" or "isc" as the published
            systems prepared theirs, or "common" coordinates, for any others.
        frames: Length of clips that are prepared here; "isc" keeps up to 300 and leaves the length to its augmentation.
        split: Use clips with this value in the file's column `split`, where it has one; None for all.
        persons: Person slots.
        limit: Use only so many clips, spread over the file; None for all.
        window: Random stretches of the recordings; None for whole ones.
        weights: How often clips of each source of the first format's store are drawn, those not named weigh 1; an epoch
            then draws as many clips as there are, with replacement. None passes over each clip once.
        by_length: Within a source, draw recordings as often as they are long, with replacement.
    """

    formats: Annotated[tuple[FormatConfig, ...], Field(min_length=1, max_length=64)]
    preparation: Literal["none", "cros", "isc", "common"] = "none"
    frames: Annotated[int, Field(ge=8, le=1024)] = 50
    split: str | None = "train"
    persons: Annotated[int, Field(ge=1, le=16)] = 2
    limit: Count | None = None
    window: WindowConfig | None = None
    weights: dict[str, Annotated[float, Field(ge=0, lt=1e6)]] | None = None
    by_length: bool = False


class ContrastConfig(_Config):
    """The objective.

    Args:
        projection: Length of the projected vectors.
        head_norm: Batch normalisation in the projection head (SkeleMixCLR).
        queue_size: Keys in the negative queue.
        momentum: Of the key encoder.
        temperature: Of the softmax.
        topk: Neighbours that are mined.
        mine_after: Last epoch without mining; None never mines.
        context: Whether CrosSCLR mines with products of similarities.
        mix_weight: Weight of the mixed clips (SkeleMixCLR).
        exclude_same_clip: Leave earlier keys of the same clip out of its negatives; the papers do not.
    """

    projection: Annotated[int, Field(ge=2, le=4096)] = 128
    head_norm: bool = False
    queue_size: Annotated[int, Field(ge=1, le=2**20)] = 32768
    momentum: Share = 0.999
    temperature: Annotated[float, Field(ge=1e-3, le=10)] = 0.07
    topk: Annotated[int, Field(ge=1, le=1024)] = 1
    mine_after: Annotated[int, Field(ge=0)] | None = None
    context: bool = True
    mix_weight: Annotated[float, Field(ge=0, le=100)] = 1.0
    exclude_same_clip: bool = False


class ScheduleConfig(_Config):
    """Stochastic gradient descent with a rate that drops at milestones.

    Args:
        epochs: Passes over the clips; with several formats an epoch passes once for each.
        batch_size: Clips per update; the last, smaller batch of an epoch is left out.
        learning_rate: At the start.
        momentum, weight_decay, nesterov: Of the optimiser.
        milestones: Epochs after which the rate is multiplied by `gamma`.
        gamma: See there.
    """

    epochs: Count = 300
    batch_size: Annotated[int, Field(ge=2, le=65536)] = 128
    learning_rate: Annotated[float, Field(gt=0, le=100)] = 0.1
    momentum: Share = 0.9
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 1e-4
    nesterov: bool = False
    milestones: tuple[Count, ...] = (250,)
    gamma: Share = 0.1


class PublishedConfig(_Config):
    """A run of a published system.

    Args:
        method: The system.
        name: Name of the model.
        encoders: The network; inter-skeleton contrast has two.
        clips: The data.
        pairs: How query and key convention are drawn for each clip: "random" independently (the paper), "cross" never
            the same one twice.
        contrast: The objective.
        schedule: The optimisation.
        legacy: Keep the defects of the published code: a flip that does not mirror, a blur that enlarges, lost joints
            that count as known, absent persons that are computed and averaged, a drop of features that depends on the
            batch, a key encoder that starts from other weights than the query encoder (not isc), key encoders of joint
            and bone that stop while CrosSCLR mines, head layers that its streams share.
        steps: Stop after so many updates; None for all epochs.
        runtime: How the run is computed.
        watch: What is seen of it.
        checkpoint_every: Updates between two checkpoints, from which a run that was stopped goes on.
        seed: Of every random number.
        licence: Terms of the weights, for the card.
        acknowledgements: What the terms of the data ask to be said, for the card.

    Example:
        >>> from msclr.train.runs import load_run
        >>> load_run("ms-aimclr").contrast.queue_size
        32768
    """

    method: MethodName
    name: Annotated[str, Field(min_length=1, max_length=96)]
    encoders: Annotated[tuple[AnyEncoder, ...], Field(min_length=1, max_length=2)]
    clips: ClipConfig
    pairs: Literal["random", "cross"] = "random"
    contrast: ContrastConfig = ContrastConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    legacy: bool = False
    steps: Count | None = None
    runtime: RuntimeConfig = RuntimeConfig()
    watch: WatchConfig = WatchConfig()
    checkpoint_every: Annotated[int, Field(ge=1, le=10**9)] = 500
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0
    licence: str = "other"
    acknowledgements: tuple[str, ...] = ()
    format_version: Literal[1] = 1

    @model_validator(mode="after")
    def _check_together(self) -> PublishedConfig:
        wanted = 2 if self.method == "isc" else 1
        if len(self.encoders) != wanted:
            raise ValueError(f"{len(self.encoders)} encoders; {self.method} has {wanted}")
        formats = len(self.clips.formats)
        if self.method == "ms-aimclr" and formats < 2:
            raise ValueError("one format; ms-aimclr contrasts at least two")
        if self.method in ("isc", "crosclr", "skelemix") and formats > 1:
            raise ValueError(f"{formats} formats; {self.method} has one")
        if self.clips.formats[0].file is None:
            raise ValueError("the first format has no file")
        return self
