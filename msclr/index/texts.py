"""Texts: a million names as two arrays instead of a million objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts one after the other in UTF-8; what stands in file names but is no text survives.

    Args:
        data: All texts, without anything between them.
        ends: [n] int64, where in `data` each text ends.

    Example:
        >>> names = Texts.of(["walk", "jump"])
        >>> names[1], len(names), names.find("jump"), names.find("um")
        ('jump', 2, 1, None)
    """

    data: bytes
    ends: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Put texts together."""
        pieces = [text.encode("utf-8", "surrogateescape") for text in texts]
        return cls(b"".join(pieces), np.cumsum([len(piece) for piece in pieces], dtype=np.int64))

    @classmethod
    def join(cls, parts: Sequence[Texts]) -> Texts:
        """Put several lists of texts one behind the other."""
        starts = np.cumsum([0, *(len(part.data) for part in parts)])
        ends = [part.ends + start for part, start in zip(parts, starts, strict=False)]
        return cls(b"".join(part.data for part in parts), np.concatenate([np.zeros(0, np.int64), *ends]))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]], name: str, where: str) -> Texts:
        """Read what `to_arrays` wrote.

        Raises:
            FileFormatError: If the arrays are no texts.
        """
        data, ends = arrays[name], arrays[f"{name}_ends"].astype(np.int64)
        rising = bool((np.diff(ends, prepend=0) >= 0).all())
        if not rising or data.size != (int(ends[-1]) if len(ends) else 0):
            raise FileFormatError(f"{name} that are no texts", where=where, expected="rising ends, the last at the end")
        return cls(data.tobytes(), ends)

    def to_arrays(self, name: str) -> dict[str, npt.NDArray[np.generic]]:
        """Return the two arrays, named `name` (uint8) and `name`_ends (int64)."""
        return {name: np.frombuffer(self.data, np.uint8), f"{name}_ends": self.ends}

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> str:
        end = int(self.ends[index])
        start = int(self.ends[index - 1]) if index else 0
        return self.data[start:end].decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))

    def find(self, text: str) -> int | None:
        """Return the index of the first text that equals this one, None if there is none."""
        wanted = text.encode("utf-8", "surrogateescape")
        if not wanted:
            empty = np.flatnonzero(np.diff(self.ends, prepend=0) == 0)
            return int(empty[0]) if len(empty) else None
        place = self.data.find(wanted)
        while place >= 0:
            index = int(np.searchsorted(self.ends, place, side="right"))  # of the text that this byte is in
            start = int(self.ends[index - 1]) if index else 0
            if (start, int(self.ends[index])) == (place, place + len(wanted)):
                return index
            place = self.data.find(wanted, place + 1)
        return None
