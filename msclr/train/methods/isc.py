"""Inter-skeleton contrast: two representations of a clip, two networks, each the teacher of the other."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from msclr.losses.inter_skeleton import InterSkeletonLoss
from msclr.losses.output import LossOutput
from msclr.models.agcn import AdaptiveGCNEncoder, AdaptiveGraphConvolution
from msclr.models.hcn import CooccurrenceEncoder
from msclr.poses.transfer import to_device
from msclr.train.methods.clips import AlignedClips
from msclr.train.methods.config import PublishedConfig
from msclr.train.methods.momentum import Branch, MomentumContrast
from msclr.train.methods.skeletonclr import TwoViews


class InterSkeletonContrast(MomentumContrast[TwoViews]):
    """Match what one network says of a view with what the other says of another view of the same clip.

    Source:
        Thoker et al. 2021, section 3.
    """

    published_keys_differ: ClassVar[bool] = False

    def __init__(self, config: PublishedConfig, clips: AlignedClips) -> None:
        super().__init__(config, clips)
        contrast = config.contrast
        for name, encoder in zip(("first", "second"), config.encoders, strict=True):
            self.add_branch(name, encoder)
        self.augmentation = self.recipe("isc")
        self.contrast = InterSkeletonLoss(contrast.projection, contrast.queue_size, temperature=contrast.temperature)

    def views(self, index: Tensor, device: torch.device) -> TwoViews:
        """Make two views of each clip; both networks see the same."""
        clips, formats = self.clips.draw(index, self.random, device), torch.zeros_like(index)
        query, key = (self.view(clips, formats, self.augmentation) for _ in range(2))
        return TwoViews(query, key, to_device(index, device))

    def loss(self, batch: TwoViews, step: int) -> LossOutput:
        """Return the sum of both directions."""
        outcome: LossOutput = self.contrast(
            self.query("first", batch.query),
            self.query("second", batch.query),
            self.key("first", batch.key),
            self.key("second", batch.key),
            sample_ids=self.known(batch.ids),
        )
        return outcome

    def initialise(self, branch: nn.Module) -> None:
        """Draw first weights as published; the recurrent network's constructor does."""
        if not isinstance(branch, Branch):
            return
        last = [layer for layer in branch.head.modules() if isinstance(layer, nn.Linear)][-1]
        if isinstance(branch.encoder, AdaptiveGCNEncoder):
            initialise_adaptive(branch.encoder)
            nn.init.normal_(last.weight, 0.0, math.sqrt(2 / last.out_features))
            return
        nn.init.xavier_uniform_(last.weight)
        if isinstance(branch.encoder, CooccurrenceEncoder):
            for layer in [*branch.encoder.modules(), last]:
                if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
                    nn.init.xavier_uniform_(layer.weight)
                    nn.init.zeros_(layer.bias)


def initialise_adaptive(encoder: AdaptiveGCNEncoder) -> None:
    """Draw the first weights of a 2s-AGCN: what adaptive graphs contribute starts near nothing, and grows.

    Source:
        The published code of Shi et al. 2019 (2s-AGCN), which Thoker et al. 2021 keep.

    Example:
        >>> encoder = AdaptiveGCNEncoder("kinect_v2_25", channels=(8, 16), strides=(1, 2))
        >>> initialise_adaptive(encoder)
        >>> encoder.units[0].graph.norm.weight.unique().tolist() == [torch.tensor(1e-6).item()]
        True
    """
    for layer in encoder.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for layer in encoder.modules():
        if isinstance(layer, AdaptiveGraphConvolution):
            nn.init.constant_(layer.norm.weight, 1e-6)
            for mix in layer.mix:
                if isinstance(mix, nn.Conv2d):
                    fan = mix.out_channels * mix.in_channels * len(layer.mix)
                    nn.init.normal_(mix.weight, 0.0, math.sqrt(2 / fan))
