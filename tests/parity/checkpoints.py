"""Toy checkpoints in the published key layouts, with random statistics and edge importance."""

from __future__ import annotations

import numpy as np
import torch
from oracles.graphs import spatial

from msclr.hub.foreign.checkpoint import OLDEST_TORCH

# Why tests that open checkpoints of others cannot run, if they cannot.
TOO_OLD = f"torch {torch.__version__} opens no checkpoints of others" if torch.__version__ < OLDEST_TORCH else ""
# (child, parent), counted from 1, as published.
KINECT = (
    "1-2 2-21 3-21 4-3 5-21 6-5 7-6 8-7 9-21 10-9 11-10 12-11 13-1 14-13 15-14 16-15 17-1 18-17 19-18 20-19 22-23 23-8 "
    "24-25 25-12"
)
KINECT_BONES = [tuple(int(end) - 1 for end in pair.split("-")) for pair in KINECT.split()]
FORMATS = {"ntu-rgb+d": 25, "smpl_24": 24, "smplx_42": 42, "berkeley_mhad_43": 43}


class Maker:
    """Random tensors of the published layout."""

    def __init__(self, seed: int = 0) -> None:
        self.random = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int, scale: float = 1.0) -> torch.Tensor:
        return torch.randn(*shape, generator=self.random) * scale

    def between(self, low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=self.random) * (high - low) + low

    def norm(self, name: str, width: int) -> dict[str, torch.Tensor]:
        return {
            f"{name}.weight": self.between(0.5, 1.5, width),
            f"{name}.bias": self.normal(width, scale=0.2),
            f"{name}.running_mean": self.normal(width, scale=0.2),
            f"{name}.running_var": self.between(0.5, 2.0, width),
            f"{name}.num_batches_tracked": torch.tensor(7),
        }

    def layer(self, name: str, outputs: int, *inputs: int) -> dict[str, torch.Tensor]:
        scale = float(np.prod(inputs)) ** -0.5
        return {f"{name}.weight": self.normal(outputs, *inputs, scale=scale), f"{name}.bias": self.normal(outputs)}

    def blocks(self, hidden: int, dim: int) -> dict[str, torch.Tensor]:
        widths = [3, *[hidden] * 4, *[2 * hidden] * 3, *[4 * hidden] * 2, dim]
        state: dict[str, torch.Tensor] = {}
        for index in range(10):
            before, after, name = widths[index], widths[index + 1], f"st_gcn_networks.{index}"
            state |= self.layer(f"{name}.gcn.conv", 3 * after, before, 1, 1)
            state |= self.norm(f"{name}.tcn.0", after)
            state |= self.layer(f"{name}.tcn.2", after, after, 9, 1)
            state |= self.norm(f"{name}.tcn.3", after)
            if index and (before != after or index in (4, 7)):
                state |= self.layer(f"{name}.residual.0", after, before, 1, 1)
                state |= self.norm(f"{name}.residual.1", after)
        return state

    def graph(self, joints: int, *, directed: bool = False) -> torch.Tensor:
        """A graph of the published kind, with weights of its own, so that no other graph gives the same result."""
        edges = KINECT_BONES if joints == 25 else [(joint, joint // 2) for joint in range(1, joints)]
        if not directed:
            matrix = spatial(edges, joints, [20 if joints == 25 else 0], true_distances=False)
            return torch.tensor(matrix, dtype=torch.float32) * self.between(0.8, 1.2, 3, joints, joints)
        down = torch.zeros(joints, joints)
        for child, parent in edges:
            down[parent, child] = 1.0
        up = down.T / down.T.sum(dim=0).clamp_min(1)
        return torch.stack((torch.eye(joints), down, up))

    def encoder(self, hidden: int, dim: int, *, directed: bool = False, joints: int = 25) -> dict[str, torch.Tensor]:
        state = {"A": self.graph(joints, directed=directed)}
        state |= self.norm("data_bn", 3 * joints) | self.blocks(hidden, dim)
        return state | {f"edge_importance.{index}": self.between(0.5, 1.5, 3, joints, joints) for index in range(10)}

    def flexible(self, hidden: int, dim: int, names: list[str]) -> dict[str, torch.Tensor]:
        largest = max(FORMATS[name] for name in names)
        state = self.blocks(hidden, dim)
        for name in names:
            joints = FORMATS[name]
            state[f"A_{name}"] = torch.zeros(3, largest, largest)
            state[f"A_{name}"][:, :joints, :joints] = self.graph(joints)
            state |= self.norm(f"data_bn.{name}", 3 * joints)
            for index in range(10):
                importance = torch.zeros(3, largest, largest)
                importance[:, :joints, :joints] = self.between(0.5, 1.5, 3, joints, joints)
                state[f"edge_importance.{name}.{index}"] = importance
        return state

    def projection(self, dim: int, *, normalised: bool = False) -> dict[str, torch.Tensor]:
        middle = self.norm("fc.1", dim) if normalised else {}
        return self.layer("fc.0", dim, dim) | middle | self.layer("fc.3" if normalised else "fc.2", 6, dim)


def under(prefix: str, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{prefix}.{name}": value for name, value in state.items()}


def contrastive(state: dict[str, torch.Tensor], end: str = "") -> dict[str, torch.Tensor]:
    """Both encoders and the queue of one stream."""
    return (
        under(f"encoder_q{end}", state)
        | under(f"encoder_k{end}", {name: value + 1 for name, value in state.items()})
        | {f"queue{end}": torch.zeros(6, 32), f"queue_ptr{end}": torch.zeros(1, dtype=torch.int64)}
    )


def clips(frames: int = 50, joints: int = 25, number: int = 3, seed: int = 5) -> torch.Tensor:
    """Random clips [n, c, t, v, m]; the second has nobody in its second person slot."""
    values = torch.randn(number, 3, frames, joints, 2, generator=torch.Generator().manual_seed(seed))
    values[1, :, :, :, 1] = 0
    return values
