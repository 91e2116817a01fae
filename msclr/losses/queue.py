"""The negative queue: the last keys of all conventions, kept as a module so that it is saved and moved."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from msclr.collectives import gather_rows
from msclr.errors import ConfigError, PoseError
from msclr.losses.infonce import unit_rows
from msclr.poses.transfer import to_device

UNKNOWN_ID = -1


class NegativeQueue(nn.Module):
    """The newest `size` keys, first in first out, for any batch size and on any number of processes.

    Behaves as `collections.deque(maxlen=size)` filled with random unit vectors. In distributed training the keys of
    all processes enter, in rank order, so the queue stays the same everywhere; every process must call `enqueue`. The
    device is never waited for.

    Args:
        dim: Length of a key.
        size: Number of keys, at least 1.
        generator: Draws the first content; by default one with seed 0, the same on every process.

    Attributes:
        keys: [size, dim], saved; the oldest row is at `pointer`.
        ids: int64 [size], the clip each key came from, -1 where unknown.
        pointer: int64 scalar, the row that is overwritten next.
        rejected: int64 scalar, keys turned away because they had NaN or infinity.
        gathers: False if every process brings the keys of all processes already.

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
        self.gathers = True
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        start = torch.randn(size, dim, generator=generator, device=generator.device).to(torch.get_default_device())
        self.register_buffer("keys", unit_rows(start))
        self.register_buffer("ids", torch.full((size,), UNKNOWN_ID, dtype=torch.int64))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))
        self.register_buffer("rejected", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def enqueue(self, keys: Tensor, ids: Tensor | None = None, *, valid: Tensor | None = None) -> None:
        """Put keys in, push the oldest out.

        Args:
            keys: [n, dim], any n; rows with NaN or infinity are counted in `rejected` and left out.
            ids: Integers [n], the clip of each key; -1 for unknown.
            valid: bool [n], false for rows that are left out without being counted.

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
        if valid is not None and (valid.shape != keys.shape[:1] or valid.dtype != torch.bool):
            raise PoseError(
                f"valid has shape {tuple(valid.shape)} and type {valid.dtype}", expected=f"[{len(keys)}] bool"
            )
        if keys.device != self.keys.device:
            raise PoseError(f"keys are on {keys.device}, the queue on {self.keys.device}", expected="one device")
        rows = keys.to(self.keys.dtype)
        ids = torch.full((len(keys),), UNKNOWN_ID, device=keys.device) if ids is None else ids
        ids = to_device(ids.to(torch.int64), keys.device)
        valid = torch.ones_like(ids, dtype=torch.bool) if valid is None else to_device(valid, keys.device)
        if self.gathers:
            rows, ids, valid = gather_rows(rows), gather_rows(ids), gather_rows(valid)
        for part in zip(*(torch.split(each, self.size) for each in (rows, ids, valid)), strict=True):
            self._put(*part)

    def _put(self, rows: Tensor, ids: Tensor, valid: Tensor) -> None:
        """Put in at most as many rows as there are places; where is worked out on the device."""
        finite = rows.isfinite().all(1)
        self.rejected += (valid & ~finite).sum()
        enters = valid & finite
        order = enters.to(torch.uint8).argsort(descending=True, stable=True)  # those that enter, in their order, first
        rows, ids, enters = rows[order], ids[order], enters[order]
        places = (self.pointer + torch.arange(len(rows), device=rows.device)) % self.size
        self.keys[places] = torch.where(enters[:, None], rows, self.keys[places])
        self.ids[places] = torch.where(enters, ids, self.ids[places])
        self.pointer.copy_((self.pointer + enters.sum()) % self.size)

    def negatives(self) -> Tensor:
        """A copy of the keys [size, dim] that a later `enqueue` does not change."""
        return self.keys.clone()

    def forward(self) -> Tensor:
        """The same as `negatives()`."""
        return self.negatives()

    def extra_repr(self) -> str:
        """The sizes, for printing."""
        return f"dim={self.dim}, size={self.size}"
