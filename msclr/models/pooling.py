"""From the features of joints and frames to one vector for each person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from msclr.poses.batch import PoseBatch
from msclr.poses.transfer import to_device
from msclr.skeletons.anatomy import PARTS
from msclr.skeletons.cache import cached_by_joints
from msclr.skeletons.landmarks import landmarks
from msclr.skeletons.spec import SkeletonSpec

PoolingName: TypeAlias = Literal["joint", "part", "grid"]
STRETCHES = 4


class Pooling(nn.Module):
    """Average features over joints and time, then map the averages to the vector's length.

    "joint" weighs all joints alike, "part" all body parts, so that a convention with many finger or face points has no
    other centre of gravity than one without. "grid" keeps apart six body parts and four stretches of time that blend
    into each other, and maps the 24 averages together; parts that a convention does not have are zero.

    Args:
        inputs: Channels of the features.
        outputs: Length of the vector.
        kind: "joint", "part" or "grid".
        beside: Length of what else the linear map is given, see `MultiSkeletonEncoder.averages`.
    """

    def __init__(self, inputs: int, outputs: int, kind: PoolingName, *, beside: int = 0) -> None:
        super().__init__()
        self.kind = kind
        width = inputs * (len(PARTS) * STRETCHES if kind == "grid" else 1) + beside
        self.output = nn.Linear(width, outputs) if width != outputs else nn.Identity()

    def forward(self, values: Tensor, valid: Tensor, batch: PoseBatch) -> Tensor:
        """Pool `values` [n, t, c] with mask `valid` [n, t]; returns [m, outputs], one row for each person."""
        vectors: Tensor = self.output(self.averages(values, valid, batch))
        return vectors

    def averages(self, values: Tensor, valid: Tensor, batch: PoseBatch) -> Tensor:
        """Return the averages [m, w] before the linear map, of the same features."""
        if self.kind == "grid":
            return grid_averages(values, valid, batch, STRETCHES)
        person = batch.person_of_row
        weights = valid.to(values.dtype)
        if self.kind == "part":
            weights = weights * per_row(batch, _part_weights).to(weights.dtype)
        summed = torch.einsum("ntc,nt->nc", values, weights)
        total = _sums(weights.sum(dim=1), person, batch.num_persons)
        return _sums(summed, person, batch.num_persons) / total.clamp_min(1e-6)[:, None]


def grid_averages(values: Tensor, valid: Tensor, batch: PoseBatch, stretches: int) -> Tensor:
    """Average by body part and stretch of time.

    Args:
        values: [n, t, c], by joint and frame.
        valid: bool [n, t]; what is not valid counts for nothing.
        batch: Whose joints they are.
        stretches: Number s of stretches.

    Returns:
        [m, parts s c], a row for each person; 0 for a part that is never known.
    """
    person = batch.person_of_row
    weights = _stretches(valid, person, batch.num_persons, stretches).to(values.dtype)  # n t s
    cell = person * len(PARTS) + per_row(batch, _part_index)
    cells = batch.num_persons * len(PARTS)
    summed = torch.einsum("ntc,nts->nsc", values, weights)
    total = _sums(weights.sum(dim=1), cell, cells)
    grid = _sums(summed, cell, cells)
    return (grid / total.clamp_min(1e-6)[..., None]).reshape(batch.num_persons, -1)


def _sums(rows: Tensor, place: Tensor, places: int) -> Tensor:
    """Add up the rows [n, ...] of each place [n]: [places, ...], in their own type.

    In half precision a GPU multiplies in half and sums in float32, a CPU does both in half.
    """
    return rows.new_zeros(places, *rows.shape[1:]).index_add(0, place, rows)


def _stretches(valid: Tensor, person: Tensor, persons: int, count: int) -> Tensor:
    """Share [n, t, s] of each frame in each stretch of its person's time; 0 where invalid.

    The stretches overlap like hats, so that a small shift in time changes the vector a little, not a lot.
    """
    time = torch.arange(valid.shape[1], device=valid.device)
    last = torch.where(valid, time, 0).amax(dim=1)  # n
    length = torch.zeros(persons, dtype=last.dtype, device=last.device).scatter_reduce(0, person, last, "amax") + 1
    place = (time + 0.5) / length[person][:, None] * count - 0.5  # n t
    distance = (place.clamp(0, count - 1)[..., None] - torch.arange(count, device=valid.device)).abs()
    return (1 - distance).clamp_min(0) * valid[..., None]


def per_row(batch: PoseBatch, table: Callable[[SkeletonSpec], Tensor]) -> Tensor:
    """Look up one entry of a table [j, ...], which is on the CPU, for every row of the packed axis."""
    tables = [table(group.skeleton) for group in batch.groups]
    rows = [
        each.repeat(group.persons, *[1] * (each.dim() - 1)) for each, group in zip(tables, batch.groups, strict=True)
    ]
    return to_device(torch.cat(rows) if rows else torch.zeros(0, dtype=torch.int64), batch.positions.device)


@cached_by_joints
@torch.inference_mode(False)
def _part_weights(skeleton: SkeletonSpec) -> Tensor:
    return torch.from_numpy(landmarks(skeleton).weights[:, None])


@cached_by_joints
@torch.inference_mode(False)
def _part_index(skeleton: SkeletonSpec) -> Tensor:
    return torch.from_numpy(landmarks(skeleton).parts)
