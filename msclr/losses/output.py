"""What every loss returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LossOutput:
    """The number to minimise, and the figures to log.

    Args:
        total: Scalar with gradient; call `backward()` on it.
        terms: Scalars by name; they are stored detached, so keeping them keeps no graph alive.

    Example:
        >>> value = torch.tensor(2.0, requires_grad=True)
        >>> output = LossOutput(value * 3, {"info_nce": value})
        >>> output.total.requires_grad, output.terms["info_nce"].requires_grad
        (True, False)
    """

    total: Tensor
    terms: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        detached = {name: torch.as_tensor(value).detach() for name, value in self.terms.items()}
        object.__setattr__(self, "terms", detached)
