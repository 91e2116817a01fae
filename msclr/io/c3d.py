"""C3D motion capture files: trajectories of labelled markers.

`Name:LABEL` is a marker of the person `Name`. Left out, and listed in `meta["left_out"]`: points without a label or
whose label begins with `*`, and the angles, forces, moments, powers and the like that some programs store as points.
A negative residual, NaN and exactly (0, 0, 0) are a marker that was not seen.

Up is the axis that POINT:Y_SCREEN draws upwards; files without it are taken to have "+z", as laboratories do.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from msclr.errors import FileFormatError
from msclr.io import guard
from msclr.io.c3d_data import BLOCK, LAST_COUNTED, Header, check_frames, looks_like_c3d, parse_header, read_points
from msclr.io.c3d_markers import by_subject, choose_markers
from msclr.io.c3d_parameters import Parameters, parse_parameters
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.poses.sequence import PoseSequence

UNITS = {
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), "mm"),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), "cm"),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), "m"),
    **dict.fromkeys(("in", "inch", "inches"), "in"),
}
NO_POSITIONS = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS", "REACTIONS")
DEFAULT_UP = "+z"
MOST_SHOWN = 20
ROUNDED = 0.01

_AXIS = re.compile(r"([+-]?)([xyz])", re.IGNORECASE)


def _recognise(probe: Probe) -> bool:
    return looks_like_c3d(probe.head)


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    data = guard.open_regular(path, options.limits)
    header = parse_header(data, where)
    parameters = parse_parameters(data, header.processor, where)
    _check_agreement(header, parameters)
    frames = _frames(header, parameters, len(data))
    subjects, nowhere = by_subject(_labels(header, parameters), _no_positions(parameters), where)
    spec, columns, unused = choose_markers(subjects, options.skeleton, where)
    persons = len(columns)
    guard.check_size(persons, frames, spec.num_joints, 3, bytes_read=len(data), limits=options.limits, where=where)
    placed = np.full((persons, frames, spec.num_joints, 3), np.nan, dtype=np.float32)
    positions, seen = read_points(data, header, frames)
    for person, points in enumerate(columns.values()):
        for joint, point in enumerate(points):
            if point is not None:
                placed[person, :, joint] = np.where(seen[:, point, None], positions[:, point], np.float32(np.nan))
    left_out = [*nowhere, *unused]
    meta = {"left_out": ", ".join(left_out[:MOST_SHOWN]) + (", ..." if len(left_out) > MOST_SHOWN else "")}
    return PoseSequence.from_array(
        placed,
        spec,
        fps=_rate(header, parameters) if options.fps is None else options.fps,
        unit=options.unit or _unit(parameters),
        up=options.up or _up(parameters),
        person_ids=[name or "0" for name in columns],
        zeros_are_missing=True,
        source=where,
        meta={"first_frame": str(header.first)} | (meta if left_out else {}),
    )


def _frames(header: Header, parameters: Parameters, size: int) -> int:
    """Return the number of frames: of the header, or of the parameters where its 16 bits do not suffice."""
    where = parameters.where
    start, end = (parameters.long_number(f"TRIAL:ACTUAL_{name}_FIELD") for name in ("START", "END"))
    stated = parameters.number("POINT:LONG_FRAMES") or parameters.number("POINT:FRAMES") or 0
    frames = header.last - header.first + 1
    if header.last == LAST_COUNTED or frames < 1:
        in_trial = 0 if start is None or end is None else end - start + 1
        frames = in_trial if in_trial > 0 else int(np.nan_to_num(stated))
        if in_trial < 1 and frames == LAST_COUNTED and size - header.data >= (frames + 1) * header.frame_bytes + BLOCK:
            raise FileFormatError(
                f"more than the {frames:,} frames that 16 bits count",
                where=where,
                expected="TRIAL:ACTUAL_START_FIELD and ACTUAL_END_FIELD, or POINT:LONG_FRAMES",
            )
    elif 0 < stated < LAST_COUNTED and stated != frames:
        rest = size - header.data - frames * header.frame_bytes
        if not 0 <= rest < BLOCK:
            raise FileFormatError(
                f"{frames:,} frames in the header, {stated:,.0f} in POINT:FRAMES", where=where, expected="the same"
            )
    if frames < 1:
        raise FileFormatError(
            f"no frames, from {header.first} to {header.last}", where=where, expected="at least one frame"
        )
    check_frames(header, frames, size, where)
    return frames


def _check_agreement(header: Header, parameters: Parameters) -> None:
    """Refuse a file whose header and parameters describe different frames."""
    for name, value in (("POINT:USED", header.points), ("POINT:SCALE", header.scale)):
        stated = parameters.number(name)
        if stated is not None and not np.isclose(stated, value, rtol=1e-6):
            raise FileFormatError(
                f"{name} is {stated:g}, the header says {value:g}", where=parameters.where, expected="the same"
            )


def _rate(header: Header, parameters: Parameters) -> float | None:
    """Return the frames per second, 0 being unknown; a header may have them rounded."""
    stated = parameters.number("POINT:RATE") or header.rate
    if header.rate and not abs(stated - header.rate) <= ROUNDED * abs(header.rate):
        raise FileFormatError(
            f"POINT:RATE is {stated:g}, the header says {header.rate:g}",
            where=parameters.where,
            expected="the same frame rate",
            remedy="fps=",
        )
    return stated or None


def _labels(header: Header, parameters: Parameters) -> list[str]:
    """Return a label for each point; one parameter holds 255 at most, further ones are LABELS2, LABELS3, ..."""
    labels = parameters.texts("POINT:LABELS")
    number = 2
    while f"POINT:LABELS{number}" in parameters.found:
        labels += parameters.texts(f"POINT:LABELS{number}")
        number += 1
    return (labels + [""] * header.points)[: header.points]


def _no_positions(parameters: Parameters) -> set[str]:
    groups = {*NO_POSITIONS, *(name.upper() for name in parameters.texts("POINT:TYPE_GROUPS"))}
    return {label for group in groups for label in parameters.texts(f"POINT:{group}") if label}


def _unit(parameters: Parameters) -> str:
    named = parameters.texts("POINT:UNITS")
    return UNITS.get(named[0].casefold(), "unknown") if named else "unknown"


def _up(parameters: Parameters) -> str:
    named = parameters.texts("POINT:Y_SCREEN")
    axis = _AXIS.fullmatch("".join(named))
    return f"{axis[1] or '+'}{axis[2].lower()}" if axis else DEFAULT_UP


FORMAT = Format(
    name="c3d",
    title="C3D motion capture",
    suffixes=(".c3d",),
    recognise=_recognise,
    read=_read,
    description="Markers by their labels, through the c3d extra; registered marker sets are found, others are kept.",
)
