"""How far one view's distribution over keys and queue is from another's: the D3M term of AimCLR."""

from __future__ import annotations

import torch
from torch import Tensor

from msclr.losses.infonce import PairLogits, log_sum, ratio


def distribution_cross_entropy(target: PairLogits, student: PairLogits, *, joint: bool) -> Tensor:
    """Cross-entropy H(p_target, p_student), where p is the softmax over a query's key and its negatives.

    The target is a constant: no gradient reaches it. Works with log softmax throughout, so that nothing underflows.

    Args:
        target: Logits of the queries that set the example.
        student: Logits of the queries that follow it, against the same keys and negatives.
        joint: True: one distribution over all keys and negatives per query, mean over queries. False: one distribution
            over each key and the negatives, mean over pairs. What does not count in one of the two is left out.

    Returns:
        Scalar, 0 where nothing counts.

    Source: Guo et al. 2022 (AimCLR), distributional divergence minimisation.

    Example:
        >>> from msclr.losses.infonce import pair_logits
        >>> view, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]])
        >>> views = [pair_logits(x, view, torch.tensor([[0.0, 1.0]]), temperature=0.5) for x in (view, other)]
        >>> distribution_cross_entropy(*views, joint=True)
        tensor(0.8653)
    """
    counts = (target.weights > 0) & (student.weights > 0)  # [b, p]
    # A row that does not count keeps its (finite) keys, so that no infinity meets its zero gradient.
    present = counts | ~counts.any(1, keepdim=True) if joint else torch.ones_like(counts)
    target_key, target_rest = target.positive.detach(), log_sum(target.negative.detach())
    student_total = _log_total(student.positive, log_sum(student.negative), present, joint)
    target_total = _log_total(target_key, target_rest, present, joint)

    known = target_rest > -torch.inf
    share = torch.exp(target.negative.detach() - torch.where(known, target_rest, 0.0))  # [b, n], sums to 1
    used = student.negative > -torch.inf
    mean_rest = (share * torch.where(used, student.negative, 0.0)).sum(1, keepdim=True)  # [b, 1]

    on_key = torch.exp(target_key - target_total) * present * (student_total - student.positive)  # [b, p]
    on_rest = torch.exp(target_rest - target_total) * (student_total - mean_rest)  # [b, p], or [b, 1] if joint
    if joint:
        rows = counts.any(1)
        return ratio(((on_key.sum(1) + on_rest.squeeze(1)) * rows).sum(), rows.sum().to(on_key.dtype))
    return ratio(((on_key + on_rest) * counts).sum(), counts.sum().to(on_key.dtype))


def _log_total(keys: Tensor, rest: Tensor, present: Tensor, joint: bool) -> Tensor:
    """Log of the softmax's denominator: [b, p], each key with the rest, or [b, 1], all present keys with the rest."""
    return torch.logaddexp(log_sum(keys.masked_fill(~present, -torch.inf)) if joint else keys, rest)
