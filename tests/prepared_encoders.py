"""Encoders of every kind that is prepared for inference, clips for them, and both ways to compute."""

from __future__ import annotations

import numpy as np
import torch
from strategies import standing_person

from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig, PerSkeletonConfig
from msclr.models.normalise import RunningNorm
from msclr.models.preparing import prepared_for
from msclr.poses.batch import PoseBatch

FORMATS = ("kinect_v2_25", "smpl_24", "metrabs_smplx_42")
UNIVERSAL = {"channels": (8, 8, 16), "strides": (1, 2, 2), "dim": 12, "frames": 16}
PUBLISHED = {"skeletons": FORMATS, "hidden": 4, "dim": 12, "frames": 16}
KINDS = {
    "universal": EncoderConfig(**UNIVERSAL),
    "full": EncoderConfig(**UNIVERSAL, temporal="full", partition="inward_outward"),
    "joint": EncoderConfig(**UNIVERSAL, pooling="joint", temporal_kernel=5),
    "anatomy": EncoderConfig(**UNIVERSAL, pooling="part", anatomy_embedding=True),
    "inputs": EncoderConfig(**UNIVERSAL, input_stretches=5),
    "edges": EncoderConfig(**UNIVERSAL, anatomy_edges=True),
    "published": PerSkeletonConfig(**PUBLISHED),
    "legacy": PerSkeletonConfig(**PUBLISHED, legacy_pooling=True),
    "bones": PerSkeletonConfig(**PUBLISHED, stream="bone", edge_importance=False),
    "legacy motion": PerSkeletonConfig(**PUBLISHED, stream="motion", legacy_pooling=True, partition="inward_outward"),
}


def encoder_of(kind: str):
    """An encoder in evaluation mode, nothing in which is as it is at the start."""
    torch.manual_seed(0)
    encoder = build_encoder(KINDS[kind])
    with torch.no_grad():
        for norm in (part for part in encoder.modules() if isinstance(part, RunningNorm)):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.3, 0.3)
            norm.running_mean.uniform_(-0.3, 0.3)
            norm.running_var.uniform_(0.05, 0.4)
        for name, weight in encoder.named_parameters():
            if name.endswith("importance"):
                weight.uniform_(0.5, 1.5)
            elif name.endswith("bias"):
                weight.uniform_(-0.3, 0.3)
    return encoder.eval()


def batch_of(missing: float = 0.0, frames: int = 16) -> PoseBatch:
    """Clips of three conventions, of one to three persons and of several lengths, some joints of them unknown."""
    random = np.random.default_rng(0)
    clips = [
        standing_person(FORMATS[number % 3], frames=frames - number % 2, persons=1 + number % 3, seed=number)
        for number in range(6)
    ]
    masks = [random.random(clip.valid.shape) >= missing for clip in clips]
    return PoseBatch.from_sequences([clip.replace(valid=mask) for clip, mask in zip(clips, masks, strict=True)])


def plainly(encoder, batch):
    """Vectors as they are computed where gradients are asked for."""
    with torch.enable_grad():
        assert prepared_for(encoder, batch) is None
        return encoder(batch).detach()


def preparedly(encoder, batch):
    with torch.no_grad():
        assert prepared_for(encoder, batch) is not None
        return encoder(batch)
