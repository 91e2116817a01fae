"""Augmentations of joints: left and right exchanged, some of them lost or displaced."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from msclr.augment.clips import Clips
from msclr.augment.draws import chance, check_range, subsets, uniform
from msclr.augment.pipeline import Augmentation, Draw
from msclr.augment.spatial import multiply
from msclr.poses.transfer import to_device
from msclr.skeletons.published import published_graphs
from msclr.skeletons.spec import SkeletonSpec


@dataclass(frozen=True)
class Flip(Augmentation):
    """Exchange left and right: the mirror image of each clip.

    The x axis must run from side to side, with 0 in the middle; where x is the convention's vertical, y is mirrored.

    Args:
        legacy: As published: joints change their names, but coordinates are not mirrored, which gives no mirror image
            but a body whose limbs are crossed. For the published formats with their tables, in which the hands of
            "smpl_24" do not change; for other conventions with their own pairs.

    Source:
        AimCLR (Guo et al. 2022) for the Kinect; the MS-CLR code for its other formats.

    Example:
        >>> from msclr import get_skeleton
        >>> known = torch.ones(4, 2, 50, 25, dtype=torch.bool)
        >>> clips = Clips(torch.randn(4, 2, 50, 25, 3), known, get_skeleton("kinect_v2_25"))
        >>> generator = torch.Generator()
        >>> torch.equal(Flip()(Flip()(clips, generator=generator), generator=generator).positions, clips.positions)
        True
    """

    legacy: bool = False

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw nothing."""
        return {}

    def _apply(self, clips: Clips, drawn: Draw) -> Clips:
        order = _published_flip(clips.skeleton) if self.legacy else clips.skeleton.flip_index
        index = to_device(torch.tensor(order), clips.positions.device)
        positions, valid = clips.positions.index_select(3, index), clips.valid.index_select(3, index)
        if not self.legacy:
            across = 1 if clips.skeleton.up in ("+x", "-x") else 0
            positions[..., across].neg_()
        return clips.moved(positions, valid)


@dataclass(frozen=True)
class JointJitter(Augmentation):
    """Lose some joints of a clip, or displace them by multiplying their coordinates with a random matrix.

    Both persons and all frames are treated alike.

    Args:
        share: Share of the joints, drawn at random.
        lost: Probability that a clip loses them; otherwise they are displaced.
        legacy: As published: lost joints stay known, with coordinates 0. Otherwise they become unknown, except for
            persons of whom nothing would be left.

    Raises:
        ConfigError: If the share or the probability is not in 0 to 1.

    Source:
        ISC (Thoker et al. 2021): 15 of 25 joints, lost with probability 0.5, else a matrix of numbers from -1 to 1.

    Example:
        >>> from msclr import get_skeleton
        >>> known = torch.ones(4, 2, 64, 25, dtype=torch.bool)
        >>> clips = Clips(torch.randn(4, 2, 64, 25, 3), known, get_skeleton("kinect_v2_25"))
        >>> jittered = JointJitter()(clips, generator=torch.Generator().manual_seed(0))
        >>> (jittered.positions == clips.positions)[:, 0, 0].all(dim=-1).sum(dim=1)
        tensor([10, 10, 10, 10])
    """

    share: float = 0.6
    lost: float = 0.5
    legacy: bool = False

    def __post_init__(self) -> None:
        check_range("share", self.share, self.share, most=1.0)
        check_range("lost", self.lost, self.lost, most=1.0)

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw "joints" [b, j] bool, "lost" [b] bool and "matrix" [b, c, c]."""
        device, count, joints = clips.positions.device, clips.num_clips, clips.skeleton.num_joints
        sizes = torch.full((count,), round(self.share * joints), device=device)
        return {
            "joints": subsets((count, joints), sizes, generator, device),
            "lost": chance(count, self.lost, generator, device),
            "matrix": uniform((count, clips.dims, clips.dims), -1.0, 1.0, generator, device),
        }

    def _apply(self, clips: Clips, drawn: Draw) -> Clips:
        joints, lost = drawn["joints"][:, None, None], drawn["lost"][:, None, None, None]
        displaced = multiply(drawn["matrix"], clips.positions)
        positions = torch.where((joints & ~lost)[..., None], displaced, clips.positions)
        if self.legacy:
            return clips.moved(torch.where((joints & lost)[..., None], 0.0, positions))
        return clips.cleared(positions, _without(clips.valid, joints & lost))


def _without(valid: Tensor, lost: Tensor) -> Tensor:
    """Take lost joints from a mask [b, p, t, j], but none from a person who would have none left."""
    rest = valid & ~lost
    return torch.where(rest.flatten(2).any(dim=2)[..., None, None], rest, valid)


def _published_flip(skeleton: SkeletonSpec) -> tuple[int, ...]:
    for published in published_graphs():
        if published.skeleton == skeleton.id and published.num_joints == skeleton.num_joints:
            return published.flip
    return skeleton.flip_index
