"""MultiSkeletonEncoder: one network for every joint convention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Self

import torch
from torch import Tensor, nn

from msclr.errors import ConfigError
from msclr.models.base import PersonVectors
from msclr.models.features import JointEncoder, JointFeatures
from msclr.models.graphs import BlockGraph, Graph, block_adjacency
from msclr.models.normalise import MaskedBatchNorm
from msclr.models.pooling import Pooling, PoolingName, grid_averages, per_row
from msclr.models.preparing import Preparations
from msclr.models.relations import AnatomyEdges
from msclr.models.stgcn import PARTITIONS, Block
from msclr.poses.batch import PoseBatch
from msclr.poses.paths import person_paths
from msclr.poses.transfer import to_device
from msclr.skeletons.anatomy import PARTS, point
from msclr.skeletons.cache import cached_by_joints
from msclr.skeletons.graph import spatial_graph
from msclr.skeletons.landmarks import TORSO_IN_TEMPLATE
from msclr.skeletons.spec import SkeletonSpec

if TYPE_CHECKING:
    from msclr.models.replay import Recordings

INPUT_CHANNELS = 10  # position (3), velocity (3), place of the person (3), whether the clip is 2D (1)


class MultiSkeletonEncoder(JointEncoder):
    """Turn pose clips of any joint convention, 2D or 3D, into vectors of one space.

    A graph convolutional network none of whose parameters depends on the joints: the graph comes from the skeleton,
    batch normalisation is per channel, pooling goes by body parts. Usually made by `msclr.load_pretrained()`.

    Args:
        channels: Output channels of each block.
        strides: Temporal stride (1 or 2) of each block.
        dim: Length of the vectors.
        kernel: Frames of the temporal convolutions.
        separable: Whether temporal convolutions are separable.
        dropout: Share of activations dropped in training.
        partition: How neighbours are told apart, "spatial" (nearer or farther from the centre) or "inward_outward".
        anatomy_embedding: Tell the network where in the body each joint is.
        anatomy_edges: Join any two joints by an edge, too, whose weight is learned of their places in the body.
        pooling: How joints and frames become one vector, see `msclr.models.pooling.Pooling`.
        input_stretches: Stretches of time in which the inputs themselves are averaged by body part and given to the
            last linear map, beside the features; 0 for none.
        facing: Turn 3D persons to face the viewer before embedding.
        frames: Frames to which a clip is resampled.
        maximum_seconds, maximum_frames: Longer clips are embedded window by window.

    Example:
        >>> import msclr, numpy as np
        >>> encoder = msclr.load_pretrained()
        >>> rng = np.random.default_rng(0)
        >>> kinect = msclr.PoseSequence.from_array(rng.normal(size=(50, 25, 3)), "kinect_v2_25")
        >>> coco = msclr.PoseSequence.from_array(rng.normal(size=(40, 17, 2)), "coco_17")
        >>> vectors = encoder.embed([kinect, coco])
        >>> tuple(vectors.shape) == (2, encoder.dim)
        True
    """

    recordings: Recordings | None = None  # on a GPU, what `optimize` was asked for

    def __init__(
        self,
        *,
        channels: Sequence[int],
        strides: Sequence[int],
        dim: int,
        kernel: int = 9,
        separable: bool = True,
        dropout: float = 0.0,
        partition: Literal["spatial", "inward_outward"] = "spatial",
        anatomy_embedding: bool = False,
        anatomy_edges: bool = False,
        pooling: PoolingName = "grid",
        input_stretches: int = 0,
        facing: bool = True,
        frames: int = 64,
        maximum_seconds: float = 10.0,
        maximum_frames: int = 300,
    ) -> None:
        super().__init__(
            dim=dim, frames=frames, facing=facing, maximum_seconds=maximum_seconds, maximum_frames=maximum_frames
        )
        if len(channels) != len(strides) or not channels:
            raise ConfigError(f"{len(channels)} channels and {len(strides)} strides", expected="one each per block")
        self.partition: Literal["spatial", "inward_outward"] = partition
        self.preparations = Preparations()
        self.input_norm = MaskedBatchNorm(INPUT_CHANNELS)
        self.anatomy = (
            nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, INPUT_CHANNELS)) if anatomy_embedding else None
        )
        self.relations = AnatomyEdges() if anatomy_edges else None
        partitions = PARTITIONS + anatomy_edges
        inputs = [INPUT_CHANNELS, *channels[:-1]]
        self.blocks = nn.ModuleList(
            Block(
                before,
                after,
                stride=stride,
                kernel=kernel,
                separable=separable,
                dropout=dropout,
                residual=index > 0,
                partitions=partitions,
            )
            for index, (before, after, stride) in enumerate(zip(inputs, channels, strides, strict=True))
        )
        self.input_stretches = input_stretches
        self._stride = math.prod(strides)
        beside = input_stretches * len(PARTS) * INPUT_CHANNELS
        self.pooling = Pooling(channels[-1], dim, pooling, beside=beside)

    def optimize(self, *, dtype: torch.dtype | None = None, cuda_graphs: bool = False) -> Self:
        """Return a copy for inference; see `PoseEncoder.optimize`."""
        from msclr.models.replay import Recordings

        fast = super().optimize(dtype=dtype)
        fast.recordings = Recordings() if cuda_graphs else None
        return fast

    def persons(self, batch: PoseBatch) -> PersonVectors:
        """Return one vector for each person who is there: values [m, dim].

        In evaluation mode and without gradients, on the CPU, a `PreparedNetwork` computes them; on a GPU, CUDA graphs
        where `optimize` was asked for them.
        """
        if self.recordings is not None and self.recordings.serve(self, batch):
            return self.recordings.persons(self, batch)
        return super().persons(batch)

    def start(self, batch: PoseBatch) -> JointFeatures:
        """Return what the first block is given: normalised input channels, 0 where invalid.

        Args:
            batch: Packed clips in common coordinates, on the encoder's device.
        """
        inputs = _inputs(batch)
        values = self.input_norm(inputs, batch.valid)
        if self.anatomy is not None:
            values = values + self.anatomy(per_row(batch, places_in_body).to(values.dtype))[:, None]
        again = inputs if self.input_stretches else None
        return JointFeatures(values * batch.valid[..., None], batch.valid, batch, again)

    def edges(self, skeleton: SkeletonSpec, block: int, device: torch.device) -> Tensor:
        """Return the adjacency [k, target joint, source joint] of a convention, the same in all blocks."""
        matrix = _adjacency(skeleton, self.partition, device)
        if self.relations is None:
            return matrix
        places = to_device(places_in_body(skeleton), device).to(self.relations.target.weight.dtype)
        return torch.cat((matrix.to(places.dtype), self.relations(places)[None]))

    @property
    def folded(self) -> tuple[nn.Module, ...]:
        """What has all weights that a `PreparedNetwork` is made of."""
        return (self.blocks,) if self.relations is None else (self.blocks, self.relations)

    def graphs(self, batch: PoseBatch) -> Sequence[Sequence[Graph]]:
        """Return the graphs of all blocks, which are the same: one for all conventions where launches cost most."""
        together, device = batch.block, batch.positions.device
        if together is None or len(batch.groups) == 1:
            return [self.graphs_by_group(batch, 0)] * len(self.blocks)
        tables = to_device(block_adjacency(self.partition, together.joints, *together.skeletons), device)  # g j k j
        if self.relations is not None:
            places = to_device(_block_places(together.joints, *together.skeletons), device)  # g j 5
            learned = self.relations(places[..., :-1].to(self.relations.target.weight.dtype), places[..., -1] > 0)
            tables = torch.cat((tables.to(learned.dtype), learned[:, :, None]), dim=2)
        return [[BlockGraph(together, tables[together.kind])]] * len(self.blocks)

    def pool(self, features: JointFeatures) -> Tensor:
        """Pool joint features over time and joints: one vector [m, dim] for each person who is there."""
        pooled: Tensor = self.pooling.output(self.averages(features))
        return pooled

    def averages(self, features: JointFeatures) -> Tensor:
        """Return what the last linear map is given: averages [m, w] of the features and, if so made, of the inputs.

        Inputs know more of when and where than features of a few frames do, and mean the same in all conventions.
        """
        batch = features.batch
        averages = self.pooling.averages(features.values, features.valid, batch)
        if not self.input_stretches:
            return averages
        inputs = _inputs(batch) if features.inputs is None else features.inputs
        frames = features.valid.repeat_interleave(self._stride, dim=1)[:, : batch.valid.shape[1]]
        beside = grid_averages(inputs, batch.valid & frames, batch, self.input_stretches)
        return torch.cat((averages, beside), dim=1)


def _inputs(batch: PoseBatch) -> Tensor:
    """Input channels [n, t, 10]: position relative to the mid-hip, velocity, place of the mid-hip, 2D flag."""
    positions, valid, person = batch.positions, batch.valid, batch.person_of_row
    flat = batch.flat[person].to(positions.dtype)
    place = person_paths(batch)[person] if batch.groups else positions
    place = torch.cat((place[..., :2], place[..., 2:] * (1 - flat)[:, None, None]), dim=-1)
    velocity = torch.zeros_like(positions)
    velocity[:, 1:] = (positions[:, 1:] - positions[:, :-1]) * (valid[:, 1:] & valid[:, :-1])[..., None]
    flag = flat[:, None, None].expand(*positions.shape[:2], 1)
    inputs = torch.cat((positions - place, velocity, place, flag), dim=-1)
    return inputs * valid[..., None]


@cached_by_joints
@torch.inference_mode(False)
def _adjacency(skeleton: SkeletonSpec, partition: Literal["spatial", "inward_outward"], device: torch.device) -> Tensor:
    matrix = spatial_graph(skeleton, partition)  # k source target
    return to_device(torch.tensor(matrix.transpose(0, 2, 1)), device)


@cached_by_joints
@torch.inference_mode(False)
def places_in_body(skeleton: SkeletonSpec) -> Tensor:
    """Rest-pose place of each joint in torso lengths, and whether it is known: [j, 4], on the CPU."""
    known = [
        (*point(name).position, TORSO_IN_TEMPLATE) if name is not None else (0.0,) * 4 for name in skeleton.anatomy
    ]
    return torch.tensor(known, dtype=torch.float32) / TORSO_IN_TEMPLATE


@cached_by_joints
@torch.inference_mode(False)
def _block_places(joints: int, *skeletons: SkeletonSpec) -> Tensor:
    """Places of the joints of several conventions, and whether there is such a joint: [g, j, 5], on the CPU."""
    block = torch.zeros(len(skeletons), joints, 5)
    for rows, skeleton in zip(block, skeletons, strict=True):
        rows[: skeleton.num_joints, :-1] = places_in_body(skeleton)
        rows[: skeleton.num_joints, -1] = 1
    return block
