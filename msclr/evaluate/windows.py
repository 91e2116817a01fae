"""Clips prepared once for many encoders: cut, brought to common coordinates, resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from msclr.models.base import PoseEncoder
from msclr.models.inference import cut_windows
from msclr.poses.canonical import unify
from msclr.poses.resample import resample
from msclr.poses.sequence import PoseSequence
from msclr.poses.threads import one_thread

BATCH_SIZE = 128


@dataclass(frozen=True, eq=False)
class PreparedClips:
    """Windows of clips as `encoder.embed` would make them, so that models of one configuration can share the work.

    Args:
        windows: The windows, in common coordinates, without a frame rate so that they are not cut again.
        clip: [w] int64, the clip each window is from.
        weight: [w] float32, frames of each window before resampling.
        num_clips: Number of clips.
    """

    windows: tuple[PoseSequence, ...]
    clip: Tensor
    weight: Tensor
    num_clips: int

    def embed(self, encoder: PoseEncoder) -> Tensor:
        """Return one vector of length 1 for each clip: [num_clips, dim]."""
        vectors = encoder.embed(self.windows, unify=False, normalize=False, batch_size=BATCH_SIZE)
        summed = vectors.new_zeros(self.num_clips, vectors.shape[1])
        summed.index_add_(0, self.clip, vectors * self.weight[:, None])
        return F.normalize(summed, dim=1)

    def take(self, clips: Sequence[int]) -> PreparedClips:
        """Return the clips with these indices, in this order."""
        of_clip: list[list[int]] = [[] for _ in range(self.num_clips)]
        for window, clip in enumerate(self.clip.tolist()):
            of_clip[clip].append(window)
        chosen = [window for clip in clips for window in of_clip[clip]]
        number = [place for place, clip in enumerate(clips) for _ in of_clip[clip]]
        return PreparedClips(
            tuple(self.windows[window] for window in chosen), torch.tensor(number), self.weight[chosen], len(clips)
        )


def prepare(encoder: PoseEncoder, clips: Sequence[PoseSequence]) -> PreparedClips:
    """Prepare clips of one person each for encoders configured like this one.

    Args:
        encoder: Says how long windows are and to how many frames they are resampled; its weights do not matter.
        clips: Recordings with a known joint in at least one frame.

    Returns:
        The windows; embedding them gives what `encoder.embed(clips)` gives.
    """
    windows: list[PoseSequence] = []
    clip: list[int] = []
    weight: list[float] = []
    with one_thread():
        for index, recording in enumerate(clips):
            for part in cut_windows(encoder, recording):
                if part.valid.any():
                    ready = resample(unify(part, facing=encoder.facing), frames=encoder.frames)
                    windows.append(ready.replace(fps=None))
                    clip.append(index)
                    weight.append(float(part.num_frames))
    return PreparedClips(tuple(windows), torch.tensor(clip), torch.tensor(weight), len(clips))
