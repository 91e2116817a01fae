"""Human3.6M as text, 32 joints: 96 numbers in each line are positions in millimetres, 99 are joint angles.

Joint angles (exponential maps) become positions by forward kinematics with the mean skeleton that goes with them; what
their first six numbers mean, `variant` says: "steps" (the published files, also without `variant`), "absolute", or
"in_place" to leave them out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from einops import rearrange

from msclr.errors import FileFormatError, PoseError
from msclr.io import guard, h36m_angles
from msclr.io.frame_rows import has_columns, parse_rows
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton

SKELETON = "h36m_32"
COLUMNS = 96
FPS = 50.0


def _recognise(probe: Probe) -> bool:
    return has_columns(probe.head, COLUMNS) or has_columns(probe.head, h36m_angles.COLUMNS)


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    text = guard.read_text(path, options.limits)
    angles = has_columns(text[: guard.HEAD_BYTES].encode(), h36m_angles.COLUMNS)
    if options.variant is not None and options.variant not in (h36m_angles.VARIANTS if angles else ()):
        raise PoseError(
            f"variant={options.variant!r:.40}",
            where=where,
            expected="'steps', 'absolute' or 'in_place'" if angles else "none: these are positions",
        )
    values = parse_rows(text, h36m_angles.COLUMNS if angles else COLUMNS, options.limits, where)
    published = get_skeleton(SKELETON)
    guard.check_size(1, len(values), 32, 3, bytes_read=len(text), limits=options.limits, where=where)
    if not angles:
        return _to_sequence(rearrange(values, "t (j c) -> 1 t j c", c=3), options.up, options, where)
    if not np.abs(values).max() < h36m_angles.LARGEST_NUMBER:
        frame = int(np.argmax(~(np.abs(values) < h36m_angles.LARGEST_NUMBER).all(axis=1)))
        raise FileFormatError(
            "a number that is no angle", where=f"{where}, line {frame + 1}", expected="radians and millimetres"
        )
    placed = h36m_angles.place_joints(values, published.parents, options.variant or "steps", where)
    return _to_sequence(placed[None], options.up or "+y", options, where)


def _to_sequence(positions: npt.NDArray[np.floating], up: str | None, options: ReadOptions, where: str) -> PoseSequence:
    return PoseSequence.from_array(
        positions,
        options.skeleton or get_skeleton(SKELETON),
        fps=FPS if options.fps is None else options.fps,
        unit=options.unit,
        up=up,
        source=where,
    )


FORMAT = Format(
    name="h36m",
    title="Human3.6M positions or joint angles",
    suffixes=(),
    recognise=_recognise,
    read=_read,
    description="Text with 96 numbers in each line, 32 joints in mm, or 99, joint angles (exponential maps); 50 frames "
    "per second unless fps= says otherwise.",
)
