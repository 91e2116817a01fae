"""Lists of clips without usable skeletons, as the authors of NTU RGB+D publish them."""

from __future__ import annotations

from msclr.errors import FileFormatError
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.ntu import ClipName
from msclr.io.registry import PathLike


def read_missing_list(path: PathLike, *, limits: ReadLimits | None = None) -> frozenset[ClipName]:
    r"""Read the names of the clips that are to be left out.

    Args:
        path: A text file with one name in each line, with or without ".skeleton". Lines before the first name are a
            heading; empty lines, and those that begin with "#", do not count.
        limits: How much the file may ask for.

    Returns:
        The names.

    Raises:
        FileFormatError: If there is no name in the file, or, after the first one, a line without.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "missing.txt"
        >>> _ = path.write_text("Samples with missing skeletons:\n\nS001C002P005R002A008\nS001C002P006R001A008\n")
        >>> len(read_missing_list(path))
        2
    """
    place = guard.to_path(path)
    where = guard.shown(place)
    found: set[ClipName] = set()
    for number, line in enumerate(guard.read_text(place, limits or ReadLimits()).splitlines(), start=1):
        text = line.strip()
        name = ClipName.find(text)
        if name is not None and text.upper().removesuffix(".SKELETON") == str(name):
            found.add(name)
        elif found and text and not text.startswith("#"):
            raise FileFormatError(
                f"{text[:60]!r}", where=f"{where}, line {number}", expected="a name as S001C002P005R002A008"
            )
    if not found:
        raise FileFormatError("no name of a clip", where=where, expected="names as S001C002P005R002A008, one a line")
    return frozenset(found)
