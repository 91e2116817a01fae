"""The negative queue: the last keys of all conventions, kept as a module so that it is saved and moved."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from msclr.collectives import gather_rows
from msclr.errors import ConfigError, PoseError
from msclr.losses.infonce import unit_rows

UNKNOWN_ID = -1


class NegativeQueue(nn.Module):
    """The newest `size` keys, first in first out, for any batch size and on any number of processes.

    Behaves as `collections.deque(maxlen=size)` filled with random unit vectors. In distributed training the keys of
    all processes enter, in rank order, so the queue stays the same everywhere; every process must call `enqueue`.

    Args:
        dim: Length of a key.
        size: Number of keys, at least 1.
        generator: Draws the first content; by default one with seed 0, the same on every process.

    Attributes:
        keys: [size, dim], saved; the oldest row is at `pointer`.
        ids: int64 [size], the clip each key came from, -1 where unknown.
        pointer: int64 scalar, the row that is overwritten next.
        rejected: int64 scalar, keys turned away because they had NaN or infinity.

    Raises:
        ConfigError: `dim` or `size` is below 1.

    Source: He et al. 2020 (MoCo), section 3.2; one bank for all conventions: MS-CLR, section 3.3.

    Example:
        >>> queue = NegativeQueue(dim=2, size=3)
        >>> queue.enqueue(torch.eye(2), ids=torch.tensor([7, 8]))
        >>> queue.negatives()[:2], queue.ids
        (tensor([[1., 0.],
                [0., 1.]]), tensor([ 7,  8, -1]))
    """

    keys: Tensor
    ids: Tensor
    pointer: Tensor
    rejected: Tensor

    def __init__(self, dim: int, size: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        for name, value in (("dim", dim), ("size", size)):
            if value < 1:
                raise ConfigError(f"the queue's {name} is {value}", expected="at least 1")
        self.dim = dim
        self.size = size
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        start = torch.randn(size, dim, generator=generator, device=generator.device).to(torch.get_default_device())
        self.register_buffer("keys", unit_rows(start))
        self.register_buffer("ids", torch.full((size,), UNKNOWN_ID, dtype=torch.int64))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))
        self.register_buffer("rejected", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def enqueue(self, keys: Tensor, ids: Tensor | None = None) -> None:
        """Put keys in, push the oldest out.

        Args:
            keys: [n, dim], any n; rows with NaN or infinity are counted in `rejected` and left out.
            ids: Integers [n], the clip of each key; -1 for unknown.

        Raises:
            PoseError: Shapes that do not fit, or keys on another device than the queue.
        """
        if keys.ndim != 2 or keys.shape[1] != self.dim:
            raise PoseError(f"keys have shape {tuple(keys.shape)}", expected=f"[n, {self.dim}]")
        if ids is not None and (ids.shape != keys.shape[:1] or ids.is_floating_point()):
            raise PoseError(
                f"ids have shape {tuple(ids.shape)} and type {ids.dtype} beside keys of shape {tuple(keys.shape)}",
                expected=f"[{len(keys)}] integers",
            )
        if keys.device != self.keys.device:
            raise PoseError(f"keys are on {keys.device}, the queue on {self.keys.device}", expected="one device")
        if ids is None:
            ids = torch.full((len(keys),), UNKNOWN_ID, device=keys.device)
        rows = gather_rows(keys.to(self.keys.dtype))
        origins = gather_rows(ids.to(device=keys.device, dtype=torch.int64))

        finite = rows.isfinite().all(1)
        self.rejected += (~finite).sum()
        rows, origins = rows[finite], origins[finite]
        places = (self.pointer + torch.arange(len(rows), device=rows.device)) % self.size
        # More rows than places: on a GPU no order of writing to one place is promised, so only the last are written.
        newest = slice(max(0, len(rows) - self.size), None)
        self.keys[places[newest]] = rows[newest]
        self.ids[places[newest]] = origins[newest]
        self.pointer.copy_((self.pointer + len(rows)) % self.size)

    def negatives(self) -> Tensor:
        """A copy of the keys [size, dim] that a later `enqueue` does not change."""
        return self.keys.clone()

    def forward(self) -> Tensor:
        """The same as `negatives()`."""
        return self.negatives()

    def extra_repr(self) -> str:
        """The sizes, for printing."""
        return f"dim={self.dim}, size={self.size}"
