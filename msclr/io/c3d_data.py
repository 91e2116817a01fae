"""The binary part of C3D files: the header, checked against the size of the file, and the points of all frames.

512-byte blocks: a header, then parameters (labels, units, rates), then the frames. In each frame every point has four
words, x, y, z and a residual, followed by the analog channels; the words are 32-bit floats or 16-bit integers to be
scaled. A negative residual marks a point that was not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError

FloatArray = npt.NDArray[np.float32]

BLOCK = 512
MAGIC = 0x50
INTEL, DEC, MIPS = 84, 85, 86
LAST_COUNTED = 65535  # the header's frame numbers end here, longer recordings are counted in the parameters


@dataclass(frozen=True, slots=True)
class Header:
    """What the first block of a C3D file says, in the byte order of the machine that wrote it.

    Args:
        processor: 84 (Intel), 85 (DEC) or 86 (MIPS).
        points: Points in each frame.
        analog: Values of all analog channels in each frame.
        first, last: Numbers of the first and the last frame; 65535 if larger.
        data: Where the frames begin, in bytes.
        scale: What integers are multiplied with; negative if the words are floats.
        rate: Frames per second.
    """

    processor: int
    points: int
    analog: int
    first: int
    last: int
    data: int
    scale: float
    rate: float

    @property
    def frame_bytes(self) -> int:
        """Size of a frame."""
        return (4 * self.points + self.analog) * (4 if self.scale < 0 else 2)


def looks_like_c3d(head: bytes) -> bool:
    """Tell whether the first bytes of a file point to a C3D parameter section.

    Example:
        >>> looks_like_c3d(bytes([2, 0x50]) + bytes(513) + bytes([84])), looks_like_c3d(b"HIERARCHY")
        (True, False)
    """
    place = (head[0] - 1) * BLOCK if len(head) > 1 else 0
    return place >= BLOCK and head[1] == MAGIC and head[place + 3 : place + 4] in (b"\x54", b"\x55", b"\x56")


def parse_header(data: bytes, where: str) -> Header:
    """Parse the header, and refuse one that points out of the file or claims more than is in it.

    Args:
        data: The whole file.
        where: Its name, for messages.

    Raises:
        FileFormatError: If it is no C3D file, cut off, or its counts and pointers contradict its size.
    """
    if data[1:2] != bytes([MAGIC]):
        raise FileFormatError(f"second byte {data[1:2].hex() or 'missing'}", where=where, expected="50, as in all C3D")
    parameters = (data[0] - 1) * BLOCK
    if parameters < BLOCK or parameters + BLOCK > len(data):
        raise FileFormatError(
            f"parameters in block {data[0]} of a file of {len(data):,} bytes", where=where, expected="a block inside it"
        )
    blocks, processor = data[parameters + 2], data[parameters + 3]
    if processor not in (INTEL, DEC, MIPS):
        raise FileFormatError(f"processor {processor}", where=where, expected="84 (Intel), 85 (DEC) or 86 (MIPS)")
    if not blocks or parameters + blocks * BLOCK > len(data):
        raise FileFormatError(
            f"{blocks} blocks of parameters from byte {parameters:,} in a file of {len(data):,} bytes",
            where=where,
            expected="at least 1, and all of them in the file",
        )
    points, analog, first, last, block = (word(data, place, processor) for place in (2, 4, 6, 8, 16))
    scale, rate = (float(floats(data[place : place + 4], processor)[0]) for place in (12, 20))
    header = Header(processor, points, analog, first, last, (block - 1) * BLOCK, scale, rate)
    if header.data < parameters + BLOCK or header.data > len(data):
        raise FileFormatError(
            f"frames in block {block} of a file of {len(data):,} bytes", where=where, expected="behind the parameters"
        )
    if not np.isfinite(header.scale) or header.scale == 0:
        raise FileFormatError(f"a scale of {header.scale}", where=where, expected="a number other than 0")
    if not points:
        raise FileFormatError("no points", where=where, expected="markers; this file has analog channels at most")
    check_frames(header, max(last - first + 1, 0), len(data), where)
    return header


def check_frames(header: Header, frames: int, size: int, where: str) -> None:
    """Refuse more frames than the file has bytes for."""
    if frames * header.frame_bytes > size - header.data:
        raise FileFormatError(
            f"{frames:,} frames of {header.points:,} points need {frames * header.frame_bytes:,} bytes",
            where=where,
            expected=f"at most the {size - header.data:,} bytes behind the parameters",
            remedy="copy or export the file again, its end is missing",
        )


def read_points(data: bytes, header: Header, frames: int) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return the points of all frames, and which of them were seen.

    Args:
        data: The whole file, which has that many frames (see `check_frames`).
        header: Its header.
        frames: Number of frames.

    Returns:
        Positions [t, points, 3] in the file's unit, and seen [t, points] bool.
    """
    raw = data[header.data : header.data + frames * header.frame_bytes]
    if header.scale < 0:
        words = floats(raw, header.processor)
        factor = np.float32(1)
    else:
        words = np.frombuffer(raw, dtype=">i2" if header.processor == MIPS else "<i2")
        factor = np.float32(header.scale)
    points = words.reshape(frames, -1)[:, : 4 * header.points].reshape(frames, header.points, 4)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite or absurdly large is dealt with later
        positions = points[..., :3].astype(np.float32) * factor
        seen = points[..., 3] >= 0
    return positions, seen


def word(data: bytes, place: int, processor: int) -> int:
    """Return the 16-bit whole number at a place."""
    return int.from_bytes(data[place : place + 2], "big" if processor == MIPS else "little")


def floats(raw: bytes, processor: int) -> FloatArray:
    """Return 32-bit floats as the machine that wrote the file stores them.

    Example:
        >>> floats(bytes([0x80, 0x40, 0, 0]), DEC), floats(bytes([0x3F, 0x80, 0, 0]), MIPS)
        (array([1.], dtype=float32), array([1.], dtype=float32))
    """
    if processor != DEC:
        return np.frombuffer(raw, dtype=">f4" if processor == MIPS else "<f4").astype(np.float32)
    # A VAX float has its 16-bit halves swapped, and an exponent that is 2 larger.
    halves = np.frombuffer(raw, dtype="<u2").reshape(-1, 2)[:, ::-1]
    with np.errstate(invalid="ignore"):  # not every pattern of bits is a number
        return np.ascontiguousarray(halves).view("<f4").reshape(-1).astype(np.float32) * np.float32(0.25)
