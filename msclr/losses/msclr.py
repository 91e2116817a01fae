"""The MS-CLR objective: one clip in several joint conventions is a positive pair."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from einops import rearrange
from torch import Tensor, nn

from msclr.errors import ConfigError
from msclr.losses.batch import ClipBatch, describe, mean_terms, measures, share_of_pairs
from msclr.losses.infonce import check_temperature, nce_from_logits
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


class MSCLRLoss(nn.Module):
    """Pull the embeddings of one clip in different joint conventions together, push other clips away.

    Embeddings come as mappings from a convention's name to [b, dim]; row i is clip i in all of them. Two tensors
    instead of mappings give the loss of SkeletonCLR, that is, of MoCo. Which pairs of conventions are compared is the
    policy:

    - "random": for each clip one query and one key convention, drawn independently and uniformly, so that equal ones
      occur; needs a generator. The paper's rule, except that it draws once per worker and epoch.
    - "cross" (default): all ordered pairs of different conventions, their mean.
    - "all": all ordered pairs, equal conventions included, their mean.
    - "multi": each query has the keys of all conventions as positives, in one softmax.

    Negatives are the keys of earlier clips in all conventions, from one shared queue. In training mode the keys of the
    batch enter the queue after the loss: those of all conventions, or the drawn ones with "random".

    Args:
        dim: Length of an embedding.
        queue_size: Number of keys in the queue.
        temperature: At least 1e-6.
        symmetric: Also use keys as queries and queries as keys, and take the mean. Only sensible where keys carry
            gradient, that is, without a momentum encoder.
        policy: One of `PAIR_POLICIES`.
        in_batch: Also use the keys of the other clips of the batch (of this process) as negatives.
        generator: Draws the first content of the queue; by default one with seed 0.

    Attributes:
        queue: The `NegativeQueue`, part of the state dict.

    Raises:
        ConfigError: Unknown policy, temperature below 1e-6, queue without rows.

    Source: MS-CLR (arXiv 2508.14889), sections 3.3 and 3.4; loss of He et al. 2020 (MoCo), eq. 1; SkeletonCLR: Li et
    al. 2021 (CrosSCLR), section 3.1.

    Example:
        >>> loss = MSCLRLoss(dim=4, queue_size=8)
        >>> query = {"ntu_25": torch.eye(4), "smpl_24": torch.eye(4)}
        >>> output = loss(query, query, sample_ids=torch.arange(4))
        >>> sorted(output.terms)
        ['accuracy', 'alignment', 'info_nce', 'uniformity', 'valid']
        >>> float(output.terms["accuracy"]), loss.queue.ids
        (1.0, tensor([0, 1, 2, 3, 0, 1, 2, 3]))
        >>> skeletonclr = MSCLRLoss(dim=4, queue_size=8, temperature=0.07)
        >>> float(skeletonclr(torch.eye(4), torch.eye(4)).terms["accuracy"])
        1.0
    """

    def __init__(
        self,
        dim: int = 128,
        queue_size: int = 32768,
        *,
        temperature: float = 0.07,
        symmetric: bool = False,
        policy: str = "cross",
        in_batch: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.policy = check_policy(policy)
        self.temperature = check_temperature(temperature)
        self.symmetric = symmetric
        self.in_batch = in_batch
        self.queue = NegativeQueue(dim, queue_size, generator)

    def forward(
        self,
        query: Mapping[str, Tensor] | Tensor,
        key: Mapping[str, Tensor] | Tensor,
        *,
        sample_ids: Tensor | None = None,
        valid: Tensor | None = None,
        generator: torch.Generator | None = None,
        update_queue: bool = True,
    ) -> LossOutput:
        """The loss of a batch.

        An embedding with NaN or infinity is left out, as query, key and negative; a batch where nothing is left has
        loss 0. Embeddings are brought to length 1 here. No gradient flows into keys.

        Args:
            query: [b, dim] by convention, with gradient; or one tensor, which is plain MoCo whatever the policy.
            key: The same from the key encoder; the conventions need not be those of `query`.
            sample_ids: Integers [b], the clips' numbers in the data set, the same on every process, -1 for unknown.
                Entries of the same clip are then never its negatives, in the batch and in the queue.
            valid: bool [b], true for the clips that count.
            generator: Draws the conventions for the policy "random".
            update_queue: False to leave the queue alone; it is left alone in evaluation mode too.

        Returns:
            `total`, and the terms `info_nce` (the same), `alignment` (mean squared distance of positives),
            `uniformity` (log mean of exp(-2 squared distance) between queries of different clips; 0 for one clip),
            `accuracy` (share of pairs whose positive beats every negative) and `valid` (share of pairs that count).

        Raises:
            PoseError: Shapes or devices that do not fit.
            PoseTypeError: Something else than two tensors or two mappings of tensors.
            ConfigError: The policy finds no pair, or lacks its generator.

        Source: alignment and uniformity after Wang and Isola 2020, section 4.
        """
        queries, keys = as_views(query=query, key=key)
        batch = describe(named("query", queries) | named("key", keys), self.queue, sample_ids, valid)
        if self.policy == "random" and (len(queries) > 1 or len(keys) > 1):
            sides = {"query": queries, "key": keys}
            drawn = {name: take_drawn(side, draw_conventions(side, generator)) for name, side in sides.items()}
            queries, keys = {"query": drawn["query"]}, {"key": drawn["key"]}

        outputs = [self._direction(queries, keys, batch)]
        if self.symmetric:
            if any(x.requires_grad for x in queries.values()) and not any(x.requires_grad for x in keys.values()):
                raise ConfigError(
                    "symmetric=True with keys that carry no gradient",
                    expected="keys with gradient",
                    remedy="use symmetric=False with a momentum encoder",
                )
            outputs.append(self._direction(keys, queries, batch))
        if self.training and update_queue:
            batch.remember(self.queue, list(keys.values()))
        total = torch.stack([output.total for output in outputs]).mean()
        return LossOutput(total, mean_terms([output.terms for output in outputs]))

    def _direction(self, queries: Views, keys: Views, batch: ClipBatch) -> LossOutput:
        """The loss of all query rows (f b: convention, then clip) against the keys of all conventions."""
        rows = torch.cat(list(queries.values()))  # [f b, d]
        stacked = torch.stack([x.detach() for x in keys.values()], dim=1)  # [b, g, d]
        pairs = pair_mask(self.policy, queries, keys)  # [f, g]
        negatives = self.queue.negatives()
        same_clip = batch.known_in(self.queue.ids)  # [b, k]
        if self.in_batch:
            negatives = torch.cat([negatives, rearrange(stacked, "b g d -> (g b) d")])
            same_clip = torch.cat([same_clip, batch.not_in_batch().repeat(1, len(keys))], dim=1)
        logits = convention_logits(
            rows, stacked, pairs, negatives, temperature=self.temperature, exclude=same_clip, valid=batch.valid
        )
        total = nce_from_logits(logits, joint=self.policy == "multi")
        terms = measures(logits, self.temperature, rows, batch.valid)
        terms["valid"] = share_of_pairs(logits, int(pairs.sum()) * len(stacked))
        return LossOutput(total, {"info_nce": total, **terms})

    def extra_repr(self) -> str:
        """The settings, for printing."""
        return f"policy={self.policy!r}, temperature={self.temperature}, in_batch={self.in_batch}"
