"""A network as it is run where no gradient is asked for: folded, piece by piece, nothing computed twice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from einops import rearrange
from torch import Tensor

from msclr.models.base import PersonVectors
from msclr.models.features import JointFeatures
from msclr.models.folding import FoldedBlock
from msclr.models.mixing import Mixing
from msclr.models.stgcn import Block, halve
from msclr.poses.batch import PoseBatch
from msclr.poses.group import PoseGroup
from msclr.skeletons.spec import SkeletonSpec

if TYPE_CHECKING:
    from msclr.models.features import JointEncoder

ROWS = 40_000  # joints and frames of a piece: what one layer makes of it is still in the cache for the next
MOST_CONVENTIONS = 64


@dataclass(frozen=True, eq=False)
class _Convention:
    """What is known of a convention: its graph product, what each block adds, and nobody's vector by frames."""

    mixing: Mixing
    offsets: Sequence[Tensor]
    nobody: dict[int, Tensor]


class PreparedNetwork:
    """What a `JointEncoder` computes of persons in evaluation mode, with all done in advance that its weights decide.

    Normalisations are folded into the convolutions, in float64; edge weights are multiplied into the graph, which is
    kept as a list of its edges; memory is laid out as the convolutions like it best; persons go through all blocks in
    pieces that fit into the cache. An absent person whom the network wants to see is computed once.

    Args:
        encoder: The encoder. What its weights become later is not looked at.
        dtype: What is multiplied: float32 or bfloat16. Input, pooling and vectors are float32.
    """

    def __init__(self, encoder: JointEncoder, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self._blocks = [FoldedBlock.of(block, dtype) for block in encoder.blocks if isinstance(block, Block)]
        self._conventions: dict[SkeletonSpec, _Convention] = {}

    def persons(self, encoder: JointEncoder, batch: PoseBatch) -> PersonVectors:
        """Return one vector for each person, as `encoder.persons` does.

        Args:
            encoder: The encoder that this was made of.
            batch: Packed clips as `prepare` makes them.
        """
        with torch.autocast("cpu", enabled=False):
            start = encoder.start(batch)
            vectors = [self._of_group(encoder, start, group) for group in start.batch.groups]
        values = torch.cat(vectors) if vectors else start.values.new_zeros(0, encoder.dim)
        return PersonVectors.of(values, start.batch)

    def _of_group(self, encoder: JointEncoder, start: JointFeatures, group: PoseGroup) -> Tensor:
        """Vectors [m, dim] of the persons of a convention."""
        known = self._convention(encoder, group.skeleton)
        there = torch.ones(group.persons, dtype=torch.bool)
        if encoder.sees_absent:
            there = start.batch.positions[group.rows].reshape(group.persons, -1).any(dim=1)
        vectors = start.values.new_empty(group.persons, encoder.dim)
        for chosen in _pieces(start, group, there.nonzero()[:, 0]):
            vectors[chosen] = self._of_piece(encoder, known, _taken(start, group, chosen))
        absent = (~there).nonzero()[:, 0]
        if len(absent):
            frames = start.values.shape[1]
            if frames not in known.nobody:
                known.nobody[frames] = self._of_piece(encoder, known, _taken(start, group, absent[:1]))
            vectors[absent] = known.nobody[frames]
        return vectors

    def _of_piece(self, encoder: JointEncoder, known: _Convention, piece: JointFeatures) -> Tensor:
        """Vectors [m, dim] of some persons of one convention."""
        joints = known.mixing.joints
        values = rearrange(piece.values.to(self.dtype), "(m j) t c -> m t j c", j=joints).contiguous()
        valid, whole = piece.valid, bool(piece.valid.all())
        mask = None if whole else self._mask(valid, joints)
        for index, block in enumerate(self._blocks):
            kept = mask
            if block.stride == 2:
                valid = halve(valid)
                kept = None if whole else self._mask(valid, joints)
            values = block(values, known.mixing(values, index), known.offsets[index], mask, kept)
            mask = kept
        packed = rearrange(values.float(), "m t j c -> (m j) t c")
        return encoder.pool(replace(piece, values=packed, valid=valid))

    def _mask(self, valid: Tensor, joints: int) -> Tensor:
        return rearrange(valid.to(self.dtype), "(m j) t -> m t j 1", j=joints)

    def _convention(self, encoder: JointEncoder, skeleton: SkeletonSpec) -> _Convention:
        known = self._conventions.get(skeleton)
        if known is None:
            graphs = [
                encoder.edges(skeleton, index, torch.device("cpu")).detach() for index in range(len(self._blocks))
            ]
            offsets = [block.offsets(graph) for block, graph in zip(self._blocks, graphs, strict=True)]
            known = _Convention(Mixing(graphs, self.dtype), offsets, {})
            if len(self._conventions) >= MOST_CONVENTIONS:
                self._conventions.clear()
            self._conventions[skeleton] = known
        return known


def _pieces(start: JointFeatures, group: PoseGroup, persons: Tensor) -> Iterator[Tensor]:
    """Split persons of a group into as few pieces of one size as are not too large."""
    rows = len(persons) * group.skeleton.num_joints * start.values.shape[1]
    pieces = min(len(persons), math.ceil(rows / ROWS))
    return iter(persons.tensor_split(pieces) if pieces else ())


def _taken(start: JointFeatures, group: PoseGroup, persons: Tensor) -> JointFeatures:
    """Some persons of a group, as a batch of their own."""

    def rows(values: Tensor) -> Tensor:
        return rearrange(values[group.rows], "(m j) ... -> m j ...", m=group.persons)[persons].flatten(0, 1)

    batch = replace(
        start.batch,
        positions=rows(start.batch.positions),
        valid=rows(start.batch.valid),
        flat=start.batch.flat[group.members][persons],
        clip=start.batch.clip[group.members][persons],
        slot=start.batch.slot[group.members][persons],
        groups=(PoseGroup(group.skeleton, 0, len(persons), 0),),
    )
    inputs = None if start.inputs is None else rows(start.inputs)
    return JointFeatures(rows(start.values), rows(start.valid), batch, inputs)
