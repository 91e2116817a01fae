"""JointFeatures, and what every encoder that has them can do."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import torch
from einops import rearrange
from torch import Tensor, nn

from msclr.errors import PoseError
from msclr.models.base import PersonVectors, PoseEncoder
from msclr.models.graphs import Graph, GroupGraph
from msclr.poses.batch import PoseBatch
from msclr.skeletons.spec import SkeletonSpec

if TYPE_CHECKING:
    from msclr.models.preparing import Preparations


@dataclass(frozen=True)
class JointFeatures:
    """Features of every joint and time before pooling: what a forecaster, say, or a tagger of frames goes on with.

    Args:
        values: [n, t, d]; n counts the joints of all persons of all clips, as in `PoseBatch`, t is the time of the
            batch over the strides of the network, d its channels.
        valid: [n, t] bool; where it is False, `values` mean nothing.
        batch: The clips, at the frame rate that they came in.
        inputs: [n, t', c] at that frame rate, what an encoder was given that looks at it again when it pools.

    Example:
        >>> import msclr
        >>> from msclr.samples import sample_paths
        >>> encoder = msclr.load_pretrained()
        >>> squat = encoder.prepare(msclr.read(sample_paths()["uiprmd_deep_squat_kinect"])).frames(0, 40)
        >>> features = encoder.features(PoseBatch.from_sequences([squat]))
        >>> tuple(features.unpack()[0].shape), tuple(features.unpack_valid()[0].shape)  # p t j d, p t j
        ((1, 10, 22, 128), (1, 10, 22))
    """

    values: Tensor
    valid: Tensor
    batch: PoseBatch
    inputs: Tensor | None = None

    def unpack(self) -> list[Tensor]:
        """Return one tensor [p, t, j, d] for each clip, persons who are there only."""
        return self._by_clip(self.values)

    def unpack_valid(self) -> list[Tensor]:
        """Return one mask [p, t, j] for each clip: which of the values of `unpack` mean something."""
        return [each[..., 0] for each in self._by_clip(self.valid[..., None])]

    def _by_clip(self, values: Tensor) -> list[Tensor]:
        clips: list[list[Tensor]] = [[] for _ in range(self.batch.num_clips)]
        for group in self.batch.groups:
            block = rearrange(values[group.rows], "(p j) t d -> p t j d", p=group.persons)
            for clip, person in zip(self.batch.clip[group.members].tolist(), block, strict=True):
                clips[clip].append(person)
        return [torch.stack(persons) if persons else values.new_zeros(0, 0, 0, 0) for persons in clips]

    def persons_in(self, mask: Tensor) -> Tensor:
        """Tell which persons [m] have a known joint and time in a mask [n, t]."""
        known = (self.valid & mask).any(dim=1).int()
        return known.new_zeros(self.batch.num_persons).index_add(0, self.batch.person_of_row, known) > 0


class JointEncoder(PoseEncoder):
    """An encoder of graph convolutional blocks, which knows something about every joint and time before it pools."""

    blocks: nn.ModuleList
    preparations: Preparations

    @abstractmethod
    def start(self, batch: PoseBatch) -> JointFeatures:
        """Return what the first block is given, at the frame rate of the batch; 0 where invalid."""

    @abstractmethod
    def edges(self, skeleton: SkeletonSpec, block: int, device: torch.device) -> Tensor:
        """Return the weights [k, target joint, source joint] of the edges of a convention in a block."""

    def graphs(self, batch: PoseBatch) -> Sequence[Sequence[Graph]]:
        """Return for each block the graphs that together have all rows of a batch, in order."""
        return [self.graphs_by_group(batch, index) for index in range(len(self.blocks))]

    def graphs_by_group(self, batch: PoseBatch, block: int) -> Sequence[Graph]:
        """Return the graphs of a block, one for each convention of a batch."""
        device = batch.positions.device
        return [
            GroupGraph(group.rows, group.persons, self.edges(group.skeleton, block, device)) for group in batch.groups
        ]

    @property
    def folded(self) -> tuple[nn.Module, ...]:
        """What has all weights that a `PreparedNetwork` is made of; what else there is, is used as it is."""
        return (self.blocks,)

    @property
    def sees_absent(self) -> bool:
        """Whether persons who are not there are looked at, as persons at 0."""
        return False

    def features(self, batch: PoseBatch) -> JointFeatures:
        """Return the features of every joint and time, before pooling.

        Args:
            batch: Packed clips as `prepare` makes them, on the encoder's device.

        Raises:
            PoseError: If there is nobody in any clip.
        """
        if not batch.groups:
            raise PoseError(
                f"a batch of {batch.num_clips} clips with nobody in any",
                expected="at least one person with a known joint",
                remedy="leave it out: batch.num_persons is 0",
            )
        start = self.start(batch)
        values, valid = start.values, start.valid
        for block, graphs in zip(self.blocks, self.graphs(start.batch), strict=True):
            values, valid = block(values, valid, graphs)
        return replace(start, values=values, valid=valid)

    @abstractmethod
    def pool(self, features: JointFeatures) -> Tensor:
        """Pool joint features over time and joints: one vector [m, dim] for each person."""

    def pool_masked(self, features: JointFeatures, pasted: Tensor) -> tuple[Tensor, Tensor]:
        """Pool what was pasted into the clips, and the rest, each by itself.

        Args:
            features: From `features()`.
            pasted: [n, t] bool at the frame rate of the features: `features.batch.pack([mask])` of dense masks.

        Returns:
            Vectors [m, dim] of the inside and of the outside, zero where a person has nothing there.

        Raises:
            PoseError: If the mask has another shape than the features.

        Source:
            Chen et al. 2022 (SkeleMixCLR), section 3.3.
        """
        if pasted.shape != features.valid.shape or pasted.dtype != torch.bool:
            raise PoseError(
                f"a mask {tuple(pasted.shape)} of {pasted.dtype}",
                expected=f"bool {tuple(features.valid.shape)}: one for each joint at the frame rate of the features",
                remedy="features.batch.pack([mask]) with a mask [b, p, t, j]",
            )
        inside = replace(features, valid=features.valid & pasted)
        outside = replace(features, valid=features.valid & ~pasted)
        return self.pool(inside), self.pool(outside)

    def optimize(self, *, dtype: torch.dtype | None = None, cuda_graphs: bool = False) -> Self:
        """Return a copy for inference; see `PoseEncoder.optimize`."""
        fast = super().optimize(dtype=dtype, cuda_graphs=cuda_graphs)
        fast.preparations.counting = True
        return fast

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation mode; what was prepared of the weights is let go of in training."""
        if mode:
            self.preparations.drop()
        return super().train(mode)

    def persons(self, batch: PoseBatch) -> PersonVectors:
        """Return one vector for each person who is there: values [m, dim].

        In evaluation mode and without gradients, on the CPU, a `PreparedNetwork` computes them.
        """
        from msclr.models.preparing import prepared_for

        prepared = prepared_for(self, batch)
        if prepared is not None:
            return prepared.persons(self, batch)
        features = self.features(batch)
        return PersonVectors.of(self.pool(features), features.batch)
