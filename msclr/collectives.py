"""Rank, gather, all-reduce: the one place that knows torch.distributed.

Every function is the identity in a single process, so callers need no branch of their own. With several processes all
of them must call, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
import torch.distributed as dist
from torch import Tensor

from msclr.errors import PoseError, TrainingError


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

    Processes may bring different numbers of rows, none included.

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
    if world_size() == 1:
        return tensor.detach()
    own = tensor.detach().to(_device(tensor.device))
    count = torch.tensor([len(own)], dtype=torch.int64, device=own.device)
    counts = [torch.zeros_like(count) for _ in range(world_size())]
    dist.all_gather(counts, count, group=_group())
    return _gathered(own, [int(size) for size in counts]).to(tensor.device)


def share_of(count: int) -> slice:
    """Which rows of a batch are for this process; the shares of all make up the batch, in the order of their ranks.

    Args:
        count: Rows of the whole batch; if there are fewer than processes, some of them get none.

    Returns:
        The rows; in a single process all.

    Example:
        >>> share_of(7)
        slice(0, 7, None)
    """
    bounds = _bounds(count)
    return slice(bounds[rank()], bounds[rank() + 1])


def gather_shares(tensor: Tensor, count: int) -> Tensor:
    """The rows of a whole batch from the share that each process has of it; gradients come back to the share.

    For what every process then computes alike from all rows, such as a loss. Gradients of parameters in front of it are
    right if they are averaged over the processes, as DistributedDataParallel does; so are those behind it.

    Args:
        tensor: [n, ...], the rows `share_of(count)` of the batch.
        count: Rows of the whole batch.

    Returns:
        [count, ...], the same on every process; in a single process the input itself.

    Example:
        >>> gather_shares(torch.tensor([1.0, 2.0]), 2)
        tensor([1., 2.])
    """
    if world_size() == 1:
        return tensor
    gathered: Tensor = _GatherShares.apply(tensor, count)  # type: ignore[no-untyped-call]  # torch has no type here
    return gathered


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


def all_true(flag: Tensor) -> Tensor:
    """Whether a flag is true on every process, without waiting for the device.

    Args:
        flag: bool, any shape, the same on every process.

    Returns:
        The same shape; in a single process the input itself.

    Example:
        >>> all_true(torch.tensor(True))
        tensor(True)
    """
    if world_size() == 1:
        return flag
    lowest = flag.to(torch.int32)
    dist.all_reduce(lowest, dist.ReduceOp.MIN, group=_group())
    return lowest.bool()


def largest(number: int) -> int:
    """The largest of the numbers that the processes bring.

    Example:
        >>> largest(15)
        15
    """
    if world_size() == 1:
        return number
    found = torch.tensor([number], dtype=torch.int64, device=_device())
    dist.all_reduce(found, dist.ReduceOp.MAX, group=_group())
    return int(found)


def gather_texts(text: str) -> list[str]:
    """The texts of all processes, by rank, the same on every process.

    Example:
        >>> gather_texts("ready")
        ['ready']
    """
    if world_size() == 1:
        return [text]
    own = text.encode()
    lengths = gather_rows(torch.tensor([len(own)])).tolist()
    parts = torch.split(gather_rows(torch.tensor(list(own), dtype=torch.uint8)), lengths)
    return [bytes(part.tolist()).decode() for part in parts]


def barrier() -> None:
    """Wait until every process is here."""
    largest(0)


@contextmanager
def peers_may_end() -> Iterator[None]:
    """Say so in plain words when a collective fails because another process has ended or hangs.

    Raises:
        TrainingError: Instead of what the backend of torch.distributed raises.

    Example:
        >>> with peers_may_end():
        ...     total = all_reduce_sum(torch.ones(2))
    """
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        of_backend = isinstance(error, dist.DistError) or "gloo" in text.lower() or "nccl" in text.lower()
        if world_size() == 1 or isinstance(error, TrainingError) or not of_backend:
            raise
        raise TrainingError(
            f"another process of this run has ended or does not answer ({text.splitlines()[0].split('] ')[-1][:160]})",
            where=f"process {rank()} of {world_size()}",
            expected="all processes up to the end; the message of the one that failed says why it did",
            remedy="the same command again; it goes on from the newest checkpoint",
        ) from error


class _AllReduceSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, tensor: Tensor) -> Tensor:
        total = tensor.detach().clone()
        dist.all_reduce(total, group=_group())
        return total

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
        total = gradients[0].detach().clone()
        dist.all_reduce(total, group=_group())
        return total


class _GatherShares(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, tensor: Tensor, count: int) -> Tensor:
        bounds = _bounds(count)
        return _gathered(tensor.detach(), [end - start for start, end in pairwise(bounds)])

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None]:
        # Every process has the whole gradient of its rows; the average over processes divides by their number.
        whole = gradients[0]
        return whole[share_of(len(whole))] * world_size(), None


def _bounds(count: int) -> list[int]:
    """Where the shares of the processes begin, and the end of the last."""
    return [count * number // world_size() for number in range(world_size() + 1)]


def _gathered(own: Tensor, sizes: list[int]) -> Tensor:
    # All-gather wants equal shapes: pad to the longest, cut afterwards.
    padded = own.new_zeros((max(sizes), *own.shape[1:]))
    padded[: len(own)] = own
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded, group=_group())
    return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])


def _is_distributed() -> bool:
    return dist.is_available() and dist.is_initialized()


_groups: dict[dist.ProcessGroup | None, dist.ProcessGroup | None] = {}


def _group() -> dist.ProcessGroup | None:
    """A group of all processes for what is here alone.

    DistributedDataParallel uses the default group, at moments that depend on which parameters a process has used; in
    one group its collectives and ours could meet in another order on another process.
    """
    default = dist.group.WORLD
    if default not in _groups:
        _groups.clear()
        _groups[default] = dist.new_group()
    return _groups[default]


def _device(wanted: torch.device | None = None) -> torch.device:
    """Where the backend takes tensors from: NCCL from the GPU only."""
    if dist.get_backend() == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return wanted or torch.device("cpu")
