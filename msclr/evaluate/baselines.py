"""What a trained model has to beat beside the poses themselves: the same network with random weights."""

from __future__ import annotations

import torch

from msclr.models.base import PoseEncoder
from msclr.models.build import build_encoder


def random_encoder(encoder: PoseEncoder, seed: int) -> PoseEncoder:
    """Build the same network with random weights, leaving the global generator as it was.

    Example:
        >>> from msclr.models.config import EncoderConfig
        >>> model = build_encoder(EncoderConfig(channels=(8,), strides=(1,), dim=8))
        >>> random_encoder(model, seed=1).dim
        8
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        twin = build_encoder(encoder.config)
    return twin.to(next(encoder.parameters()).device).eval()
