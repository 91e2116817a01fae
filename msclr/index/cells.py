"""Cells: vectors grouped by direction, so that an approximate search looks at a few groups only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F

from msclr.errors import FileFormatError, MissingExtraError

CELLS = "cells.safetensors"
SAMPLE, ROUNDS, ROWS = 128, 12, 16_384


@dataclass(frozen=True, eq=False)
class Cells:
    """Which vectors point into about the same direction.

    Args:
        centres: [c, dim] float32 unit vectors.
        order: [n] int32, all rows, cell by cell, rising within each.
        ends: [c] int64, where in `order` each cell ends.
    """

    centres: Tensor
    order: Tensor
    ends: Tensor

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor], rows: int, dim: int, where: str) -> Cells:
        """Take the tensors of a file.

        Raises:
            FileFormatError: If they are no cells of `rows` vectors of length `dim`.
        """
        kinds = {"centres": (torch.float32, 2), "order": (torch.int32, 1), "ends": (torch.int64, 1)}
        found = {name: (tensor.dtype, tensor.dim()) for name, tensor in tensors.items()}
        if found == kinds:
            centres, order, ends = (tensors[name] for name in kinds)
            steps = torch.diff(ends, prepend=ends.new_zeros(1))
            if (
                centres.shape == (len(ends), dim)
                and bool(centres.isfinite().all())
                and len(order) == rows == (int(ends[-1]) if len(ends) else -1)
                and bool((steps >= 0).all())
                and torch.equal(order.sort().values, torch.arange(rows, dtype=torch.int32))
            ):
                return cls(centres, order, ends)
        raise FileFormatError("no cells", where=where, expected=f"cells of {rows:,} vectors", remedy="make it again")

    def encode(self) -> bytes:
        """Return the content of a safetensors file."""
        return safetensors.torch.save({"centres": self.centres, "order": self.order, "ends": self.ends})

    def to(self, device: str | torch.device) -> Cells:
        """Return the cells on another device."""
        return Cells(self.centres.to(device), self.order.to(device), self.ends.to(device))

    def rows(self, query: Tensor, probes: int, *, at_least: int) -> Tensor:
        """Return the rows, rising, of the cells nearest to a query [dim]; of more cells if these hold too few."""
        near = (self.centres @ query.to(self.centres.dtype)).argsort(descending=True, stable=True)
        starts = F.pad(self.ends[:-1], (1, 0))
        held = (self.ends - starts)[near].cumsum(0)
        enough = int((held < at_least).sum()) + 1
        chosen = near[: max(probes, enough)].tolist()
        pieces = [self.order[int(starts[cell]) : int(self.ends[cell])] for cell in chosen]
        return torch.cat(pieces).to(torch.int64).sort().values


def learn_cells(vectors: Tensor, count: int, seed: int) -> Cells:
    """Group vectors by spherical k-means of a sample.

    Args:
        vectors: [n, dim] float32 or float16 of about unit length.
        count: Number of cells, 1 to n.
        seed: Of the sample and of the first centres.

    Raises:
        MissingExtraError: If faiss is not installed.
    """
    try:
        import faiss
    except ImportError:
        raise MissingExtraError(
            "faiss is not installed", expected="it, to group vectors", remedy='pip install "msclr[faiss]"'
        ) from None
    chance = np.random.default_rng(seed)
    size = min(len(vectors), SAMPLE * count)
    sample = torch.from_numpy(np.sort(chance.choice(len(vectors), size, replace=False))).to(vectors.device)
    means = faiss.Kmeans(
        vectors.shape[1], count, niter=ROUNDS, spherical=True, seed=seed, min_points_per_centroid=1, verbose=False
    )
    means.train(vectors[sample].float().cpu().numpy())
    centres = F.normalize(torch.from_numpy(np.array(means.centroids)), dim=1).to(vectors.device)
    cell = torch.cat([(rows.float() @ centres.T).argmax(dim=1) for rows in torch.split(vectors, ROWS)])
    order = cell.sort(stable=True).indices.to(torch.int32)
    return Cells(centres, order, torch.bincount(cell, minlength=count).cumsum(0))
