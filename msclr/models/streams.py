"""Batches of clips as their joint, bone or motion streams."""

from __future__ import annotations

from dataclasses import replace

import torch
from einops import rearrange
from torch import Tensor

from msclr.models.conventions import GraphName, bones_of
from msclr.poses.batch import PoseBatch
from msclr.poses.streams import Stream, in_stream


def batch_in_stream(batch: PoseBatch, stream: Stream, graph: GraphName = "published") -> PoseBatch:
    """Return a batch of joints as one of its streams; each convention has its own bones.

    Args:
        batch: Packed clips.
        stream: "joint" gives the batch itself, "bone" the vectors along the bones, "motion" those to the next frame.
        graph: Whose bones: see `bones_of`.

    Example:
        >>> import numpy as np
        >>> from msclr import PoseSequence
        >>> clip = PoseSequence.from_array(np.ones((4, 25, 3)), "kinect_v2_25")
        >>> float(batch_in_stream(PoseBatch.from_sequences([clip]), "motion").positions.abs().max())
        0.0
    """
    if stream == "joint" or not batch.groups:
        return batch
    values: list[Tensor] = []
    masks: list[Tensor] = []
    for group in batch.groups:
        block = rearrange(batch.positions[group.rows], "(m j) t c -> m t j c", m=group.persons)
        known = rearrange(batch.valid[group.rows], "(m j) t -> m t j", m=group.persons)
        block, known = in_stream(block, known, stream, bones_of(group.skeleton, graph))
        values.append(rearrange(block, "m t j c -> (m j) t c"))
        masks.append(rearrange(known, "m t j -> (m j) t"))
    return replace(batch, positions=torch.cat(values), valid=torch.cat(masks))
