"""Augmentations of the space that persons stand in: shear, rotation, noise, a lost axis."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from msclr.augment.clips import Clips
from msclr.augment.draws import check_range, integers, normal, uniform
from msclr.augment.pipeline import Augmentation, Draw


@dataclass(frozen=True)
class Shear(Augmentation):
    """Slant the space: x' = S x, with ones on the diagonal of S and uniform numbers beside it.

    Args:
        amplitude: The numbers are from -amplitude to amplitude.

    Raises:
        ConfigError: If the amplitude is negative or not finite.

    Source:
        SkeletonCLR in CrosSCLR (Li et al. 2021), amplitude 0.5; ISC (Thoker et al. 2021), amplitude 1.

    Example:
        >>> from msclr import get_skeleton
        >>> known = torch.ones(4, 2, 50, 25, dtype=torch.bool)
        >>> clips = Clips(torch.randn(4, 2, 50, 25, 3), known, get_skeleton("kinect_v2_25"))
        >>> Shear(amplitude=0.5)(clips, generator=torch.Generator().manual_seed(0)).positions.shape
        torch.Size([4, 2, 50, 25, 3])
    """

    amplitude: float = 0.5

    def __post_init__(self) -> None:
        check_range("amplitude", self.amplitude, self.amplitude)

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw "matrix" [b, c, c]."""
        device, dims = clips.positions.device, clips.dims
        drawn = uniform((clips.num_clips, dims, dims), -self.amplitude, self.amplitude, generator, device)
        return {"matrix": torch.where(torch.eye(dims, dtype=torch.bool, device=device), 1.0, drawn)}

    def _apply(self, clips: Clips, drawn: Draw) -> Clips:
        return clips.moved(multiply(drawn["matrix"], clips.positions))


@dataclass(frozen=True)
class Rotation(Augmentation):
    """Turn each clip about x, then y, then z: about one of them, drawn at random, much, about the others a little.

    Turns are clockwise for somebody whom the axis points at, as published. Flat clips turn in their plane only.

    Args:
        main: Largest angle about the main axis, in degrees; angles are uniform from 0.
        other: Largest angle about the other axes, in degrees.

    Raises:
        ConfigError: If an angle is negative or over 360.

    Source:
        AimCLR (Guo et al. 2022): 30 and 1 degrees.

    Example:
        >>> from msclr import get_skeleton
        >>> known = torch.ones(4, 2, 50, 25, dtype=torch.bool)
        >>> clips = Clips(torch.randn(4, 2, 50, 25, 3), known, get_skeleton("kinect_v2_25"))
        >>> turned = Rotation()(clips, generator=torch.Generator().manual_seed(0))
        >>> torch.allclose(turned.positions.norm(dim=-1), clips.positions.norm(dim=-1), atol=1e-5)
        True
    """

    main: float = 30.0
    other: float = 1.0

    def __post_init__(self) -> None:
        check_range("main", self.main, self.main, most=360.0)
        check_range("other", self.other, self.other, most=360.0)

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw "main" [b] int64, the main axis, and "degrees" [b, 3], the angles about x, y, z."""
        device, count = clips.positions.device, clips.num_clips
        main = integers((count,), 0 if clips.dims == 3 else 2, 2, generator, device)
        is_main = torch.arange(3, device=device) == main[:, None]
        largest = torch.where(is_main, self.main, self.other)
        return {"main": main, "degrees": uniform((count, 3), 0.0, 1.0, generator, device) * largest}

    def _apply(self, clips: Clips, drawn: Draw) -> Clips:
        exact = torch.promote_types(clips.positions.dtype, torch.float32)
        x, y, z = torch.deg2rad(drawn["degrees"].to(exact)).unbind(dim=1)
        matrix = _plane(z, 0, 1)[:, :2, :2]
        if clips.dims == 3:
            matrix = _plane(z, 0, 1) @ _plane(y, 2, 0) @ _plane(x, 1, 2)
        return clips.moved(multiply(matrix, clips.positions))


@dataclass(frozen=True)
class GaussianNoise(Augmentation):
    """Move every coordinate of every frame by normally distributed noise.

    Args:
        sigma: Standard deviation, in the unit of the positions.

    Raises:
        ConfigError: If sigma is negative or not finite.

    Source:
        AimCLR (Guo et al. 2022): 0.01 m.

    Example:
        >>> from msclr import get_skeleton
        >>> known = torch.ones(4, 2, 50, 25, dtype=torch.bool)
        >>> clips = Clips(torch.zeros(4, 2, 50, 25, 3), known, get_skeleton("kinect_v2_25"))
        >>> noisy = GaussianNoise(sigma=0.01)(clips, generator=torch.Generator().manual_seed(0))
        >>> round(float(noisy.positions.std()), 3)
        0.01
    """

    sigma: float = 0.01

    def __post_init__(self) -> None:
        check_range("sigma", self.sigma, self.sigma)

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw "noise" [b, p, t, j, c]."""
        return {"noise": normal(clips.positions.shape, self.sigma, generator, clips.positions.device)}

    def _apply(self, clips: Clips, drawn: Draw) -> Clips:
        noise = drawn["noise"].to(clips.positions.dtype) * clips.valid[..., None]
        return clips.moved(noise.add_(clips.positions))


@dataclass(frozen=True)
class AxisMask(Augmentation):
    """Set one coordinate axis, drawn at random, to 0: the clip is pressed flat.

    Source:
        AimCLR (Guo et al. 2022).

    Example:
        >>> from msclr import get_skeleton
        >>> known = torch.ones(4, 2, 50, 25, dtype=torch.bool)
        >>> clips = Clips(torch.randn(4, 2, 50, 25, 3), known, get_skeleton("kinect_v2_25"))
        >>> flat = AxisMask()(clips, generator=torch.Generator().manual_seed(0))
        >>> (flat.positions == 0).flatten(1, 3).all(dim=1).sum(dim=1)
        tensor([1, 1, 1, 1])
    """

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw "axis" [b] int64."""
        return {"axis": integers((clips.num_clips,), 0, clips.dims - 1, generator, clips.positions.device)}

    def _apply(self, clips: Clips, drawn: Draw) -> Clips:
        kept = torch.arange(clips.dims, device=clips.positions.device) != drawn["axis"][:, None]
        return clips.moved(clips.positions * kept[:, None, None, None].to(clips.positions.dtype))


def multiply(matrix: Tensor, positions: Tensor) -> Tensor:
    """Multiply the vectors of each clip [b, p, t, j, c] with its matrix [b, c, c]."""
    columns = rearrange(
        positions, "b p t j c -> b c (p t j)"
    )  # products of wide matrices: thrice as fast as narrow ones
    turned = torch.bmm(matrix.to(positions.dtype), columns)
    _, persons, frames, joints, _ = positions.shape
    return rearrange(turned, "b c (p t j) -> b p t j c", p=persons, t=frames, j=joints).contiguous()


def _plane(angle: Tensor, first: int, second: int) -> Tensor:
    """Matrices [b, 3, 3] that turn by angles [b] from the second axis towards the first."""
    matrix = torch.eye(3, dtype=angle.dtype, device=angle.device).repeat(len(angle), 1, 1)
    matrix[:, first, first] = matrix[:, second, second] = angle.cos()
    matrix[:, first, second] = angle.sin()
    matrix[:, second, first] = -angle.sin()
    return matrix
