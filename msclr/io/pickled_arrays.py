"""NumPy arrays out of the pieces in which pickles store them, by name but without calling what is named."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt

MAXIMUM_AXES = 8

_CODE = re.compile(r"[fiu][248]|[iub]1")


class Refused(Exception):  # noqa: N818 - becomes a FileFormatError where the place in the file is known
    """What a pickle may not contain."""

    def __init__(self, found: str, expected: str | None = None) -> None:
        super().__init__(found)
        self.found = found
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Name:
    """A name of the list; only a token, it stands for no object."""

    name: str


@dataclass(slots=True)
class Unfinished:
    """A value that a later instruction fills in; `places` are its numbers in the memo."""

    places: list[int] = field(default_factory=list)


@dataclass(slots=True)
class EmptyArray(Unfinished):
    """An array that still lacks shape, type and content."""


@dataclass(slots=True)
class PickledType(Unfinished):
    """A number type: code as in "f4", byte order."""

    code: str = ""
    order: str = "<"

    def dtype(self) -> np.dtype[np.generic]:
        """Return the type for NumPy."""
        return cast("np.dtype[np.generic]", np.dtype(self.order + self.code))


def encode_latin1(arguments: tuple[object, ...]) -> bytes:
    """Return the bytes that protocol 2 writes as a text."""
    if [type(each) for each in arguments] != [str, str] or arguments[1] != "latin1":
        raise Refused("_codecs.encode of something else than a text in latin1")
    try:
        return str(arguments[0]).encode("latin-1")
    except UnicodeEncodeError:
        raise Refused("bytes beyond 255 in a text for latin1") from None


def make(name: str, arguments: tuple[object, ...]) -> object:
    """Return what one of the listed NumPy functions stands for.

    Args:
        name: "dtype", "_reconstruct", "scalar" or "_frombuffer".
        arguments: Its arguments.

    Raises:
        Refused: If these are not the arguments that NumPy writes.
    """
    _refuse_arrays(arguments)
    match name, arguments:
        case "dtype", (str() as code, *_) if _CODE.fullmatch(code):
            return PickledType(code=code)
        case "_reconstruct", (Name("ndarray"), (0,), b"b"):
            return EmptyArray()
        case "scalar", (PickledType() as kind, bytes() as content):
            return _array(content, kind, (), "C").item()
        case "_frombuffer", (bytes() as content, PickledType() as kind, tuple() as shape, "C" | "F" as order):
            return _array(content, kind, shape, order)
        case "_frombuffer", (bytes() as content, PickledType() as kind, tuple() as shape, "K", tuple() as axes):
            array = _array(content, kind, shape, "C")
            numbers = [axis for axis in axes if type(axis) is int]
            if len(axes) != array.ndim or sorted(numbers) != list(range(array.ndim)):
                raise Refused("an order of axes that is none")
            return array.transpose(numbers)
        case "dtype", (str() as code, *_):
            raise Refused(f"values of the type {code[:20]!r}", "real numbers; no objects, texts or records")
    raise Refused(f"unusual arguments of numpy's {name}")


def finish(target: object, state: object) -> object:
    """Return the array or number type that an unfinished one becomes with its state.

    Raises:
        Refused: If this is not the state that NumPy writes.
    """
    _refuse_arrays(state if isinstance(state, tuple) else ())
    match target, state:
        case PickledType(code=code), (3 | 4, "<" | ">" | "|" | "=" as order, None, None, None, -1, -1, 0, *_):
            return PickledType(code=code, order={"=": "<", "|": "<"}.get(order, order))
        case EmptyArray(), (1, tuple() as shape, PickledType() as kind, bool() as fortran, bytes() as content):
            return _array(content, kind, shape, "F" if fortran else "C")
    raise Refused(f"a state for a {type(target).__name__} that NumPy does not write")


def _refuse_arrays(values: tuple[object, ...]) -> None:
    """Keep arrays out of the patterns, whose comparisons they would turn into arrays."""
    for value in values:
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, np.ndarray):
                raise Refused("an array among the arguments of numpy")


def _array(content: bytes, kind: PickledType, shape: tuple[object, ...], order: str) -> npt.NDArray[np.generic]:
    if len(shape) > MAXIMUM_AXES or not all(type(size) is int and 0 <= size < 2**40 for size in shape):
        raise Refused(f"an array with {len(shape)} axes, or a size that is none", f"at most {MAXIMUM_AXES} axes")
    sizes = cast("tuple[int, ...]", shape)
    dtype = kind.dtype()
    needed = math.prod(sizes) * dtype.itemsize
    if needed != len(content) or (not needed and math.prod(max(size, 1) for size in sizes) >= 2**40):
        raise Refused(
            f"{len(content):,} bytes for an array of shape {sizes} of {dtype.name}", f"{needed:,} bytes of values"
        )
    flat = np.frombuffer(content, dtype=dtype) if needed else np.zeros(0, dtype)
    return flat.reshape(sizes, order="F" if order == "F" else "C")


def parse_float(content: bytes) -> float:
    """Return the number in eight bytes, the most significant first."""
    (value,) = struct.unpack(">d", content)
    return float(value)


def check_finished(value: object) -> None:
    """Refuse what must not reach the caller: values that contain themselves, and arrays without content."""
    done: set[int] = set()
    active: set[int] = set()
    work: list[tuple[object, bool]] = [(value, False)]
    while work:
        item, leaving = work.pop()
        if leaving:
            active.discard(id(item))
            done.add(id(item))
        elif isinstance(item, Unfinished | Name):
            raise Refused("an array without its content, or a name by itself")
        elif isinstance(item, dict | list | tuple) and id(item) not in done:
            if id(item) in active:
                raise Refused("a value that contains itself")
            active.add(id(item))
            work.append((item, True))
            parts = item.values() if isinstance(item, dict) else item
            work.extend((each, False) for each in parts if isinstance(each, dict | list | tuple | Unfinished | Name))
