"""CooccurrenceEncoder: HCN, a convolutional network on joints as images, image encoder of inter-skeleton contrast."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from msclr.errors import ConfigError, PoseError
from msclr.models.base import PersonVectors, Preparation
from msclr.models.single import SingleConventionEncoder
from msclr.poses.batch import PoseBatch
from msclr.skeletons.spec import SkeletonSpec

CHANNELS = (64, 64, 32, 64, 128, 256)
HALVINGS = 4


class CooccurrenceBranch(nn.Module):
    """Learn features of each joint over time, then let the joints be channels, so that all of them meet.

    Args:
        joints: Number of joints.
        channels: Outputs of the four convolutions: point by point, over time, and the two across joints.
        dropout: Share of feature maps dropped in training.
    """

    def __init__(self, joints: int, channels: Sequence[int], dropout: float) -> None:
        super().__init__()
        point, line, third, fourth = channels
        self.point = nn.Conv2d(3, point, 1)
        self.line = nn.Conv2d(point, line, (3, 1), padding=(1, 0))
        self.third = nn.Conv2d(joints, third, 3, padding=1)
        self.fourth = nn.Conv2d(third, fourth, 3, padding=1)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, values: Tensor) -> Tensor:
        """Apply to [n, 3, t, j]; returns [n, c, t / 4, w / 4], w the channels of the convolution over time."""
        out = self.line(F.relu(self.point(values)))
        out = rearrange(out, "n w t j -> n j t w")
        out = out.contiguous(memory_format=torch.channels_last)  # torch pools this several times as fast
        out = F.max_pool2d(self.third(out), 2)
        return F.max_pool2d(self.dropout(self.fourth(out)), 2)


class CooccurrenceEncoder(SingleConventionEncoder):
    """Turn clips of one joint convention into vectors by learning which joints move together.

    Positions and motions go through branches of their own. The motion has one frame less and is stretched to as many.

    Args:
        skeleton: The joint convention.
        persons: Person slots of a clip; the vector is the element-wise maximum over them.
        channels: Outputs of the six convolutions.
        dropout: Share of feature maps dropped in training.
        frames: Frames of a clip, at least 16; the vectors grow with them.
        preparation: How recordings are prepared: "common" coordinates, "isc" as for the published weights, or "none".
        facing: Turn 3D persons to face the viewer ("common" only).
        maximum_seconds, maximum_frames: Longer clips are embedded window by window.

    Example:
        >>> import numpy as np
        >>> from msclr import PoseSequence
        >>> encoder = CooccurrenceEncoder("kinect_v2_25").eval()
        >>> clip = PoseSequence.from_array(np.random.default_rng(0).normal(size=(2, 64, 25, 3)), "kinect_v2_25")
        >>> tuple(encoder.encode(PoseBatch.from_sequences([clip])).shape)
        (1, 4096)

    Source:
        Li et al. 2018 (HCN), section 3; Thoker et al. 2021 (inter-skeleton contrast).
    """

    def __init__(
        self,
        skeleton: str | SkeletonSpec = "kinect_v2_25",
        persons: int = 2,
        *,
        channels: Sequence[int] = CHANNELS,
        dropout: float = 0.5,
        frames: int = 64,
        preparation: Preparation = "common",
        facing: bool = True,
        maximum_seconds: float = 10.0,
        maximum_frames: int = 300,
    ) -> None:
        if len(channels) != len(CHANNELS) or min(channels) < 1 or channels[1] < 2**HALVINGS or frames < 2**HALVINGS:
            raise ConfigError(
                f"channels {tuple(channels)} for {frames} frames",
                expected=f"{len(CHANNELS)} widths, the second one and the frames at least {2**HALVINGS}",
            )
        super().__init__(
            skeleton,
            persons,
            dim=channels[5] * (frames >> HALVINGS) * (channels[1] >> HALVINGS),
            frames=frames,
            preparation=preparation,
            facing=facing,
            maximum_seconds=maximum_seconds,
            maximum_frames=maximum_frames,
        )
        self.position = CooccurrenceBranch(self.skeleton.num_joints, channels[:4], dropout)
        self.motion = CooccurrenceBranch(self.skeleton.num_joints, channels[:4], dropout)
        self.fifth = nn.Conv2d(2 * channels[3], channels[4], 3, padding=1)
        self.sixth = nn.Conv2d(channels[4], channels[5], 3, padding=1)
        self.dropout = nn.Dropout2d(dropout)

    def features(self, batch: PoseBatch) -> Tensor:
        """Return the last feature maps of every person slot: [b, p, c, t / 16, w / 16].

        Raises:
            PoseError: If the clips have another number of frames than the encoder.
        """
        values = self.dense(batch)
        if values.shape[2] != self.frames:
            raise PoseError(
                f"clips of {values.shape[2]} frames", expected=f"{self.frames}", remedy="resample(sequence, frames=...)"
            )
        image = rearrange(values, "b p t j c -> (b p) c t j")
        moved = image[:, :, 1:] - image[:, :, :-1]
        moved = F.interpolate(moved, size=image.shape[2:], mode="bilinear", align_corners=False)
        out = torch.cat((self.position(image), self.motion(moved)), dim=1)
        for layer in (self.fifth, self.sixth):
            out = F.max_pool2d(self.dropout(F.relu(layer(out))), 2)
        return rearrange(out, "(b p) c t w -> b p c t w", b=values.shape[0])

    def stages(self) -> list[tuple[str, nn.Module]]:
        """Return the parts of the network; its two branches, side by side, are the first of them."""
        branches: list[tuple[str, nn.Module]] = [("branches", nn.ModuleList((self.position, self.motion)))]
        return branches + [each for each in super().stages() if each[0] not in ("position", "motion")]

    def persons(self, batch: PoseBatch) -> PersonVectors:
        """Return one vector for each clip with somebody in it: values [m, d], the maximum over persons, slot 0."""
        return self.joined(self.features(batch).amax(dim=1).flatten(1), batch)
