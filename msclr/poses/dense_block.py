"""What a block of clips with several person slots must look like."""

from __future__ import annotations

from torch import Tensor

from msclr.errors import PoseError
from msclr.skeletons.spec import SkeletonSpec


def check_dense(skeleton: SkeletonSpec, positions: Tensor, valid: Tensor, flat: Tensor, frames: int) -> None:
    """Refuse a block whose shapes are not those of clips of a convention."""
    joints = skeleton.num_joints
    if valid.dim() != 4 or valid.shape[2:] != (frames, joints) or positions.shape != (*valid.shape, 3):
        raise PoseError(
            f"positions {tuple(positions.shape)} and valid {tuple(valid.shape)}",
            where=f"the block of {skeleton.id!r}",
            expected=f"[b, p, {frames}, {joints}, 3] and [b, p, {frames}, {joints}]",
        )
    if flat.shape != valid.shape[:1]:
        raise PoseError(
            f"flat {tuple(flat.shape)}", where=f"the block of {skeleton.id!r}", expected="one for each clip"
        )
