"""A small encoder with random weights."""

from __future__ import annotations

import torch

from msclr.models.base import PoseEncoder
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig


def small_encoder(seed: int = 0, **changes: object) -> PoseEncoder:
    """Return an encoder that embeds in no time."""
    fields = {"channels": (8, 16), "strides": (1, 2), "dim": 16, "frames": 16, **changes}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_encoder(EncoderConfig(**fields)).eval()
