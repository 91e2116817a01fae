"""The MS-CLR objective: one clip in several joint conventions is a positive pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from msclr.errors import ConfigError, PoseError, PoseTypeError
from msclr.losses.infonce import PairLogits, check_temperature, nce_from_logits, pair_logits, unit_rows
from msclr.losses.output import LossOutput
from msclr.losses.queue import UNKNOWN_ID, NegativeQueue

PAIR_POLICIES: tuple[str, ...] = ("random", "cross", "all", "multi")


class MSCLRLoss(nn.Module):
    """Pull the embeddings of one clip in different joint conventions together, push other clips away.

    Embeddings come as mappings from a convention's name to [b, dim]; row i is clip i in all of them. Which pairs of
    conventions are compared is the policy:

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

    Source: MS-CLR (arXiv 2508.14889), sections 3.3 and 3.4; loss of He et al. 2020 (MoCo), eq. 1.

    Example:
        >>> loss = MSCLRLoss(dim=4, queue_size=8)
        >>> query = {"ntu_25": torch.eye(4), "smpl_24": torch.eye(4)}
        >>> output = loss(query, query, sample_ids=torch.arange(4))
        >>> sorted(output.terms)
        ['accuracy', 'alignment', 'info_nce', 'uniformity', 'valid']
        >>> float(output.terms["accuracy"]), loss.queue.ids
        (1.0, tensor([0, 1, 2, 3, 0, 1, 2, 3]))
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
        if policy not in PAIR_POLICIES:
            raise ConfigError(f"policy is {policy!r}", expected="one of " + ", ".join(PAIR_POLICIES))
        self.temperature = check_temperature(temperature)
        self.symmetric = symmetric
        self.policy = policy
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
        queries, keys = self._by_convention(query, key)
        batch = _describe(next(iter(queries.values())), sample_ids, valid)
        if self.policy == "random" and (len(queries) > 1 or len(keys) > 1):
            queries, keys = {"query": _draw(queries, generator)}, {"key": _draw(keys, generator)}

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
            self._remember(keys, batch)
        total = torch.stack([output.total for output in outputs]).mean()
        return LossOutput(total, {n: torch.stack([o.terms[n] for o in outputs]).mean() for n in outputs[0].terms})

    def _remember(self, keys: Mapping[str, Tensor], batch: _Batch) -> None:
        fresh = unit_rows(torch.cat([x.detach() for x in keys.values()]))  # [g b, d]
        counts = batch.valid.repeat(len(keys))
        self.queue.enqueue(fresh[counts], batch.ids.repeat(len(keys))[counts])

    def _direction(self, queries: Mapping[str, Tensor], keys: Mapping[str, Tensor], batch: _Batch) -> LossOutput:
        """The loss of all query rows (f b: convention, then clip) against the keys of all conventions."""
        num_queries, num_keys = len(queries), len(keys)
        rows = torch.cat(list(queries.values()))  # [f b, d]
        stacked = torch.stack([x.detach() for x in keys.values()], dim=1)  # [b, g, d]
        pairs = self._pairs(queries, keys)  # [f, g]
        negatives = self.queue.negatives()
        same_clip = batch.known_in(self.queue.ids)  # [b, k]
        if self.in_batch:
            negatives = torch.cat([negatives, rearrange(stacked, "b g d -> (g b) d")])
            same_clip = torch.cat([same_clip, batch.not_in_batch().repeat(1, num_keys)], dim=1)
        logits = pair_logits(
            rows,
            repeat(stacked, "b g d -> (f b) g d", f=num_queries),
            negatives,
            temperature=self.temperature,
            positives_mask=repeat(pairs.to(rows.device), "f g -> (f b) g", b=len(stacked)),
            exclude=same_clip.repeat(num_queries, 1),
            valid=batch.valid.repeat(num_queries),
        )
        total = nce_from_logits(logits, joint=self.policy == "multi")
        with torch.no_grad(), torch.autocast(rows.device.type, enabled=False):
            terms = _measures(logits, self.temperature, rows, batch.valid)
            terms["valid"] = logits.weights.sum() / max(1, int(pairs.sum()) * len(stacked))
        return LossOutput(total, {"info_nce": total, **terms})

    def _pairs(self, queries: Mapping[str, Tensor], keys: Mapping[str, Tensor]) -> Tensor:
        if self.policy != "cross":
            return torch.ones(len(queries), len(keys), dtype=torch.bool)
        pairs = torch.tensor([[first != second for second in keys] for first in queries])
        if not pairs.any():
            raise ConfigError(
                f"the only convention on both sides is {next(iter(queries))!r}",
                expected="at least two conventions for policy 'cross'",
                remedy="pass more conventions, or use policy='all'",
            )
        return pairs

    def _by_convention(
        self, query: Mapping[str, Tensor] | Tensor, key: Mapping[str, Tensor] | Tensor
    ) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
        if isinstance(query, Tensor) and isinstance(key, Tensor):
            query, key = {"query": query}, {"key": key}
        elif not (isinstance(query, Mapping) and isinstance(key, Mapping)):
            raise PoseTypeError(
                f"query is a {type(query).__name__}, key a {type(key).__name__}",
                expected="two tensors, or two mappings from convention to tensor",
            )
        first: Tensor | None = None
        for side, views in (("query", query), ("key", key)):
            if not views:
                raise PoseError(f"{side} has no convention", expected="at least one")
            for name, view in views.items():
                first = view if first is None else first
                if view.ndim != 2 or view.shape[1] != self.queue.dim or view.shape != first.shape:
                    raise PoseError(
                        f"{side} {name!r} has shape {tuple(view.shape)} beside {tuple(first.shape)}",
                        expected=f"[b, {self.queue.dim}] with the same b everywhere",
                    )
                if view.device != self.queue.keys.device:
                    raise PoseError(
                        f"{side} {name!r} is on {view.device}, the queue on {self.queue.keys.device}",
                        expected="one device",
                        remedy="move the loss with .to(device)",
                    )
        return query, key

    def extra_repr(self) -> str:
        """The settings, for printing."""
        return f"policy={self.policy!r}, temperature={self.temperature}, in_batch={self.in_batch}"


@dataclass(frozen=True, eq=False)
class _Batch:
    """What is known about the clips of a batch: ids int64 [b] (-1 unknown), whether any are given, valid bool [b]."""

    ids: Tensor
    has_ids: bool
    valid: Tensor

    def known_in(self, other: Tensor) -> Tensor:
        """Bool [b, n], true where an entry of `other` (int64 [n]) is known to be of the same clip."""
        if not self.has_ids:
            return torch.zeros(len(self.ids), len(other), dtype=torch.bool, device=other.device)
        return (self.ids[:, None] == other) & (other != UNKNOWN_ID)

    def not_in_batch(self) -> Tensor:
        """Bool [b, b], true where a clip of the batch is no negative of another: the same clip, or not valid."""
        itself = torch.eye(len(self.ids), dtype=torch.bool, device=self.ids.device)
        return itself | self.known_in(self.ids) | ~self.valid


def _measures(logits: PairLogits, temperature: float, rows: Tensor, valid: Tensor) -> dict[str, Tensor]:
    weights = logits.weights
    count = weights.sum().clamp_min(1.0)
    cosine = logits.positive * temperature
    hardest = logits.negative.amax(1, keepdim=True) if logits.negative.shape[1] else torch.full_like(cosine, -torch.inf)
    return {
        "alignment": ((2.0 - 2.0 * cosine) * weights).sum() / count,
        "uniformity": _uniformity(rows.detach(), valid),
        "accuracy": ((logits.positive > hardest) * weights).sum() / count,
    }


def _uniformity(rows: Tensor, valid: Tensor) -> Tensor:
    """Log mean of exp(-2 |x - y|^2) over pairs of rows (f b) of different clips; 0 where there is none."""
    views = len(rows) // max(1, len(valid))
    finite = rows.isfinite().all(1)
    rows = unit_rows(torch.where(finite[:, None], rows, 0.0))
    counts = valid.repeat(views) & finite
    clip = torch.arange(len(valid), device=rows.device).repeat(views)
    pairs = counts[:, None] & counts & (clip[:, None] != clip)
    squared = (rows[:, None].square().sum(-1) + rows.square().sum(-1) - 2.0 * rows @ rows.T).clamp_min(0.0)
    mean = (torch.exp(-2.0 * squared) * pairs).sum() / pairs.sum().clamp_min(1)
    return torch.where(pairs.any(), mean, 1.0).log()


def _draw(views: Mapping[str, Tensor], generator: torch.Generator | None) -> Tensor:
    """For each clip the embedding of one convention, drawn uniformly: [b, d]."""
    stacked = torch.stack(list(views.values()))  # [f, b, d]
    if generator is None:
        raise ConfigError(
            "policy 'random' was given no generator", expected="a torch.Generator", remedy="pass generator=..."
        )
    chosen = torch.randint(len(views), stacked.shape[1:2], generator=generator, device=generator.device)
    return stacked[chosen.to(stacked.device), torch.arange(stacked.shape[1], device=stacked.device)]


def _describe(view: Tensor, sample_ids: Tensor | None, valid: Tensor | None) -> _Batch:
    count, device = len(view), view.device
    if valid is None:
        valid = torch.ones(count, dtype=torch.bool, device=device)
    elif valid.shape != (count,) or valid.dtype != torch.bool:
        raise PoseError(
            f"valid has shape {tuple(valid.shape)} and type {valid.dtype}", expected=f"({count},) and torch.bool"
        )
    if sample_ids is None:
        return _Batch(torch.full((count,), UNKNOWN_ID, device=device), False, valid.to(device))
    if sample_ids.shape != (count,) or sample_ids.is_floating_point() or sample_ids.dtype == torch.bool:
        raise PoseError(
            f"sample_ids have shape {tuple(sample_ids.shape)} and type {sample_ids.dtype}",
            expected=f"({count},) and an integer type",
        )
    return _Batch(sample_ids.to(device=device, dtype=torch.int64), True, valid.to(device))
