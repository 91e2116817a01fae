"""The parameters of C3D files (labels, units, rates): found by the c3d package, taken apart with care."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from msclr.errors import FileFormatError, MissingExtraError
from msclr.io.c3d_data import floats, word

GROUPS = ("POINT", "TRIAL")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as it is stored.

    Args:
        content: Its bytes.
        shape: Lengths of its axes, the fastest first; for texts the length of each comes first.
        size: Bytes of an element; -1 for characters.
    """

    content: bytes
    shape: tuple[int, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a file.

    Args:
        found: By group and name, in capitals: "POINT:RATE".
        processor: 84 (Intel), 85 (DEC) or 86 (MIPS).
        where: The file, for messages.
    """

    found: dict[str, Parameter]
    processor: int
    where: str

    def texts(self, name: str) -> list[str]:
        """Return the texts of a parameter without the blanks around them; none if it is not there.

        Raises:
            FileFormatError: If it is not made of characters, or cut off.
        """
        entry = self.found.get(name)
        if entry is None or 0 in entry.shape or not entry.content:
            return []
        width = entry.shape[0] if entry.shape else 1
        if entry.size != -1 or len(entry.shape) > 2 or len(entry.content) % width:
            raise self._error(name, entry, "texts")
        cells = [entry.content[place : place + width] for place in range(0, len(entry.content), width)]
        return [_decode(cell.split(b"\0")[0]).strip() for cell in cells]

    def number(self, name: str) -> float | None:
        """Return the first number of a parameter; None if it is not there.

        Raises:
            FileFormatError: If it is no number.
        """
        entry = self.found.get(name)
        if entry is None or 0 in entry.shape:
            return None
        if entry.size == 4 and len(entry.content) >= 4:
            return float(floats(entry.content[:4], self.processor)[0])
        if entry.size == 2 and len(entry.content) >= 2:
            return float(word(entry.content, 0, self.processor))
        raise self._error(name, entry, "a number")

    def long_number(self, name: str) -> int | None:
        """Return a whole number kept in two 16-bit words, the lower first; None if it is not there.

        Raises:
            FileFormatError: If it is no such number.
        """
        entry = self.found.get(name)
        if entry is None or 0 in entry.shape:
            return None
        if entry.size not in (2, 4) or len(entry.content) != 4:
            raise self._error(name, entry, "two 16-bit words")
        return word(entry.content, 0, self.processor) + 65536 * word(entry.content, 2, self.processor)

    def _error(self, name: str, entry: Parameter, expected: str) -> FileFormatError:
        shape = " x ".join(map(str, entry.shape)) or "a single element"
        found = f"{name} of {shape}, {entry.size} bytes each, in {len(entry.content):,} bytes"
        return FileFormatError(found, where=self.where, expected=expected)


def parse_parameters(data: bytes, processor: int, where: str) -> Parameters:
    """Parse the groups POINT and TRIAL with the c3d package.

    Args:
        data: The whole file, whose header has been checked (see `msclr.io.c3d_data.parse_header`).
        processor: As in the header.
        where: Its name, for messages.

    Raises:
        MissingExtraError: If the package is not installed.
        FileFormatError: If the package refuses the file.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about names that it changes, in groups that are not read here
        try:
            import c3d
        except ImportError:
            raise MissingExtraError("C3D files need the c3d package", remedy='pip install "msclr[c3d]"') from None
        # The package asserts that analog channels and rates add up in the header, which many programs' files do not.
        tolerant = type("Reader", (c3d.Reader,), {"_check_metadata": lambda self: None})
        try:
            groups = dict(tolerant(io.BytesIO(data)).group_items())
            found = {
                f"{group}:{name}": Parameter(bytes(entry.bytes), tuple(entry.dimensions), entry.bytes_per_element)
                for group in GROUPS
                if group in groups
                for name, entry in groups[group].param_items()
            }
        except Exception as error:  # whatever a package raises that trusts its files
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise FileFormatError(
                f"parameters that the c3d package cannot read ({reason:.200})",
                where=where,
                expected="groups and parameters, one after the other",
                remedy="export the file again",
            ) from None
    return Parameters(found, processor, where)


def _decode(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")  # what older programs write
