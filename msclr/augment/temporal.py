"""Augmentations of time: crops and reversal."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from msclr.augment.clips import Clips, take_frames
from msclr.augment.draws import check_range, integers, integers_up_to, uniform
from msclr.augment.pipeline import Augmentation, Draw
from msclr.errors import ConfigError, PoseError
from msclr.poses.resample import sample_at


@dataclass(frozen=True)
class MirrorCrop(Augmentation):
    """Lengthen clips at both ends by their mirror image, and cut the old number of frames out.

    Args:
        ratio: t // ratio frames are added at either end; with fewer frames than that, clips stay as they are.

    Raises:
        ConfigError: If the ratio is not positive.

    Source:
        SkeletonCLR in CrosSCLR (Li et al. 2021): ratio 6, the start uniform over all positions.

    Example:
        >>> from msclr import get_skeleton
        >>> known = torch.ones(1, 1, 6, 25, dtype=torch.bool)
        >>> ramp = torch.arange(6.0)[:, None, None].expand(1, 1, 6, 25, 3)
        >>> clips = Clips(ramp, known, get_skeleton("kinect_v2_25"))
        >>> cropped = MirrorCrop(ratio=3).apply(clips, {"start": torch.tensor([0])})
        >>> cropped.positions[0, 0, :, 0, 0].tolist()
        [1.0, 0.0, 0.0, 1.0, 2.0, 3.0]
    """

    ratio: int = 6

    def __post_init__(self) -> None:
        if self.ratio < 1:
            raise ConfigError(f"ratio={self.ratio}", where="MirrorCrop", expected="at least 1")

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw "start" [b] int64, the first frame counted from the beginning of the lengthened clip."""
        last = 2 * (clips.num_frames // self.ratio)
        return {"start": integers((clips.num_clips,), 0, last, generator, clips.positions.device)}

    def _apply(self, clips: Clips, drawn: Draw) -> Clips:
        frames = clips.num_frames
        index = torch.arange(frames, device=clips.positions.device) + drawn["start"][:, None] - frames // self.ratio
        index = torch.where(index < 0, -1 - index, index)
        index = torch.where(index >= frames, 2 * frames - 1 - index, index)
        return clips.moved(take_frames(clips.positions, index), take_frames(clips.valid, index))


@dataclass(frozen=True)
class TimeReversal(Augmentation):
    """Play clips backwards.

    Source:
        AimCLR (Guo et al. 2022), where it exists but is off.

    Example:
        >>> from msclr import get_skeleton
        >>> known = torch.ones(1, 1, 3, 25, dtype=torch.bool)
        >>> ramp = torch.arange(3.0)[:, None, None].expand(1, 1, 3, 25, 3)
        >>> clips = Clips(ramp, known, get_skeleton("kinect_v2_25"))
        >>> TimeReversal()(clips, generator=torch.Generator()).positions[0, 0, :, 0, 0].tolist()
        [2.0, 1.0, 0.0]
    """

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw nothing."""
        return {}

    def _apply(self, clips: Clips, drawn: Draw) -> Clips:
        return clips.moved(clips.positions.flip(2), clips.valid.flip(2))


@dataclass(frozen=True)
class CropResize(Augmentation):
    """Cut a stretch of random length out of each clip, and stretch it to a number of frames.

    Of the n frames of a clip, up to its last known joint, floor(n r) are kept, but at least `frames`, or all n where
    there are fewer; r is uniform. Frames are interpolated at evenly spread centres, as in resizing images; a joint is
    known where the nearer of its two neighbours in time is, and what is unknown does not enter.

    Args:
        lowest, highest: Range of r.
        frames: New number of frames.

    Raises:
        ConfigError: If the range is not within 0 to 1, or there are no frames.

    Source:
        ISC (Thoker et al. 2021): 64 frames, r from 0.1 to 1 in pretraining, from 0.5 to 1 in linear evaluation.

    Example:
        >>> from msclr import get_skeleton
        >>> known = torch.ones(4, 2, 300, 25, dtype=torch.bool)
        >>> clips = Clips(torch.randn(4, 2, 300, 25, 3), known, get_skeleton("kinect_v2_25"))
        >>> CropResize()(clips, generator=torch.Generator().manual_seed(0)).num_frames
        64
    """

    lowest: float = 0.1
    highest: float = 1.0
    frames: int = 64

    def __post_init__(self) -> None:
        check_range("the share that is kept", self.lowest, self.highest, most=1.0)
        if self.frames < 1:
            raise ConfigError(f"frames={self.frames}", where="CropResize", expected="at least 1")

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw "length" [b] and "start" [b] int64, in frames.

        Raises:
            PoseError: If the clips have no frames.
        """
        if clips.num_frames == 0:
            raise PoseError("clips of 0 frames", where="CropResize", expected="at least 1")
        share = uniform((clips.num_clips,), self.lowest, self.highest, generator, clips.positions.device)
        total = known_frames(clips.valid)
        length = torch.minimum((total * share).floor().to(torch.int64).clamp_min(self.frames), total)
        return {"length": length, "start": integers_up_to(total - length, generator)}

    def _apply(self, clips: Clips, drawn: Draw) -> Clips:
        length, start = drawn["length"].double(), drawn["start"].double()
        centre = torch.arange(self.frames, device=length.device) + 0.5
        times = (centre * length[:, None] / self.frames - 0.5).clamp_min(0.0)
        times = torch.minimum(times, length[:, None] - 1) + start[:, None]
        persons = clips.valid.shape[1]
        return clips.moved(*sample_at(clips.positions, clips.valid, times[:, None].expand(-1, persons, -1)))


def known_frames(valid: Tensor) -> Tensor:
    """Count the frames of each clip up to its last known joint: mask [b, p, t, j] gives [b] int64, at least 1."""
    number = torch.arange(1, valid.shape[2] + 1, device=valid.device)
    known = valid.any(dim=3).any(dim=1)
    return (known * number).amax(dim=1).clamp_min(1)
