"""Rank, gather, all-reduce: the one place that knows torch.distributed.

Every function is the identity in a single process, so callers need no branch of their own.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from msclr.errors import PoseError


def rank() -> int:
    """Number of this process among those that train together.

    Returns:
        0 to `world_size() - 1`; 0 without torch.distributed.

    Example:
        >>> rank()
        0
    """
    return dist.get_rank() if _is_distributed() else 0


def world_size() -> int:
    """How many processes train together.

    Returns:
        At least 1; 1 without torch.distributed.

    Example:
        >>> world_size()
        1
    """
    return dist.get_world_size() if _is_distributed() else 1


def gather_rows(tensor: Tensor) -> Tensor:
    """The rows of all processes under each other, the same on every process.

    Processes may bring different numbers of rows, none included, but all of them must call.

    Args:
        tensor: [n, ...], any dtype; everything but n is the same on every process.

    Returns:
        [sum of n, ...], rows of rank 0 first, without gradient. In a single process the detached input.

    Raises:
        PoseError: The tensor has no rows to gather along.

    Example:
        >>> gather_rows(torch.tensor([[1.0], [2.0]]))
        tensor([[1.],
                [2.]])
    """
    if tensor.ndim == 0:
        raise PoseError(
            "gather_rows was given a tensor of shape ()", expected="at least one axis", remedy="pass tensor[None]"
        )
    own = tensor.detach()
    if world_size() == 1:
        return own
    count = torch.tensor([len(own)], dtype=torch.int64, device=own.device)
    counts = [torch.zeros_like(count) for _ in range(world_size())]
    dist.all_gather(counts, count)
    sizes = [int(size) for size in counts]
    # All-gather wants equal shapes: pad to the longest, cut afterwards.
    padded = own.new_zeros((max(sizes), *own.shape[1:]))
    padded[: len(own)] = own
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded)
    return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])


def all_reduce_sum(tensor: Tensor) -> Tensor:
    """The sum of a tensor over all processes; gradients pass through.

    The backward pass sums the gradients of all processes, as each of them received every summand.

    Args:
        tensor: Any shape, the same on every process.

    Returns:
        The sum, same shape and dtype; in a single process the input itself.

    Example:
        >>> all_reduce_sum(torch.tensor([1.0, 2.0]))
        tensor([1., 2.])
    """
    if world_size() == 1:
        return tensor
    summed: Tensor = _AllReduceSum.apply(tensor)  # type: ignore[no-untyped-call]  # torch has no type here
    return summed


class _AllReduceSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, tensor: Tensor) -> Tensor:
        total = tensor.detach().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
        total = gradients[0].detach().clone()
        dist.all_reduce(total)
        return total


def _is_distributed() -> bool:
    return dist.is_available() and dist.is_initialized()
