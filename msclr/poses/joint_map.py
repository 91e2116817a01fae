"""JointMap: how the joints of one convention follow from the joints of another, as arrays that batches go through."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from msclr.errors import ConversionError, PoseError
from msclr.poses.transfer import to_device

FloatArray: TypeAlias = npt.NDArray[np.float32]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
IndexArray: TypeAlias = npt.NDArray[np.int64]
Status: TypeAlias = Literal["copied", "derived", "impossible"]

# Squared lengths below this are no direction.
TINY = 1e-12
# Below this sine between bone and lateral the offsets across the bone fade out, so that they never jump.
FADING_SINE = 0.3


@dataclass(frozen=True, eq=False)
class JointMap:
    """Each target joint is an affine combination of source joints, plus an offset in the frame of a bone.

    The frame of a bone is made of e1 along the bone, e2 the part of the lateral vector orthogonal to it, and
    e3 = e1 × e2, in right-handed coordinates. Where bone and lateral are nearly parallel (an arm stretched sideways),
    e2 and e3 shrink to 0.

    Args:
        weights: [target, source]; rows sum to 1 (rows of impossible joints are 0).
        axis_weights: [target, source]; rows sum to 0: the bone vector that gives e1 and the unit of the offset.
        lateral_weights: [target, source]; rows sum to 0: the vector that gives e2.
        offsets: [target, 3] along e1, e2, e3, in lengths of the bone.
        status: Per target joint "copied", "derived" or "impossible".

    Raises:
        ConversionError: If the arrays do not fit each other.

    Example:
        >>> middle = np.array([[1, 0], [0.5, 0.5]], np.float32)
        >>> flat = np.zeros_like(middle)
        >>> joint_map = JointMap(middle, flat, flat, np.zeros((2, 3), np.float32), ("copied", "derived"))
        >>> positions, valid = joint_map.apply(np.array([[[0.0, 0, 0], [4, 2, 0]]], np.float32), np.ones((1, 2), bool))
        >>> positions[0, 1].tolist(), valid.tolist()
        ([2.0, 1.0, 0.0], [[True, True]])
    """

    weights: FloatArray
    axis_weights: FloatArray
    lateral_weights: FloatArray
    offsets: FloatArray
    status: tuple[Status, ...]

    def __post_init__(self) -> None:
        targets = len(self.status)
        shapes = {self.weights.shape, self.axis_weights.shape, self.lateral_weights.shape}
        if (
            len(shapes) != 1
            or self.weights.ndim != 2
            or len(self.weights) != targets
            or self.offsets.shape != (targets, 3)
        ):
            raise ConversionError(
                f"weights {sorted(shapes)}, offsets {self.offsets.shape} and {targets} states",
                where="JointMap",
                expected="[target, source], [target, 3] and one state for each target joint",
            )
        for array in (self.weights, self.axis_weights, self.lateral_weights, self.offsets):
            array.setflags(write=False)

    @property
    def num_sources(self) -> int:
        """Number of source joints."""
        return int(self.weights.shape[1])

    @property
    def num_targets(self) -> int:
        """Number of target joints."""
        return int(self.weights.shape[0])

    @cached_property
    def uses(self) -> BoolArray:
        """[target, source]: whether the target joint needs the source joint."""
        along = (self.offsets != 0).any(axis=1, keepdims=True)
        across = (self.offsets[:, 1:] != 0).any(axis=1, keepdims=True)
        used: BoolArray = (
            (self.weights != 0) | (along & (self.axis_weights != 0)) | (across & (self.lateral_weights != 0))
        )
        return used

    @cached_property
    def _single(self) -> IndexArray:
        """Targets whose base is one source joint: taken by index, so that copies are exact in any precision."""
        ones = ((self.weights != 0).sum(axis=1) == 1) & (self.weights.max(axis=1, initial=0) == 1)
        return np.flatnonzero(ones)

    @cached_property
    def _mixed(self) -> IndexArray:
        return np.setdiff1d(np.arange(self.num_targets), self._single)

    @cached_property
    def _framed(self) -> IndexArray:
        return np.flatnonzero((self.offsets != 0).any(axis=1))

    @overload
    def apply(self, positions: FloatArray, valid: BoolArray) -> tuple[FloatArray, BoolArray]: ...

    @overload
    def apply(self, positions: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]: ...

    def apply(
        self, positions: FloatArray | Tensor, valid: BoolArray | Tensor
    ) -> tuple[FloatArray, BoolArray] | tuple[Tensor, Tensor]:
        """Express poses in the target convention.

        In 2D there is no e3: offsets have their parts along the bone and across it in the image, nothing else.
        `conversion_map` therefore builds maps for 2D sources that are affine through and through.

        Args:
            positions: [..., j, c] numpy float32 or torch floating, c = 2 or 3, usually b t j c or p t j c.
            valid: [..., j] bool.

        Returns:
            positions [..., j', c] (0 where not valid) and valid [..., j'], of the library, type and device given. A
            target joint is valid where every source joint that it uses is. Gradients reach the positions, and stay
            finite.

        Raises:
            PoseError: If the shapes do not fit the map.
        """
        if positions.shape[:-1] != valid.shape or positions.ndim < 2 or positions.shape[-1] not in (2, 3):
            raise PoseError(
                f"positions {tuple(positions.shape)} and valid {tuple(valid.shape)}",
                expected="[..., j, 2 or 3] and [..., j]",
            )
        if valid.shape[-1] != self.num_sources:
            raise PoseError(f"{valid.shape[-1]} joints", expected=f"the {self.num_sources} source joints of the map")
        if isinstance(positions, Tensor):
            assert isinstance(valid, Tensor)  # noqa: S101  # the overloads say so
            return self._apply(positions, valid)
        moved, known = self._apply(torch.tensor(positions), torch.tensor(valid))
        return moved.numpy(), known.numpy()

    def _apply(self, positions: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        device = positions.device
        single, mixed, framed = (
            to_device(torch.from_numpy(rows), device) for rows in (self._single, self._mixed, self._framed)
        )
        with torch.autocast(device_type=device.type, enabled=False):
            clean = torch.where(valid[..., None], positions, 0.0)
            combined = self._combine(clean)
            bases, axes, laterals = torch.split(combined, [len(mixed), len(framed), len(framed)], dim=-2)
            sources = torch.from_numpy(self.weights[self._single].argmax(axis=1))
            taken = clean[..., to_device(sources, device), :]
            order = torch.cat((single, mixed)).argsort()
            moved = torch.cat((taken, bases), dim=-2)[..., order, :]
            if len(framed):
                offsets = to_device(torch.from_numpy(self.offsets[self._framed]).to(positions.dtype), device)
                moved = moved.index_add(moved.ndim - 2, framed, frame_offset(axes, laterals, offsets))
            known = self._known(valid)
            return torch.where(known[..., None], moved, 0.0), known

    def _combine(self, positions: Tensor) -> Tensor:
        """Bases of the mixed targets, then bones and laterals of the framed ones: [..., k, c], in one product."""
        rows = (self.weights[self._mixed], self.axis_weights[self._framed], self.lateral_weights[self._framed])
        stacked = to_device(torch.from_numpy(np.concatenate(rows)).to(positions.dtype), positions.device)
        return torch.einsum("kj,...jc->...kc", stacked, positions)

    def _known(self, valid: Tensor) -> Tensor:
        uses = to_device(torch.from_numpy(self.uses), valid.device).to(torch.float32)
        missing = torch.einsum("kj,...j->...k", uses, (~valid).to(torch.float32))
        possible = to_device(torch.from_numpy(self.uses.any(axis=1)), valid.device)
        return (missing == 0) & possible


def frame_offset(axes: Tensor, laterals: Tensor, offsets: Tensor) -> Tensor:
    """Turn offsets in bone frames into vectors.

    Args:
        axes: [..., k, c] bone vectors.
        laterals: [..., k, c] lateral vectors.
        offsets: [k, 3] along e1, e2, e3 in lengths of the bone.

    Returns:
        [..., k, c]; 0 where the bone has no length; without the part along e3 if c is 2.
    """
    squared = axes.square().sum(dim=-1, keepdim=True)
    length = squared.clamp_min(TINY).sqrt()
    first = axes / length
    across = laterals - (laterals * first).sum(dim=-1, keepdim=True) * first
    narrow = across.square().sum(dim=-1, keepdim=True).clamp_min(TINY).sqrt()
    wide = laterals.square().sum(dim=-1, keepdim=True).clamp_min(TINY).sqrt()
    second = across / torch.maximum(narrow, FADING_SINE * wide)
    moved = offsets[:, :1] * axes + offsets[:, 1:2] * second * length
    if axes.shape[-1] == 3:
        third = torch.linalg.cross(first, second, dim=-1)
        moved = moved + offsets[:, 2:] * third * length
    return torch.where(squared > TINY, moved, 0.0)
