"""Energy-based attention-guided drop: hide the joints and times that stand out most."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from einops import rearrange
from torch import Tensor

from msclr.models.features import JointFeatures

THRESHOLD = 0.7
REGULARISER = 1e-4


def energy_drop(
    features: JointFeatures, *, threshold: float = THRESHOLD, over: Literal["person", "batch"] = "person"
) -> JointFeatures:
    """Set features of high energy to zero and scale up the others, deterministically.

    The energy of a channel is how far it is from its mean over the joints and times of a person. Joints whose energy,
    averaged over channels and times, reaches the threshold are dropped, and single features that do.

    Args:
        features: From `features()` of an encoder, before pooling.
        threshold: Attention (0.5 to 1) from which on something is dropped.
        over: What the scale of the rest is told from: "person", so that no clip depends on its neighbours; "batch" all
            persons of a convention together, as published.

    Returns:
        Features of the same shape, to be pooled like those given. A person of whom nothing would be left is zero.

    Source:
        Guo et al. 2022 (AimCLR), section 3.3; the energy is that of SimAM (Yang et al. 2021).

    Example:
        >>> import torch
        >>> from msclr import get_skeleton
        >>> from msclr.poses.batch import PoseBatch
        >>> block = torch.ones(1, 4, 17, 3), torch.ones(1, 4, 17, dtype=torch.bool), torch.zeros(1, dtype=torch.bool)
        >>> batch = PoseBatch.from_blocks([(get_skeleton("coco_17"), *block)])
        >>> values = torch.zeros(17, 4, 2)
        >>> values[3] = 1.0
        >>> dropped = energy_drop(JointFeatures(values, batch.valid, batch))
        >>> dropped.values[3].unique().tolist(), bool(dropped.valid.all())
        ([0.0], True)
    """
    parts = []
    for group in features.batch.groups:
        block = rearrange(features.values[group.rows], "(m j) t d -> m t j d", m=group.persons)
        known = rearrange(features.valid[group.rows], "(m j) t -> m t j", m=group.persons)
        dropped = _dropped(block, known[..., None], threshold, batched=over == "batch")
        parts.append(rearrange(dropped, "m t j d -> (m j) t d"))
    return replace(features, values=torch.cat(parts)) if parts else features


def _dropped(values: Tensor, valid: Tensor, threshold: float, *, batched: bool) -> Tensor:
    """Drop in `values` [m, t, j, d] with mask `valid` [m, t, j, 1]."""
    weights = valid.to(values.dtype)
    count = weights.sum(dim=(1, 2), keepdim=True)  # m 1 1 1
    mean = (values * weights).sum(dim=(1, 2), keepdim=True) / count.clamp_min(1)
    energy = (values - mean).square() * weights
    variance = energy.sum(dim=(1, 2), keepdim=True) / (count - 1).clamp_min(1)
    attention = torch.sigmoid(energy / (4 * (variance + REGULARISER)) + 0.5)
    seen = weights.sum(dim=1)  # m j 1
    of_joint = (attention * weights).sum(dim=1).mean(dim=-1, keepdim=True) / seen.clamp_min(1)
    joints = ((of_joint < threshold) & (seen > 0)).to(values.dtype)  # m j 1
    single = (attention < threshold) * weights  # m t j d
    axes = (0, 1, 2) if batched else (1, 2)
    joint_scale = (seen > 0).sum(dim=axes, keepdim=True) / joints.sum(dim=axes, keepdim=True).clamp_min(1)
    everything = weights.sum(dim=(*axes, 3), keepdim=True) * values.shape[-1]
    single_scale = everything / single.sum(dim=(*axes, 3), keepdim=True).clamp_min(1)
    return values * (joints * joint_scale)[:, None] * (single * single_scale)
