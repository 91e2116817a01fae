"""The method of the bundled models: two views of a clip in different conventions, one contrast, labels where known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from msclr.collectives import gather_shares, share_of, world_size
from msclr.losses.msclr import MSCLRLoss
from msclr.losses.output import LossOutput
from msclr.models.base import PoseEncoder
from msclr.models.build import build_encoder
from msclr.models.encoder import MultiSkeletonEncoder
from msclr.models.heads import ProjectionHead
from msclr.models.momentum import MomentumEncoder
from msclr.poses.batch import PoseBatch
from msclr.poses.transfer import to_device
from msclr.strict_json import JsonValue
from msclr.train.config import TrainConfig
from msclr.train.data import WindowSampler
from msclr.train.generators import Generator, restore, state_of
from msclr.train.hidden import HiddenJoints, JointDecoder, hide_joints
from msclr.train.method import Method
from msclr.train.output import feature_width, fit_output
from msclr.train.sources import IntArray, Source, load_sources
from msclr.train.views import ViewMaker

LABEL_SMOOTHING = 0.1
GRADIENT_NORM = 5.0


@dataclass(frozen=True, eq=False)
class Pairs:
    """The clips of a batch: a query and a key view of each clip in this process's share, and what is known of all.

    Args:
        query, key: The views.
        labels: For each block of clips its family of sources, the rows int64 [l] in the batch of the clips that have a
            class, and their classes int64 [l].
        ids: int64 [b].
        hidden: What the query was not shown, if there is a masked-joint term.
    """

    query: PoseBatch
    key: PoseBatch
    labels: list[tuple[str, Tensor, Tensor]]
    ids: Tensor
    hidden: HiddenJoints | None = None


class Projected(nn.Module):
    """An encoder with the projection head of the contrastive loss.

    Args:
        encoder: The encoder.
        projection: Length of the projections.
        bottleneck: Length of the features if the encoder's last linear map is not trained but fitted afterwards: then
            another one, from the averages of the last block alone, takes its place.
    """

    def __init__(self, encoder: MultiSkeletonEncoder, projection: int, bottleneck: int | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.dim = encoder.dim if bottleneck is None else bottleneck
        self.narrow = None if bottleneck is None else nn.Linear(feature_width(encoder), bottleneck)
        encoder.pooling.output.requires_grad_(bottleneck is None)
        self.head = ProjectionHead(self.dim, projection)

    def forward(self, batch: PoseBatch) -> tuple[Tensor, Tensor]:
        """Return features [m, dim] and projections [m, d] of every person of a batch."""
        joints = self.encoder.features(batch)
        if self.narrow is None:
            features = self.encoder.pool(joints)
        else:
            features = self.narrow(self.encoder.pooling.averages(joints.values, joints.valid, joints.batch))
        return features, self.head(features)


class Universal(Method[Pairs]):
    """Contrast a clip with itself in another convention, derived or recorded by another sensor; classify if labelled.

    InfoNCE against a shared queue of keys of all conventions, behind a projection head; sources with labels add a
    cross-entropy. If asked for, joints of the query are hidden and have to be told from its features.

    Args:
        config: The run.
        data: Folder that the files of the run are relative to.

    Raises:
        MissingFileError: If a file of the run is missing.
    """

    def __init__(self, config: TrainConfig, data: Path) -> None:
        super().__init__(steps=config.steps, seed=config.seed, gradient_norm=GRADIENT_NORM)
        self.config = config
        self.sources = load_sources(config, data)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            bottleneck = config.output.bottleneck if config.output else None
            self.query = Projected(build_encoder(config.encoder), config.loss.projection, bottleneck)
            self.heads = _label_heads(self.sources, self.query.dim)
            self.decoder = JointDecoder(self.query.dim) if config.loss.masked_weight else None
        self.key = MomentumEncoder(self.query, config.loss.momentum)
        self.contrast = MSCLRLoss(
            dim=config.loss.projection,
            queue_size=config.loss.queue_size,
            temperature=config.loss.temperature,
            in_batch=True,
        )
        self.sampler = WindowSampler(self.sources, config, config.seed)
        self.views = ViewMaker(self.sources, config.views, config.seed + 1)
        self.generators: dict[str, Generator] = {
            "clips": self.sampler.random,
            "conventions": self.views.random,
            "noise": self.views.generator,
        }
        self.hiding = torch.Generator().manual_seed(config.seed + 4)
        if self.decoder is not None:
            self.generators["hidden"] = self.hiding

    def batches(self, device: torch.device, start: int = 0) -> Iterator[Pairs]:
        """Yield a query and a key view of clips drawn at random, in conventions drawn at random."""
        sampler, views = self.sampler, self.views
        names = _clip_ids(self.sources)
        for _ in range(start, self.steps):
            pairs = sampler.draw()
            while sum(len(first.clips) for first, _ in pairs) < max(2, world_size()):
                pairs = sampler.draw()
            mirrored = bool(sampler.random.random() < 0.5)
            first = views.batch([pair[0].to(device) for pair in pairs], mirrored)
            second = views.batch([pair[1].to(device) for pair in pairs], mirrored)
            drawn = [(self.sources[block.source], block.clips, names[block.source]) for block, _ in pairs]
            labels = _known_labels([(source, clips) for source, clips, _ in drawn], device)
            ids = torch.cat([known[torch.from_numpy(clips)] for _, clips, known in drawn])
            yield self._hide(Pairs(first, second, labels, to_device(ids, device)))

    def _hide(self, pairs: Pairs) -> Pairs:
        if self.decoder is None:
            return pairs
        count = len(pairs.ids)
        draws = torch.rand(count, self.config.views.largest, generator=self.hiding)[share_of(count)]
        draws = to_device(draws, pairs.ids.device)
        shown, hidden = hide_joints(pairs.query, draws, self.config.loss.masked_share)
        return replace(pairs, query=shown, hidden=hidden)

    def random_state(self) -> dict[str, Tensor]:
        """Return the states of the generators; there are no epochs."""
        return {name: state_of(generator) for name, generator in self.generators.items()}

    def set_random_state(self, state: Mapping[str, Tensor]) -> None:
        """Go back to a state."""
        for name, generator in self.generators.items():
            restore(generator, state[name])

    def fingerprint(self) -> dict[str, dict[str, JsonValue]]:
        """Return counts and hashes of every file of clips."""
        return {f"{source.title} (source {number})": source.fingerprint() for number, source in enumerate(self.sources)}

    def clip_names(self, batch: Pairs) -> tuple[str, ...]:
        """Return the names of the clips of a batch."""
        known = {
            int(id): name
            for ids, source in zip(_clip_ids(self.sources), self.sources, strict=True)
            for id, name in zip(ids, source.names, strict=True)
        }
        return tuple(known[id] for id in batch.ids.tolist())

    def loss(self, batch: Pairs, step: int) -> LossOutput:
        """Return the weighted sum of the contrast and the terms `labels` and `masked`."""
        own, projected = self.query(batch.query)
        features, projected = (gather_shares(each, len(batch.ids)) for each in (own, projected))
        with torch.no_grad():
            keys = gather_shares(self.key(batch.key)[1], len(batch.ids))
        outcome: LossOutput = self.contrast(projected, keys, sample_ids=batch.ids)
        supervised = _label_loss(features, batch.labels, self.heads)
        weights = self.config.loss
        total = weights.contrast_weight * outcome.total + weights.label_weight * supervised
        terms = {"labels": supervised.detach(), **outcome.terms}
        if self.decoder is not None and batch.hidden is not None:
            parts = self.decoder(own, batch.query, batch.hidden)
            differences, numbers = (gather_shares(each, len(batch.ids)).sum() for each in parts)
            masked = differences / numbers.clamp(min=1)
            total = total + weights.masked_weight * masked
            terms["masked"] = masked.detach()
        return LossOutput(total, terms)

    def optimizer(self, *, fused: bool = False) -> torch.optim.Optimizer:
        """Return AdamW with decay on matrices only."""
        decoder = [] if self.decoder is None else [*self.decoder.parameters()]
        learnt = [*self.query.parameters(), *self.heads.parameters(), *decoder]
        parameters = [each for each in learnt if each.requires_grad]
        groups = [
            {"params": [each for each in parameters if each.dim() > 1], "weight_decay": self.config.weight_decay},
            {"params": [each for each in parameters if each.dim() <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.config.learning_rate, fused=fused or None)

    def learning_rate(self, step: int) -> float:
        """Return a straight rise, then half a cosine down to zero."""
        rise = max(1, round(self.steps * self.config.warmup))
        if step < rise:
            return self.config.learning_rate * ((step + 1) / rise)
        done = (step - rise) / max(1, self.steps - rise)
        return self.config.learning_rate * (0.5 * (1 + math.cos(math.pi * done)))

    def after_update(self, step: int) -> None:
        """Move the key encoder."""
        self.key.update(self.query)

    def finish(self) -> None:
        """Fit the encoder's last linear map to views of all sources, if that is how it is made."""
        output, encoder = self.config.output, self.query.encoder
        if output is None:
            return
        device = next(encoder.parameters()).device
        fit_output(encoder, self._further_views(output.batches, device), whitening=output.whitening)
        encoder.pooling.output.requires_grad_(True)

    def _further_views(self, count: int, device: torch.device) -> Iterator[PoseBatch]:
        """Views as in training, both of each pair, drawn apart from those: the same at each call."""
        sampler = WindowSampler(self.sources, self.config, self.config.seed + 2)
        views = ViewMaker(self.sources, self.config.views, self.config.seed + 3)
        for _ in range(count):
            for blocks in zip(*sampler.draw(), strict=True):
                yield views.batch([block.to(device) for block in blocks], mirrored=False)

    def trained(self) -> dict[str, PoseEncoder]:
        """Return the query encoder."""
        return {"encoder": self.query.encoder}


def _clip_ids(sources: list[Source]) -> list[Tensor]:
    """One id for each recording, the same in all files of a group, so that a recording is never its own negative."""
    known: dict[tuple[str, str], int] = {}
    return [
        torch.tensor([known.setdefault((source.family, name), len(known)) for name in source.names])
        for source in sources
    ]


def _label_heads(sources: list[Source], dim: int) -> nn.ModuleDict:
    """One classifier for each family of sources with classes; the sensors of one recording share it."""
    families = {source.family: len(source.classes) for source in sources if len(source.classes) > 1}
    return nn.ModuleDict({_key(family): nn.Linear(dim, classes) for family, classes in families.items()})


def _key(family: str) -> str:
    return family.replace(".", "_")


def _known_labels(drawn: list[tuple[Source, IntArray]], device: torch.device) -> list[tuple[str, Tensor, Tensor]]:
    """The rows and classes of the clips that have one, block by block, found before the device is asked anything."""
    found, start = [], 0
    for source, clips in drawn:
        classes = torch.from_numpy(source.labels[clips])
        known = (classes >= 0).nonzero()[:, 0]
        found.append((source.family, to_device(start + known, device), to_device(classes[known], device)))
        start += len(clips)
    return found


def _label_loss(features: Tensor, labels: list[tuple[str, Tensor, Tensor]], heads: nn.ModuleDict) -> Tensor:
    """Mean cross-entropy over the clips that have a class; zero if none has."""
    losses = [features.sum() * 0]
    count = 0
    for family, rows, classes in labels:
        if _key(family) in heads and len(rows):
            scores = heads[_key(family)](features[rows])
            losses.append(F.cross_entropy(scores, classes, reduction="sum", label_smoothing=LABEL_SMOOTHING))
            count += len(rows)
    return torch.stack(losses).sum() / max(count, 1)
