"""SkeleMix: a stretch of time of some body parts of one clip, pasted into another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from einops import repeat
from torch import Tensor

from msclr.augment.clips import Clips
from msclr.augment.draws import check_range, integers, integers_up_to, normal, subsets
from msclr.augment.pipeline import Draw
from msclr.errors import ConfigError, PoseError
from msclr.poses.transfer import to_device
from msclr.skeletons.anatomy import PARTS
from msclr.skeletons.landmarks import landmarks
from msclr.skeletons.spec import SkeletonSpec

Content: TypeAlias = Literal["partner", "zeros", "gaussian"]
Region: TypeAlias = Literal["parts", "joints"]

# Of the 25 joints of the Kinect these shares are the published 10 to 15.
FEWEST_JOINTS, MOST_JOINTS = 0.4, 0.6


@dataclass(frozen=True, eq=False)
class MixedClips:
    """Clips with a region of others in them.

    Args:
        clips: The mixed clips.
        partner: [b] int64, for each clip the one whose content was pasted, its own index if nobody's was; on the device
            of the generator that drew it.
        pasted: [b, ceil(t / stride), j] bool at the rate of the encoder's last map; True where pasted.
        pasted_frames: [b, t, j] bool, the same for every frame.
    """

    clips: Clips
    partner: Tensor
    pasted: Tensor
    pasted_frames: Tensor


@dataclass(frozen=True)
class SkeleMix:
    """Paste some body parts of each clip's partner, for a while, over the clip's own: values and mask, all persons.

    Args:
        parts: Least and largest number of body parts, of the five of `body_parts`. Conventions with fewer parts always
            keep one of their own, unless they have only one.
        length: Least and largest duration, in units of `stride` frames; the start is uniform.
        stride: Frames that become one in the encoder.
        partner_per_clip: Draw each clip's partner from all others. Otherwise all clips share one shift n, uniform from
            1 to b - 2 (1 for two clips), and clip i gets the partner (i + n) mod b, as published.
        region_per_clip: Draw parts, duration and start for each clip; otherwise the batch shares them, as published.
        content: What is pasted: the partner's content, or for ablations zeros or normally distributed coordinates,
            both with the clip's own mask.
        region: Where: body parts, or for ablations 40 to 60 % of the joints, drawn at random.
        sigma: Standard deviation of "gaussian".

    Raises:
        ConfigError: If a range is empty or out of bounds, or a mode is unknown.

    Source:
        SkeleMixCLR (Chen et al. 2022), whose clips have 64 frames.

    Example:
        >>> from msclr import get_skeleton
        >>> known = torch.ones(4, 2, 64, 25, dtype=torch.bool)
        >>> clips = Clips(torch.randn(4, 2, 64, 25, 3), known, get_skeleton("kinect_v2_25"))
        >>> mixed = SkeleMix()(clips, generator=torch.Generator().manual_seed(0))
        >>> mixed.clips.positions.shape, mixed.pasted.shape
        (torch.Size([4, 2, 64, 25, 3]), torch.Size([4, 16, 25]))
    """

    parts: tuple[int, int] = (2, 3)
    length: tuple[int, int] = (7, 11)
    stride: int = 4
    partner_per_clip: bool = False
    region_per_clip: bool = False
    content: Content = "partner"
    region: Region = "parts"
    sigma: float = 1.0

    def __post_init__(self) -> None:
        check_range("the number of body parts", *self.parts, least=1, most=5)
        check_range("length", *self.length, least=1)
        check_range("sigma", self.sigma, self.sigma)
        if self.stride < 1:
            raise ConfigError(f"stride={self.stride}", where="SkeleMix", expected="at least 1")
        for name, value, known in (
            ("content", self.content, get_args(Content)),
            ("region", self.region, get_args(Region)),
        ):
            if value not in known:
                raise ConfigError(f"{name}={value!r}", where="SkeleMix", expected="one of " + ", ".join(known))

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw "partner" [b], "joints" [b, j] bool, "length" and "start" [b] in units, "noise" [b, p, t, j, c].

        All are on the device of the clips but "partner", which stays where the generator is.

        Raises:
            PoseError: If there is a single clip, or clips are shorter than the longest duration.
        """
        self._check(clips)
        count, device = clips.num_clips, clips.positions.device
        rows = count if self.region_per_clip else min(count, 1)
        length = integers((rows,), *self.length, generator, device)
        drawn = {
            "partner": self._draw_partner(clips.num_clips, generator),
            "joints": self._draw_joints(clips.skeleton, rows, generator, device).expand(count, -1),
            "length": length.expand(count),
            "start": integers_up_to(clips.num_frames // self.stride - length, generator).expand(count),
        }
        if self.content == "gaussian":
            drawn["noise"] = normal(clips.positions.shape, self.sigma, generator, device)
        return drawn

    def apply(self, clips: Clips, drawn: Draw) -> MixedClips:
        """Paste the regions that were drawn before.

        Raises:
            PoseError: If the numbers were drawn for another count of clips.
        """
        if any(len(values) != clips.num_clips for values in drawn.values()):
            raise PoseError(
                f"numbers drawn for {len(drawn['partner'])} clips",
                where="SkeleMix",
                expected=f"{clips.num_clips}",
                remedy="draw(clips, generator) for these clips",
            )
        unit = torch.arange(-(-clips.num_frames // self.stride), device=clips.positions.device)
        start, length = drawn["start"][:, None], drawn["length"][:, None]
        inside = (unit >= start) & (unit < start + length)
        pasted = inside[:, :, None] & drawn["joints"][:, None]
        frames = repeat(pasted, "b u j -> b (u stride) j", stride=self.stride)[:, : clips.num_frames]
        place = frames[:, None]
        own, partner = clips.positions, drawn["partner"]
        if self.content == "partner":
            others = clips.select(partner)
            positions = torch.where(place[..., None], others.positions, own)
            return MixedClips(
                clips.moved(positions, torch.where(place, others.valid, clips.valid)), partner, pasted, frames
            )
        filling = drawn["noise"].to(own.dtype) if self.content == "gaussian" else torch.zeros_like(own)
        mixed = clips.cleared(torch.where(place[..., None], filling, own))
        return MixedClips(mixed, torch.arange(clips.num_clips, device=partner.device), pasted, frames)

    def __call__(self, clips: Clips, *, generator: torch.Generator) -> MixedClips:
        """Draw and paste; see the class, and `draw` for what is refused."""
        return self.apply(clips, self.draw(clips, generator))

    def _check(self, clips: Clips) -> None:
        if clips.num_clips == 1:
            raise PoseError(
                "a batch of 1 clip, which has no partner",
                where="SkeleMix",
                expected="at least 2 clips",
                remedy="a larger batch size, and drop the last batch if it is smaller",
            )
        if clips.num_frames // self.stride < self.length[1]:
            raise PoseError(
                f"clips of {clips.num_frames} frames",
                where="SkeleMix",
                expected=f"at least {self.length[1] * self.stride}, for {self.length[1]} units of {self.stride}",
                remedy="CropResize(frames=64) before, or a smaller length=",
            )

    def _draw_partner(self, count: int, generator: torch.Generator) -> Tensor:
        device = generator.device
        rows = (count,) if self.partner_per_clip else (min(count, 1),)
        largest = count - 1 if self.partner_per_clip else max(count - 2, 1)
        shift = integers(rows, 1, max(largest, 1), generator, device)
        return (torch.arange(count, device=device) + shift) % max(count, 1)

    def _draw_joints(
        self, skeleton: SkeletonSpec, rows: int, generator: torch.Generator, device: torch.device
    ) -> Tensor:
        """Draw [rows, j] bool."""
        joints = skeleton.num_joints
        if self.region == "joints":
            few, many = round(FEWEST_JOINTS * joints), round(MOST_JOINTS * joints)
            return subsets((rows, joints), integers((rows,), few, many, generator, device), generator, device)
        table = to_device(_membership(body_parts(skeleton), joints), device)
        count = integers((rows,), *self.parts, generator, device).clamp_max(max(len(table) - 1, 1))
        chosen = subsets((rows, len(table)), count, generator, device)
        return (chosen[:, :, None] & table).any(dim=1)


def body_parts(skeleton: SkeletonSpec) -> tuple[tuple[int, ...], ...]:
    """Divide a convention into trunk with head, arms and legs; one hand alone into its palm and fingers.

    Joints without an anatomical name belong to the part of their parent. Where that leaves one part only, the
    branches of the tree take their place.

    Args:
        skeleton: Any convention.

    Returns:
        Joint indices of each part that has joints, in the order trunk, left arm, right arm, left leg, right leg; each
        joint is in exactly one.

    Source:
        For the Kinect these are the parts of SkeleMixCLR (Chen et al. 2022).

    Example:
        >>> from msclr import get_skeleton
        >>> body_parts(get_skeleton("kinect_v2_25"))[:2]
        ((0, 1, 2, 3, 20), (4, 5, 6, 7, 21, 22))
        >>> body_parts(get_skeleton("mediapipe_hand_21"))[:3]
        ((0,), (1, 2, 3, 4), (5, 6, 7, 8))
    """
    members: dict[str, list[int]] = {part: [] for part in PARTS if part != "head"}
    for joint, number in enumerate(landmarks(skeleton).parts):
        part = PARTS[int(number)]
        members["trunk" if part == "head" else part].append(joint)
    parts = tuple(tuple(joints) for joints in members.values() if joints)
    return parts if len(parts) > 1 else _branches(skeleton)


def _branches(skeleton: SkeletonSpec) -> tuple[tuple[int, ...], ...]:
    """Divide a tree at the first joint with several children: what leads to it, and each child's branch."""
    children: dict[int, list[int]] = {joint: [] for joint in range(-1, skeleton.num_joints)}
    for joint, parent in enumerate(skeleton.parents):
        children[parent].append(joint)
    stem, heads = [], children[-1]
    while len(heads) == 1:
        stem.append(heads[0])
        heads = children[heads[0]]
    branches = [stem, *([head] for head in heads)]
    for branch in branches[1:]:
        for joint in branch:
            branch.extend(children[joint])
    return tuple(tuple(sorted(branch)) for branch in branches if branch)


def _membership(parts: Sequence[Sequence[int]], joints: int) -> Tensor:
    table = torch.zeros(len(parts), joints, dtype=torch.bool)
    for row, members in enumerate(parts):
        table[row, list(members)] = True
    return table
