"""PerSkeletonEncoder: ST-GCN with shared blocks and, for each joint convention, its own graph and normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import torch
from torch import Tensor, nn

from msclr.collectives import world_size
from msclr.errors import ConfigError, SkeletonError, UnknownSkeletonError
from msclr.models.base import PersonVectors, Preparation
from msclr.models.conventions import ConventionLayers, GraphName
from msclr.models.features import JointEncoder, JointFeatures
from msclr.models.pooling import Pooling
from msclr.models.preparing import Preparations
from msclr.models.stgcn import Block
from msclr.models.streams import batch_in_stream
from msclr.poses.absent import fill_slots
from msclr.poses.batch import PoseBatch
from msclr.poses.sequence import PoseSequence
from msclr.poses.streams import Stream
from msclr.skeletons.graph import Partition
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec

STRIDES = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1)
PERSON_SLOTS = 2  # of the published tensors


class PerSkeletonEncoder(JointEncoder):
    """The flexible ST-GCN of MS-CLR; with one convention, the classic one of AimCLR, CrosSCLR and SkeleMixCLR.

    Ten blocks are shared by all conventions. Each convention has its own graph, edge weights in every block, and data
    normalisation, at its own number of joints: nothing is padded. It encodes the conventions it has, no others.

    Args:
        skeletons: The conventions, ids or specs.
        hidden: Channels of the first blocks; doubled at the fifth and eighth. Published: 16, and 64 in ST-GCN itself.
        dim: Length of the vectors.
        kernel: Frames of the temporal convolutions.
        dropout: Share of activations dropped in training, in all blocks but the first.
        partition: "spatial", or "inward_outward" as SkeleMixCLR and inter-skeleton contrast have it.
        edge_importance: Learn a factor for every edge.
        graph: Edges and bones of the conventions: "published" with the defects that published weights were trained
            with, for the four conventions that have such; "own" the tree of each, with true distances to its centre.
        legacy_pooling: Do as published: every clip has two persons, an absent one is a person at 0 that is computed,
            counted in the statistics and averaged; unknown joints and frames after the end count as well. False: only
            what was seen counts.
        stream: What the network sees of the clips it is given: joints, bones, or motion.
        preparation: How recordings are prepared, see `PoseEncoder.prepare`.
        facing: Turn 3D persons to face the viewer ("common" only).
        frames: Frames to which a clip is resampled.
        maximum_seconds, maximum_frames: Longer clips are embedded window by window.

    Source:
        Yan et al. 2018 (ST-GCN); MS-CLR, section 3.3.

    Example:
        >>> import numpy as np
        >>> encoder = PerSkeletonEncoder(["kinect_v2_25", "smpl_24"], hidden=4, dim=8, frames=16)
        >>> clip = PoseSequence.from_array(np.random.default_rng(0).normal(size=(20, 24, 3)), "smpl_24")
        >>> tuple(encoder.embed(clip).shape)
        (1, 8)
    """

    def __init__(
        self,
        skeletons: Sequence[str | SkeletonSpec],
        *,
        hidden: int = 16,
        dim: int = 256,
        kernel: int = 9,
        dropout: float = 0.5,
        partition: Partition = "spatial",
        edge_importance: bool = True,
        graph: GraphName = "published",
        legacy_pooling: bool = False,
        stream: Stream = "joint",
        preparation: Preparation = "common",
        facing: bool = True,
        frames: int = 50,
        maximum_seconds: float = 10.0,
        maximum_frames: int = 300,
    ) -> None:
        super().__init__(
            dim=dim, frames=frames, facing=facing, maximum_seconds=maximum_seconds, maximum_frames=maximum_frames
        )
        if graph not in get_args(GraphName):
            raise ConfigError(f"graph = {graph!r}", expected="'published' or 'own'")
        self.partition: Partition = partition
        self.preparations = Preparations()
        self.graph: GraphName = graph
        self.edge_importance = edge_importance
        self.legacy_pooling = legacy_pooling
        self.stream: Stream = stream
        self.preparation = preparation
        self.conventions = nn.ModuleList()
        for skeleton in skeletons:
            self._add(get_skeleton(skeleton))
        if not self.conventions:
            raise ConfigError("no joint conventions", expected="at least one")
        widths = [3, *[hidden] * 4, *[2 * hidden] * 3, *[4 * hidden] * 2, dim]
        self.blocks = nn.ModuleList(
            Block(
                widths[index],
                widths[index + 1],
                stride=stride,
                kernel=kernel,
                separable=False,
                dropout=dropout if index else 0.0,
                residual=index > 0,
                partition_bias=True,
                shortcut_norm=True,
            )
            for index, stride in enumerate(STRIDES)
        )
        self.pooling = Pooling(dim, dim, "joint")

    @property
    def skeletons(self) -> tuple[SkeletonSpec, ...]:
        """The conventions that the encoder has."""
        return tuple(layers.skeleton for layers in self._layers())

    def add_skeleton(self, skeleton: str | SkeletonSpec) -> None:
        """Give the encoder another convention, with a fresh graph and normalisation; the blocks stay as they are.

        Args:
            skeleton: Id or spec. To be saved in a model folder it must be registered (`register_skeleton`).

        Raises:
            ConfigError: If the encoder has this convention already, or its configuration does not take it.
            UnknownSkeletonError: If there is no such convention.
        """
        spec = get_skeleton(skeleton)
        if hasattr(self, "config"):
            self.config = self.config.replace(skeletons=(*(each.id for each in self.skeletons), spec.id))
        weight = next(self.blocks.parameters())
        self._add(spec).to(weight.device, weight.dtype).train(self.training)

    def start(self, batch: PoseBatch) -> JointFeatures:
        """Return what the first block is given: normalised coordinates, 0 where invalid; see `legacy_pooling`.

        Args:
            batch: Packed clips as `prepare` makes them, of joints (not yet of another stream), on the encoder's device.

        Raises:
            UnknownSkeletonError: If a clip is of a convention that the encoder does not have.
        """
        if self.legacy_pooling:
            batch = fill_slots(batch, PERSON_SLOTS)
            batch = replace(batch, valid=torch.ones_like(batch.valid))
        layers = [self._layers_of(group.skeleton) for group in batch.groups]
        return JointFeatures(*self._normalised(self._in_stream(batch), layers), batch)

    def edges(self, skeleton: SkeletonSpec, block: int, device: torch.device) -> Tensor:
        """Return the weights [k, target joint, source joint] of the edges of a convention in a block."""
        return self._layers_of(skeleton).graph(block)

    @property
    def folded(self) -> tuple[nn.Module, ...]:
        """What has all weights that a `PreparedNetwork` is made of."""
        return self.blocks, self.conventions

    @property
    def sees_absent(self) -> bool:
        """Whether persons who are not there are looked at, as persons at 0."""
        return self.legacy_pooling

    def pool(self, features: JointFeatures) -> Tensor:
        """Average joint features over time and joints: one vector [m, dim] for each person."""
        pooled: Tensor = self.pooling(features.values, features.valid, features.batch)
        return pooled

    def persons(self, batch: PoseBatch) -> PersonVectors:
        """Return one vector for each person; with legacy pooling for absent ones, too, marked as not seen."""
        rows = super().persons(batch)
        if not self.legacy_pooling:
            return rows
        there = torch.zeros(rows.num_clips, rows.num_slots, dtype=torch.bool, device=rows.clip.device)
        there[batch.clip, batch.slot] = True
        return replace(rows, seen=there[rows.clip, rows.slot])

    def stages(self) -> list[tuple[str, nn.Module]]:
        """Return the parts of the network; what single conventions have, edge weights too, comes first."""
        shared = [each for each in super().stages() if not each[0].startswith("conventions.")]
        return [("conventions", self.conventions), *shared]

    def prepare(self, recording: PoseSequence) -> PoseSequence:
        """Bring a recording of one of the encoder's conventions to the coordinates that the network was made for."""
        self._layers_of(recording.skeleton)
        return super().prepare(recording)

    def _add(self, skeleton: SkeletonSpec) -> ConventionLayers:
        if any(skeleton.id == each.id for each in self.skeletons):
            raise ConfigError(f"the convention {skeleton.id!r} twice", expected="each once")
        layers = ConventionLayers(
            skeleton,
            len(STRIDES),
            partition=self.partition,
            edge_importance=self.edge_importance,
            graph=self.graph,
        )
        self.conventions.append(layers)
        return layers

    def _layers(self) -> list[ConventionLayers]:
        return [layers for layers in self.conventions if isinstance(layers, ConventionLayers)]

    def _layers_of(self, skeleton: SkeletonSpec) -> ConventionLayers:
        for layers in self._layers():
            if layers.skeleton.id == skeleton.id:
                if layers.skeleton.num_joints != skeleton.num_joints:
                    raise SkeletonError(
                        f"{skeleton.num_joints} joints in the convention {skeleton.id!r}",
                        expected=f"the {layers.skeleton.num_joints} joints that the encoder has of it",
                    )
                return layers
        known = [spec.id for spec in self.skeletons]
        raise UnknownSkeletonError(
            f"this encoder has no weights for the convention {skeleton.id!r}",
            expected="one of " + ", ".join(known),
            remedy=f"msclr.convert(sequence, {known[0]!r})",
        )

    def _in_stream(self, batch: PoseBatch) -> PoseBatch:
        seen = batch_in_stream(batch, self.stream, self.graph)
        return replace(seen, valid=torch.ones_like(seen.valid)) if self.legacy_pooling else seen

    def _normalised(self, batch: PoseBatch, layers: Sequence[ConventionLayers]) -> tuple[Tensor, Tensor]:
        """Normalise each convention by its own statistics: values [n, t, 3], 0 where invalid, and mask [n, t]."""
        rows: dict[int, Tensor] = {}
        nothing: Tensor | float = 0.0
        together = self.training and world_size() > 1
        for own in self._layers():
            members = [index for index, each in enumerate(layers) if each is own]
            if not members and not together:
                continue  # but where processes sum their statistics, all must take part, forwards and backwards
            joints = own.skeleton.num_joints
            groups = [batch.groups[index] for index in members]
            taken = [slice(0, 0)] if not groups else [group.rows for group in groups]
            frames = batch.positions.shape[1]
            block = torch.cat([batch.positions[each].reshape(-1, joints, frames, 3) for each in taken])
            known = torch.cat([batch.valid[each].reshape(-1, joints, frames) for each in taken])
            normal = own.norm(block.transpose(1, 2), known.transpose(1, 2)).transpose(1, 2)  # m j t c
            if groups:
                parts = normal.split([group.persons for group in groups])
                rows.update({index: part.flatten(0, 1) for index, part in zip(members, parts, strict=True)})
            else:
                nothing = nothing + normal.sum()
        values = torch.cat([rows[index] for index in range(len(layers))]) if rows else batch.positions
        return (values + nothing) * batch.valid[..., None], batch.valid
