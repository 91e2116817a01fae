"""PerSkeletonConfig: ST-GCN with a graph and a normalisation for each joint convention."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from msclr.errors import UnknownSkeletonError
from msclr.models.configs import base
from msclr.models.configs.base import ModelConfig
from msclr.skeletons.registry import get_skeleton

_BLOCKS = 10
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class PerSkeletonConfig(ModelConfig):
    """What an encoder of the ST-GCN family is; see `msclr.models.per_skeleton.PerSkeletonEncoder`.

    Args:
        format_version: Version of this list of fields.
        face: "per_skeleton".
        skeletons: Ids of the joint conventions, registered before the configuration is made or read.
        hidden: Channels of the first blocks.
        dim: Length of the vectors.
        temporal_kernel: Frames seen by the temporal convolution of a block; odd.
        dropout: Share of features dropped in training.
        partition: How the neighbours of a joint are told apart.
        edge_importance: Whether every edge has a factor of its own.
        graph: "published" edges and bones, defects included, where there are such, or each convention's "own".
        legacy_pooling: Whether absent persons and unknown joints count, as published.
        stream: "joint", "bone" or "motion".
        preparation: "common" coordinates, "cros" as for the published weights, "isc", or "none".
        facing: Whether persons are turned to face forward first ("common").
        frames: Frames that a window is resampled to.
        maximum_seconds: Longer clips are embedded by windows.
        maximum_frames: The same for clips without a frame rate.

    Raises:
        ConfigError: If a value is unknown or out of bounds; the message has field, value and bounds.

    Example:
        >>> config = PerSkeletonConfig(skeletons=("kinect_v2_25", "smpl_24"), preparation="cros")
        >>> PerSkeletonConfig.from_json(config.to_json()) == config
        True
    """

    newer_fields: ClassVar[frozenset[str]] = frozenset({"graph"})

    face: Literal["per_skeleton"] = Field("per_skeleton", description="'per_skeleton'")
    skeletons: Annotated[tuple[_Name, ...], BeforeValidator(base.as_tuple)] = Field(
        ("kinect_v2_25",), min_length=1, max_length=64, description="1 to 64 ids of joint conventions"
    )
    hidden: int = Field(16, ge=4, le=256, description="a whole number from 4 to 256")
    dim: base.Dim = 256
    temporal_kernel: base.Kernel = 9
    dropout: base.Dropout = 0.5
    partition: base.PartitionName = "spatial"
    edge_importance: base.Flag = True
    graph: Literal["published", "own"] = Field("published", description="'published' or 'own'")
    legacy_pooling: base.Flag = False
    stream: base.StreamName = "joint"
    preparation: base.PreparationName = "common"
    facing: base.Flag = True
    frames: base.Frames = 50
    maximum_seconds: base.Seconds = 10.0
    maximum_frames: base.FrameLimit = 300

    def check_together(self) -> None:
        """Demand conventions that are known, each once."""
        for name in self.skeletons:
            try:
                known = get_skeleton(name).id
            except UnknownSkeletonError:
                raise ValueError(
                    f"skeletons has {base.shown(name)}, which is not registered (register_skeleton(spec) does that)"
                ) from None
            if known != name:
                raise ValueError(f"skeletons has the alias {base.shown(name)} of {known!r}")
        if len(set(self.skeletons)) != len(self.skeletons):
            raise ValueError("skeletons has a convention twice")

    def parameter_bound(self) -> int:
        """Return a number of parameters that the encoder cannot exceed, without building it.

        Example:
            >>> 822_000 < PerSkeletonConfig().parameter_bound() < 1_000_000
            True
        """
        bound = 0
        for name in self.skeletons:
            joints = get_skeleton(name).num_joints
            bound += 3 * joints * joints * (_BLOCKS + 1) + 12 * joints
        inputs = 3
        for outputs in (*[self.hidden] * 4, *[2 * self.hidden] * 3, *[4 * self.hidden] * 2, self.dim):
            shortcut = (inputs + 5) * outputs
            bound += 3 * (inputs + 1) * outputs + outputs * outputs * self.temporal_kernel + shortcut + 9 * outputs
            inputs = outputs
        return bound

    def summary(self) -> str:
        """Return the configuration in a few words, for error messages."""
        return f"hidden {self.hidden}; dim {self.dim}; {', '.join(self.skeletons)}; kernel {self.temporal_kernel}"
