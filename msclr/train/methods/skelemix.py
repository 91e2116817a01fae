"""SkeleMixCLR: body parts of one clip pasted into another, and both found again."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch
from einops import repeat
from torch import Tensor

from msclr.augment.skelemix import SkeleMix
from msclr.collectives import share_of
from msclr.errors import ConfigError
from msclr.losses.output import LossOutput
from msclr.losses.skelemix import SkeleMixLoss
from msclr.models.base import PersonVectors, PoseEncoder
from msclr.models.config import PerSkeletonConfig
from msclr.models.conventions import GraphName, bones_of
from msclr.models.features import JointEncoder
from msclr.models.per_skeleton import PerSkeletonEncoder
from msclr.poses.streams import Stream, in_stream
from msclr.poses.transfer import to_device
from msclr.train.methods.clips import AlignedClips
from msclr.train.methods.config import PublishedConfig
from msclr.train.methods.momentum import Branch, MomentumContrast
from msclr.train.methods.views import Block, View, packed


@dataclass(frozen=True, eq=False)
class MixedView:
    """Clips with regions of others: `pasted` bool [b, t', j] at the rate of the features, `partner` int64 [b].

    Of several processes each has the view and `pasted` of its share, and every `partner`, which stays on the CPU.
    """

    view: View
    pasted: Tensor
    partner: Tensor


@dataclass(frozen=True, eq=False)
class MixViews:
    """Two normal views, mixes of the first, and ids int64 [b]."""

    query: View
    key: View
    mixes: tuple[MixedView, ...]
    ids: Tensor


class SkeleMixCLR(MomentumContrast[MixViews]):
    """Match whole clips, and in mixed clips match each part with the clip that it came from.

    Streams are made before clips are mixed, so that no bone or motion leads from one clip into another.

    Source:
        Chen et al. 2022 (SkeleMixCLR), sections 3.2 to 3.4.
    """

    def __init__(self, config: PublishedConfig, clips: AlignedClips) -> None:
        super().__init__(config, clips)
        encoder, contrast = config.encoders[0], config.contrast
        if not isinstance(encoder, PerSkeletonConfig):
            raise ConfigError(f"a {type(encoder).__name__}", expected="a PerSkeletonConfig, which has streams")
        self.stream: Stream = encoder.stream
        self.graph: GraphName = encoder.graph
        self.add_branch("encoder", encoder.replace(stream="joint"))
        found = self.recipe("skelemix")
        self.augmentation, self.mix = found, found.mix or SkeleMix()
        self.contrast = SkeleMixLoss(
            contrast.projection, contrast.queue_size, temperature=contrast.temperature, weight=contrast.mix_weight
        )

    def views(self, index: Tensor, device: torch.device) -> MixViews:
        """Make two views of each clip and mix the first several times."""
        clips = self.clips.draw(index, self.random, device).block(0, torch.arange(len(index)))
        query, key = (self._in_stream(clips.augmented(self.augmentation, self.random)) for _ in range(2))
        mixes = tuple(self._mixed(query) for _ in range(self.augmentation.mixes))
        return MixViews(self._own(query), self._own(key), mixes, to_device(index, device))

    def loss(self, batch: MixViews, step: int) -> LossOutput:
        """Return the contrast of whole clips plus those of the parts."""
        parts = [self._parts(mix) for mix in batch.mixes]
        outcome: LossOutput = self.contrast(
            self.query("encoder", batch.query),
            self.key("encoder", batch.key),
            [inside for inside, _ in parts],
            [outside for _, outside in parts],
            [mix.partner for mix in batch.mixes],
            sample_ids=self.known(batch.ids),
        )
        return outcome

    def trained(self) -> dict[str, PoseEncoder]:
        """Return the encoder, of another stream a copy that makes it itself: the one in training is given it."""
        found = super().trained()
        for name, encoder in found.items():
            if isinstance(encoder, PerSkeletonEncoder) and self.stream != "joint":
                twin = found[name] = copy.deepcopy(encoder)
                twin.stream = self.stream
                twin.config = twin.config.replace(stream=self.stream)
        return found

    def _in_stream(self, block: Block) -> Block:
        clips = block.clips
        bones = bones_of(clips.skeleton, self.graph)
        return replace(block, clips=clips.moved(*in_stream(clips.positions, clips.valid, self.stream, bones)))

    def _mixed(self, block: Block) -> MixedView:
        mixed = self.mix(block.clips, generator=self.random)
        there = None if block.there is None else block.there | block.there[mixed.partner]
        pasted = mixed.pasted[share_of(len(block.places))]
        return MixedView(self._own(Block(block.places, mixed.clips, there)), pasted, mixed.partner)

    def _own(self, block: Block) -> View:
        """Pack this process's share of the clips of a batch."""
        return packed([block.share(len(block.places))], absent_count=self.absent_count)

    def _parts(self, mix: MixedView) -> tuple[Tensor, Tensor]:
        """Embed the pasted region and the rest of each mixed clip."""
        branch = self.queries["encoder"]
        if not (isinstance(branch, Branch) and isinstance(branch.encoder, JointEncoder)):
            raise ConfigError("an encoder without joint features", expected="an ST-GCN: it pools regions")
        features = branch.encoder.features(mix.view.batch)
        dense = repeat(mix.pasted, "b t j -> b p t j", p=features.batch.num_slots)
        pasted = features.batch.pack([dense])
        pooled = branch.encoder.pool_masked(features, pasted)
        # A person whom only the partner has, or only the clip itself, has nothing to say of the other region.
        inside, outside = (
            PersonVectors.of(values, features.batch).mean(features.persons_in(region))
            for values, region in zip(pooled, (pasted, ~pasted), strict=True)
        )
        return self.gathered(branch.head(inside)), self.gathered(branch.head(outside))
