"""Every loss of msclr.losses behind one face: flat inputs by name, so that a test can hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from msclr.losses import (
    AimCLRLoss,
    CrosSCLRLoss,
    InterSkeletonLoss,
    LossOutput,
    MSCLRLoss,
    NegativeQueue,
    SkeleMixLoss,
)

NAMES = ("ntu_25", "smpl_24")
STREAMS = ("joint", "motion", "bone")
DIM = 6


@dataclass(frozen=True)
class Case:
    """A loss in one of its modes; inputs whose name begins with "key" are those that get no gradient."""

    kind: Callable[..., nn.Module]
    inputs: tuple[str, ...]
    call: Callable[..., LossOutput]
    settings: dict[str, object] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=dict)

    def build(self, size: int = 7, **settings: object) -> nn.Module:
        return self.kind(DIM, size, **self.settings | {"temperature": 0.2} | settings)

    def rows(self, count: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return {
            name: torch.randn(count, DIM, generator=generator, dtype=torch.float64).to(dtype) for name in self.inputs
        }

    def __call__(self, loss: nn.Module, rows: dict[str, Tensor], **options: object) -> LossOutput:
        return self.call(loss, rows, **self.options | options)


def queues(loss: nn.Module) -> dict[str, NegativeQueue]:
    return {name: module for name, module in loss.named_modules() if isinstance(module, NegativeQueue)}


def nested(rows: dict[str, Tensor], side: str) -> dict[str, Tensor]:
    return {name.split("/")[1]: view for name, view in rows.items() if name.startswith(f"{side}/")}


def partners(count: int, mixes: int) -> Tensor:
    """Row r: the clip r + 1 further on."""
    return (torch.arange(count) + torch.arange(1, mixes + 1)[:, None]) % max(1, count)


def _tensors(loss: nn.Module, rows: dict[str, Tensor], **options: object) -> LossOutput:
    return loss(*rows.values(), **options)


def _sides(*sides: str) -> Callable[..., LossOutput]:
    def call(loss: nn.Module, rows: dict[str, Tensor], **options: object) -> LossOutput:
        return loss(*(nested(rows, side) for side in sides), **options)

    return call


def _mixed(loss: nn.Module, rows: dict[str, Tensor], **options: object) -> LossOutput:
    regions, rests = (list(nested(rows, side).values()) for side in ("trimmed", "truncated"))
    partner = options.pop("partner", partners(len(rows["query"]), len(regions)))
    return loss(rows["query"], rows["key"], regions, rests, partner, **options)


AIM = ("query", "extreme", "dropped", "key")
AIM_BY_CONVENTION = tuple(f"{side}/{name}" for side in AIM for name in NAMES)
CROS = tuple(f"{side}/{name}" for side in ("query", "key") for name in STREAMS)
MIX = ("query", "key", "trimmed/0", "truncated/0", "trimmed/1", "truncated/1")
INTER = ("query_s1", "query_s2", "key_s1", "key_s2")
MINE = {"mining": True}

CASES = {
    "skeletonclr": Case(MSCLRLoss, ("query", "key"), _tensors),
    "aimclr": Case(AimCLRLoss, AIM, _tensors),
    "aimclr, mining": Case(AimCLRLoss, AIM, _tensors, {"topk": 2}, MINE),
    "aimclr, cross": Case(AimCLRLoss, AIM_BY_CONVENTION, _sides(*AIM), {"policy": "cross"}),
    "aimclr, all, mining": Case(AimCLRLoss, AIM_BY_CONVENTION, _sides(*AIM), {"policy": "all"}, MINE),
    "aimclr, multi": Case(AimCLRLoss, AIM_BY_CONVENTION, _sides(*AIM), {"policy": "multi"}),
    "aimclr, multi, mining": Case(AimCLRLoss, AIM_BY_CONVENTION, _sides(*AIM), {"policy": "multi"}, MINE),
    "skelemix": Case(SkeleMixLoss, MIX, _mixed),
    "skelemix, mean": Case(SkeleMixLoss, MIX, _mixed, {"reduction": "mean", "weight": 0.5}),
    "inter": Case(InterSkeletonLoss, INTER, _tensors),
    "intra": Case(InterSkeletonLoss, INTER, _tensors, {"intra": True}),
    "crosclr": Case(CrosSCLRLoss, CROS, _sides("query", "key")),
    "crosclr, mining": Case(CrosSCLRLoss, CROS, _sides("query", "key"), {"topk": 2}, MINE),
    "crosclr, mining, no context": Case(CrosSCLRLoss, CROS, _sides("query", "key"), {"context": False}, MINE),
}
