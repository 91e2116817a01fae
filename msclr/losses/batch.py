"""What every contrastive loss needs to know about a batch: its clips, which entries are theirs, figures to log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from msclr.errors import PoseError, PoseTypeError
from msclr.losses.infonce import PairLogits, pair_logits, unit_rows
from msclr.losses.queue import UNKNOWN_ID, NegativeQueue
from msclr.poses.transfer import to_device


@dataclass(frozen=True, eq=False)
class ClipBatch:
    """What is known about the clips of a batch.

    Args:
        ids: int64 [b], -1 where unknown.
        has_ids: Whether any are given.
        valid: bool [b], true for the clips that count.
    """

    ids: Tensor
    has_ids: bool
    valid: Tensor

    def known_in(self, other: Tensor) -> Tensor:
        """Bool [b, n], true where an entry of `other` (int64 [n]) is known to be of the same clip."""
        if not self.has_ids:
            return torch.zeros(len(self.ids), len(other), dtype=torch.bool, device=other.device)
        return (self.ids[:, None] == other) & (other != UNKNOWN_ID)

    def same_clip(self) -> Tensor:
        """Bool [b, b], true where two rows are one clip: the row itself, or rows of one known id."""
        return torch.eye(len(self.ids), dtype=torch.bool, device=self.ids.device) | self.known_in(self.ids)

    def not_in_batch(self) -> Tensor:
        """Bool [b, b], true where a clip of the batch is no negative of another: the same clip, or not valid."""
        return self.same_clip() | ~self.valid

    def remember(self, queue: NegativeQueue, keys: Sequence[Tensor]) -> None:
        """Put the keys of valid clips into a queue, one view [b, d] after the other, at length 1."""
        fresh = unit_rows(torch.cat([view.detach() for view in keys]))
        queue.enqueue(fresh, self.ids.repeat(len(keys)), valid=self.valid.repeat(len(keys)))


def describe(
    views: Mapping[str, Tensor], queue: NegativeQueue, sample_ids: Tensor | None, valid: Tensor | None
) -> ClipBatch:
    """The clips of a batch, once all its views are known to fit each other and the queue.

    Args:
        views: [b, dim] each, by the name that an error shall give them.
        queue: Where their keys go.
        sample_ids: Integers [b], -1 for unknown.
        valid: bool [b].

    Returns:
        The batch, on the device of the queue.

    Raises:
        PoseError: Shapes, types or devices that do not fit.
        PoseTypeError: A view that is no tensor.
    """
    first: Tensor | None = None
    for name, view in views.items():
        if not isinstance(view, Tensor):
            raise PoseTypeError(f"{name} is a {type(view).__name__}", expected="a tensor")
        first = view if first is None else first
        if view.ndim != 2 or view.shape[1] != queue.dim or view.shape != first.shape:
            raise PoseError(
                f"{name} has shape {tuple(view.shape)} beside {tuple(first.shape)}",
                expected=f"[b, {queue.dim}] with the same b everywhere",
            )
        if view.device != queue.keys.device:
            raise PoseError(
                f"{name} is on {view.device}, the queue on {queue.keys.device}",
                expected="one device",
                remedy="move the loss with .to(device)",
            )
    if first is None:
        raise PoseError("the batch has no view", expected="at least one")
    return _clips(len(first), first.device, sample_ids, valid)


def queue_logits(query: Tensor, key: Tensor, queue: NegativeQueue, batch: ClipBatch, temperature: float) -> PairLogits:
    """Logits of queries [b, d] against their keys [b, d] and a queue; entries of a query's own clip are left out."""
    return pair_logits(
        query,
        key.detach(),
        queue.negatives(),
        temperature=temperature,
        exclude=batch.known_in(queue.ids),
        valid=batch.valid,
    )


@torch.no_grad()
def measures(logits: PairLogits, temperature: float, rows: Tensor, valid: Tensor) -> dict[str, Tensor]:
    """Alignment, uniformity and accuracy of a batch, see `MSCLRLoss.forward`.

    Args:
        logits: Of the query rows.
        temperature: What they were divided by.
        rows: [f b, d], the queries, view by view.
        valid: bool [b], the clips that count.

    Returns:
        Scalars by name.

    Source: alignment and uniformity after Wang and Isola 2020, section 4.
    """
    with torch.autocast(rows.device.type, enabled=False):
        weights = logits.weights
        count = weights.sum().clamp_min(1.0)
        cosine = logits.positive * temperature
        none = torch.full_like(cosine, -torch.inf)
        hardest = logits.negative.amax(1, keepdim=True) if logits.negative.shape[1] else none
        return {
            "alignment": ((2.0 - 2.0 * cosine) * weights).sum() / count,
            "uniformity": uniformity(rows.detach(), valid),
            "accuracy": ((logits.positive > hardest) * weights).sum() / count,
        }


@torch.no_grad()
def uniformity(rows: Tensor, valid: Tensor | None = None) -> Tensor:
    """How evenly vectors lie on the sphere: the log mean of exp(-2 |x - y|^2) over pairs of different clips.

    Args:
        rows: [f b, d], view by view; those with NaN or infinity are left out.
        valid: bool [b], the clips that count; None for all, in one view.

    Returns:
        Scalar, lower is more even; 0 where there is no pair, and where all vectors are the same.

    Source: Wang and Isola 2020, section 4.2.

    Example:
        >>> uniformity(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        tensor(-8.)
    """
    valid = torch.ones(len(rows), dtype=torch.bool, device=rows.device) if valid is None else valid
    views = len(rows) // max(1, len(valid))
    finite = rows.isfinite().all(1)
    rows = unit_rows(torch.where(finite[:, None], rows, 0.0))
    counts = valid.repeat(views) & finite
    clip = torch.arange(len(valid), device=rows.device).repeat(views)
    pairs = counts[:, None] & counts & (clip[:, None] != clip)
    squared = (rows[:, None].square().sum(-1) + rows.square().sum(-1) - 2.0 * rows @ rows.T).clamp_min(0.0)
    mean = (torch.exp(-2.0 * squared) * pairs).sum() / pairs.sum().clamp_min(1)
    return torch.where(pairs.any(), mean, 1.0).log()


@torch.no_grad()
def share_of_pairs(logits: PairLogits, pairs: int) -> Tensor:
    """The share of `pairs` pairs of query and key that count; 0 where there is none."""
    return logits.weights.sum() / max(1, pairs)


def mean_terms(parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each figure over several parts that all have it."""
    return {name: torch.stack([part[name] for part in parts]).mean() for name in parts[0]}


def _clips(count: int, device: torch.device, sample_ids: Tensor | None, valid: Tensor | None) -> ClipBatch:
    if valid is None:
        valid = torch.ones(count, dtype=torch.bool, device=device)
    elif valid.shape != (count,) or valid.dtype != torch.bool:
        raise PoseError(
            f"valid has shape {tuple(valid.shape)} and type {valid.dtype}", expected=f"({count},) and torch.bool"
        )
    if sample_ids is None:
        return ClipBatch(torch.full((count,), UNKNOWN_ID, device=device), False, to_device(valid, device))
    if sample_ids.shape != (count,) or sample_ids.is_floating_point() or sample_ids.dtype == torch.bool:
        raise PoseError(
            f"sample_ids have shape {tuple(sample_ids.shape)} and type {sample_ids.dtype}",
            expected=f"({count},) and an integer type",
        )
    return ClipBatch(to_device(sample_ids.to(torch.int64), device), True, to_device(valid, device))
