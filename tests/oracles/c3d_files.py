"""C3D files byte by byte, as the format's manual lays them out: independent of the library and of other packages."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np

INTEL, DEC, MIPS = 84, 85, 86
BLOCK = 512

Parameter = tuple[int, Sequence[int], bytes]  # bytes per element (-1: text), dimensions, content


def real(value: float, processor: int) -> bytes:
    if processor == DEC:
        plain = struct.pack("<f", value * 4)
        return plain[2:] + plain[:2]
    return struct.pack(">f" if processor == MIPS else "<f", value)


def word(value: int, processor: int) -> bytes:
    return struct.pack(">H" if processor == MIPS else "<H", value % 65536)


def texts(values: Sequence[str]) -> Parameter:
    encoded = [value.encode() for value in values]
    width = max(map(len, encoded), default=0)
    return -1, (width, len(encoded)), b"".join(value.ljust(width) for value in encoded)


def record(name: str, group: int, processor: int, body: bytes) -> bytes:
    head = struct.pack("bb", len(name), group) + name.encode()
    body += b"\0"  # no description
    return head + word(len(body) + 2, processor) + body


def parameter_section(groups: Mapping[str, Mapping[str, Parameter]], processor: int) -> bytes:
    content = b""
    for number, (group, parameters) in enumerate(groups.items(), start=1):
        content += record(group, -number, processor, b"")
        for name, (size, shape, data) in parameters.items():
            body = struct.pack("bB", size, len(shape)) + bytes(shape) + data
            content += record(name, number, processor, body)
    content += b"\0\0"
    blocks = -(-(len(content) + 4) // BLOCK)
    return (bytes([1, 0x50, blocks, processor]) + content).ljust(blocks * BLOCK, b"\0")


def frame_section(
    points: np.ndarray, seen: np.ndarray, analog: np.ndarray | None, scale: float, processor: int
) -> bytes:
    parts = []
    for frame in range(len(points)):
        for point in range(points.shape[1]):
            values = [*points[frame, point], 0.0 if seen[frame, point] else -1.0]
            if scale < 0:
                parts += [real(float(value), processor) for value in values]
            else:
                parts += [word(round(float(value) / scale), processor) for value in values[:3]]
                parts.append(word(round(values[3]), processor))
        for value in [] if analog is None else analog[frame]:
            parts.append(real(float(value), processor) if scale < 0 else word(int(value), processor))
    data = b"".join(parts)
    return data.ljust(-(-len(data) // BLOCK) * BLOCK, b"\0")


def c3d_bytes(
    points: np.ndarray,
    labels: Sequence[str] | None,
    *,
    seen: np.ndarray | None = None,
    rate: float = 100.0,
    units: str | None = "mm",
    scale: float = -1.0,
    processor: int = INTEL,
    first: int = 1,
    analog: np.ndarray | None = None,
    parameters: Mapping[str, Parameter] | None = None,
    trial: Mapping[str, Parameter] | None = None,
) -> bytes:
    """Return a file with points [t, n, 3], which of them were seen [t, n], and analog values [t, channels]."""
    frames, count, _ = points.shape
    channels = 0 if analog is None else analog.shape[1]
    seen = np.ones((frames, count), dtype=bool) if seen is None else seen
    group: dict[str, Parameter] = {
        "USED": (2, (), word(count, processor)),
        "SCALE": (4, (), real(scale, processor)),
        "RATE": (4, (), real(rate, processor)),
        "FRAMES": (2, (), word(frames, processor)),
        "DATA_START": (2, (), word(0, processor)),
    }
    if labels is not None:
        group["LABELS"] = texts(labels)
    if units is not None:
        group["UNITS"] = texts([units])
    group |= parameters or {}
    groups = {
        "POINT": group,
        "ANALOG": {"USED": (2, (), word(channels, processor)), "RATE": (4, (), real(rate * bool(channels), processor))},
        **({"TRIAL": trial} if trial else {}),
    }
    section = parameter_section(groups, processor)
    header = bytes([2, 0x50]) + b"".join(
        word(value, processor) for value in (count, channels, first, min(first + frames - 1, 65535), 10)
    )
    header += real(scale, processor) + word(2 + len(section) // BLOCK, processor) + word(int(channels > 0), processor)
    header += real(rate, processor)
    return header.ljust(BLOCK, b"\0") + section + frame_section(points, seen, analog, scale, processor)
