"""Inter-skeleton contrast: two representations of a clip, two networks, each the teacher of the other."""

from __future__ import annotations

import torch
from torch import Tensor

from msclr.losses.inter_skeleton import InterSkeletonLoss
from msclr.losses.output import LossOutput
from msclr.train.methods.clips import AlignedClips
from msclr.train.methods.config import PublishedConfig
from msclr.train.methods.momentum import MomentumContrast
from msclr.train.methods.skeletonclr import TwoViews


class InterSkeletonContrast(MomentumContrast[TwoViews]):
    """Match what one network says of a view with what the other says of another view of the same clip.

    Source:
        Thoker et al. 2021, section 3.
    """

    def __init__(self, config: PublishedConfig, clips: AlignedClips) -> None:
        super().__init__(config, clips)
        contrast = config.contrast
        for name, encoder in zip(("first", "second"), config.encoders, strict=True):
            self.add_branch(name, encoder)
        self.augmentation = self.recipe("isc")
        self.contrast = InterSkeletonLoss(contrast.projection, contrast.queue_size, temperature=contrast.temperature)

    def views(self, index: Tensor, device: torch.device) -> TwoViews:
        """Make two views of each clip; both networks see the same."""
        formats = torch.zeros_like(index)
        query, key = (self.view(index, formats, self.augmentation).to(device) for _ in range(2))
        return TwoViews(query, key, self.ids(index, device))

    def loss(self, batch: TwoViews, step: int) -> LossOutput:
        """Return the sum of both directions."""
        outcome: LossOutput = self.contrast(
            self.query("first", batch.query),
            self.query("second", batch.query),
            self.key("first", batch.key),
            self.key("second", batch.key),
            sample_ids=batch.ids,
        )
        return outcome
