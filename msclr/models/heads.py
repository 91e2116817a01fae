"""What is put on top of an encoder in training."""

from __future__ import annotations

from torch import Tensor, nn


class ProjectionHead(nn.Module):
    """Map features to the space of the contrastive loss: Linear, ReLU, Linear (SkeletonCLR and its descendants).

    Args:
        inputs: Length of the features.
        outputs: Length of the projections.
        hidden: Width between; by default that of the features.

    Example:
        >>> import torch
        >>> ProjectionHead(16, 8)(torch.zeros(2, 16)).shape
        torch.Size([2, 8])
    """

    def __init__(self, inputs: int, outputs: int = 128, hidden: int | None = None) -> None:
        super().__init__()
        width = hidden or inputs
        self.layers = nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))

    def forward(self, features: Tensor) -> Tensor:
        """Project features [..., inputs] to [..., outputs]."""
        projections: Tensor = self.layers(features)
        return projections
