"""A folder of recordings: one pose file after the other, each accounted for.

A `PoseFolder` is many files that are read when their turn comes; `msclr.io.collection` is the other thing, a data set
that somebody has put into one file for training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from msclr.errors import FileFormatError, MsclrError, NotAFileError, PoseError
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.registry import PathLike, Probe, format_named, read
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import SkeletonSpec

OnError: TypeAlias = Literal["raise", "skip"]

_FRAME_FORMATS = ("openpose", "panoptic")  # a folder of theirs is one recording


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that was not read, and why."""

    name: str
    error: MsclrError


class PoseFolder:
    """The recordings of a folder; going through it reads them one at a time, in the order of their names.

    Args:
        path: The folder.
        names: The files to read, sorted. After a pass through them each has been yielded or is in `failures`.
        left_out: The other entries of the folder.
        load: Reads one of the files, by its name, into one or more named recordings.
        on_error: "raise" stops at the first file that cannot be read; "skip" notes it and goes on.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.txt").write_text(" ".join(["0.5"] * 96))
        >>> _ = (folder / "b.txt").write_text("no numbers")
        >>> clips = read_folder(folder, format="h36m", on_error="skip")
        >>> [name for name, clip in clips], [failure.name for failure in clips.failures]
        (['a.txt'], ['b.txt'])
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[str],
        left_out: Sequence[str],
        load: Callable[[str], Sequence[tuple[str, PoseSequence]]],
        on_error: OnError,
    ) -> None:
        given: object = on_error
        if given not in ("raise", "skip"):
            raise PoseError(f"on_error={on_error!r:.40}", expected="'raise' or 'skip'")
        self.path = path
        self.names = tuple(names)
        self.left_out = tuple(left_out)
        self.on_error = on_error
        self._load = load
        self._failures: list[Failure] = []

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[tuple[str, PoseSequence]]:
        self._failures = failures = []
        for name in self.names:
            try:
                recordings = self._load(name)
            except MsclrError as error:
                if self.on_error == "raise":
                    raise
                failures.append(Failure(name, error))
                continue
            yield from recordings

    def __repr__(self) -> str:
        return f"PoseFolder({guard.shown(self.path)}: {len(self.names):,} files)"

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The files that could not be read, in the pass made last."""
        return tuple(self._failures)


def read_folder(
    path: PathLike,
    *,
    format: str = "auto",
    pattern: str | None = None,
    on_error: OnError = "raise",
    follow_symlinks: bool = False,
    skeleton: str | SkeletonSpec | None = None,
    unit: str | None = None,
    up: str | None = None,
    fps: float | None = None,
    person: int | Sequence[int] | str | None = None,
    variant: str | None = None,
    limits: ReadLimits | None = None,
) -> PoseFolder:
    """Go through a folder with one recording in each file, as NTU RGB+D comes, or in each folder, as OpenPose writes.

    Args:
        path: The folder.
        format: The format of all of them; "auto" recognises each by its content.
        pattern: Which entries, as in "S001*.skeleton"; `*`, `?` and `[...]` as in a shell. None: those with the usual
            ending of `format` if it is named and has one, or else, if there are none, the folders in it; without a
            named format, all. Names that begin with a dot are left out.
        on_error: "raise" stops at the first file that cannot be read; "skip" goes on, and puts it into `failures`.
        follow_symlinks: Let links lead out of the folder.
        skeleton, unit, up, fps, person, variant, limits: As in `msclr.read`.

    Returns:
        The folder; going through it gives (name, poses), and what the name says is in the `meta` of the poses. Nothing
        is read before.

    Raises:
        MissingFileError: If there is no such folder.
        NotAFileError: If it is a file.
        FileFormatError: If no entry fits the pattern, or the folder itself is one recording.
        UnknownFormatError: If no format has that name.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for number in (2, 1):
        ...     _ = (folder / f"walk_{number}.txt").write_text(" ".join(["0.5"] * 96))
        >>> [(name, clip.num_joints) for name, clip in read_folder(folder, format="h36m")]
        [('walk_1.txt', 32), ('walk_2.txt', 32)]
    """
    place = guard.to_path(path)
    limits = limits or ReadLimits()
    names = list_recordings(place, limits)
    chosen = _choose(place, names, format, pattern)
    reader = partial(read, format=format, skeleton=skeleton, unit=unit, up=up, fps=fps, person=person, variant=variant)
    reader = partial(reader, limits=limits, follow_symlinks=follow_symlinks)
    load = partial(_load, place, reader, follow_symlinks)
    return PoseFolder(place, chosen, sorted(set(names) - set(chosen)), load, on_error)


def _load(
    folder: Path, reader: Callable[[Path], PoseSequence], follow_symlinks: bool, name: str
) -> list[tuple[str, PoseSequence]]:
    if not follow_symlinks:
        guard.inside(folder / name, folder)
    return [(name, reader(folder / name))]


def _choose(path: Path, names: Sequence[str], format: str, pattern: str | None) -> list[str]:
    """Return the entries to read, at least one."""
    where = guard.shown(path)
    if pattern is not None:
        chosen = [name for name in names if fnmatchcase(name, pattern)]
    else:
        single = frame_format(path, names, format)
        if single is not None:
            raise FileFormatError(
                f"one recording, in the format {single}, with a file for each frame",
                where=where,
                expected="a folder with a folder for each recording",
                remedy="msclr.read for this folder, or pattern= if its files are recordings",
            )
        visible = [name for name in names if not name.startswith(".")]
        suffixes = () if format == "auto" else format_named(format).suffixes
        chosen = [name for name in visible if name.lower().endswith(suffixes or "")]
        chosen = chosen or [name for name in visible if (path / name).is_dir()]
    if not chosen:
        raise FileFormatError(
            f"none of {len(names):,} entries is to be read",
            where=where,
            expected="pose files" if pattern is None else f"names like {pattern!r:.80}",
            remedy="another pattern=",
        )
    return chosen


def frame_format(path: Path, names: Sequence[str], format: str) -> str | None:
    """Return in which format a folder is one recording with a file for each frame, None if it is not.

    Args:
        path: The folder.
        names: What is in it.
        format: Name of a format, or "auto".
    """
    probe = Probe(path, is_folder=True, names=tuple(names))
    known = map(format_named, _FRAME_FORMATS if format == "auto" else (format,))
    return next((each.name for each in known if each.recognise(probe)), None)


def list_recordings(path: Path, limits: ReadLimits) -> list[str]:
    """Return the names in a folder, sorted; refuse a file."""
    if not guard.is_folder(path):
        raise NotAFileError("a file, not a folder", where=guard.shown(path), expected="a folder of recordings")
    return guard.list_folder(path, limits)
