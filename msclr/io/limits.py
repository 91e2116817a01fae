"""ReadLimits: how much a file may ask for before a reader refuses it."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much a pose file may contain; raise a limit for data you trust.

    Args:
        maximum_bytes: Size of one file.
        maximum_frames: Frames of one recording, gaps included.
        maximum_persons: Persons of one recording.
        maximum_joints: Joints of one person.
        maximum_files: Entries of one folder.
        maximum_growth: Bytes of arrays per byte of file. A short text can describe a huge and almost empty recording
            (a thousand persons, each there for one frame); what is below `free_bytes` is never refused.
        free_bytes: Bytes of arrays that any file may take.

    Example:
        >>> ReadLimits(maximum_frames=500).maximum_persons
        1000
    """

    maximum_bytes: int = 512 * MEGABYTE
    maximum_frames: int = 10_000_000
    maximum_persons: int = 1000
    maximum_joints: int = 1024
    maximum_files: int = 1_000_000
    maximum_growth: int = 8
    free_bytes: int = 16 * MEGABYTE
