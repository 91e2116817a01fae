"""RecurrentEncoder: the step-wise recurrent network, sequence encoder of inter-skeleton contrast."""

from __future__ import annotations

from typing import cast

import torch
from einops import rearrange
from torch import Tensor, nn

from msclr.errors import ConfigError
from msclr.models.base import PersonVectors, Preparation
from msclr.models.single import SingleConventionEncoder
from msclr.poses.batch import PoseBatch
from msclr.skeletons.spec import SkeletonSpec

DIRECTIONS = 2


class StepwiseGRU(nn.Module):
    """Layers of two gated recurrent networks each, both of which read time forwards.

    This is what a bidirectional network does that gets one frame at a time and carries its state along: its "reverse"
    half sees the same past as the other one, never the future. A layer reads the outputs of both halves below.

    `layers[k][0]` and `layers[k][1]` hold `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`: what a
    bidirectional `torch.nn.GRU` of as many layers calls `weight_ih_lk` and so on, and the same with `_reverse`.

    Args:
        inputs: Numbers of a frame.
        hidden: Width of each half.
        layers: Number of layers.

    Example:
        >>> StepwiseGRU(6, 4, 2)(torch.zeros(3, 5, 6)).shape
        torch.Size([3, 5, 8])
    """

    def __init__(self, inputs: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList(
                nn.GRU(inputs if layer == 0 else DIRECTIONS * hidden, hidden, batch_first=True)
                for _ in range(DIRECTIONS)
            )
            for layer in range(layers)
        )
        for weight in self.parameters():
            if weight.dim() == 2:
                nn.init.xavier_uniform_(weight)

    def forward(self, values: Tensor) -> Tensor:
        """Apply to [b, t, c]; returns the outputs of the last layer at every step [b, t, 2 hidden]."""
        for layer in self.layers:
            values = torch.cat([half(values)[0] for half in cast(nn.ModuleList, layer)], dim=-1)
        return values


class RecurrentEncoder(SingleConventionEncoder):
    """Turn clips of one joint convention into vectors by reading them frame by frame; the last state is the vector.

    Args:
        skeleton: The joint convention.
        persons: Person slots of a clip.
        hidden: Width of each half of a layer; vectors are twice as long.
        layers: Number of layers.
        frames: Frames to which a clip is resampled.
        preparation: How recordings are prepared: "common" coordinates, "isc" as for the published weights, or "none".
        facing: Turn 3D persons to face the viewer ("common" only).
        maximum_seconds, maximum_frames: Longer clips are embedded window by window.

    Example:
        >>> import numpy as np
        >>> from msclr import PoseSequence
        >>> encoder = RecurrentEncoder("kinect_v2_25", hidden=16).eval()
        >>> clip = PoseSequence.from_array(np.random.default_rng(0).normal(size=(2, 64, 25, 3)), "kinect_v2_25")
        >>> tuple(encoder.encode(PoseBatch.from_sequences([clip])).shape)
        (1, 32)

    Source:
        Thoker et al. 2021 (inter-skeleton contrast), and its published code.
    """

    def __init__(
        self,
        skeleton: str | SkeletonSpec = "kinect_v2_25",
        persons: int = 2,
        *,
        hidden: int = 1024,
        layers: int = 3,
        frames: int = 64,
        preparation: Preparation = "common",
        facing: bool = True,
        maximum_seconds: float = 10.0,
        maximum_frames: int = 300,
    ) -> None:
        if hidden < 1 or layers < 1:
            raise ConfigError(f"{layers} layers of width {hidden}", expected="at least 1 of both")
        super().__init__(
            skeleton,
            persons,
            dim=DIRECTIONS * hidden,
            frames=frames,
            preparation=preparation,
            facing=facing,
            maximum_seconds=maximum_seconds,
            maximum_frames=maximum_frames,
        )
        self.gru = StepwiseGRU(persons * self.skeleton.num_joints * 3, hidden, layers)

    def features(self, batch: PoseBatch) -> Tensor:
        """Return the outputs of the last layer at every frame: [b, t, d]."""
        out: Tensor = self.gru(rearrange(self.dense(batch), "b p t j c -> b t (j c p)"))
        return out

    def stages(self) -> list[tuple[str, nn.Module]]:
        """Return the layers, the one at the input first."""
        return [(f"gru.layers.{at}", layer) for at, layer in enumerate(self.gru.layers)]

    def persons(self, batch: PoseBatch) -> PersonVectors:
        """Return one vector for each clip with somebody in it: values [m, d], the output at the last frame, slot 0."""
        return self.joined(self.features(batch)[:, -1], batch)
