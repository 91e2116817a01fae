"""What a per-skeleton encoder has of one joint convention: its graph, edge weights and data normalisation."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from msclr.errors import UnknownSkeletonError
from msclr.models.normalise import JointBatchNorm
from msclr.poses.streams import Bones
from msclr.skeletons.graph import Partition, spatial_graph
from msclr.skeletons.published import PublishedGraph, published_graph
from msclr.skeletons.spec import SkeletonSpec

GraphName: TypeAlias = Literal["published", "own"]


class ConventionLayers(nn.Module):
    """The layers of one joint convention; everything else is shared by all of them.

    Args:
        skeleton: The convention.
        blocks: Number of blocks, each with its own edge weights.
        partition: How neighbours are told apart.
        edge_importance: Learn a factor for every edge, partition and block.
        graph: See `graph_of`.

    Example:
        >>> from msclr import get_skeleton
        >>> layers = ConventionLayers(get_skeleton("kinect_v2_25"), blocks=10)
        >>> tuple(layers.graph(0).shape), sum(each.numel() for each in layers.parameters())
        ((3, 25, 25), 18900)
    """

    adjacency: Tensor

    def __init__(
        self,
        skeleton: SkeletonSpec,
        blocks: int,
        *,
        partition: Partition = "spatial",
        edge_importance: bool = True,
        graph: GraphName = "published",
    ) -> None:
        super().__init__()
        self.skeleton = skeleton
        joints = skeleton.num_joints
        self.norm = JointBatchNorm(joints, 3)
        # A buffer and not a table: weights of others bring the graph they were trained with.
        self.register_buffer("adjacency", graph_of(skeleton, partition, graph))
        self.importance = nn.Parameter(torch.ones(blocks, 3, joints, joints)) if edge_importance else None

    def graph(self, block: int) -> Tensor:
        """Return the weights [k, target joint, source joint] of the edges in a block."""
        return self.adjacency if self.importance is None else self.adjacency * self.importance[block]


def graph_of(skeleton: SkeletonSpec, partition: Partition = "spatial", graph: GraphName = "published") -> Tensor:
    """Return the adjacency [k, target, source] of a convention.

    Args:
        skeleton: The convention.
        partition: How neighbours are told apart.
        graph: "published": with its defects where it was published, else from the convention's tree. "own": from the
            tree, with true distances to its centre.

    Example:
        >>> from msclr import get_skeleton
        >>> [int(count) for count in (graph_of(get_skeleton("smpl_24")) > 0).sum(dim=(1, 2))]
        [24, 38, 8]
    """
    known = published(skeleton) if graph == "published" else None
    matrix = spatial_graph(skeleton, partition) if known is None else known.adjacency(partition)
    return torch.tensor(matrix.transpose(0, 2, 1).copy())


def bones_of(skeleton: SkeletonSpec, graph: GraphName = "published") -> SkeletonSpec | Bones:
    """Return the pairs of the bone stream: "published" where they were, else (or "own") those of the tree."""
    known = published(skeleton) if graph == "published" else None
    return skeleton if known is None else known.bones


def published(skeleton: SkeletonSpec) -> PublishedGraph | None:
    """Return the published graph of a convention, or None.

    Example:
        >>> from msclr import get_skeleton
        >>> published(get_skeleton("coco_17")) is None
        True
    """
    try:
        found = published_graph(skeleton.id)
    except UnknownSkeletonError:
        return None
    return found if found.num_joints == skeleton.num_joints else None
