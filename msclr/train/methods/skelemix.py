"""SkeleMixCLR: body parts of one clip pasted into another, and both found again."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from einops import repeat
from torch import Tensor

from msclr.augment.clips import Clips
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
from msclr.train.methods.clips import AlignedClips, View, packed_view
from msclr.train.methods.config import PublishedConfig
from msclr.train.methods.momentum import Branch, MomentumContrast, own_share


@dataclass(frozen=True, eq=False)
class MixedView:
    """Clips with regions of others: `pasted` bool [b, t', j] at the rate of the features, `partner` int64 [b].

    Of several processes each has the view and `pasted` of its share, and every `partner`.
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
        clips = self.clips.draw(index, self.random).select(0, torch.arange(len(index)))
        query, key = (self._in_stream(self.augmentation(clips, generator=self.random)) for _ in range(2))
        mixes = tuple(self._mixed(query, device) for _ in range(self.augmentation.mixes))
        return MixViews(_own(query).to(device), _own(key).to(device), mixes, index.to(device))

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

    def _in_stream(self, clips: Clips) -> Clips:
        bones = bones_of(clips.skeleton, self.graph)
        return clips.moved(*in_stream(clips.positions, clips.valid, self.stream, bones))

    def _mixed(self, clips: Clips, device: torch.device) -> MixedView:
        mixed = self.mix(clips, generator=self.random)
        pasted = mixed.pasted[share_of(clips.num_clips)]
        return MixedView(_own(mixed.clips).to(device), pasted.to(device), mixed.partner.to(device))

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


def _own(clips: Clips) -> View:
    """Pack this process's share of the clips of a batch."""
    return packed_view(own_share([(torch.arange(clips.num_clips), clips)], clips.num_clips))
