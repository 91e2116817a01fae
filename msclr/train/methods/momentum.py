"""What the published systems share: momentum contrast, epochs over clips, gradient descent with milestones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar, TypeVar

import torch
from torch import Tensor, nn

from msclr.augment.recipes import Recipe, recipe
from msclr.collectives import gather_shares, world_size
from msclr.errors import ConfigError
from msclr.models.base import PoseEncoder
from msclr.models.build import build_encoder
from msclr.models.config import ModelConfig, PerSkeletonConfig
from msclr.models.heads import ProjectionHead
from msclr.models.momentum import MomentumEncoder
from msclr.models.normalise import RunningNorm
from msclr.strict_json import JsonValue
from msclr.train.generators import restore, state_of
from msclr.train.method import Method
from msclr.train.methods.clips import AlignedClips, DrawnClips
from msclr.train.methods.config import PublishedConfig
from msclr.train.methods.views import View, packed

Batch = TypeVar("Batch")

_NORMS = (nn.modules.batchnorm._BatchNorm, RunningNorm)


class Branch(nn.Module):
    """An encoder with its projection head: a view in, one embedding for each clip out."""

    def __init__(self, encoder: PoseEncoder, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, view: View) -> Tensor:
        """Return embeddings [b, d] in the order of the view."""
        embeddings: Tensor = self.head(view.mean(self.encoder.persons(view.batch)))
        return embeddings


class MomentumContrast(Method[Batch]):
    """The frame of all published systems; they add their views and their loss.

    Args:
        config: The run.
        clips: Its data.

    Raises:
        ConfigError: If there are fewer clips than a batch has.
    """

    published_keys_differ: ClassVar[bool] = True  # from the query encoders at the start, in the published code

    def __init__(self, config: PublishedConfig, clips: AlignedClips) -> None:
        self.per_epoch = len(clips) * len(clips.formats) // config.schedule.batch_size
        steps = config.schedule.epochs * self.per_epoch
        super().__init__(steps=steps if config.steps is None else min(steps, config.steps), seed=config.seed)
        if self.per_epoch == 0:
            raise ConfigError(
                f"{len(clips)} clips for batches of {config.schedule.batch_size}",
                expected="at least one batch",
                remedy="a smaller schedule.batch_size",
            )
        if config.schedule.batch_size < world_size():
            raise ConfigError(
                f"batches of {config.schedule.batch_size} clips", expected=f"{world_size()}, one a process"
            )
        self.config = config
        self.clips = clips
        self.random = torch.Generator().manual_seed(config.seed)
        self.order = torch.empty(0, dtype=torch.int64)  # of the clips in this epoch
        self.absent_count = False
        self.queries = nn.ModuleDict()
        self.keys = nn.ModuleDict()

    def add_branch(self, name: str, encoder: ModelConfig) -> None:
        """Build an encoder with its head and its slow copy, by the published initialisation."""
        contrast = self.config.contrast
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed + len(self.queries))
            if self.config.legacy and isinstance(encoder, PerSkeletonConfig):
                encoder = encoder.replace(legacy_pooling=True)
            self.absent_count |= isinstance(encoder, PerSkeletonConfig) and encoder.legacy_pooling
            built = build_encoder(encoder)
            query = Branch(built, self.head(name, built.dim))
            self.initialise(query)
            key = MomentumEncoder(query, contrast.momentum)
            if self.config.legacy and self.published_keys_differ:
                self.initialise(key)
        self.queries[name] = query
        self.keys[name] = key

    def initialise(self, branch: nn.Module) -> None:
        """Draw the first weights of a branch, from torch's global generator."""
        initialise(branch)

    def head(self, name: str, inputs: int) -> nn.Module:
        """Build the projection head of a branch."""
        return ProjectionHead(inputs, self.config.contrast.projection, batch_norm=self.config.contrast.head_norm)

    def query(self, name: str, view: View) -> Tensor:
        """Embed a view by a query branch: [b, d], the clips of all processes."""
        return self.gathered(self.queries[name](view))

    def key(self, name: str, view: View) -> Tensor:
        """Embed a view by the slow copy of a branch, without gradient: [b, d], the clips of all processes."""
        return self.gathered(self.keys[name](view))

    def gathered(self, embeddings: Tensor) -> Tensor:
        """Return the embeddings of a whole batch from those of this process's share of it."""
        return gather_shares(embeddings, self.config.schedule.batch_size)

    def recipe(self, name: str) -> Recipe:
        """Return the augmentations of a paper, with its defects if the run is to have them."""
        return recipe(name, legacy=self.config.legacy)

    def batches(self, device: torch.device, start: int = 0) -> Iterator[Batch]:
        """Yield the views of every update; each epoch passes over all clips in a new order."""
        size = self.config.schedule.batch_size
        for step in range(start, self.steps):
            place = step % self.per_epoch * size
            if place == 0:
                self.order = self.clips.order(self.random)
            yield self.views(self.order[place : place + size], device)

    def random_state(self) -> dict[str, Tensor]:
        """Return the state of the generator and the order of the epoch."""
        return {"draws": state_of(self.random), "order": self.order}

    def set_random_state(self, state: Mapping[str, Tensor]) -> None:
        """Go back to a state."""
        restore(self.random, state["draws"])
        self.order = state["order"]

    def fingerprint(self) -> dict[str, dict[str, JsonValue]]:
        """Return counts and hashes of the clips in each format."""
        return self.clips.fingerprint()

    def clip_names(self, batch: Batch) -> tuple[str, ...]:
        """Return the names of the clips of a batch."""
        ids = getattr(batch, "ids", None)
        return tuple(self.clips.names[row] for row in ids.tolist()) if isinstance(ids, Tensor) else ()

    @abstractmethod
    def views(self, index: Tensor, device: torch.device) -> Batch:
        """Make the augmented views of the recordings `index` [b] on the device."""

    def view(self, clips: DrawnClips, formats: Tensor, augmentation: Recipe) -> View:
        """Make one view of this process's share of recordings, each in the format drawn for it."""
        blocks = []
        for number in range(len(self.clips.formats)):
            places = (formats == number).nonzero()[:, 0]
            if len(places):
                blocks.append(clips.block(number, places).augmented(augmentation, self.random).share(len(formats)))
        return packed(blocks, absent_count=self.absent_count)

    def draw_formats(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Draw a query and a key format [b] for each recording."""
        count = len(self.clips.formats)
        query = torch.randint(count, index.shape, generator=self.random)
        if self.config.pairs == "cross" and count > 1:
            return query, (query + torch.randint(1, count, index.shape, generator=self.random)) % count
        return query, torch.randint(count, index.shape, generator=self.random)

    def epoch(self, step: int) -> int:
        """Return the epoch of an update, from 1."""
        return step // self.per_epoch + 1

    def known(self, ids: Tensor) -> Tensor | None:
        """Return the ids of a batch for the loss, if it is to leave out negatives of the same clip."""
        return ids if self.config.contrast.exclude_same_clip else None

    def optimizer(self, *, fused: bool = False) -> torch.optim.Optimizer:
        """Return stochastic gradient descent on the query branches."""
        schedule = self.config.schedule
        return torch.optim.SGD(
            self.queries.parameters(),
            lr=schedule.learning_rate,
            momentum=schedule.momentum,
            weight_decay=schedule.weight_decay,
            nesterov=schedule.nesterov,
            fused=fused or None,
        )

    def learning_rate(self, step: int) -> float:
        """Return the rate of an update: multiplied by gamma after every milestone."""
        schedule = self.config.schedule
        passed = sum(self.epoch(step) > milestone for milestone in schedule.milestones)
        return schedule.learning_rate * schedule.gamma**passed

    def after_update(self, step: int) -> None:
        """Move the key branches."""
        for name in self.keys:
            self.move(name)

    def move(self, name: str) -> None:
        """Move one key branch towards its query branch."""
        key = self.keys[name]
        if isinstance(key, MomentumEncoder):
            key.update(self.queries[name])

    def trained(self) -> dict[str, PoseEncoder]:
        """Return the query encoders by branch."""
        found: dict[str, PoseEncoder] = {}
        for name, branch in self.queries.items():
            if isinstance(branch, Branch):
                found[name] = branch.encoder
        return found


def initialise(module: nn.Module) -> None:
    """Draw weights as the published systems do: N(0, 0.02), for normalisations N(1, 0.02), biases 0.

    Recurrent and adaptive-graph parameters keep what their constructors gave them. Draws from torch's global generator,
    which the caller seeds.

    Source:
        The published code of Li et al. 2021 (CrosSCLR), which the later systems share.

    Example:
        >>> layer = nn.Linear(4, 4)
        >>> initialise(layer)
        >>> layer.bias.tolist()
        [0.0, 0.0, 0.0, 0.0]
    """
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv1d | nn.Conv2d):
            nn.init.normal_(part.weight, 0.0, 0.02)
        elif isinstance(part, _NORMS) and part.weight is not None:
            nn.init.normal_(part.weight, 1.0, 0.02)
        else:
            continue
        if part.bias is not None:
            nn.init.zeros_(part.bias)
