"""The configurations of the three encoders of inter-skeleton contrast, each for one joint convention."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from msclr.errors import UnknownSkeletonError
from msclr.models.configs import base
from msclr.models.configs.base import ModelConfig
from msclr.skeletons.registry import get_skeleton

_Width = Annotated[int, Field(ge=4, le=1024)]
_Stride = Annotated[int, Field(ge=1, le=2)]
_HALVED_FRAMES = 16  # by the four poolings of HCN


class SingleConfig(ModelConfig):
    """What the three have in common.

    Args:
        format_version: Version of this list of fields.
        skeleton: Id of the joint convention, registered before the configuration is made or read.
        persons: Person slots of a clip, zeros where nobody is.
        preparation: "common" coordinates, "isc" as inter-skeleton contrast prepared its clips, "cros", or "none".
        facing: Whether persons are turned to face forward first ("common").
        frames: Frames that a window is resampled to.
        maximum_seconds: Longer clips are embedded by windows.
        maximum_frames: The same for clips without a frame rate.
    """

    skeleton: str = Field("kinect_v2_25", min_length=1, max_length=200, description="the id of a joint convention")
    persons: int = Field(2, ge=1, le=16, description="a whole number from 1 to 16")
    preparation: base.PreparationName = "common"
    facing: base.Flag = True
    frames: base.Frames = 64
    maximum_seconds: base.Seconds = 10.0
    maximum_frames: base.FrameLimit = 300

    @property
    def joints(self) -> int:
        """Number of joints of the convention."""
        return get_skeleton(self.skeleton).num_joints

    def check_together(self) -> None:
        """Demand a convention that is known."""
        try:
            known = get_skeleton(self.skeleton).id
        except UnknownSkeletonError:
            raise ValueError(
                f"skeleton is {base.shown(self.skeleton)}, which is not registered (register_skeleton(spec) does that)"
            ) from None
        if known != self.skeleton:
            raise ValueError(f"skeleton is the alias {base.shown(self.skeleton)} of {known!r}")


class AgcnConfig(SingleConfig):
    """What a 2s-AGCN encoder is; see `msclr.models.agcn.AdaptiveGCNEncoder`.

    Args:
        face: "agcn".
        channels: Output width of each unit.
        strides: Temporal stride of each unit.
        temporal_kernel: Frames seen by the temporal convolutions; odd.

    Example:
        >>> AgcnConfig.from_json(AgcnConfig().to_json()) == AgcnConfig()
        True
    """

    face: Literal["agcn"] = Field("agcn", description="'agcn'")
    channels: Annotated[tuple[_Width, ...], BeforeValidator(base.as_tuple)] = Field(
        (64, 64, 64, 64, 128, 128, 128, 256, 256, 256),
        min_length=1,
        max_length=32,
        description="1 to 32 widths, each from 4 to 1024",
    )
    strides: Annotated[tuple[_Stride, ...], BeforeValidator(base.as_tuple)] = Field(
        (1, 1, 1, 1, 2, 1, 1, 2, 1, 1),
        min_length=1,
        max_length=32,
        description="as many strides as channels, each 1 or 2",
    )
    temporal_kernel: base.Kernel = 9

    def check_together(self) -> None:
        """Demand one stride for each width, and a known convention."""
        super().check_together()
        if len(self.channels) != len(self.strides):
            raise ValueError(f"{len(self.channels)} channels but {len(self.strides)} strides")

    def parameter_bound(self) -> int:
        """Return a number of parameters that the encoder cannot exceed, without building it.

        Example:
            >>> 3_400_000 < AgcnConfig().parameter_bound() < 4_000_000
            True
        """
        bound = 12 * self.persons * self.joints + 16
        for inputs, outputs in zip((3, *self.channels), self.channels, strict=False):
            mixing = 3 * (2 * (inputs + 1) * (outputs // 4) + (inputs + 1) * outputs)
            temporal = outputs * outputs * self.temporal_kernel
            ways_around = 2 * (inputs + 6) * outputs
            bound += 6 * self.joints**2 + mixing + temporal + ways_around + 10 * outputs + 8
        return bound

    def summary(self) -> str:
        """Return the configuration in a few words, for error messages."""
        return f"channels {', '.join(map(str, self.channels))}; {self.skeleton}; kernel {self.temporal_kernel}"


class HcnConfig(SingleConfig):
    """What an HCN encoder is; see `msclr.models.hcn.CooccurrenceEncoder`.

    Args:
        face: "hcn".
        channels: Outputs of the six convolutions.
        dropout: Share of feature maps dropped in training.

    Example:
        >>> HcnConfig.from_json(HcnConfig().to_json()) == HcnConfig()
        True
    """

    face: Literal["hcn"] = Field("hcn", description="'hcn'")
    channels: Annotated[tuple[_Width, ...], BeforeValidator(base.as_tuple)] = Field(
        (64, 64, 32, 64, 128, 256), min_length=6, max_length=6, description="6 widths, each from 4 to 1024"
    )
    dropout: base.Dropout = 0.5

    def check_together(self) -> None:
        """Demand enough frames and channels for four halvings."""
        super().check_together()
        if self.channels[1] < _HALVED_FRAMES or self.frames < _HALVED_FRAMES:
            raise ValueError(
                f"{self.frames} frames and {self.channels[1]} channels over time, both at least {_HALVED_FRAMES}"
            )

    def parameter_bound(self) -> int:
        """Return a number of parameters that the encoder cannot exceed, without building it.

        Example:
            >>> HcnConfig().parameter_bound() < 1_000_000
            True
        """
        point, line, third, fourth, fifth, sixth = self.channels
        branch = 4 * point + (3 * point + 1) * line + (9 * self.joints + 1) * third + (9 * third + 1) * fourth
        return 2 * branch + (18 * fourth + 1) * fifth + (9 * fifth + 1) * sixth

    def summary(self) -> str:
        """Return the configuration in a few words, for error messages."""
        return f"channels {', '.join(map(str, self.channels))}; {self.skeleton}; {self.frames} frames"


class GruConfig(SingleConfig):
    """What a step-wise recurrent encoder is; see `msclr.models.gru.RecurrentEncoder`.

    Args:
        face: "gru".
        hidden: Width of each half of a layer; vectors are twice as long.
        layers: Number of layers.

    Example:
        >>> GruConfig.from_json(GruConfig().to_json()) == GruConfig()
        True
    """

    face: Literal["gru"] = Field("gru", description="'gru'")
    hidden: int = Field(1024, ge=4, le=4096, description="a whole number from 4 to 4096")
    layers: int = Field(3, ge=1, le=16, description="a whole number from 1 to 16")

    def parameter_bound(self) -> int:
        """Return a number of parameters that the encoder cannot exceed, without building it.

        Example:
            >>> 44_000_000 < GruConfig().parameter_bound() < 46_000_000
            True
        """
        first = self.persons * self.joints * 3
        return sum(
            6 * self.hidden * (inputs + self.hidden + 2) for inputs in (first, *[2 * self.hidden] * (self.layers - 1))
        )

    def summary(self) -> str:
        """Return the configuration in a few words, for error messages."""
        return f"hidden {self.hidden}; {self.layers} layers; {self.skeleton}"
