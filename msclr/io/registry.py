"""The file formats msclr knows, and read and write, which find the right one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np

from msclr.errors import PoseError, UnknownFormatError
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.poses.given import check_sequence
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec

PathLike: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]


@dataclass(frozen=True, slots=True)
class Probe:
    """What a format may look at to recognise a file or folder.

    Args:
        path: The file or folder.
        head: First 64 kB of a file; empty for a folder.
        is_folder: Whether `path` is a folder.
        names: Names in the folder, sorted; empty for a file.
    """

    path: Path
    head: bytes = b""
    is_folder: bool = False
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the caller of `read` asked for; a reader applies all of it but `person`, which `read` applies."""

    skeleton: SkeletonSpec | None = None
    unit: str | None = None
    up: str | None = None
    fps: float | None = None
    person: int | list[int] | str | None = None
    limits: ReadLimits = field(default_factory=ReadLimits)
    follow_symlinks: bool = False
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """One file format: how to recognise it, how to read it, perhaps how to write it.

    Args:
        name: Short name, as in `read(path, format=name)`.
        title: Name for people.
        suffixes: Usual file endings, for messages and for `write`; reading goes by content.
        recognise: Says whether a file or folder looks like this format.
        read: Reads it.
        write: Writes it, atomically.
        description: One sentence for the documentation.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    recognise: Callable[[Probe], bool]
    read: Callable[[Path, ReadOptions], PoseSequence]
    write: Callable[[PoseSequence, Path], None] | None = None
    description: str = ""


@cache
def formats() -> tuple[Format, ...]:
    """List the file formats that `read` and `write` know.

    Example:
        >>> [format.name for format in formats()][:2]
        ['ntu', 'openpose']
    """
    from msclr.io import (
        alphapose,
        amass,
        asf_amc,
        bvh,
        c3d,
        coco,
        csv_table,
        h36m,
        mediapipe,
        metrabs,
        mmpose,
        npy,
        npz,
        ntu,
        openpose,
        panoptic,
        parquet,
        pku_mmd,
        pyskl,
        ultralytics,
    )

    modules = (
        ntu,
        openpose,
        bvh,
        asf_amc,
        c3d,
        mediapipe,
        ultralytics,
        mmpose,
        coco,
        alphapose,
        panoptic,
        metrabs,
        npz,
        npy,
        h36m,
        pku_mmd,
        pyskl,
        amass,
        csv_table,
        parquet,
    )
    return tuple(module.FORMAT for module in modules)


def read(
    path: PathLike,
    *,
    format: str = "auto",
    skeleton: str | SkeletonSpec | None = None,
    unit: str | None = None,
    up: str | None = None,
    fps: float | None = None,
    person: int | Sequence[int] | str | None = None,
    limits: ReadLimits | None = None,
    follow_symlinks: bool = False,
    variant: str | None = None,
) -> PoseSequence:
    """Read the poses of one recording from a file, or from a folder with one file per frame.

    Args:
        path: File or folder.
        format: Name of the format, one of `formats()`; "auto" recognises it by the content.
        skeleton: Joint convention, for formats that do not say it themselves.
        unit, up, fps: Override what the format says about length unit, upward axis and frames per second.
        person: None for all persons, a slot or list of slots, or "longest" for the person seen in most frames.
        limits: How much the file may ask for.
        follow_symlinks: Let links in a folder lead out of it.
        variant: What only some formats need to be told: which landmarks, "world", "image" or "left_hand world"
            (mediapipe); which part, "right_hand", "whole_body" or "body 3d" (openpose); what the root's numbers are,
            "absolute" or "in_place" (h36m); the size of the images, "1280x720" (ultralytics); whether poses are those
            of "frames" or of an "image" (metrabs).

    Returns:
        The poses; what the file does not have is masked.

    Raises:
        MissingFileError: If there is nothing at `path`.
        NotAFileError: If it is a device, pipe or the like, or not readable.
        UnknownFormatError: If no format, or more than one, recognises it.
        FileFormatError: If the content contradicts the format; the message has the line.
        FileLimitError: If it asks for more than `limits`.
        PoseError: If `person`, `unit`, `up`, `fps` or the coordinates are out of range.

    Example:
        >>> import numpy as np, tempfile
        >>> from msclr.poses.sequence import PoseSequence
        >>> path = tempfile.mkdtemp() + "/clip.npz"
        >>> write(PoseSequence.from_array(np.ones((2, 5, 17, 2)), "coco_17", fps=25), path)
        >>> read(path, person=0)
        PoseSequence(coco_17: 1 person, 5 frames at 25 fps, 17 joints in 2D px, 100.0 % of joints known)
    """
    place = guard.to_path(path)
    options = ReadOptions(
        skeleton=None if skeleton is None else get_skeleton(skeleton),
        unit=unit,
        up=up,
        fps=fps,
        person=list(person) if isinstance(person, Sequence) and not isinstance(person, str) else person,
        limits=limits or ReadLimits(),
        follow_symlinks=follow_symlinks,
        variant=variant,
    )
    chosen = detect_format(place, options.limits) if format == "auto" else format_named(format)
    return choose_persons(chosen.read(place, options), options.person)


def write(sequence: PoseSequence, path: PathLike, *, format: str = "auto") -> None:
    """Write poses to a file, which appears complete or not at all; an existing file is replaced.

    Args:
        sequence: The poses.
        path: The file to write; its folder must exist.
        format: Name of the format; "auto" goes by the ending of the file name (.npz keeps everything).

    Raises:
        PoseTypeError: If `sequence` is not a PoseSequence.
        UnknownFormatError: If no format that can be written has that name or ending.
        NotAFileError: If the folder is missing, read-only or full.

    Example:
        >>> import numpy as np, tempfile
        >>> from msclr.poses.sequence import PoseSequence
        >>> write(PoseSequence.from_array(np.ones((5, 17, 2)), "coco_17"), tempfile.mkdtemp() + "/clip.npz")
    """
    check_sequence(sequence)
    place = guard.to_path(path)
    writable = [known for known in formats() if known.write is not None]
    if format == "auto":
        candidates = [known for known in writable if place.suffix.lower() in known.suffixes]
    else:
        candidates = [known for known in writable if known.name == format_named(format).name]
    if not candidates or candidates[0].write is None:
        listed = ", ".join(f"{known.name} ({', '.join(known.suffixes)})" for known in writable)
        found = f"no format to write has the ending {place.suffix!r}" if format == "auto" else f"{format} is read only"
        raise UnknownFormatError(found, where=guard.shown(place), expected=f"one of {listed}", remedy="format='npz'")
    candidates[0].write(sequence, place)


def format_named(name: str) -> Format:
    """Return a format by its name.

    Raises:
        UnknownFormatError: If there is none.

    Example:
        >>> format_named("bvh").suffixes
        ('.bvh',)
    """
    known = {each.name: each for each in formats()}
    if name in known:
        return known[name]
    near = get_close_matches(str(name), known, n=3) or list(known)
    raise UnknownFormatError(f"no format is called {name!r}", expected="one of " + ", ".join(near))


def detect_format(path: Path, limits: ReadLimits) -> Format:
    """Return the format of a file or folder, recognised by its content.

    Raises:
        UnknownFormatError: If no format, or more than one, recognises it.
    """
    where = guard.shown(path)
    if guard.is_folder(path):
        probe = Probe(path, is_folder=True, names=tuple(guard.list_folder(path, limits)))
    else:
        probe = Probe(path, head=guard.read_head(path))
        guard.refuse_compressed(probe.head, where)
        if len(probe.head) < guard.HEAD_BYTES and not probe.head.strip():
            guard.open_regular(path, limits)  # raises the error for empty files
    candidates = [known for known in formats() if known.recognise(probe)]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        names = ", ".join(known.name for known in candidates)
        raise UnknownFormatError(
            f"several formats fit: {names}", where=where, remedy=f"format={candidates[0].name!r}, or another of them"
        )
    listed = ", ".join(f"{known.name} ({known.title})" for known in formats())
    named = next((known.name for known in formats() if path.suffix.lower() in known.suffixes), "...")
    raise UnknownFormatError(
        f"no format recognises this {'folder' if probe.is_folder else 'file'}",
        where=where,
        expected=f"one of {listed}",
        remedy=f"format={named!r} for a plain reason why not",
    )


def choose_persons(sequence: PoseSequence, person: int | list[int] | str | None) -> PoseSequence:
    """Return the persons that `read` was asked for; see there.

    Raises:
        PoseError: If there is no such person.
    """
    if person is None:
        return sequence
    if person == "longest":
        if not sequence.num_persons:
            raise PoseError("nobody is in this recording", where=sequence.source, expected="at least one person")
        seen = sequence.valid.any(axis=2).sum(axis=1)
        return sequence.persons([int(seen.argmax())])
    given: list[object] = list(person) if isinstance(person, list) else [person]
    slots = [int(slot) for slot in given if isinstance(slot, int | np.integer) and not isinstance(slot, bool)]
    if len(slots) < len(given):
        raise PoseError(
            f"person={person!r:.80}", where=sequence.source, expected="None, a slot, a list of slots, or 'longest'"
        )
    return sequence.persons(slots)
