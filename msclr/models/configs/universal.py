"""EncoderConfig: the encoder for every joint convention."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from msclr.models.configs import base
from msclr.models.configs.base import ModelConfig

# More than any encoder has, so that the bound holds without looking at the network.
_INPUT_CHANNELS, _PARTITIONS, _PARTS, _GRID_CELLS, _SMALL_PARTS = 16, 3, 6, 24, 4096

Width = Annotated[int, Field(ge=4, le=1024)]
Stride = Annotated[int, Field(ge=1, le=2)]


class EncoderConfig(ModelConfig):
    """What an encoder is: widths, strides, kinds of layers, and how clips are brought to its input.

    Args:
        format_version: Version of this list of fields.
        face: Kind of encoder; "universal" has no parameter that depends on the joints.
        channels: Output width of each block.
        strides: Temporal stride of each block, 1 or 2.
        temporal_kernel: Frames seen by the temporal convolution of a block; odd.
        temporal: "separable" convolves each channel by itself over time, then mixes channels; "full" does both at once.
        dim: Length of the vectors.
        dropout: Share of features dropped in training.
        partition: How the neighbours of a joint are told apart.
        anatomy_embedding: Whether the place of each joint in the rest pose is an input.
        anatomy_edges: Whether any two joints are joined by an edge whose weight is learned of their places in the body.
        pooling: "joint" averages joints, "part" body parts, "grid" keeps body parts and stretches of time apart.
        input_stretches: In how many stretches of time the inputs, too, are averaged for the vector; 0 for not at all.
        facing: Whether persons are turned to face forward first.
        frames: Frames that a window is resampled to.
        maximum_seconds: Longer clips are embedded by windows.
        maximum_frames: The same for clips without a frame rate.

    Raises:
        ConfigError: If a value is unknown or out of bounds; the message has field, value and bounds.

    Example:
        >>> config = EncoderConfig(channels=(8, 16), strides=(1, 2), dim=16)
        >>> EncoderConfig.from_json(config.to_json()) == config
        True
        >>> EncoderConfig(dim=3)
        Traceback (most recent call last):
        ...
        msclr.errors.ConfigError: EncoderConfig: dim = 3; expected a whole number from 4 to 4096
        >>> EncoderConfig.from_json('{"format_version": 2}')
        Traceback (most recent call last):
        ...
        msclr.errors.ConfigError: config.json: format_version = 2; expected 1. Try: pip install --upgrade msclr
    """

    newer_fields: ClassVar[frozenset[str]] = frozenset({"input_stretches", "anatomy_edges"})

    face: Literal["universal"] = Field("universal", description="'universal'")
    channels: Annotated[tuple[Width, ...], BeforeValidator(base.as_tuple)] = Field(
        (32, 64, 64, 128, 128, 256), min_length=1, max_length=32, description="1 to 32 widths, each from 4 to 1024"
    )
    strides: Annotated[tuple[Stride, ...], BeforeValidator(base.as_tuple)] = Field(
        (1, 2, 1, 2, 1, 1), min_length=1, max_length=32, description="as many strides as channels, each 1 or 2"
    )
    temporal_kernel: base.Kernel = 9
    temporal: Literal["full", "separable"] = Field("separable", description="'full' or 'separable'")
    dim: base.Dim = 256
    dropout: base.Dropout = 0.0
    partition: base.PartitionName = "spatial"
    anatomy_embedding: base.Flag = False
    anatomy_edges: base.Flag = False
    pooling: Literal["joint", "part", "grid"] = Field("grid", description="'joint', 'part' or 'grid'")
    input_stretches: int = Field(0, ge=0, le=64, description="a whole number from 0 to 64")
    facing: base.Flag = True
    frames: base.Frames = 64
    maximum_seconds: base.Seconds = 10.0
    maximum_frames: base.FrameLimit = 300

    def check_together(self) -> None:
        """Demand one stride for each width."""
        if len(self.channels) != len(self.strides):
            raise ValueError(f"{len(self.channels)} channels but {len(self.strides)} strides")

    def parameter_bound(self) -> int:
        """Return a number of parameters that the encoder cannot exceed, without building it.

        Example:
            >>> EncoderConfig(channels=(8,), strides=(1,), dim=8).parameter_bound() < 20_000
            True
        """
        cells = _GRID_CELLS if self.pooling == "grid" else 1
        beside = self.input_stretches * _PARTS * _INPUT_CHANNELS
        bound = _SMALL_PARTS + (cells * self.channels[-1] + beside) * self.dim + self.dim
        for inputs, outputs in zip((_INPUT_CHANNELS, *self.channels), self.channels, strict=False):
            graph = _PARTITIONS * inputs * outputs
            full = outputs * outputs * self.temporal_kernel
            split = outputs * self.temporal_kernel + outputs * outputs
            shortcut = inputs * outputs
            vectors = 16 * outputs  # biases, two normalisations with their running statistics
            bound += graph + (full if self.temporal == "full" else split) + shortcut + vectors
        return bound

    def summary(self) -> str:
        """Return the configuration in a few words, for error messages."""
        channels = ", ".join(map(str, self.channels))
        return f"channels {channels}; dim {self.dim}; {self.temporal} kernel {self.temporal_kernel}"
