"""Edges that no skeleton has: between any two joints, by where in the body they are."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

PLACE = 4  # numbers of a place in the body: see `msclr.models.encoder.places_in_body`


class AnatomyEdges(nn.Module):
    """Learn which joints should hear of each other, say both hands, by their places in the body.

    Nothing depends on the joints of a convention, so joints at the same places are joined alike in all conventions.

    Args:
        width: Numbers by which places are compared.

    Example:
        >>> places = torch.tensor([[0.0, 1.0, 0.0, 1.0], [0.3, 0.4, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
        >>> AnatomyEdges()(places).sum(dim=1).detach().round(decimals=3).tolist()
        [1.0, 1.0, 1.0]
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.target = nn.Linear(PLACE, width)
        self.source = nn.Linear(PLACE, width)

    def forward(self, places: Tensor, there: Tensor | None = None) -> Tensor:
        """Return the weights of the edges.

        Args:
            places: [..., j, 4].
            there: [..., j] bool, which joints there are; None for all.

        Returns:
            [..., target joint, source joint]; the weights into a joint sum to 1.
        """
        likeness = self.target(places) @ self.source(places).mT / math.sqrt(self.target.out_features)
        if there is not None:
            likeness = likeness.masked_fill(~there[..., None, :], -math.inf)
        return torch.softmax(likeness, dim=-1)
