"""Views of a clip: the same motion in another joint convention, seen by another sensor."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from msclr.augment.conventions import builtin_views, random_convention
from msclr.collectives import share_of
from msclr.poses.batch import PoseBatch
from msclr.poses.canonical import face_viewer, root_path, torso_length, turn_up
from msclr.poses.convert import conversion_map
from msclr.poses.joint_map import JointMap
from msclr.poses.transfer import to_device
from msclr.skeletons.landmarks import Landmarks, landmarks
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec
from msclr.train.config import ViewConfig
from msclr.train.data import Block
from msclr.train.sources import Source


@dataclass(frozen=True, eq=False)
class Convention:
    """A convention in which clips of a source can be seen; `joint_map` is None for the native one."""

    skeleton: SkeletonSpec
    joint_map: JointMap | None


class ViewMaker:
    """Make batches of views from windows of clips, on the device of the windows.

    Args:
        sources: The training clips.
        config: How views are drawn.
        seed: Of its random numbers.

    Raises:
        UnknownSkeletonError: If a convention that views are to do without is not known.
    """

    def __init__(self, sources: list[Source], config: ViewConfig, seed: int) -> None:
        self.config = config
        self.sources = sources
        self.seed = seed
        self.random = np.random.default_rng(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.native = [Convention(source.skeleton, None) for source in sources]
        without = {get_skeleton(name).id for name in config.without}
        self.builtin = [_builtin(source.skeleton, config.largest, without) for source in sources]
        self._derived: dict[tuple[int, int], Convention] = {}

    def batch(self, blocks: list[Block], mirrored: bool) -> PoseBatch:
        """Make one view of every clip of the blocks, each block in a convention drawn at random.

        Of several processes each draws for all clips, and makes the views of its share of them.

        Args:
            blocks: Windows of clips.
            mirrored: Exchange left and right, for all clips alike, so that two views of a clip agree.
        """
        own = share_of(sum(len(block.clips) for block in blocks))
        views, start = [], 0
        for block in blocks:
            count = len(block.clips)
            rows = slice(min(max(own.start - start, 0), count), min(max(own.stop - start, 0), count))
            views.append(self._view(block, mirrored, rows))
            start += count
        return PoseBatch.from_blocks([view for view in views if len(view[1])])

    def _view(self, block: Block, mirrored: bool, rows: slice) -> tuple[SkeletonSpec, Tensor, Tensor, Tensor]:
        table = self.sources[block.source].table
        depth = table.dims == 3
        count, valid = len(block.valid), block.valid[rows]
        positions = _with_depth(turn_up(block.positions[rows], table.up))
        positions = _unify(positions, valid, landmarks(block.skeleton), flat=not depth)
        if mirrored:
            order = to_device(torch.tensor(block.skeleton.flip_index), valid.device)
            x, y, z = positions[:, :, order].unbind(dim=-1)
            positions, valid = torch.stack((-x, y, z), dim=-1), valid[:, :, order]
        convention = self._convention(block.source)
        if convention.joint_map is not None:
            positions, valid = convention.joint_map.apply(positions, valid)
        flat = bool(self.random.random() < self.config.flat) or not depth
        if depth:
            positions = self._turn(positions, flat, count, rows)
        positions, valid = self._sense(positions, valid, count, rows)
        positions = _unify(positions, valid, landmarks(convention.skeleton), flat)
        flags = torch.full((len(positions),), flat, device=positions.device)
        return convention.skeleton, positions * valid[..., None], valid, flags

    def _convention(self, source: int) -> Convention:
        draw = self.random.random()
        if draw < self.config.derived:
            return self._draw_derived(source)
        choices = self.builtin[source]
        if draw < self.config.derived + self.config.registered and choices:
            view = choices[int(self.random.integers(len(choices)))]
            return Convention(view, conversion_map(self.sources[source].skeleton, view))
        return self.native[source]

    def _draw_derived(self, source: int) -> Convention:
        """Draw one of the source's derived conventions; each is made from its own number, when first drawn."""
        number = int(self.random.integers(self.config.pool))
        if (source, number) not in self._derived:
            random = np.random.default_rng((self.seed, source, number))
            derived = random_convention(self.sources[source].skeleton, random)
            self._derived[source, number] = Convention(derived.spec, derived.joint_map)
        return self._derived[source, number]

    def _turn(self, positions: Tensor, flat: bool, count: int, rows: slice) -> Tensor:
        """Turn each clip as a camera (2D) or an imperfect alignment (3D) would have it; 2D loses its depth."""
        config = self.config
        if flat:
            yaw = self._uniform(count, math.radians(config.yaw))
            pitch = self._uniform(count, math.radians(config.pitch))
        else:
            yaw = torch.randn(count, generator=self.generator) * math.radians(config.facing_noise)
            pitch = torch.zeros(count)
        turned = torch.einsum("mtjc,mdc->mtjd", positions, to_device(_rotation(yaw, pitch)[rows], positions.device))
        return torch.cat((turned[..., :2], turned[..., 2:] * 0.0), dim=-1) if flat else turned

    def _sense(self, positions: Tensor, valid: Tensor, count: int, rows: slice) -> tuple[Tensor, Tensor]:
        """Add what sensors do: noise of a strength drawn for each clip, and joints lost for a stretch of time."""
        frames, joints = valid.shape[1:]
        device = positions.device

        def drawn(draw: Callable[..., Tensor], *shape: int) -> Tensor:
            return to_device(draw((count, *shape), generator=self.generator)[rows], device)

        strength = drawn(torch.rand, 1, 1, 1) * self.config.jitter
        noise = drawn(torch.randn, *positions.shape[1:]) * strength
        rate = drawn(torch.rand, 1, 1) * self.config.dropout
        lost = drawn(torch.rand, 1, joints) < rate
        centre, width = drawn(torch.rand, 1, joints), drawn(torch.rand, 1, joints)
        time = to_device(torch.linspace(0, 1, frames), device)[None, :, None]
        kept = ~(lost & ((time - centre).abs() < width))
        return positions + noise * (positions != 0), valid & kept

    def _uniform(self, count: int, largest: float) -> Tensor:
        return (torch.rand(count, generator=self.generator) * 2 - 1) * largest


def _unify(positions: Tensor, valid: Tensor, marks: Landmarks, flat: bool) -> Tensor:
    """Bring clips [m, t, j, 3] to common coordinates as `msclr.poses.canonical.unify` does, one clip at a time."""
    positions = positions / _scale(positions, valid, marks)
    centre = root_path(positions, valid, marks).mean(dim=1)[:, None, None]
    positions = positions - centre
    return positions if flat else face_viewer(positions, valid, marks)


def _with_depth(positions: Tensor) -> Tensor:
    """Coordinates [..., 3] of [..., c]: 2D is 3D without depth."""
    return F.pad(positions, (0, 3 - positions.shape[-1]))


def _scale(positions: Tensor, valid: Tensor, marks: Landmarks) -> Tensor:
    scale = torso_length(positions, valid, marks)
    return torch.where(scale > 1e-3, scale, 1.0)[:, None, None, None]


def _rotation(yaw: Tensor, pitch: Tensor) -> Tensor:
    """Rotation matrices [m, 3, 3]: about the vertical, then about the horizontal axis of the camera."""
    one, zero = torch.ones_like(yaw), torch.zeros_like(yaw)
    about_y = torch.stack((yaw.cos(), zero, yaw.sin(), zero, one, zero, -yaw.sin(), zero, yaw.cos()), -1)
    about_x = torch.stack((one, zero, zero, zero, pitch.cos(), -pitch.sin(), zero, pitch.sin(), pitch.cos()), -1)
    shape = "m (row column) -> m row column"
    return rearrange(about_x, shape, row=3) @ rearrange(about_y, shape, row=3)


def _builtin(skeleton: SkeletonSpec, largest: int, without: set[str]) -> list[SkeletonSpec]:
    return [view for view in builtin_views(skeleton) if view.num_joints <= largest and view.id not in without]
