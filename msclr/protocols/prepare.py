"""From the files of NTU RGB+D and PKU-MMD to one `.npz` that training and evaluation read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from msclr.errors import ConfigError, FileFormatError, MissingFileError, MsclrError, NotAFileError
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.ntu import FPS, SKELETON, ClipName, read_bodies
from msclr.io.pku_mmd import read_pku_mmd
from msclr.io.registry import PathLike
from msclr.poses import cros_line, isc_line
from msclr.poses.sequence import PoseSequence
from msclr.protocols.missing import read_missing_list
from msclr.protocols.ntu_splits import ACTIONS, NtuSplit, Side, check_split, side_of
from msclr.protocols.pku_splits import CLASSES, PkuSplit, read_pku_split
from msclr.protocols.writer import CollectionWriter, collection_writer
from msclr.skeletons.registry import get_skeleton

Line: TypeAlias = Literal["cros", "isc"]
Bodies: TypeAlias = npt.NDArray[np.floating]
Clip: TypeAlias = tuple[str, Callable[[], Bodies], dict[str, str | int]]

PERSONS = 2
SLOTS: Mapping[Line, int] = {"cros": cros_line.BODIES, "isc": isc_line.SLOTS}
UP: Mapping[Line, str] = {"cros": "+y", "isc": "+z"}
NOBODY = "no body in any frame"


@dataclass(frozen=True)
class Prepared:
    """What has become of the files.

    Args:
        path: The `.npz` written.
        train, test: Number of clips on either side.
        left_out: Name of each clip of the split that is not in the file, and why; of a recording of PKU-MMD that cannot
            be read, the name of the recording.
        outside: Number of files that the split does not have, or that bear no name of a clip.
    """

    path: Path
    train: int
    test: int
    left_out: Mapping[str, str]
    outside: int


def prepare_ntu(
    folder: PathLike,
    out: PathLike,
    *,
    split: str,
    line: Line = "cros",
    frames: int | None = None,
    missing: PathLike | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    limits: ReadLimits | None = None,
) -> Prepared:
    """Prepare a folder of NTU RGB+D .skeleton files as the papers did.

    Args:
        folder: The folder with the .skeleton files; those of NTU RGB+D 120 may be among them for a split of 60.
        out: The `.npz` to make, in the layout of `msclr.io.collection`; `split` is a column of it.
        split: "ntu60_xsub", "ntu60_xview", "ntu120_xsub" or "ntu120_xset".
        line: "cros" for SkeletonCLR, CrosSCLR, AimCLR, SkeleMixCLR and MS-CLR; "isc" for inter-skeleton contrast.
        frames: New number of frames of the line "cros": 50, or 64 for SkeleMixCLR; they lie no longer 1/30 s apart,
            though the file says so. Clips of the line "isc" keep theirs, 300 at most.
        missing: A list of clips to leave out, see `read_missing_list`. Clips without any body are left out anyway.
        on_error: What to do about a file that cannot be read: "raise", or "skip" to leave it out.
        limits: How much a file may ask for.

    Returns:
        How many clips there are, and which were left out.

    Raises:
        ConfigError: If there is no such split or line, or frames are given for the line "isc".
        FileFormatError: If a file is not as it should be, a clip is there twice, or no clip is left.

    Example:
        >>> prepare_ntu(".", "clips.npz", split="ntu60")
        Traceback (most recent call last):
        ...
        msclr.errors.ConfigError: split 'ntu60'; expected one of ntu60_xsub, ntu60_xview, ntu120_xsub, ntu120_xset
    """
    known = check_split(split)
    place, limits = guard.to_path(folder), limits or ReadLimits()
    unwanted = frozenset[ClipName]() if missing is None else read_missing_list(missing, limits=limits)
    run = _Run(guard.to_path(out), line, frames, on_error)
    clips = _ntu_clips(place, known, unwanted, run, limits)
    dataset = known.partition("_")[0]
    return run.write(clips, [f"A{number:03d}" for number in range(1, ACTIONS[dataset] + 1)], place, split)


def prepare_pku(
    skeletons: PathLike,
    labels: PathLike,
    split_file: PathLike,
    out: PathLike,
    *,
    line: Line = "cros",
    frames: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    limits: ReadLimits | None = None,
) -> Prepared:
    """Prepare PKU-MMD, part I or II: its labelled actions as clips, those over 300 frames by their central 300.

    Args:
        skeletons, labels: The folders with skeleton and label files, of the same names.
        split_file: One of the split files of the data set, see `read_pku_split`.
        out: The `.npz` to make, in the layout of `msclr.io.collection`; `split` is a column of it.
        line, frames, on_error, limits: As for `prepare_ntu`.

    Returns:
        How many clips there are, and which were left out.

    Raises:
        ConfigError: If there is no such line, or frames are given for the line "isc".
        FileFormatError: If a file is not as it should be, or no clip is left.
        MissingFileError: If a recording of the split is not in the folders.

    Example:
        >>> prepare_pku(".", ".", "cross-view.txt", "clips.npz", line="cros", frames=0)
        Traceback (most recent call last):
        ...
        msclr.errors.ConfigError: frames = 0; expected at least 1
    """
    limits = limits or ReadLimits()
    run = _Run(guard.to_path(out), line, frames, on_error)
    split = read_pku_split(split_file, limits=limits)
    folders = guard.to_path(skeletons), guard.to_path(labels)
    clips = _pku_clips(*folders, split, run, limits)
    return run.write(clips, [str(number) for number in range(1, CLASSES + 1)], folders[0], f"pku{split.part}")


class _Run:
    """One pass over the files of a data set."""

    def __init__(self, out: Path, line: Line, frames: int | None, on_error: str) -> None:
        self.frames = frames_of(line, frames)
        if on_error not in ("raise", "skip"):
            raise ConfigError(f"on_error = {on_error!r:.80}", expected="'raise' or 'skip'")
        if not out.parent.is_dir():
            raise NotAFileError("no such folder", where=guard.shown(out.parent), expected="a folder for the result")
        self.out = out
        self.line: Line = line
        self.on_error = on_error
        self.left_out: dict[str, str] = {}
        self.outside = 0

    @property
    def slots(self) -> int:
        """Bodies of a frame that are looked at."""
        return SLOTS[self.line]

    def fail(self, name: str, error: MsclrError) -> None:
        """Note a file that cannot be used, or stop."""
        if self.on_error == "raise":
            raise error
        self.left_out[name] = str(error)

    def write(self, clips: Iterable[Clip], classes: list[str], folder: Path, split: str) -> Prepared:
        """Prepare the clips and write them."""
        sides: Counter[str | int] = Counter()
        with collection_writer(self.out.parent, get_skeleton(SKELETON), PERSONS) as writer:
            for name, load, facts in clips:
                if self._add(writer, name, load, facts):
                    sides[facts["split"]] += 1
            if not sides:
                raise FileFormatError("no clip of the split is left", where=guard.shown(folder), expected=split)
            about: dict[str, str | float | list[str]] = {"fps": FPS, "units": "m", "up": UP[self.line]}
            writer.finish(self.out, {**about, "class_names": classes, "line": self.line, "protocol": split})
        return Prepared(self.out, sides["train"], sides["test"], self.left_out, self.outside)

    def _add(
        self, writer: CollectionWriter, name: str, load: Callable[[], Bodies], facts: dict[str, str | int]
    ) -> bool:
        try:
            bodies = load()
            if not bodies.any():
                self.left_out[name] = NOBODY
                return False
            prepared = prepare_bodies(bodies, self.line, self.frames)
        except MsclrError as error:
            self.fail(name, error)
            return False
        writer.add(name, prepared, facts)
        return True


def frames_of(line: Line, frames: int | None) -> int:
    """Return to how many frames clips are resized: as asked for, or 50; without effect for the line "isc".

    Raises:
        ConfigError: If there is no such line, or frames are given for the line "isc".
    """
    if line not in get_args(Line):
        raise ConfigError(f"line {line!r:.80}", expected="'cros' or 'isc'")
    if frames is not None and (line == "isc" or frames < 1):
        expected = "at least 1" if line == "cros" else "none: clips of the line 'isc' keep theirs"
        raise ConfigError(f"frames = {frames}", expected=expected)
    return frames or 50


def prepare_bodies(bodies: Bodies, line: Line, frames: int = 50) -> npt.NDArray[np.float32]:
    """Prepare the bodies of one clip as the papers did, the central 300 frames of longer ones.

    Args:
        bodies: [slots, t, 25, 3], as `read_bodies` gives them; zeros where a frame has fewer bodies.
        line: "cros" or "isc", see `prepare_ntu`.
        frames: New number of frames of the line "cros".

    Returns:
        [2, frames, 25, 3], or [2, t, 25, 3] of the line "isc".
    """
    kept = bodies[:, isc_line.central_frames(bodies.shape[1])]
    if line == "cros":
        return cros_line.prepare_array(kept, frames=frames)
    return isc_line.prepare_array(kept, length=kept.shape[1])


def _ntu_clips(
    folder: Path, split: NtuSplit, unwanted: frozenset[ClipName], run: _Run, limits: ReadLimits
) -> Iterator[Clip]:
    seen: set[ClipName] = set()
    for file in guard.list_folder(folder, limits):
        name = ClipName.find(file) if file.lower().endswith(".skeleton") else None
        side: Side | None = side_of(name, split) if name else None
        if name is None or side is None:
            run.outside += 1
            continue
        if name in seen:
            raise FileFormatError(f"clip {name} for the second time", where=guard.shown(folder / file))
        seen.add(name)
        if name in unwanted:
            run.left_out[str(name)] = "on the list of missing skeletons"
            continue
        facts: dict[str, str | int] = {
            "label": name.action - 1,
            "subject": f"P{name.performer:03d}",
            "camera": f"C{name.camera:03d}",
            "setup": f"S{name.setup:03d}",
            "split": side,
        }
        yield str(name), partial(_file_bodies, folder / file, run.slots, limits), facts


def _file_bodies(path: Path, slots: int, limits: ReadLimits) -> Bodies:
    return read_bodies(guard.inside(path, path.parent), slots, limits=limits)


def _pku_clips(skeletons: Path, labels: Path, split: PkuSplit, run: _Run, limits: ReadLimits) -> Iterator[Clip]:
    files = {Path(name).stem: name for name in guard.list_folder(skeletons, limits) if name.lower().endswith(".txt")}
    run.outside = len(files.keys() - split.train - split.test)
    for recording in sorted(split.train | split.test):
        try:
            if recording not in files:
                raise MissingFileError(f"no recording {recording}", where=guard.shown(skeletons))
            paths = [guard.inside(each / files[recording], each) for each in (skeletons, labels)]
            actions = read_pku_mmd(*paths, limits=limits)
        except MsclrError as error:
            run.fail(recording, error)
            continue
        for number, clip in enumerate(actions, start=1):
            name, label = f"{recording}_{number:03d}", int(clip.meta["label"])
            if not 1 <= label <= CLASSES:
                where = f"{guard.shown(paths[1])}, line {number}"
                run.fail(name, FileFormatError(f"class {label}", where=where, expected=f"1 to {CLASSES}"))
                continue
            facts: dict[str, str | int] = {"label": label - 1, "recording": recording, "view": recording[-1]}
            facts["split"] = split.side_of(recording) or ""
            yield name, partial(two_bodies, clip), facts


def two_bodies(clip: PoseSequence) -> Bodies:
    """The bodies of PKU-MMD, the second column in the place of the first where that is empty."""
    return cros_line.first_bodies(clip.positions, np.asarray(clip.valid.any(axis=2)), PERSONS)
