"""Labelled clips of NTU RGB+D 60 and 120: a folder of .skeleton files with the official splits."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

import numpy as np

from msclr.errors import FileFormatError, LabelError, PoseError
from msclr.evaluate.data.digest import sha256_of_files
from msclr.evaluate.data.labelled import LabelledClips, LazyClips
from msclr.evaluate.data.prepared import NEITHER
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.ntu import FPS, SKELETON, ClipName, read_bodies
from msclr.io.registry import PathLike, read
from msclr.poses.sequence import PoseSequence
from msclr.protocols.missing import read_missing_list
from msclr.protocols.ntu_splits import ACTIONS, SPLITS, side_of
from msclr.protocols.prepare import NOBODY, SLOTS, UP, Bodies, Line, frames_of, prepare_bodies


def ntu_clips(
    folder: PathLike,
    *,
    line: Line | None = None,
    frames: int | None = None,
    missing: PathLike | None = None,
    limits: ReadLimits | None = None,
) -> LabelledClips:
    r"""Take a folder of NTU RGB+D .skeleton files as labelled clips, each read when it is used.

    Args:
        folder: The folder; files whose names are not those of clips are left alone.
        line: None reads the recordings as `msclr.read` does. "cros" and "isc" prepare them as the papers did, see
            `msclr.protocols.prepare.prepare_ntu`.
        frames: New number of frames of the line "cros", 50 unless given.
        missing: A list of clips to leave out, as the authors of the data set publish one.
        limits: How much a file may ask for.

    Returns:
        The clips; classes are "A001" to "A120". Splits are the official ones that have clips in the folder, those of
        NTU RGB+D 60 first unless there are classes beyond A060.

    Raises:
        MissingFileError: If there is no such folder.
        LabelError: If there is no clip in it, or one is there twice.

    Source:
        Shahroudy et al. 2016 (NTU RGB+D); Liu et al. 2019 (NTU RGB+D 120).

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("S001C001P001R001A001", "S001C001P003R001A001"):
        ...     _ = (folder / f"{name}.skeleton").write_text("1\n0\n")
        >>> ntu_clips(folder).sides("ntu60_xsub").test
        ('S001C001P003R001A001',)
    """
    place, limits = guard.to_path(folder), limits or ReadLimits()
    size = frames_of_line(line, frames)
    unwanted = frozenset[ClipName]() if missing is None else read_missing_list(missing, limits=limits)
    files, left_out = _files_in(place, unwanted, limits)
    names = list(files)
    paths = {str(name): place / file for name, file in files.items()}

    def load(index: int) -> PoseSequence:
        path = guard.inside(place / files[names[index]], place)
        if line is None:
            return read(path, format="ntu", limits=limits)
        return prepared_sequence(read_bodies(path, SLOTS[line], limits=limits), line, size, guard.shown(path))

    columns = _columns(names)
    return LabelledClips(
        name=place.resolve().name,
        ids=tuple(paths),
        labels=tuple(f"A{name.action:03d}" for name in names),
        clips=LazyClips(tuple(paths), load),
        columns=columns,
        splits=tuple(split for split in _usual_first(names) if split in columns),
        digest=partial(sha256_of_files, {files[name]: place / files[name] for name in names}),
        reading=line_in_words(line, size),
        preparation=line,
        where=guard.shown(place),
        left_out=left_out,
    )


def _files_in(
    place: Path, unwanted: Collection[ClipName], limits: ReadLimits
) -> tuple[dict[ClipName, str], dict[str, str]]:
    """Return the files of the clips in a folder, and why the unwanted ones are left out."""
    files: dict[ClipName, str] = {}
    left_out: dict[str, str] = {}
    for file in guard.list_folder(place, limits):
        name = ClipName.find(file) if file.lower().endswith(".skeleton") else None
        if name is None or all(side_of(name, split) is None for split in SPLITS):
            continue
        if name in files:
            raise FileFormatError(f"clip {name} for the second time", where=guard.shown(place / file))
        if name in unwanted:
            left_out[str(name)] = "on the list of missing skeletons"
        else:
            files[name] = file
    return files, left_out


def frames_of_line(line: Line | None, frames: int | None) -> int:
    """Return to how many frames clips are resized, see `frames_of`; 0 without a line.

    Raises:
        LabelError: If there are frames without a line.
        ConfigError: As from `frames_of`.
    """
    if line is not None:
        return frames_of(line, frames)
    if frames is not None:
        raise LabelError(f"frames = {frames} without a line", expected="line='cros'")
    return 0


def line_in_words(line: Line | None, frames: int) -> str:
    """Return what reports say of how clips are prepared."""
    return "" if line is None else f"line={line}" + (f" frames={frames}" if line == "cros" else "")


def prepared_sequence(bodies: Bodies, line: Line, frames: int, where: str) -> PoseSequence:
    """Prepare the bodies of a clip of NTU RGB+D or PKU-MMD as the papers did.

    Args:
        bodies: [slots, t, 25, 3], zeros where a frame has fewer bodies.
        line: "cros" or "isc".
        frames: New number of frames of the line "cros".
        where: The file, for messages.

    Returns:
        Two persons; one who is all zeros in a frame is not there in it.

    Raises:
        PoseError: If there is no body in any frame.
    """
    if not bodies.any():
        raise PoseError(NOBODY, where=where, expected="at least one", remedy="leave the clip out, as the papers do")
    positions = prepare_bodies(bodies, line, frames)
    present = np.asarray(positions.any(axis=(2, 3)))
    valid = np.broadcast_to(present[:, :, None], positions.shape[:3])
    return PoseSequence.from_array(positions, SKELETON, fps=FPS, valid=valid, unit="m", up=UP[line], source=where)


def _columns(names: list[ClipName]) -> dict[str, tuple[str, ...]]:
    columns = {
        "subject": tuple(f"P{name.performer:03d}" for name in names),
        "camera": tuple(f"C{name.camera:03d}" for name in names),
        "setup": tuple(f"S{name.setup:03d}" for name in names),
    }
    for split in SPLITS:
        sides = tuple(side_of(name, split) or NEITHER for name in names)
        if set(sides) - {NEITHER}:
            columns[split] = sides
    return columns


def _usual_first(names: list[ClipName]) -> list[str]:
    small = all(name.action <= ACTIONS["ntu60"] for name in names)
    return sorted(SPLITS, key=lambda split: split.startswith("ntu60") != small)
