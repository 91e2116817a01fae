"""Tensors from one device to another, without waiting for the one that is computing."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(tensor: Tensor, device: torch.device | str) -> Tensor:
    """Return a tensor on a device; to a GPU it goes from page-locked memory, and nobody waits until it is there.

    Args:
        tensor: Any tensor; it must not be changed in place while it may be on its way.
        device: Where to.

    Returns:
        The tensor itself if it is there already.

    Example:
        >>> to_device(torch.eye(2), "meta").device.type
        'meta'
    """
    device = torch.device(device)
    if tensor.device == device or device.type == "cpu":
        return tensor.to(device)
    pinned = tensor.pin_memory() if device.type == "cuda" and tensor.device.type == "cpu" else tensor
    return pinned.to(device, non_blocking=True)


def answers_at_once(tensor: Tensor) -> bool:
    """Say whether values of a tensor can be looked at without waiting for a device that still computes.

    Example:
        >>> answers_at_once(torch.ones(2))
        True
    """
    return tensor.device.type == "cpu"
