"""When neighbours in the queue count as positives, and which."""

from __future__ import annotations

import torch
from torch import Tensor

from msclr.errors import ConfigError
from msclr.losses.infonce import PairLogits


def check_neighbours(topk: int, queue_size: int) -> int:
    """The number of neighbours itself, or a ConfigError where the queue has not as many.

    Example:
        >>> check_neighbours(1, queue_size=8)
        1
    """
    if not 1 <= topk <= queue_size:
        raise ConfigError(f"topk is {topk}", expected=f"1 to {queue_size}, the size of the queue")
    return topk


def is_mining(mining: bool | None, mine_after: int | None, epoch: int | None) -> bool:
    """Whether neighbours are mined now.

    Args:
        mining: The answer, where the caller knows it.
        mine_after: The last epoch without mining; None for no mining.
        epoch: The current epoch, from 1.

    Returns:
        `mining` if given, otherwise whether the epoch is past `mine_after`.

    Raises:
        ConfigError: A schedule without an epoch.

    Example:
        >>> is_mining(None, 150, epoch=150), is_mining(None, 150, epoch=151), is_mining(True, None, None)
        (False, True, True)
    """
    if mining is not None:
        return mining
    if mine_after is None:
        return False
    if epoch is None:
        raise ConfigError(
            f"mine_after is {mine_after}, and no epoch was given", remedy="pass epoch=... (from 1), or mining=..."
        )
    return epoch > mine_after


@torch.no_grad()
def nearest_entries(logits: PairLogits, topk: int) -> Tensor:
    """The `topk` negatives most similar to each query.

    Args:
        logits: With at least `topk` negatives a row.
        topk: At least 1.

    Returns:
        [b, n], 1 for the nearest, 0 for the others. A query that does not count has none, and entries that are left
        out are never among them.
    """
    nearest = logits.negative.topk(topk, dim=1).indices  # [b, topk]
    marks = torch.zeros_like(logits.negative).scatter_(1, nearest, 1.0)
    counts = (logits.weights > 0).any(1, keepdim=True) & (logits.negative > -torch.inf)
    return marks * counts
