"""CrosSCLR's objective: streams of a clip that tell each other which clips are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from msclr.errors import ConfigError, PoseError, PoseTypeError
from msclr.losses.batch import ClipBatch, describe, mean_terms, measures, queue_logits, share_of_pairs
from msclr.losses.infonce import PairLogits, check_temperature, nce_from_logits
from msclr.losses.mining import check_neighbours, is_mining, nearest_entries
from msclr.losses.output import LossOutput
from msclr.losses.queue import NegativeQueue

STREAMS: tuple[str, ...] = ("joint", "motion", "bone")


class CrosSCLRLoss(nn.Module):
    """Contrast each stream of a clip with its own key, later with the neighbours that the other streams find.

    Every stream u has a query, a key and a queue. Before mining, the loss is the sum of the streams' InfoNCE. While
    mining, stream u learns from each other stream v, by one softmax over

        [own key, l_u, l_u * l_v] / temperature,

    where l_u and l_v are the cosines with the queues of u and of v, the last only with `context`. Positives are the key
    and the `topk` entries largest in l_v, among l_u and among l_u * l_v. The loss of u is the mean over its partners v,
    the total the sum over streams. Gradient flows into both streams through l_u * l_v, as published.

    A row of all queues stands for one clip. So a clip whose key has NaN or infinity in one stream enters no queue.

    The published training goes on updating only the key encoder of the motion stream once it mines. This is a matter
    of the training loop, not of the loss.

    Args:
        dim: Length of an embedding.
        queue_size: Number of keys in each queue.
        streams: Names of the streams, at least two.
        temperature: At least 1e-6.
        topk: How many neighbours a stream names.
        context: Use the products l_u * l_v.
        mine_after: The last epoch (from 1) without mining, 150 as published; None for no schedule.
        generator: Draws the first content of the queues; by default one with seed 0.

    Attributes:
        queues: The `NegativeQueue` of each stream by name, part of the state dict.

    Raises:
        ConfigError: Temperature below 1e-6, queue without rows, topk below 1 or above the queue's size, fewer than two
            streams or names that are none.

    Source: Li et al. 2021 (CrosSCLR), cross-view consistent knowledge mining.

    Example:
        >>> encoders = {name: nn.Linear(6, 4) for name in STREAMS}  # your encoders with their projection heads
        >>> loss = CrosSCLRLoss(dim=4, queue_size=16, mine_after=150)
        >>> clip, other = torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(0))
        >>> for epoch in (150, 151):
        ...     query = {name: encode(clip) for name, encode in encoders.items()}
        ...     key = {name: encode(other) for name, encode in encoders.items()}
        ...     output = loss(query, key, epoch=epoch)
        ...     output.total.backward()
        ...     sorted(output.terms)
        ['accuracy', 'alignment', 'info_nce', 'loss_bone', 'loss_joint', 'loss_motion', 'uniformity', 'valid']
        ['accuracy', 'alignment', 'knowledge', 'loss_bone', 'loss_joint', 'loss_motion', 'uniformity', 'valid']
    """

    def __init__(
        self,
        dim: int = 128,
        queue_size: int = 32768,
        *,
        streams: Sequence[str] = STREAMS,
        temperature: float = 0.07,
        topk: int = 1,
        context: bool = True,
        mine_after: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.streams = tuple(streams)
        taken = nn.ModuleDict()
        named = all(name.isidentifier() and not hasattr(taken, name) for name in self.streams)
        if len(set(self.streams)) < max(2, len(self.streams)) or not named:
            raise ConfigError(
                f"streams are {', '.join(map(repr, self.streams))}",
                expected="at least two different names",
                remedy="use " + ", ".join(STREAMS),
            )
        self.temperature = check_temperature(temperature)
        self.context = context
        self.mine_after = mine_after
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        self.queues = nn.ModuleDict({name: NegativeQueue(dim, queue_size, generator) for name in self.streams})
        self.topk = check_neighbours(topk, queue_size)

    def forward(
        self,
        query: Mapping[str, Tensor],
        key: Mapping[str, Tensor],
        *,
        epoch: int | None = None,
        mining: bool | None = None,
        sample_ids: Tensor | None = None,
        valid: Tensor | None = None,
        update_queue: bool = True,
    ) -> LossOutput:
        """The loss of a batch.

        A clip with NaN or infinity in one stream is left out there, and where this stream is a partner. Embeddings are
        brought to length 1 here. No gradient flows into keys or through the choice of neighbours.

        Args:
            query: [b, dim] by stream, with gradient.
            key: The same from the key encoders.
            epoch: The current epoch, from 1; decides on mining together with `mine_after`.
            mining: Whether to mine, whatever the epoch.
            sample_ids: Integers [b], the clips' numbers in the data set, the same on every process, -1 for unknown.
                Entries of the same clip are then neither its negatives nor mined.
            valid: bool [b], true for the clips that count.
            update_queue: False to leave the queues alone; they are left alone in evaluation mode too.

        Returns:
            `total`, the terms `info_nce` or, while mining, `knowledge` (the same), `loss_` and the name of each stream
            (its part of the sum), and the measures of `MSCLRLoss`, means over streams.

        Raises:
            PoseError: Shapes, devices or streams that do not fit.
            ConfigError: A schedule without an epoch.
        """
        mines = is_mining(mining, self.mine_after, epoch)
        views = self._by_stream("query", query) | self._by_stream("key", key)
        batch = describe(views, self._queue(self.streams[0]), sample_ids, valid)
        logits = {
            name: queue_logits(query[name], key[name], self._queue(name), batch, self.temperature)
            for name in self.streams
        }
        losses = {
            name: self._learnt(name, logits) if mines else nce_from_logits(logits[name], joint=True)
            for name in self.streams
        }
        total = torch.stack(list(losses.values())).sum()
        terms = {"knowledge" if mines else "info_nce": total, **{f"loss_{n}": x for n, x in losses.items()}}
        terms |= mean_terms([self._figures(logits[name], query[name], batch) for name in self.streams])
        if self.training and update_queue:
            self._remember(key, batch)
        return LossOutput(total, terms)

    def _by_stream(self, side: str, views: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The views of one side in the order of the streams, by the name that an error shall give them."""
        if not isinstance(views, Mapping):
            raise PoseTypeError(f"{side} is a {type(views).__name__}", expected="a mapping from stream to tensor")
        if set(views) != set(self.streams):
            raise PoseError(f"{side} has streams {sorted(views)}", expected=f"{sorted(self.streams)}")
        return {f"{side} {name!r}": views[name] for name in self.streams}

    def _learnt(self, stream: str, logits: Mapping[str, PairLogits]) -> Tensor:
        """What a stream learns from the others, their mean."""
        partners = [name for name in self.streams if name != stream]
        return torch.stack([self._learnt_from(logits[stream], logits[name]) for name in partners]).mean()

    def _learnt_from(self, own: PairLogits, partner: PairLogits) -> Tensor:
        """-(log softmax * mask).sum / mask.sum for a stream and one partner, mean over clips."""
        left_out = own.negative.isneginf() | partner.negative.isneginf()
        both = ((own.weights > 0) & (partner.weights > 0)).to(own.weights.dtype)  # [b, 1]
        mined = nearest_entries(partner, self.topk) * both * ~own.negative.isneginf()
        negative = own.negative
        if self.context:
            # Both are over the temperature, their product shall be so once.
            product = own.negative.masked_fill(left_out, 0.0) * partner.negative.masked_fill(left_out, 0.0)
            product = (product * self.temperature).masked_fill(left_out, -torch.inf)
            negative, mined = torch.cat([negative, product], dim=1), torch.cat([mined, mined], dim=1)
        return nce_from_logits(PairLogits(own.positive, negative, own.weights * both, mined), joint=True)

    def _figures(self, logits: PairLogits, query: Tensor, batch: ClipBatch) -> dict[str, Tensor]:
        share = share_of_pairs(logits, len(query))
        return measures(logits, self.temperature, query, batch.valid) | {"valid": share}

    def _remember(self, key: Mapping[str, Tensor], batch: ClipBatch) -> None:
        finite = torch.stack([key[name].isfinite().all(1) for name in self.streams]).all(0)  # [b]
        for name in self.streams:
            # Rows of NaN are turned away and counted by every queue, which keeps the queues in step.
            batch.remember(self._queue(name), [torch.where(finite[:, None], key[name].detach(), torch.nan)])

    def _queue(self, stream: str) -> NegativeQueue:
        return cast(NegativeQueue, self.queues[stream])

    def extra_repr(self) -> str:
        """The settings, for printing."""
        return f"temperature={self.temperature}, topk={self.topk}, context={self.context}, mine_after={self.mine_after}"
