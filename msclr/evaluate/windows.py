"""Clips prepared once for many encoders: cut, brought to the coordinates of the network, resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from msclr.models.base import PoseEncoder
from msclr.models.inference import Window, embed_windows, windows_of
from msclr.poses.sequence import PoseSequence
from msclr.poses.threads import one_thread

BATCH_SIZE = 128


@dataclass(frozen=True, eq=False)
class PreparedClips:
    """Windows of clips as `encoder.embed` would make them, so that models of one configuration can share the work.

    Args:
        windows: The windows of all clips, clip by clip.
        num_clips: Number of clips.
    """

    windows: tuple[Window, ...]
    num_clips: int

    def embed(self, encoder: PoseEncoder, *, normalize: bool = True) -> Tensor:
        """Return one vector for each clip: [num_clips, dim]."""
        return embed_windows(encoder, self.windows, self.num_clips, normalize=normalize, batch_size=BATCH_SIZE)


def prepare(encoder: PoseEncoder, clips: Sequence[PoseSequence]) -> PreparedClips:
    """Prepare clips for encoders configured like this one.

    Args:
        encoder: Says how long windows are, how they are prepared, and to how many frames they are resampled; its
            weights do not matter.
        clips: Recordings with a known joint in at least one frame.

    Returns:
        The windows; embedding them gives what `encoder.embed(clips)` gives.
    """
    with one_thread():
        windows = [window for clip, recording in enumerate(clips) for window in windows_of(encoder, recording, clip)]
    return PreparedClips(tuple(windows), len(clips))
