"""The graph product on the packed axis: of one convention, or of all conventions of a batch at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from msclr.poses.person_block import PersonBlock
from msclr.skeletons.cache import cached_by_joints
from msclr.skeletons.graph import Partition, spatial_graph
from msclr.skeletons.spec import SkeletonSpec


@dataclass(frozen=True)
class GroupGraph:
    """The graph of one convention: rows of the packed axis, persons, and adjacency [k, target joint, source joint]."""

    rows: slice
    persons: int
    adjacency: Tensor

    def mix(self, values: Tensor) -> Tensor:
        """Sum up the neighbours of every joint, for each partition: [n, t, c] to [rows of the group, t, (k c)]."""
        frames, channels = values.shape[1:]
        partitions, joints, _ = self.adjacency.shape
        rows = values[self.rows].reshape(self.persons, joints, frames * channels)
        product = torch.matmul(self.adjacency.to(values.dtype)[:, None], rows)  # k m j (t c)
        product = product.reshape(partitions, self.persons * joints, frames, channels)
        return product.permute(1, 2, 0, 3).flatten(2)  # (m j) t (k c)

    def sums(self) -> Tensor:
        """Sum of the weights of all edges into each row, for each partition: [rows of the group, k]."""
        return self.adjacency.sum(dim=2).t().repeat(self.persons, 1)


@dataclass(frozen=True, eq=False)
class BlockGraph:
    """The graphs of all conventions of a batch, each person's with as many joints as the largest convention has.

    Args:
        block: The persons.
        adjacency: [m, j, k, j] by person, target joint, partition and source joint; 0 for joints that there are not.

    Example:
        >>> from msclr import get_skeleton
        >>> from msclr.poses.group import PoseGroup
        >>> block = PersonBlock.of([PoseGroup(get_skeleton("coco_17"), 0, 2, 0)], torch.device("cpu"))
        >>> graph = BlockGraph(block, block_adjacency("spatial", 17, *block.skeletons)[block.kind])
        >>> tuple(graph.mix(torch.ones(34, 8, 5)).shape)
        (34, 8, 15)
    """

    block: PersonBlock
    adjacency: Tensor

    def mix(self, values: Tensor) -> Tensor:
        """Sum up the neighbours of every joint, for each partition: [n, t, c] to [n, t, (k c)]."""
        frames = values.shape[1]
        sources = self.block.spread(values.flatten(1))  # m j (t c)
        product = torch.bmm(self.adjacency.to(values.dtype).flatten(1, 2), sources)  # m (j k) (t c)
        rows = self.block.rows(rearrange(product, "m (j k) f -> m j k f", j=self.block.joints))
        return rearrange(rows, "n k (t c) -> n t (k c)", t=frames)

    def sums(self) -> Tensor:
        """Sum of the weights of all edges into each row, for each partition: [n, k]."""
        return self.block.rows(self.adjacency.sum(dim=3))


Graph: TypeAlias = GroupGraph | BlockGraph


@cached_by_joints
@torch.inference_mode(False)
def block_adjacency(partition: Partition, joints: int, *skeletons: SkeletonSpec) -> Tensor:
    """Return the graphs of conventions for `BlockGraph`: [g, j, k, j], on the CPU."""
    matrices = [spatial_graph(skeleton, partition) for skeleton in skeletons]  # k source target
    block = np.zeros((len(matrices), joints, len(matrices[0]), joints), np.float32)
    for place, matrix in zip(block, matrices, strict=True):
        own = matrix.shape[-1]
        place[:own, :, :own] = matrix.transpose(2, 0, 1)
    return torch.from_numpy(block)
