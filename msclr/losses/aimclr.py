"""AimCLR's objective: instance contrast, distributions of extreme views, nearest neighbours as positives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from msclr.errors import PoseError
from msclr.losses.batch import ClipBatch, describe, measures, share_of_pairs
from msclr.losses.divergence import distribution_cross_entropy
from msclr.losses.infonce import PairLogits, check_temperature, nce_from_logits, split_rows
from msclr.losses.mining import check_neighbours, is_mining, nearest_entries
from msclr.losses.output import LossOutput
from msclr.losses.pairs import (
    Views,
    as_views,
    check_policy,
    convention_logits,
    draw_conventions,
    named,
    pair_mask,
    take_drawn,
)
from msclr.losses.queue import NegativeQueue

_SIDES = ("query", "extreme", "dropped")


class AimCLRLoss(nn.Module):
    """Match a clip with its key, and make extreme views see the same neighbours as the normal view.

    The sum of two terms, for a query q (normal view), q' (extreme view), q'' (q' with features dropped) and a key k:

    - InfoNCE of q and k against the queue. While mining, the `topk` entries of the queue nearest to q, to q' and to q''
      are positives beside k (nearest neighbours mining).
    - D3M: half of H(p(q), p(q')) + H(p(q), p(q'')), where p is the softmax over k and the queue, H the cross-entropy,
      and p(q) a constant.

    MS-CLR with AimCLR's terms: pass mappings from convention to tensor instead of tensors. The pairs of conventions are
    those of `MSCLRLoss` under the same policy, the first term is its loss, and D3M compares p over the same pairs. The
    published MS-AimCLR is policy "random".

    Args:
        dim: Length of an embedding.
        queue_size: Number of keys in the queue.
        temperature: At least 1e-6.
        policy: One of `PAIR_POLICIES`; it matters for mappings only.
        topk: How many neighbours each view mines.
        mine_after: The last epoch (from 1) without mining, 150 as published; None for no schedule.
        queue: The queue of another loss, to share it; `dim` and `queue_size` are then its own. Let one of the two fill
            it: pass `update_queue=False` to the other.
        generator: Draws the first content of the queue; by default one with seed 0.

    Attributes:
        queue: The `NegativeQueue`, part of the state dict.

    Raises:
        ConfigError: Unknown policy, temperature below 1e-6, queue without rows, topk below 1 or above the queue's size.

    Source: Guo et al. 2022 (AimCLR), the losses of D3M and NNM; MS-CLR (arXiv 2508.14889), section 3.4.

    Example:
        >>> encode = nn.Linear(6, 4)  # your encoder with its projection head
        >>> loss = AimCLRLoss(dim=4, queue_size=16, mine_after=150)
        >>> normal, extreme, dropped, key = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(0))
        >>> for epoch in (150, 151):
        ...     output = loss(encode(normal), encode(extreme), encode(dropped), encode(key), epoch=epoch)
        ...     output.total.backward()
        ...     sorted(output.terms)
        ['accuracy', 'alignment', 'd3m', 'info_nce', 'uniformity', 'valid']
        ['accuracy', 'alignment', 'd3m', 'nnm', 'uniformity', 'valid']
    """

    def __init__(
        self,
        dim: int = 128,
        queue_size: int = 32768,
        *,
        temperature: float = 0.07,
        policy: str = "cross",
        topk: int = 1,
        mine_after: int | None = None,
        queue: NegativeQueue | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.policy = check_policy(policy)
        self.temperature = check_temperature(temperature)
        self.queue = NegativeQueue(dim, queue_size, generator) if queue is None else queue
        self.topk = check_neighbours(topk, self.queue.size)
        self.mine_after = mine_after

    def forward(
        self,
        query: Mapping[str, Tensor] | Tensor,
        extreme: Mapping[str, Tensor] | Tensor,
        dropped: Mapping[str, Tensor] | Tensor,
        key: Mapping[str, Tensor] | Tensor,
        *,
        epoch: int | None = None,
        mining: bool | None = None,
        sample_ids: Tensor | None = None,
        valid: Tensor | None = None,
        generator: torch.Generator | None = None,
        update_queue: bool = True,
    ) -> LossOutput:
        """The loss of a batch.

        An embedding with NaN or infinity is left out of the terms that it enters. Embeddings are brought to length 1
        here. No gradient flows into keys, into p(q) or through the choice of neighbours.

        Args:
            query: [b, dim], normal views, with gradient; or by convention.
            extreme: The same of the extreme views, in the same conventions.
            dropped: The same of the extreme views after the drop of features.
            key: The same from the key encoder, in any conventions.
            epoch: The current epoch, from 1; decides on mining together with `mine_after`.
            mining: Whether to mine, whatever the epoch.
            sample_ids: Integers [b], the clips' numbers in the data set, the same on every process, -1 for unknown.
                Entries of the same clip are then neither its negatives nor mined.
            valid: bool [b], true for the clips that count.
            generator: Draws the conventions for the policy "random"; the three query views of a clip share theirs.
            update_queue: False to leave the queue alone; it is left alone in evaluation mode too.

        Returns:
            `total`, the terms `d3m` and `info_nce` or, while mining, `nnm`, which add up to it, and the measures of
            `MSCLRLoss`.

        Raises:
            PoseError: Shapes, devices or conventions that do not fit.
            PoseTypeError: Something else than four tensors or four mappings of tensors.
            ConfigError: A schedule without an epoch; the policy finds no pair, or lacks its generator.
        """
        mines = is_mining(mining, self.mine_after, epoch)
        *queries, keys = as_views(query=query, extreme=extreme, dropped=dropped, key=key)
        if isinstance(query, Mapping):
            queries = [_in_order(queries[0], side, views) for side, views in zip(_SIDES, queries, strict=True)]
        sides = zip((*_SIDES, "key"), (*queries, keys), strict=True)
        views = {name: view for side, mapping in sides for name, view in named(side, mapping).items()}
        batch = describe(views, self.queue, sample_ids, valid)
        if self.policy == "random" and (len(queries[0]) > 1 or len(keys) > 1):
            drawn = draw_conventions(queries[0], generator)
            queries = [{"query": take_drawn(side, drawn)} for side in queries]
            keys = {"key": take_drawn(keys, draw_conventions(keys, generator))}
        output = self._compare(queries, keys, batch, mines)
        if self.training and update_queue:
            batch.remember(self.queue, list(keys.values()))
        return output

    def _compare(self, queries: list[Views], keys: Views, batch: ClipBatch, mines: bool) -> LossOutput:
        """The loss of the normal, the extreme and the dropped view."""
        rows = torch.cat([view for side in queries for view in side.values()])  # [3 f b, d]
        stacked = torch.stack([x.detach() for x in keys.values()], dim=1)  # [b, g, d]
        pairs = pair_mask(self.policy, queries[0], keys)  # [f, g]
        logits = convention_logits(
            rows,
            stacked,
            pairs.repeat(len(queries), 1),
            self.queue.negatives(),
            temperature=self.temperature,
            exclude=batch.known_in(self.queue.ids),
            valid=batch.valid,
        )
        normal, *others = split_rows(logits, len(queries))
        joint = self.policy == "multi"
        first = nce_from_logits(self._mined(normal, *others) if mines else normal, joint=joint)
        d3m = torch.stack([distribution_cross_entropy(normal, other, joint=joint) for other in others]).mean()
        terms = measures(normal, self.temperature, rows[: len(normal.positive)], batch.valid)
        terms["valid"] = share_of_pairs(normal, int(pairs.sum()) * len(stacked))
        return LossOutput(first + d3m, {"nnm" if mines else "info_nce": first, "d3m": d3m, **terms})

    def _mined(self, *views: PairLogits) -> PairLogits:
        """The logits of the first view, with the nearest entries of all views as positives beside its key."""
        marks = torch.stack([nearest_entries(view, self.topk) for view in views]).amax(0)
        return replace(views[0], mined=marks * (views[0].weights > 0).any(1, keepdim=True))

    def extra_repr(self) -> str:
        """The settings, for printing."""
        return f"policy={self.policy!r}, temperature={self.temperature}, topk={self.topk}, mine_after={self.mine_after}"


def _in_order(queries: Views, side: str, views: Views) -> Views:
    if set(views) != set(queries):
        raise PoseError(f"{side} has conventions {sorted(views)}", expected=f"those of query, {sorted(queries)}")
    return {name: views[name] for name in queries}
