"""Inter-skeleton contrast: two representations of a clip, each matched with the key of the other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from msclr.losses.batch import describe, mean_terms, measures, queue_logits, share_of_pairs
from msclr.losses.infonce import check_temperature, nce_from_logits
from msclr.losses.output import LossOutput
from msclr.losses.queue import NegativeQueue


class InterSkeletonLoss(nn.Module):
    """Match a clip's embedding in one representation with its key in another, both ways.

    S1 and S2 are two representations of the skeleton with encoders of their own (sequence and graph, say). With queries
    q (S1) and r (S2) from one view of a clip, keys k (S1) and l (S2) from another, and a queue for each representation,

        total = NCE(q; l, queue of S2) + NCE(r; k, queue of S1).

    Afterwards k enters the queue of S1, and l that of S2.

    Args:
        dim: Length of an embedding.
        queue_size: Number of keys in each queue.
        temperature: At least 1e-6.
        intra: Contrast within each representation instead: NCE(q; k, queue of S1) + NCE(r; l, queue of S2). For one
            representation alone `MSCLRLoss` on two tensors is the same.
        generator: Draws the first content of the queues; by default one with seed 0.

    Attributes:
        queue_s1: The `NegativeQueue` of S1, part of the state dict.
        queue_s2: That of S2.

    Raises:
        ConfigError: Temperature below 1e-6, queue without rows.

    Source: Thoker, Doughty, Snoek 2021 (Skeleton-Contrastive 3D Action Representation Learning), inter-skeleton
    contrast.

    Example:
        >>> sequence, graph = nn.Linear(6, 4), nn.Linear(6, 4)  # your two encoders with their projection heads
        >>> loss = InterSkeletonLoss(dim=4, queue_size=16)
        >>> view, other = torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(0))
        >>> output = loss(sequence(view), graph(view), sequence(other), graph(other))
        >>> output.total.backward()
        >>> sorted(output.terms)
        ['accuracy', 'alignment', 'info_nce', 'nce_s1', 'nce_s2', 'uniformity', 'valid']
    """

    def __init__(
        self,
        dim: int = 128,
        queue_size: int = 16384,
        *,
        temperature: float = 0.07,
        intra: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)
        self.intra = intra
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        self.queue_s1 = NegativeQueue(dim, queue_size, generator)
        self.queue_s2 = NegativeQueue(dim, queue_size, generator)

    def forward(
        self,
        query_s1: Tensor,
        query_s2: Tensor,
        key_s1: Tensor,
        key_s2: Tensor,
        *,
        sample_ids: Tensor | None = None,
        valid: Tensor | None = None,
        update_queue: bool = True,
    ) -> LossOutput:
        """The loss of a batch.

        An embedding with NaN or infinity is left out of the terms that it enters. Embeddings are brought to length 1
        here. No gradient flows into keys.

        Args:
            query_s1: q, [b, dim], with gradient.
            query_s2: r, [b, dim], with gradient.
            key_s1: k, [b, dim], from the key encoder of S1.
            key_s2: l, [b, dim], from the key encoder of S2.
            sample_ids: Integers [b], the clips' numbers in the data set, the same on every process, -1 for unknown.
                Entries of the same clip are then never its negatives.
            valid: bool [b], true for the clips that count.
            update_queue: False to leave the queues alone; they are left alone in evaluation mode too.

        Returns:
            `total`, the terms `info_nce` (the same), `nce_s1` (of the queries of S1), `nce_s2`, and the measures of
            `MSCLRLoss`, means over both.

        Raises:
            PoseError: Shapes or devices that do not fit.
        """
        views = {"query_s1": query_s1, "query_s2": query_s2, "key_s1": key_s1, "key_s2": key_s2}
        batch = describe(views, self.queue_s1, sample_ids, valid)
        first, second = (key_s1, self.queue_s1), (key_s2, self.queue_s2)
        sides = [(query_s1, first if self.intra else second), (query_s2, second if self.intra else first)]
        losses, parts = [], []
        for query, (key, queue) in sides:
            logits = queue_logits(query, key, queue, batch, self.temperature)
            losses.append(nce_from_logits(logits, joint=True))
            share = share_of_pairs(logits, len(query))
            parts.append(measures(logits, self.temperature, query, batch.valid) | {"valid": share})
        if self.training and update_queue:
            for key, queue in (first, second):
                batch.remember(queue, [key])
        total = losses[0] + losses[1]
        return LossOutput(total, {"info_nce": total, "nce_s1": losses[0], "nce_s2": losses[1], **mean_terms(parts)})

    def extra_repr(self) -> str:
        """The settings, for printing."""
        return f"temperature={self.temperature}, intra={self.intra}"
