"""CrosSCLR: three streams of a clip, which later tell each other what is alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from msclr.errors import ConfigError
from msclr.losses.crosclr import STREAMS, CrosSCLRLoss
from msclr.losses.output import LossOutput
from msclr.models.config import PerSkeletonConfig
from msclr.models.heads import ProjectionHead, SharedTailHead
from msclr.poses.transfer import to_device
from msclr.train.methods.clips import AlignedClips
from msclr.train.methods.config import PublishedConfig
from msclr.train.methods.momentum import Branch, MomentumContrast
from msclr.train.methods.skeletonclr import TwoViews


class CrosSCLR(MomentumContrast[TwoViews]):
    """Contrast joint, motion and bone stream each for itself, then let each learn from the neighbours of the others.

    Source:
        Li et al. 2021 (CrosSCLR), sections 3.2 and 3.3.
    """

    def __init__(self, config: PublishedConfig, clips: AlignedClips) -> None:
        super().__init__(config, clips)
        encoder, contrast = config.encoders[0], config.contrast
        if not isinstance(encoder, PerSkeletonConfig):
            raise ConfigError(f"a {type(encoder).__name__}", expected="a PerSkeletonConfig, which has streams")
        for stream in STREAMS:
            self.add_branch(stream, encoder.replace(stream=stream))
            self._share_key_tail(stream)
        self.augmentation = self.recipe("skeletonclr")
        self.contrast = CrosSCLRLoss(
            contrast.projection,
            contrast.queue_size,
            temperature=contrast.temperature,
            topk=contrast.topk,
            context=contrast.context,
            mine_after=contrast.mine_after,
        )

    def views(self, index: Tensor, device: torch.device) -> TwoViews:
        """Make two views of each clip; all streams see the same."""
        clips, formats = self.clips.draw(index, self.random, device), torch.zeros_like(index)
        query, key = (self.view(clips, formats, self.augmentation) for _ in range(2))
        return TwoViews(query, key, to_device(index, device))

    def loss(self, batch: TwoViews, step: int) -> LossOutput:
        """Return the contrasts of the streams or, after the first epochs, what they learn from each other."""
        mining = self.config.contrast.mine_after is not None
        outcome: LossOutput = self.contrast(
            {stream: self.query(stream, batch.query) for stream in STREAMS},
            {stream: self.key(stream, batch.key) for stream in STREAMS},
            epoch=self.epoch(step) if mining else None,
            mining=None if mining else False,
            sample_ids=self.known(batch.ids),
        )
        return outcome

    def head(self, name: str, inputs: int) -> nn.Module:
        """Build the head of a stream; in the published code motion and bone go on into that of the joint stream."""
        if self.config.legacy and name != "joint":
            joint = self.queries["joint"]
            if isinstance(joint, Branch) and isinstance(joint.head, ProjectionHead):
                return SharedTailHead(inputs, joint.head)
        return super().head(name, inputs)

    def _share_key_tail(self, stream: str) -> None:
        """Let the key head of a stream end in that of the joint stream where its query head does."""
        branches = [self.keys[name].encoder for name in (stream, "joint")]
        own, joint = [branch.head for branch in branches if isinstance(branch, Branch)]
        if isinstance(own, SharedTailHead) and isinstance(joint, ProjectionHead):
            own.tail = joint

    def after_update(self, step: int) -> None:
        """Move the key branches; in the published code only that of motion once streams learn from each other."""
        last = self.config.contrast.mine_after
        mining = last is not None and self.epoch(step) > last
        for name in STREAMS:
            if name == "motion" or not (mining and self.config.legacy):
                self.move(name)
