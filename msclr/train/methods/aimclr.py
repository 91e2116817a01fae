"""AimCLR, and with several formats MS-CLR's MS-AimCLR: extreme views and dropped features beside the normal views."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from msclr.errors import ConfigError
from msclr.losses.aimclr import AimCLRLoss
from msclr.losses.output import LossOutput
from msclr.models.base import PersonVectors
from msclr.models.energy_drop import energy_drop
from msclr.models.features import JointEncoder
from msclr.poses.transfer import to_device
from msclr.train.methods.clips import AlignedClips
from msclr.train.methods.config import PublishedConfig
from msclr.train.methods.momentum import Branch, MomentumContrast
from msclr.train.methods.views import View


@dataclass(frozen=True, eq=False)
class ThreeViews:
    """A normal and an extreme query view in one format, a key view in another, and ids int64 [b]."""

    normal: View
    extreme: View
    key: View
    ids: Tensor


class AimCLR(MomentumContrast[ThreeViews]):
    """Match a clip with its key and let an extremely augmented view find the same neighbours.

    With several formats, query and key of each clip are in conventions drawn for it; the published code draws once for
    a loader process and epoch.

    Source:
        Guo et al. 2022 (AimCLR); MS-CLR (arXiv 2508.14889), sections 3.3 and 3.4.
    """

    def __init__(self, config: PublishedConfig, clips: AlignedClips) -> None:
        super().__init__(config, clips)
        contrast = config.contrast
        self.add_branch("encoder", config.encoders[0])
        self.normal, self.extreme = self.recipe("aimclr_normal"), self.recipe("aimclr_extreme")
        self.contrast = AimCLRLoss(
            contrast.projection,
            contrast.queue_size,
            temperature=contrast.temperature,
            topk=contrast.topk,
            mine_after=contrast.mine_after,
        )

    def views(self, index: Tensor, device: torch.device) -> ThreeViews:
        """Make the three views of each clip; both query views are in one format."""
        clips = self.clips.draw(index, self.random, device)
        query, key = self.draw_formats(index)
        return ThreeViews(
            self.view(clips, query, self.normal),
            self.view(clips, query, self.extreme),
            self.view(clips, key, self.normal),
            to_device(index, device),
        )

    def loss(self, batch: ThreeViews, step: int) -> LossOutput:
        """Return the contrast and the match of distributions; mining by the schedule."""
        query = self.query("encoder", batch.normal)
        extreme, dropped = self._extreme_and_dropped(batch.extreme)
        key = self.key("encoder", batch.key)
        mining = self.config.contrast.mine_after is not None
        outcome: LossOutput = self.contrast(
            query,
            extreme,
            dropped,
            key,
            epoch=self.epoch(step) if mining else None,
            mining=None if mining else False,
            sample_ids=self.known(batch.ids),
        )
        return outcome

    def _extreme_and_dropped(self, view: View) -> tuple[Tensor, Tensor]:
        """Embed the extreme view as it is, and with its most energetic features dropped."""
        branch = self.queries["encoder"]
        if not (isinstance(branch, Branch) and isinstance(branch.encoder, JointEncoder)):
            raise ConfigError("an encoder without joint features", expected="an ST-GCN: it drops joints and times")
        features = branch.encoder.features(view.batch)
        kept = energy_drop(features, over="batch" if self.config.legacy else "person")
        pooled = [view.mean(PersonVectors.of(branch.encoder.pool(each), features.batch)) for each in (features, kept)]
        return self.gathered(branch.head(pooled[0])), self.gathered(branch.head(pooled[1]))
