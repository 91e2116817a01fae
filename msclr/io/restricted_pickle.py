"""A pickle reader that can make plain values and NumPy arrays, and nothing else.

It is not built on Python's unpickler. A name in the data is compared with a short list and never looked up, so that
nothing is imported and nothing called because a file says so. Sizes count only as far as the file has the bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeAlias

from msclr.errors import FileFormatError, FileLimitError
from msclr.io.pickled_arrays import Name, Refused, Unfinished, check_finished, encode_latin1, finish, make, parse_float

Plain: TypeAlias = object

MAXIMUM_STACK = 100_000
MAXIMUM_MARKS = 1000
MAXIMUM_PLACES = 8
COST_PER_BYTE = 16  # bytes of memory
FREE_COST = 32 * 2**20

_CONTAINER_COST = 80
_ENTRY_COST = 16
_MEMO_COST = 100
_NAMES = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
    ("__builtin__", "bytes"),  # how protocol 2 writes b""
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}


def load_plain(data: bytes, where: str) -> Plain:
    """Read a pickle of dictionaries, lists, tuples, texts, numbers and NumPy arrays, without running anything.

    Args:
        data: The whole pickle, protocol 2 to 5.
        where: The file, for messages.

    Returns:
        The value: dict, list, tuple, str, bytes, int, float, bool, None, or a NumPy array of real numbers.

    Raises:
        FileFormatError: If it holds anything else, refers to itself, is damaged or cut short.
        FileLimitError: If it would need far more memory than its size.

    Example:
        >>> load_plain(bytes.fromhex("80025d284b014b02652e"), "two.pkl")
        [1, 2]
    """
    machine = _Machine(data)
    try:
        value = machine.run()
        check_finished(value)
    except Refused as error:
        place = f"{where}, byte {machine.start}"
        raise FileFormatError(
            error.found, where=place, expected=error.expected or "a pickle of plain values and NumPy arrays"
        ) from None
    except OverflowError as error:
        raise FileLimitError(str(error), where=where, expected="a file of its usual size") from None
    return value


class _Machine:
    """The stack, the memo and the instructions of a pickle."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.start = 0
        self.stack: list[Plain] = []
        self.marks: list[int] = []
        self.memo: dict[int, Plain] = {}
        self.credit = COST_PER_BYTE * len(data) + FREE_COST

    def run(self) -> Plain:
        if self.data[:1] != b"\x80" or len(self.data) < 3 or not 2 <= self.data[1] <= 5:
            raise Refused("no pickle of protocol 2 to 5", "a file written by pickle.dump")
        self.position = 2
        while True:
            self.start = self.position
            code = self.take(1)[0]
            if code == 0x2E:
                if len(self.stack) != 1 or self.marks:
                    raise Refused(f"{len(self.stack)} values at the end", "one value")
                if self.position != len(self.data):
                    raise Refused(f"{len(self.data) - self.position:,} bytes after the end", "one pickle")
                return self.stack[0]
            step = _STEPS.get(code)
            if step is None:
                raise Refused(f"the instruction {bytes([code])!r}")
            step(self)

    def take(self, count: int) -> bytes:
        stop = self.position + count
        if stop > len(self.data):
            raise Refused(f"the file ends {stop - len(self.data):,} bytes too early", "a complete file")
        part = self.data[self.position : stop]
        self.position = stop
        return part

    def number(self, layout: str) -> int:
        (value,) = struct.unpack(layout, self.take(struct.calcsize(layout)))
        return int(value)

    def pay(self, cost: int) -> None:
        self.credit -= cost
        if self.credit < 0:
            raise OverflowError(f"{len(self.data):,} bytes that stand for many times their size in small objects")

    def push(self, value: Plain, cost: int = _ENTRY_COST) -> None:
        self.pay(cost)
        if len(self.stack) >= MAXIMUM_STACK:
            raise Refused(f"over {MAXIMUM_STACK:,} unfinished values")
        self.stack.append(value)

    def pop(self) -> Plain:
        value = self.top()
        self.stack.pop()
        return value

    def top(self) -> Plain:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise Refused("a value that is not there")
        return self.stack[-1]

    def mark(self) -> None:
        if len(self.marks) >= MAXIMUM_MARKS:
            raise Refused(f"nesting deeper than {MAXIMUM_MARKS}")
        self.marks.append(len(self.stack))

    def since_mark(self) -> list[Plain]:
        if not self.marks:
            raise Refused("the end of a group that never began")
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def text(self, size: int) -> None:
        part = self.take(size)
        try:
            value = part.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("a text that is not UTF-8") from None
        self.push(value, _CONTAINER_COST + (size if value.isascii() else 4 * size))

    def integer(self, value: int) -> None:
        self.push(value, 40)

    def long(self) -> bytes:
        size = self.number("<B")
        if size > 16:
            raise Refused(f"a whole number of {size} bytes")
        return self.take(size)

    def tuple_of(self, values: list[Plain]) -> None:
        self.push(tuple(values), _CONTAINER_COST + _ENTRY_COST * len(values))

    def remember(self, place: int) -> None:
        self.pay(_MEMO_COST)
        value = self.memo[place] = self.top()
        if isinstance(value, Unfinished):
            if len(value.places) >= MAXIMUM_PLACES:
                raise Refused("a value numbered again and again")
            value.places.append(place)

    def recall(self, place: int) -> None:
        if place not in self.memo:
            raise Refused(f"a reference to value {place}, which is not there")
        self.push(self.memo[place])

    def extend(self, values: list[Plain]) -> None:
        target = self.top()
        if type(target) is not list:
            raise Refused(f"entries for a {type(target).__name__}", "entries for a list")
        self.pay(_ENTRY_COST * len(values))
        target.extend(values)

    def set_items(self, values: list[Plain]) -> None:
        target = self.top()
        if type(target) is not dict or len(values) % 2:
            raise Refused(f"keys and values for a {type(target).__name__}", "pairs for a dictionary")
        self.pay(_MEMO_COST * (len(values) // 2 + 1))
        for key, value in zip(values[::2], values[1::2], strict=True):
            if type(key) not in (str, int):
                raise Refused(f"a key of type {type(key).__name__}", "texts or whole numbers as keys")
            target[key] = value

    def set_item(self) -> None:
        value, key = self.pop(), self.pop()
        self.set_items([key, value])

    def name(self, module: Plain, name: Plain) -> None:
        if type(module) is not str or type(name) is not str:
            raise Refused("a name that is no text")
        if (module, name) not in _NAMES:
            raise Refused(f"the name {module[:60] + '.' + name[:60]!a}")
        self.push(Name(name), _CONTAINER_COST)

    def line_name(self) -> None:
        lines = self.data[self.position : self.position + 200].split(b"\n", 2)
        if len(lines) < 3:
            raise Refused("a name without an end")
        self.position += len(lines[0]) + len(lines[1]) + 2
        self.name(lines[0].decode("latin-1"), lines[1].decode("latin-1"))

    def stack_name(self) -> None:
        name, module = self.pop(), self.pop()
        self.name(module, name)

    def reduce(self) -> None:
        arguments, called = self.pop(), self.pop()
        if type(called) is not Name or type(arguments) is not tuple:
            raise Refused(f"a call of a {type(called).__name__}")
        if called.name in ("encode", "bytes"):
            content = b"" if (called.name, arguments) == ("bytes", ()) else encode_latin1(arguments)
            self.push(content, _CONTAINER_COST + len(content))
        else:
            self.push(make(called.name, arguments), 2 * _CONTAINER_COST)

    def build(self) -> None:
        state, target = self.pop(), self.pop()
        value = finish(target, state)
        if isinstance(target, Unfinished):
            for place in target.places:
                self.memo[place] = value
        if isinstance(value, Unfinished):
            value.places.extend(target.places if isinstance(target, Unfinished) else ())
        self.push(value, 2 * _CONTAINER_COST)

    def frame(self) -> None:
        size = self.number("<Q")
        if size > len(self.data) - self.position:
            raise Refused(f"a frame of {size:,} bytes where {len(self.data) - self.position:,} are left")


def _sized(layout: str, step: Callable[[_Machine, int], None]) -> Callable[[_Machine], None]:
    return lambda machine: step(machine, machine.number(layout))


def _constant(value: Plain) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(value)


def _bytes(machine: _Machine, size: int) -> None:
    machine.push(machine.take(size), _CONTAINER_COST + size // 8)


def _last(count: int) -> Callable[[_Machine], None]:
    return lambda machine: machine.tuple_of([machine.pop() for _ in range(count)][::-1])


_STEPS: dict[int, Callable[[_Machine], None]] = {
    ord("("): _Machine.mark,
    ord("N"): _constant(None),
    0x88: _constant(True),
    0x89: _constant(False),
    ord("J"): _sized("<i", _Machine.integer),
    ord("K"): _sized("<B", _Machine.integer),
    ord("M"): _sized("<H", _Machine.integer),
    0x8A: lambda machine: machine.integer(int.from_bytes(machine.long(), "little", signed=True)),
    ord("G"): lambda machine: machine.push(parse_float(machine.take(8)), 40),
    ord("X"): _sized("<I", _Machine.text),
    0x8C: _sized("<B", _Machine.text),
    0x8D: _sized("<Q", _Machine.text),
    ord("B"): _sized("<I", _bytes),
    ord("C"): _sized("<B", _bytes),
    0x8E: _sized("<Q", _bytes),
    0x96: _sized("<Q", _bytes),
    ord("]"): lambda machine: machine.push([], _CONTAINER_COST),
    ord("a"): lambda machine: machine.extend([machine.pop()]),
    ord("e"): lambda machine: machine.extend(machine.since_mark()),
    ord("}"): lambda machine: machine.push({}, _CONTAINER_COST),
    ord("s"): _Machine.set_item,
    ord("u"): lambda machine: machine.set_items(machine.since_mark()),
    ord(")"): _constant(()),
    ord("t"): lambda machine: machine.tuple_of(machine.since_mark()),
    0x85: _last(1),
    0x86: _last(2),
    0x87: _last(3),
    ord("c"): _Machine.line_name,
    0x93: _Machine.stack_name,
    ord("R"): _Machine.reduce,
    ord("b"): _Machine.build,
    0x94: lambda machine: machine.remember(len(machine.memo)),
    ord("q"): _sized("<B", _Machine.remember),
    ord("r"): _sized("<I", _Machine.remember),
    ord("h"): _sized("<B", _Machine.recall),
    ord("j"): _sized("<I", _Machine.recall),
    0x95: _Machine.frame,
}
