"""What cameras and pose estimators do to poses: views from anywhere, jitter, drop-outs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from msclr.errors import ConfigError, PoseError

SMALLEST_SHRINKING = 0.25


def random_cameras(
    count: int,
    generator: torch.Generator,
    *,
    yaw: tuple[float, float] = (-180.0, 180.0),
    pitch: tuple[float, float] = (-10.0, 20.0),
) -> Tensor:
    """Draw where cameras stand around a person.

    Args:
        count: Number of cameras, b.
        generator: Source of randomness.
        yaw: Range in degrees around +y; 0 is in front of a person who faces +z, 90 at its left.
        pitch: Range of the height in degrees.

    Returns:
        [b, 3, 3] float32 rotations on the generator's device; rows are the camera's right, up, and the direction
        towards it.

    Example:
        >>> cameras = random_cameras(4, torch.Generator().manual_seed(0))
        >>> bool(torch.allclose(cameras @ cameras.mT, torch.eye(3).expand(4, 3, 3), atol=1e-6))
        True
    """
    drawn = torch.rand(2, count, generator=generator, device=generator.device)
    turn = torch.deg2rad(yaw[0] + (yaw[1] - yaw[0]) * drawn[0])
    tilt = torch.deg2rad(pitch[0] + (pitch[1] - pitch[0]) * drawn[1])
    zero = torch.zeros_like(turn)
    towards = torch.stack((turn.sin() * tilt.cos(), tilt.sin(), turn.cos() * tilt.cos()), dim=-1)
    right = torch.stack((turn.cos(), zero, -turn.sin()), dim=-1)
    return torch.stack((right, torch.linalg.cross(towards, right), towards), dim=-2)


def random_projection(
    positions: Tensor,
    valid: Tensor,
    generator: torch.Generator,
    *,
    yaw: tuple[float, float] = (-180.0, 180.0),
    pitch: tuple[float, float] = (-10.0, 20.0),
    perspective: float = 0.15,
) -> tuple[Tensor, Tensor]:
    """Look at each clip of a batch through a camera of its own.

    Args:
        positions: [b, t, j, 3] in common coordinates: +y up, centred, in torso lengths.
        valid: [b, t, j] bool.
        generator: Source of randomness.
        yaw, pitch: Ranges of the camera's place, see `random_cameras`.
        perspective: Largest reciprocal distance of the camera, in 1 / torso lengths; 0 for orthographic views.

    Returns:
        positions [b, t, j, 2], x to the right and y up, 0 where not valid; valid unchanged.

    Raises:
        PoseError: If the positions are not 3D clips.

    Example:
        >>> clips, known = torch.randn(4, 10, 17, 3), torch.ones(4, 10, 17, dtype=torch.bool)
        >>> seen, _ = random_projection(clips, known, torch.Generator().manual_seed(0))
        >>> seen.shape
        torch.Size([4, 10, 17, 2])
    """
    _check(positions, valid, dims=3)
    cameras = random_cameras(len(positions), generator, yaw=yaw, pitch=pitch).to(positions)
    nearness = torch.rand(len(positions), generator=generator, device=generator.device).to(positions) * perspective
    clean = torch.where(valid[..., None], positions, 0.0)
    seen = torch.einsum("bik,btjk->btji", cameras, clean)  # right, up, towards the camera
    shrinking = (1 - nearness[:, None, None] * seen[..., 2]).clamp_min(SMALLEST_SHRINKING)
    flat = seen[..., :2] / shrinking[..., None]
    return torch.where(valid[..., None], flat, 0.0), valid


def sensor_noise(
    positions: Tensor,
    valid: Tensor,
    generator: torch.Generator,
    *,
    jitter: float = 0.02,
    wander: float = 0.02,
    dropout: float = 0.05,
    burst: int = 8,
) -> tuple[Tensor, Tensor]:
    """Disturb poses as real estimators do: jitter from frame to frame, slow wandering, joints lost for a while.

    Args:
        positions: [b, t, j, c] in torso lengths.
        valid: [b, t, j] bool.
        generator: Source of randomness.
        jitter: Largest standard deviation of independent noise per frame; each clip draws its own up to this.
        wander: Likewise, of noise that changes over about `burst` frames.
        dropout: Largest share of joint-frames lost; each clip draws its own up to this.
        burst: Frames for which a joint is lost at a time.

    Returns:
        positions [b, t, j, c], 0 where not valid, and valid [b, t, j]; every clip that had a known joint keeps one.

    Raises:
        ConfigError: If an amount is out of bounds.
        PoseError: If the shapes do not fit.

    Example:
        >>> clips, known = torch.randn(4, 40, 17, 3), torch.ones(4, 40, 17, dtype=torch.bool)
        >>> _, seen = sensor_noise(clips, known, torch.Generator().manual_seed(0), dropout=0.3)
        >>> 0.6 < seen.float().mean() < 1
        tensor(True)
    """
    if min(jitter, wander) < 0 or not 0 <= dropout < 1 or burst < 1:
        raise ConfigError(
            f"jitter={jitter}, wander={wander}, dropout={dropout}, burst={burst}",
            where="sensor_noise",
            expected="jitter and wander >= 0, dropout in 0 to 1, burst >= 1",
        )
    _check(positions, valid, dims=positions.shape[-1])
    clips, time, joints, dims = positions.shape
    device = generator.device
    amounts = torch.rand(3, clips, 1, 1, 1, generator=generator, device=device).to(positions)
    white = torch.randn(positions.shape, generator=generator, device=device).to(positions)
    blocks = math.ceil(time / burst) + 1
    knots = torch.randn(clips, blocks + 1, joints, dims, generator=generator, device=device).to(positions)
    frame = torch.arange(time, device=positions.device)
    start, share = frame // burst, (frame % burst).to(positions)[:, None, None] / burst
    smooth = knots[:, start] * (1 - share) + knots[:, start + 1] * share
    noisy = positions + amounts[0] * jitter * white + amounts[1] * wander * smooth
    lost = torch.rand(clips, blocks, joints, generator=generator, device=device).to(positions.device)
    shift = torch.randint(burst, (clips, 1, joints), generator=generator, device=device).to(positions.device)
    block = (frame[None, :, None] + shift) // burst
    kept = valid & (lost.gather(1, block) >= (amounts[2, ..., 0] * dropout))
    nothing_left = ~kept.flatten(1).any(dim=1)
    kept = torch.where(nothing_left[:, None, None], valid, kept)
    return torch.where(kept[..., None], noisy, 0.0), kept


def _check(positions: Tensor, valid: Tensor, dims: int) -> None:
    if positions.ndim != 4 or positions.shape[-1] != dims or positions.shape[:-1] != valid.shape:
        raise PoseError(
            f"positions {tuple(positions.shape)} and valid {tuple(valid.shape)}",
            expected=f"[b, t, j, {dims}] and [b, t, j]",
        )
