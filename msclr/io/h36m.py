"""Human3.6M 3D positions as text: 96 numbers in each line, 32 joints in millimetres.

The exponential-map files of the same data set (99 columns) are joint angles and are refused.
"""

from __future__ import annotations

from pathlib import Path

from einops import rearrange

from msclr.errors import FileFormatError
from msclr.io import guard
from msclr.io.frame_rows import has_columns, parse_rows
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton

SKELETON = "h36m_32"
COLUMNS = 96
ANGLE_COLUMNS = 99
FPS = 50.0


def _recognise(probe: Probe) -> bool:
    return has_columns(probe.head, COLUMNS)


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    text = guard.read_text(path, options.limits)
    if has_columns(text[: guard.HEAD_BYTES].encode(), ANGLE_COLUMNS):
        raise FileFormatError(
            f"{ANGLE_COLUMNS} numbers in a line: joint angles (exponential maps)",
            where=where,
            expected=f"{COLUMNS} numbers: positions of 32 joints",
            remedy="the positions of the same recording, or forward kinematics with its own tool",
        )
    values = parse_rows(text, COLUMNS, options.limits, where)
    spec = options.skeleton or get_skeleton(SKELETON)
    guard.check_size(1, len(values), 32, 3, bytes_read=len(text), limits=options.limits, where=where)
    return PoseSequence.from_array(
        rearrange(values, "t (j c) -> 1 t j c", c=3),
        spec,
        fps=FPS if options.fps is None else options.fps,
        unit=options.unit,
        up=options.up,
        source=where,
    )


FORMAT = Format(
    name="h36m",
    title="Human3.6M positions",
    suffixes=(),
    recognise=_recognise,
    read=_read,
    description="Text with 96 numbers in each line, 32 joints in mm; 50 frames per second unless fps= says otherwise.",
)
