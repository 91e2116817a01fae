"""SkeletonCLR: two normal views of a clip, one contrast."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from msclr.losses.msclr import MSCLRLoss
from msclr.losses.output import LossOutput
from msclr.poses.transfer import to_device
from msclr.train.methods.clips import AlignedClips
from msclr.train.methods.config import PublishedConfig
from msclr.train.methods.momentum import MomentumContrast
from msclr.train.methods.views import View


@dataclass(frozen=True, eq=False)
class TwoViews:
    """A query and a key view of the same clips, and their ids int64 [b]."""

    query: View
    key: View
    ids: Tensor


class SkeletonCLR(MomentumContrast[TwoViews]):
    """Momentum contrast of skeleton clips; with several formats, of a clip in two joint conventions.

    Source:
        Li et al. 2021 (CrosSCLR), section 3.1.
    """

    def __init__(self, config: PublishedConfig, clips: AlignedClips) -> None:
        super().__init__(config, clips)
        contrast = config.contrast
        self.add_branch("encoder", config.encoders[0])
        self.augmentation = self.recipe("skeletonclr")
        self.contrast = MSCLRLoss(contrast.projection, contrast.queue_size, temperature=contrast.temperature)

    def views(self, index: Tensor, device: torch.device) -> TwoViews:
        """Make two views of each clip."""
        clips = self.clips.draw(index, self.random, device)
        query, key = self.draw_formats(index)
        return TwoViews(
            self.view(clips, query, self.augmentation),
            self.view(clips, key, self.augmentation),
            to_device(index, device),
        )

    def loss(self, batch: TwoViews, step: int) -> LossOutput:
        """Return the InfoNCE of the batch."""
        outcome: LossOutput = self.contrast(
            self.query("encoder", batch.query), self.key("encoder", batch.key), sample_ids=self.known(batch.ids)
        )
        return outcome
