"""Clips: what augmentations work on, clips of one convention with the same number of frames, and their mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from functools import reduce

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from msclr.errors import PoseError, PoseTypeError
from msclr.poses.batch import PoseBatch
from msclr.poses.sequence import PoseSequence
from msclr.poses.transfer import to_device
from msclr.skeletons.spec import SkeletonSpec


@dataclass(frozen=True, eq=False)
class Clips:
    """A batch of clips of one joint convention.

    Args:
        positions: [b, p, t, j, c] of any floating type, c = 2 or 3.
        valid: [b, p, t, j] bool; False where a joint is unknown, a person absent or a clip has ended. What stands in
            `positions` there is ignored and becomes 0; a joint with a coordinate that is not finite becomes unknown.
        skeleton: The convention of the j joints.
        checked: Skip the checks and the clearing; for code that has done both.

    Raises:
        PoseTypeError: If the positions are not floating or the mask not bool.
        PoseError: If shapes, devices or the number of joints do not fit together.

    Example:
        >>> from msclr import get_skeleton
        >>> known = torch.ones(4, 2, 50, 25, dtype=torch.bool)
        >>> clips = Clips(torch.randn(4, 2, 50, 25, 3), known, get_skeleton("kinect_v2_25"))
        >>> clips.num_clips, clips.num_frames, clips.dims
        (4, 50, 3)
    """

    positions: Tensor
    valid: Tensor
    skeleton: SkeletonSpec
    checked: InitVar[bool] = False

    def __post_init__(self, checked: bool) -> None:
        if checked:
            return
        _check(self.positions, self.valid, self.skeleton)
        known = self.valid & _finite(self.positions)
        object.__setattr__(self, "valid", known)
        # What is known is finite, so this is where(), twice as fast.
        object.__setattr__(self, "positions", self.positions.nan_to_num(0.0, 0.0, 0.0).mul_(known[..., None]))

    @classmethod
    def from_sequences(cls, sequences: Sequence[PoseSequence]) -> Clips:
        """Put recordings of one convention side by side; shorter ones end early, missing persons are absent.

        Args:
            sequences: At least one recording; all have the same joints and dimensions.

        Raises:
            PoseError: If there are none, or they are of several conventions or dimensions.
        """
        kinds = {(sequence.skeleton, sequence.dims) for sequence in sequences}
        if len(kinds) != 1:
            found = ", ".join(sorted(f"{skeleton.id} in {dims}D" for skeleton, dims in kinds)) or "no recordings"
            raise PoseError(found, where="Clips.from_sequences", expected="recordings of one convention")
        skeleton, dims = kinds.pop()
        persons = max(sequence.num_persons for sequence in sequences)
        frames = max(sequence.num_frames for sequence in sequences)
        positions = torch.zeros(len(sequences), persons, frames, skeleton.num_joints, dims)
        valid = torch.zeros(positions.shape[:-1], dtype=torch.bool)
        for row, sequence in enumerate(sequences):
            place = (row, slice(sequence.num_persons), slice(sequence.num_frames))
            positions[place] = torch.tensor(sequence.positions)
            valid[place] = torch.tensor(sequence.valid)
        return cls(positions, valid, skeleton)

    @property
    def num_clips(self) -> int:
        """Number of clips, b."""
        return int(self.positions.shape[0])

    @property
    def num_frames(self) -> int:
        """Number of frames, t."""
        return int(self.positions.shape[2])

    @property
    def dims(self) -> int:
        """Number of coordinates, c."""
        return int(self.positions.shape[-1])

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Clips:
        """Return the clips on another device, their positions in another floating type."""
        device = self.positions.device if device is None else device
        positions = to_device(self.positions.to(dtype=dtype), device)
        return Clips(positions, to_device(self.valid, device), self.skeleton, checked=True)

    def select(self, chosen: Tensor) -> Clips:
        """Return some of the clips, by a mask [b] bool or indices [n] int64; nobody waits for one on the CPU."""
        index = to_device(chosen.nonzero()[:, 0] if chosen.dtype == torch.bool else chosen, self.positions.device)
        return self.moved(self.positions.index_select(0, index), self.valid.index_select(0, index))

    def moved(self, positions: Tensor, valid: Tensor | None = None) -> Clips:
        """Return clips with other positions, which are 0 wherever the mask (by default the present one) is False."""
        return Clips(positions, self.valid if valid is None else valid, self.skeleton, checked=True)

    def cleared(self, positions: Tensor, valid: Tensor | None = None) -> Clips:
        """Return clips with other positions, set to 0 wherever the mask (by default the present one) is False."""
        valid = self.valid if valid is None else valid
        return self.moved(torch.where(valid[..., None], positions, 0.0), valid)


def pack(views: Sequence[Clips], *, there: Sequence[Tensor] | None = None) -> PoseBatch:
    """Pack clips of any conventions for an encoder; persons without a single known joint take no room.

    Args:
        views: At least one batch of clips; all have the same number of frames. 2D clips get z = 0.
        there: See `PoseBatch.from_dense`.

    Returns:
        The packed batch; its clips count through the views in order.

    Raises:
        PoseError: If there are none, or their numbers of frames differ.

    Example:
        >>> from msclr import get_skeleton
        >>> known = torch.ones(4, 1, 50, 25, dtype=torch.bool)
        >>> pack([Clips(torch.randn(4, 1, 50, 25, 3), known, get_skeleton("kinect_v2_25"))]).num_clips
        4
    """
    blocks = []
    for clips in views:
        flat = torch.full((clips.num_clips,), clips.dims == 2)  # on the CPU: so nobody has to ask the device
        blocks.append((clips.skeleton, F.pad(clips.positions, (0, 3 - clips.dims)), clips.valid, flat))
    return PoseBatch.from_dense(blocks, there=there)


def take_frames(values: Tensor, index: Tensor) -> Tensor:
    """Pick frames of each clip: values [b, p, t, ...] at index [b, n] int64 give [b, p, n, ...]."""
    clips, persons, frames = values.shape[:3]
    start = torch.arange(clips * persons, device=values.device) * frames
    rows = rearrange(start, "(b p) -> b p 1", b=clips, p=persons) + index[:, None]
    return values.flatten(0, 2).index_select(0, rows.flatten()).reshape(*rows.shape, *values.shape[3:])


def _finite(positions: Tensor) -> Tensor:
    """Tell which vectors [..., c] are finite, [...] bool; four times as fast as isfinite().all()."""
    return reduce(torch.add, (positions * 0).unbind(dim=-1)) == 0  # NaN or infinity times 0 is NaN


def _check(positions: Tensor, valid: Tensor, skeleton: SkeletonSpec) -> None:
    if not positions.is_floating_point() or valid.dtype != torch.bool:
        raise PoseTypeError(
            f"positions of {positions.dtype} and valid of {valid.dtype}",
            where="Clips",
            expected="a floating type and torch.bool",
        )
    if positions.ndim != 5 or positions.shape[-1] not in (2, 3) or positions.shape[:-1] != valid.shape:
        raise PoseError(
            f"positions {tuple(positions.shape)} and valid {tuple(valid.shape)}",
            where="Clips",
            expected="[b, p, t, j, c] with c = 2 or 3, and [b, p, t, j]",
        )
    if positions.shape[3] != skeleton.num_joints:
        raise PoseError(
            f"{positions.shape[3]} joints", where="Clips", expected=f"the {skeleton.num_joints} of {skeleton.id!r}"
        )
    if positions.device != valid.device:
        raise PoseError(
            f"positions on {positions.device}, valid on {valid.device}", where="Clips", expected="one device"
        )
