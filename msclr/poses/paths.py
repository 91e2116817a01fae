"""The mid-hip of every person of a batch through time, group by group or of all at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from einops import rearrange
from torch import Tensor

from msclr.poses.batch import PoseBatch
from msclr.poses.canonical import root_path
from msclr.poses.person_block import PersonBlock
from msclr.poses.transfer import to_device
from msclr.skeletons.cache import cached_by_joints
from msclr.skeletons.landmarks import dense_combinations, landmarks
from msclr.skeletons.spec import SkeletonSpec

NEARLY_ALL = 1 - 1e-4  # shares that sum to 1, rounded


def person_paths(batch: PoseBatch) -> Tensor:
    """Follow the mid-hip of each person through time, as `root_path` does.

    Args:
        batch: Packed clips in common coordinates, with at least one person.

    Returns:
        [m, t, 3], one path for each person.

    Example:
        >>> from msclr import get_skeleton
        >>> block = get_skeleton("coco_17"), torch.ones(2, 8, 17, 3), torch.ones(2, 8, 17) > 0, torch.zeros(2) > 0
        >>> tuple(person_paths(PoseBatch.from_blocks([block])).shape)
        (2, 8, 3)
    """
    if batch.block is not None:
        return _together(batch, batch.block)
    paths = []
    for group in batch.groups:
        poses = rearrange(batch.positions[group.rows], "(m j) t c -> m t j c", m=group.persons)
        known = rearrange(batch.valid[group.rows], "(m j) t -> m t j", m=group.persons)
        paths.append(root_path(poses, known, landmarks(group.skeleton)))
    return torch.cat(paths)


def dense_root_path(poses: Tensor, known: Tensor, roots: Tensor, use: Tensor, drops: Tensor) -> Tensor:
    """Do what `root_path` does with the landmarks as tensors, and without looking at a number.

    Args:
        poses: [m, t, j, 3], 0 where unknown.
        known: [m, t, j] bool.
        roots, use: [r, j], or [m, r, j] where persons differ: weights of the joints that are, or stand above, the
            mid-hip, in order of preference; share of each joint that is needed, they sum to 1 (more for none at all).
        drops: [r], or [m, r]: how far it stands above the mid-hip.

    Returns:
        [m, t, 3].
    """
    own = "mrj" if roots.dim() == 3 else "rj"
    seen = known.to(poses.dtype)
    place = torch.einsum(f"mtjc,{own}->mtrc", poses, roots)
    down = torch.stack((torch.zeros_like(drops), drops, torch.zeros_like(drops)), dim=-1)
    needed = use.sum(dim=-1) - 1
    if roots.dim() == 3:
        down, needed = down[:, None], needed[:, None]
    whole = torch.einsum(f"mtj,{own}->mtr", seen, use) - needed > NEARLY_ALL
    first = whole & (whole.int().cumsum(dim=-1) == 1)
    path = ((place - down) * first[..., None]).sum(dim=2)
    found = whole.any(dim=-1)  # m t
    never = ~found.any(dim=-1, keepdim=True)
    mean = poses.sum(dim=2) / seen.sum(dim=2).clamp_min(1)[..., None]
    path = torch.where(never[..., None], mean, path)
    found = found | (never & known.any(dim=-1))
    frames = poses.shape[1]
    time = torch.arange(frames, device=poses.device)
    earlier = (time[None] <= time[:, None]) & found[:, None]  # m t s: the last known frame up to each
    last = torch.where(earlier, time, -1).amax(dim=-1)
    begin = torch.where(found, time, frames).amin(dim=-1, keepdim=True).clamp_max(frames - 1)
    source = torch.where(last >= 0, last, begin)
    return path.gather(1, source[..., None].expand_as(path))


def dense_roots(skeleton: SkeletonSpec, ways: int, joints: int) -> npt.NDArray[np.float32]:
    """Return the ways to find the mid-hip of a convention for `dense_root_path`, with as many rows as asked for.

    Args:
        skeleton: The convention.
        ways: Number of rows r; those that there are not find nothing.
        joints: Number of columns j; those that there are not count for nothing.

    Returns:
        [2 j + 1, r]: weights, shares and how far above the mid-hip, for each way.

    Example:
        >>> from msclr import get_skeleton
        >>> dense_roots(get_skeleton("coco_17"), ways=3, joints=20).shape
        (41, 3)
    """
    marks, own = landmarks(skeleton), skeleton.num_joints
    weights, use = dense_combinations(marks.roots, own)
    table = np.zeros((2 * joints + 1, ways), np.float32)
    table[:own, : len(weights)] = weights.T
    table[joints : 2 * joints] = 2 / joints  # sums to 2: never found
    table[joints : 2 * joints, : len(use)] = 0
    table[joints : joints + own, : len(use)] = use.T
    table[-1, : len(use)] = marks.drops
    return table


def _together(batch: PoseBatch, block: PersonBlock) -> Tensor:
    """Paths of all persons of a batch by operations whose number does not depend on that of conventions."""
    exact = batch.positions if batch.positions.dtype == torch.float64 else batch.positions.float()
    both = block.spread(torch.cat((exact, batch.valid[..., None].to(exact.dtype)), dim=-1))
    both = rearrange(both, "m j t c -> m t j c")
    tables = to_device(_tables(block.joints, *block.skeletons), exact.device)[block.kind].to(exact.dtype)
    roots, use, drops = torch.split(tables, [block.joints, block.joints, 1], dim=1)  # m j r
    path = dense_root_path(both[..., :3], both[..., 3] > 0, roots.mT, use.mT, drops[:, 0])
    return path.to(batch.positions.dtype)


@cached_by_joints
@torch.inference_mode(False)
def _tables(joints: int, *skeletons: SkeletonSpec) -> Tensor:
    """The ways to find the mid-hip of several conventions: [g, 2 j + 1, r]."""
    ways = max(len(landmarks(skeleton).roots) for skeleton in skeletons)
    return torch.from_numpy(np.stack([dense_roots(skeleton, ways, joints) for skeleton in skeletons]))
