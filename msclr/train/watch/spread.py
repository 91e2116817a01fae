"""How much room vectors take: whether a network still tells clips apart, or maps them all to a point, or to a line."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from msclr.losses.batch import uniformity
from msclr.losses.infonce import unit_rows
from msclr.losses.queue import UNKNOWN_ID, NegativeQueue

MOST_ROWS = 512  # enough for the figures, and a decomposition of few milliseconds


def spread(rows: Tensor) -> float:
    """Say how far unit vectors are from all pointing the same way: 0 for one direction, 1 for none in common.

    Args:
        rows: [n, d] of any length, n at least 1.

    Returns:
        Root mean square distance of the unit vectors from their mean.

    Example:
        >>> spread(torch.ones(4, 3)), spread(torch.cat([torch.eye(2), -torch.eye(2)]))
        (0.0, 1.0)
    """
    return float((1 - unit_rows(rows.double()).mean(0).square().sum()).clamp_min(0).sqrt())


def effective_rank(rows: Tensor) -> float:
    """Say how many directions vectors use, of those that they have: 1 for vectors on a line, d at most.

    Args:
        rows: [n, d] of any length; their unit vectors are taken about their mean.

    Returns:
        The exponential of the entropy of the singular values as shares; 0 for vectors that are all the same.

    Source:
        Roy and Vetterli 2007, definition 1; for collapse in self-supervised learning, Jing et al. 2022.

    Example:
        >>> line = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
        >>> round(effective_rank(line), 3), round(effective_rank(torch.cat([torch.eye(3), -torch.eye(3)])), 3)
        (1.0, 3.0)
    """
    unit = unit_rows(rows.double())
    centred = unit - unit.mean(0)
    gram = centred @ centred.T if len(centred) < centred.shape[1] else centred.T @ centred
    values = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt()  # singular values, for a tenth of the time
    values = values[values > values.sum() * 1e-6 + 1e-6]
    shares = values / values.sum()
    return float((-(shares * shares.log()).sum()).exp()) if len(values) else 0.0


def figures(rows: Tensor) -> dict[str, float]:
    """Return spread, effective rank and uniformity of vectors.

    Args:
        rows: [n, d]; those with NaN or infinity are left out, and of more than 512 the first are taken.

    Returns:
        The figures by name; none for fewer than two vectors.

    Source:
        Uniformity: Wang and Isola 2020, section 4.2.

    Example:
        >>> sorted(figures(torch.eye(3)))
        ['effective_rank', 'spread', 'uniformity']
    """
    rows = rows.detach().float()
    rows = rows[rows.isfinite().all(1)][:MOST_ROWS].cpu()
    if len(rows) < 2:
        return {}
    return {"spread": spread(rows), "effective_rank": effective_rank(rows), "uniformity": float(uniformity(rows))}


def newest_keys(model: nn.Module, entered: int) -> list[Tensor]:
    """Return what entered the negative queues of a run last: projected vectors of clips that it has just seen.

    So no clip is embedded to know their spread, and a run that goes on after a stop has the same figures.

    Args:
        model: A module with queues somewhere in it, or with none.
        entered: How many keys were offered to each queue so far; not one of its random first content is returned.

    Returns:
        For each queue [n, dim], the newest first, at most 512.

    Example:
        >>> queue = NegativeQueue(dim=2, size=8)
        >>> queue.enqueue(torch.eye(2))
        >>> newest_keys(queue, entered=2)
        [tensor([[0., 1.],
                [1., 0.]])]
    """
    found = []
    for queue in queues_of(model):
        count = max(0, min(entered - int(queue.rejected), queue.size, MOST_ROWS))
        places = (queue.pointer - 1 - torch.arange(count, device=queue.keys.device)) % queue.size
        known = queue.ids[places] != UNKNOWN_ID  # where ids are given at all, the first content has none
        found.append(queue.keys[places[known] if bool(known.any()) else places].clone())
    return found


def queues_of(model: nn.Module) -> list[NegativeQueue]:
    """Return the negative queues of a module.

    Example:
        >>> queues_of(nn.Linear(2, 2))
        []
    """
    return [module for module in model.modules() if isinstance(module, NegativeQueue)]
