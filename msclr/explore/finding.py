"""From the names of vectors back to the recordings, and to their rows in a table of labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TypeVar, overload

from msclr.errors import LabelError, MissingFileError, PoseError
from msclr.evaluate.data.table import read_rows
from msclr.io import guard
from msclr.io.collection import ClipCollection
from msclr.io.limits import ReadLimits
from msclr.io.registry import PathLike
from msclr.poses.sequence import PoseSequence
from msclr.store.inputs import Input
from msclr.store.loading import InputReading, open_collection, overridden, recordings_of

V = TypeVar("V")

_REMEDY = "--poses FOLDER, or --no-poses for a map without moving figures"


class Recordings(Sequence[PoseSequence]):
    """The recordings that vectors were made of, each read when it is asked for.

    A name is the path of a pose file, or the path of a prepared data set, a slash, and the name of a clip in it. With
    `poses` the recordings lie there now: in this folder, under the whole name or the end of it, or in this data set.

    Args:
        names: Names of vectors, as `msclr embed` and `msclr embed-corpus` give them.
        poses: A folder, a prepared data set, or None if the names are paths.
        reading: How to read the files.

    Raises:
        MissingFileError: If there is no file for one of the names; all are looked for before one is read.
        PoseError: If two names mean the same recording.

    Example:
        >>> from msclr.samples import sample_paths
        >>> walk = str(sample_paths()["cmu_walk_bvh"])
        >>> Recordings([walk])[0].num_frames, Recordings(["taken/elsewhere/cmu_walk.bvh"], Path(walk).parent)[0].fps
        (155, 60.0)
    """

    def __init__(
        self,
        names: Sequence[str],
        poses: PathLike | None = None,
        reading: InputReading | None = None,
    ) -> None:
        self._reading = reading or InputReading()
        self._open: tuple[Path, ClipCollection, dict[str, int]] | None = None
        place = None if poses is None else guard.to_path(poses)
        if place is not None and not guard.is_folder(place):
            self._places = [(place, self._called(place, name)) for name in names]
            missing = [name for name, (_, own) in zip(names, self._places, strict=True) if not own]
        else:
            found = [_locate(name, place) for name in names]
            missing = [name for name, each in zip(names, found, strict=True) if each is None]
            self._places = [each for each in found if each is not None]
        if missing:
            raise MissingFileError(
                f"no recording for {len(missing):,} of {len(names):,} vectors, the first {guard.shown(missing[0])!r}",
                where=guard.shown(place) if place is not None else None,
                expected="the pose files that the vectors were made of" if place is None else "them here",
                remedy=_REMEDY,
            )
        if twice := _shared(names, self._places):
            raise PoseError(
                f"the same recording for {twice}",
                where=None if place is None else guard.shown(place),
                expected="one for each vector",
                remedy="the folder above, so that more of the names counts",
            )

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> PoseSequence: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[PoseSequence]: ...

    def __getitem__(self, index: int | slice) -> PoseSequence | Sequence[PoseSequence]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        path, own = self._places[index]
        if not own:
            return self._only(path)
        clips, rows = self._collection(path)
        if own not in rows:
            raise MissingFileError(
                f"no clip {guard.shown(own)!r}",
                where=guard.shown(path),
                expected="the data set embedded",
                remedy=_REMEDY,
            )
        if rows[own] < 0:
            raise PoseError(
                f"several clips are called {guard.shown(own)!r}",
                where=guard.shown(path),
                expected="a name for each clip",
                remedy="--no-poses for a map without moving figures",
            )
        return overridden(clips[rows[own]], self._reading.arguments)

    def _only(self, path: Path) -> PoseSequence:
        """Read the one recording of a file."""
        found = recordings_of(Input(0, str(path), path.name, 0), self._reading)
        _, _, clip = next(found)
        if next(found, None) is not None:
            raise PoseError(
                "a data set of several clips for one vector",
                where=guard.shown(path),
                expected="a pose file, or the name of a clip behind it",
                remedy=_REMEDY,
            )
        return clip

    def _collection(self, path: Path) -> tuple[ClipCollection, dict[str, int]]:
        """Return a data set and the row of each name in it, -1 for names that come twice; the last one stays open."""
        if self._open is None or self._open[0] != path:
            clips = open_collection(path, self._reading.limits)
            rows: dict[str, int] = {}
            for row, name in enumerate(clips.names):
                rows[name] = -1 if name in rows else row
            self._open = path, clips, rows
        return self._open[1:]

    def _called(self, path: Path, name: str) -> str:
        """Return what a clip of a data set is called, "" if it has none for this name."""
        _, rows = self._collection(path)
        return next((end for end in _ends(name) if end in rows), "")


def read_labels(names: Sequence[str], table: PathLike, column: str = "label") -> list[str]:
    r"""Read the label of each vector from a table; "" where it has no row.

    Args:
        names: Names of vectors.
        table: A CSV with the columns "file", the names or the ends of them, and `column`; see `msclr.evaluate.data`.
        column: The column with the labels.

    Raises:
        LabelError: If a column is missing, no name has a row, or two names have the same.
        MissingFileError: If there is no such table.

    Example:
        >>> import tempfile
        >>> table = Path(tempfile.mkdtemp()) / "labels.csv"
        >>> _ = table.write_text("file,label\nmonday/walk.bvh,walk\n")
        >>> read_labels(["takes/monday/walk.bvh", "hop.bvh"], table)
        ['walk', '']
    """
    place = guard.to_path(table)
    rows = read_rows(place, column, ReadLimits())
    found = _rows_of(names, rows, guard.shown(place))
    return ["" if row is None else row[column] for row in found]


def _rows_of(names: Sequence[str], rows: Mapping[str, V], where: str) -> list[V | None]:
    """Return the row of each name: that of the name itself, or of the longest end of it."""
    found = [next((end for end in _ends(name) if end in rows), None) for name in names]
    if twice := _shared(names, found):
        raise LabelError(
            f"the same row for {twice}",
            where=where,
            expected="a row for each vector",
            remedy="more of the path in the column 'file'",
        )
    if all(row is None for row in found):
        raise LabelError(
            f"none of {len(names):,} vectors has a row, {guard.shown(names[0])!r} for example",
            where=where,
            expected="in the column 'file' the names of the vectors, or the ends of them",
        )
    return [None if end is None else rows[end] for end in found]


def without_common_folder(names: Sequence[str]) -> list[str]:
    """Take off the folders that all names begin with: they tell nothing apart, and a page may be passed on.

    Args:
        names: Names of vectors.

    Example:
        >>> without_common_folder(["/home/me/a/walk.bvh", "/home/me/b/walk.bvh"]), without_common_folder(["/home/me/x"])
        (['a/walk.bvh', 'b/walk.bvh'], ['x'])
    """
    each = [name.replace("\\", "/").split("/") for name in names]
    shortest = min(len(parts) for parts in each) - 1
    common = 0
    while common < shortest and len({parts[common] for parts in each}) == 1:
        common += 1
    return ["/".join(parts[common:]) for parts in each]


def _locate(name: str, folder: Path | None) -> tuple[Path, str] | None:
    """Return the file that a name means and, if it is a data set, the name of the clip in it; None without a file."""
    for end in [name] if folder is None else _ends(name):
        path = Path(end) if folder is None else folder / end.lstrip("/")
        if not end.strip("/") or "\0" in end or (folder is not None and ".." in path.relative_to(folder).parts):
            continue
        with suppress(OSError):  # a name too long for a file, a folder that is not ours
            if path.exists():
                return path, ""
            for parent in path.parents:
                if parent.is_file():
                    return parent, path.relative_to(parent).as_posix()
    return None


def _shared(names: Sequence[str], places: Sequence[object]) -> str:
    """Return two different names that have the same place, for a message; "" if there are none."""
    first: dict[object, str] = {}
    for name, place in zip(names, places, strict=True):
        if place is not None and first.setdefault(place, name) != name:
            return f"{guard.shown(first[place])!r} and {guard.shown(name)!r}"
    return ""


def _ends(name: str) -> Iterator[str]:
    """Yield a name and the ends of it that begin behind a slash, the longest first."""
    yield name
    parts = PurePosixPath(name.replace("\\", "/")).parts
    for start in range(1, len(parts)):
        yield "/".join(parts[start:])
