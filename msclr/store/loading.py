"""Read one input into named recordings: a pose file or folder, or a prepared data set with many clips."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from msclr.errors import FileFormatError, MsclrError
from msclr.io import guard
from msclr.io.collection import ClipCollection, read_collection
from msclr.io.limits import ReadLimits
from msclr.io.reading import Reading
from msclr.io.registry import choose_persons
from msclr.poses import arrays
from msclr.poses.sequence import PoseSequence, check_fps
from msclr.store.inputs import Input, InputOutcome
from msclr.store.layout import Precision
from msclr.store.shard import ShardWriter

Pairing: TypeAlias = Literal["meta", "name"]

_COLLECTION = {"joints.npy", "offsets.npy", "joint_names.npy"}


@dataclass(frozen=True)
class InputReading:
    """How inputs are read, and what of them is kept; see `prepare`.

    Args:
        arguments: What is said about all inputs.
        variant, limits, follow_symlinks: As for `msclr.read`.
        precision, pairing: As for `prepare`.
    """

    arguments: Reading = field(default_factory=Reading)
    variant: str | None = None
    limits: ReadLimits = field(default_factory=ReadLimits)
    follow_symlinks: bool = False
    precision: Precision = "float32"
    pairing: Pairing = "meta"


def add_input(writer: ShardWriter, entry: Input, reading: InputReading, *, stop: bool) -> InputOutcome:
    """Read an input and append what is in it.

    Args:
        writer: The shard.
        entry: The input.
        reading: How.
        stop: Raise the error of an input that cannot be read.

    Returns:
        What has become of it. Nothing of an input that failed is in the shard.
    """
    if entry.reason:
        return InputOutcome(entry.path, "left out", 0, entry.reason)
    try:
        clips = list(recordings_of(entry, reading))
        kept = [each for each in clips if each[2].num_frames and each[2].valid.any()]
        with writer.whole():
            for name, motion, clip in kept:
                recording = clip.meta.get("recording") if reading.pairing == "meta" else motion
                writer.add(clip, name=name, recording=recording, input=entry.number, source=entry.source)
    except MsclrError as error:
        if stop:
            raise
        return InputOutcome(entry.path, "failed", 0, str(error))
    except (Exception, RecursionError) as error:
        if stop:
            raise
        return InputOutcome(entry.path, "failed", 0, f"{type(error).__name__}: {error}. This is a bug in msclr")
    empty = len(clips) - len(kept)
    if not kept:
        return InputOutcome(entry.path, "left out", 0, "no known joint in any frame")
    reason = f"{empty:,} of {len(clips):,} recordings have no known joint" if empty else ""
    return InputOutcome(entry.path, "done", len(kept), reason)


def recordings_of(entry: Input, reading: InputReading) -> Iterator[tuple[str, str | None, PoseSequence]]:
    """Yield what is in an input: its name in the store, what its name says is recorded, and the poses."""
    path = Path(entry.path)
    if entry.root is not None:
        guard.inside(path, Path(entry.root))
    if reading.arguments.format in ("auto", "npz") and _is_collection(path):
        clips = open_collection(path, reading.limits)
        numbered = clips.names == tuple(map(str, range(len(clips))))  # 0, 1, ... name no motion
        for index, name in enumerate(clips.names):
            yield f"{entry.label}/{name}", None if numbered else name, overridden(clips[index], reading.arguments)
        return
    clip = reading.arguments.read(
        path, variant=reading.variant, limits=reading.limits, follow_symlinks=reading.follow_symlinks
    )
    last = entry.label.rpartition("/")[2]
    yield entry.label, last.rpartition(".")[0] or last, clip


def _is_collection(path: Path) -> bool:
    """Return whether a file is a prepared data set, by the names of its arrays."""
    if guard.is_folder(path) or not guard.read_head(path).startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist()) >= _COLLECTION
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False  # the reader of .npz says what is wrong


def open_collection(path: Path, limits: ReadLimits) -> ClipCollection:
    """Read a prepared data set, within the limits.

    Args:
        path: The file.
        limits: How much it may grow in memory.

    Raises:
        FileFormatError: If it asks for more, or is damaged.
        MissingFileError: If there is no such file.
    """
    where = guard.shown(path)
    with zipfile.ZipFile(path) as archive:
        needed = sum(member.file_size for member in archive.infolist())
    size = path.stat().st_size
    allowed = limits.maximum_growth * size + limits.free_bytes
    if needed > allowed:
        raise FileFormatError(
            f"{needed:,} bytes once unpacked, of {size:,}", where=where, expected=f"at most {allowed:,}"
        )
    try:
        return read_collection(path)
    except MsclrError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, IndexError, TypeError, ValueError, OSError) as error:
        raise FileFormatError(f"a damaged data set ({error})", where=where, expected="a complete .npz") from None


def overridden(clip: PoseSequence, reading: Reading) -> PoseSequence:
    """Apply what the caller says about unit, axis, rate and persons; a data set names its own convention.

    Args:
        clip: A clip of a prepared data set.
        reading: What the caller says.

    Raises:
        PoseError: If something of it is out of range.
    """
    changes: dict[str, object] = {}
    if reading.unit is not None:
        changes["unit"] = arrays.check_unit(reading.unit, clip.skeleton, clip.source)
    if reading.up is not None:
        changes["up"] = arrays.check_up(reading.up, clip.skeleton, clip.source)
    if reading.fps is not None:
        changes["fps"] = check_fps(reading.fps, clip.source)
    return choose_persons(clip.replace(**changes) if changes else clip, reading.person)
