"""BVH files: a hierarchy of joints and one line of channel values per frame."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np

from msclr.errors import FileFormatError, FileLimitError
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.motion_capture import to_sequence
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.poses.sequence import MAXIMUM_FPS, PoseSequence
from msclr.skeletons.bvh_hierarchy import parse_hierarchy
from msclr.skeletons.checks import MAXIMUM_JOINTS
from msclr.skeletons.hierarchy import Hierarchy
from msclr.skeletons.rotations import FloatArray
from msclr.skeletons.text_source import TextSource, quote

MAXIMUM_FRAME_SECONDS = 3600.0

_FRAMES = re.compile(r"\s*Frames[ \t]*:[ \t]*", re.IGNORECASE)
_FRAME_TIME = re.compile(r"\s*Frame[ \t]+Time[ \t]*:[ \t]*", re.IGNORECASE)
_REST_OF_LINE = re.compile(r"[^\r\n]*")
_LINE = re.compile(r"[^\r\n]+")
_TOKEN = re.compile(r"[^ \t\r\n]+")
_FOREIGN = re.compile(r"[^0-9+\-.eE \t\r\n]")
_BLANK = " \t\r\n"


def parse_bvh(text: str, where: str = "BVH", limits: ReadLimits | None = None) -> tuple[Hierarchy, FloatArray, float]:
    r"""Parse the text of a BVH file.

    Args:
        text: The whole file.
        where: Name of the file for messages.
        limits: How much it may contain.

    Returns:
        The hierarchy, the channel values [t, channels] float64 as they stand in the file, and the frames per second.

    Raises:
        FileFormatError: If the text breaks the format; with line and column.
        FileLimitError: If it has more joints or frames than allowed.

    Example:
        >>> tree = "HIERARCHY ROOT hip { OFFSET 0 0 0 CHANNELS 1 Xrotation }"
        >>> _, values, fps = parse_bvh(tree + "MOTION\nFrames: 2\nFrame Time: 0.0333333\n10\n20")
        >>> values.tolist(), fps
        ([[10.0], [20.0]], 30.0)
    """
    limits = limits or ReadLimits()
    source = TextSource(text, where)
    hierarchy, position = parse_hierarchy(text, where, maximum_joints=min(limits.maximum_joints, MAXIMUM_JOINTS))
    if position < 0:
        raise source.error(len(text), "the file ends after the hierarchy", "MOTION")
    if hierarchy.num_channels == 0:
        raise source.error(position, "a hierarchy without any channel", "CHANNELS in at least one joint")
    token, place, position = _field(source, position, _FRAMES, "Frames:")
    if not (token.isascii() and token.isdigit() and 0 < len(token) <= 18 and int(token) > 0):
        raise source.error(place, f"{quote(token)} frames", "a whole number above 0")
    frames = int(token)
    if frames > limits.maximum_frames:
        raise FileLimitError(
            f"{frames:,} frames",
            where=source.place(place),
            expected=f"at most {limits.maximum_frames:,}",
            remedy="limits=ReadLimits(maximum_frames=...)",
        )
    token, place, position = _field(source, position, _FRAME_TIME, "Frame Time:")
    seconds = source.number(token, place)
    if not 0 < seconds <= MAXIMUM_FRAME_SECONDS:
        raise source.error(place, f"a frame time of {quote(token)}", "seconds, above 0 and below an hour")
    return hierarchy, _values(source, position, frames, hierarchy.num_channels), frame_rate(token)


def frame_rate(seconds: str) -> float:
    """Return frames per second from a frame time as it is written.

    The one whole number of frames that rounds to the digits written, if there is just one; otherwise the plain inverse.

    Example:
        >>> frame_rate("0.0083333"), round(frame_rate("0.0333667"), 2), frame_rate("0.04")
        (120.0, 29.97, 25.0)
    """
    time = Decimal(seconds)
    exponent = time.as_tuple().exponent
    half = 0.5 * 10.0 ** (exponent if isinstance(exponent, int) else 0)
    value = float(time)
    if half >= value or value * MAXIMUM_FPS < 1:
        return 1 / value
    fewest, most = math.ceil(1 / (value + half)), math.floor(1 / (value - half))
    return float(fewest) if fewest == most else 1 / value


def _field(source: TextSource, position: int, pattern: re.Pattern[str], name: str) -> tuple[str, int, int]:
    """Return the value of a `name: value` line, where it stands, and the position behind it."""
    match = pattern.match(source.text, position)
    if match is None:
        token = _TOKEN.search(source.text, position)
        place = token.start() if token else len(source.text)
        raise source.error(place, quote(token.group()) if token else "the file ends", name)
    rest = _REST_OF_LINE.match(source.text, match.end())
    value = rest.group() if rest else ""
    return value.strip(), match.end(), match.end() + len(value)


def _lines(source: TextSource, position: int) -> Iterator[re.Match[str]]:
    return (line for line in _LINE.finditer(source.text, position) if not line.group().isspace())


def _values(source: TextSource, position: int, frames: int, columns: int) -> FloatArray:
    foreign = _FOREIGN.search(source.text, position)
    if foreign is not None:
        start = foreign.start()
        while start > position and source.text[start - 1] not in _BLANK:
            start -= 1
        token = _TOKEN.match(source.text, start)
        raise source.not_a_number(token.group() if token else foreign.group(), start)
    numbers = array("d")
    count = 0
    for line in _lines(source, position):
        if count == frames:
            raise source.error(line.start(), f"more lines of motion than the {frames:,} announced as Frames", "the end")
        tokens = line.group().split(None, columns)
        if len(tokens) != columns:
            found = f"{len(tokens)} values" if len(tokens) < columns else f"over {columns} values"
            raise source.error(_column_place(line, columns), found, f"{columns}, one for each channel")
        try:
            numbers.extend(map(float, tokens))
        except ValueError:
            raise _bad_number(source, line) from None
        count += 1
    if count < frames:
        raise source.error(
            len(source.text.rstrip(_BLANK)), f"{count:,} lines of motion", f"{frames:,}, as announced in Frames"
        )
    values = np.frombuffer(numbers, dtype=np.float64).reshape(frames, columns)
    infinite = ~np.isfinite(values).all(axis=1)
    if infinite.any():
        bad = int(infinite.argmax())
        raise _bad_number(source, next(line for index, line in enumerate(_lines(source, position)) if index == bad))
    return values


def _column_place(line: re.Match[str], columns: int) -> int:
    """Return the position of the first value too many, or of the end of a line with too few."""
    for index, token in enumerate(_TOKEN.finditer(line.string, line.start(), line.end())):
        if index == columns:
            return token.start()
    return line.end()


def _bad_number(source: TextSource, line: re.Match[str]) -> FileFormatError:
    for token in _TOKEN.finditer(line.string, line.start(), line.end()):
        try:
            source.number(token.group(), token.start())
        except FileFormatError as error:
            return error
    return source.error(line.start(), "a number that cannot be read", "finite numbers")


def _recognise(probe: Probe) -> bool:
    return probe.head.removeprefix(b"\xef\xbb\xbf").split(None, 1)[:1] in (
        [b"HIERARCHY"],
        [b"Hierarchy"],
        [b"hierarchy"],
    )


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    text = guard.read_text(path, options.limits)
    hierarchy, values, fps = parse_bvh(text, where, options.limits)
    return to_sequence(hierarchy, values, options, fps=fps, where=where, bytes_read=len(text))


FORMAT = Format(
    name="bvh",
    title="Biovision hierarchy .bvh",
    suffixes=(".bvh",),
    recognise=_recognise,
    read=_read,
    description="Known rigs are found by their joint names, others keep their own hierarchy; no unit is stored.",
)
