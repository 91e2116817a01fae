"""ASF/AMC recordings (CMU, HDM05): the motion of an Acclaim skeleton, which lies in an ASF file beside it."""

from __future__ import annotations

import math
import re
from array import array
from pathlib import Path

import numpy as np

from msclr.errors import FileFormatError, FileLimitError, MissingFileError
from msclr.io import guard
from msclr.io.asf import AcclaimSkeleton, Line, parse_asf, read_lines
from msclr.io.limits import ReadLimits
from msclr.io.motion_capture import to_sequence
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.checks import MAXIMUM_JOINTS
from msclr.skeletons.rotations import FloatArray
from msclr.skeletons.text_source import TextSource, quote

FPS = 120.0  # of the CMU and HDM05 recordings; the files do not say it

_SIGN = re.compile(rb"^[ \t]*(#!OML:A|:FULLY-SPECIFIED|:DEGREES|:RADIANS|:bonedata)", re.IGNORECASE | re.MULTILINE)
_SKELETON = re.compile(r"^[ \t]*:bonedata", re.IGNORECASE | re.MULTILINE)


def parse_amc(text: str, skeleton: AcclaimSkeleton, where: str = "AMC", limits: ReadLimits | None = None) -> FloatArray:
    """Parse the text of an AMC file.

    Args:
        text: The whole file.
        skeleton: The skeleton it belongs to.
        where: Name of the file for messages.
        limits: How much it may contain.

    Returns:
        [t, channels] float64 values for the skeleton's hierarchy: lengths in the file's unit, angles in degrees.

    Raises:
        FileFormatError: If bones are unknown, missing or have another number of values, or frames are out of order;
            with line and column.
        FileLimitError: If there are more frames than allowed.
    """
    parser = _Parser(TextSource(text, where), skeleton, limits or ReadLimits())
    for line in read_lines(parser.source):
        parser.take(line)
    return parser.values()


class _Parser:
    """The frame being read, and the values of those before it."""

    def __init__(self, source: TextSource, skeleton: AcclaimSkeleton, limits: ReadLimits) -> None:
        self.source = source
        self.skeleton = skeleton
        self.limits = limits
        self.degrees = skeleton.degrees
        self.numbers = array("d")
        self.frames = 0
        self.frame: int | None = None
        self.row: list[float] = []
        self.waiting: set[str] = set()

    def take(self, line: Line) -> None:
        """Take one line: a frame number, the values of one bone, or a word of the header."""
        first = line.words[0]
        if first.startswith(":") and self.frame is None:
            word = first.casefold()
            self.degrees = {":degrees": 1.0, ":radians": 180.0 / math.pi}.get(word, self.degrees)
        elif first.isascii() and first.isdigit() and len(line.words) == 1:
            self.begin_frame(line)
        elif self.frame is None:
            raise line.error(quote(first), "the number of the first frame")
        else:
            self.take_bone(line, first)

    def begin_frame(self, line: Line) -> None:
        number = int(line.words[0]) if len(line.words[0]) <= 18 else -1
        if self.frame is not None:
            self.finish_frame(line.place(0))
            if number != self.frame + 1:
                raise line.error(f"frame {quote(line.words[0])} after frame {self.frame}", str(self.frame + 1))
        if self.frames >= self.limits.maximum_frames:
            raise FileLimitError(
                f"over {self.limits.maximum_frames:,} frames",
                where=self.source.place(line.place(0)),
                remedy="limits=ReadLimits(maximum_frames=...)",
            )
        self.frame = number
        self.row = [0.0] * self.skeleton.hierarchy.num_channels
        self.waiting = set(self.skeleton.columns)

    def take_bone(self, line: Line, name: str) -> None:
        columns = self.skeleton.columns.get(name)
        if columns is None:
            known = name in self.skeleton.hierarchy.names
            found = f"values of {quote(name)}, which " + ("has no dof" if known else "the skeleton does not have")
            raise line.error(found, "a bone with dof", "give the file its own .asf, named like it")
        if name not in self.waiting:
            raise line.error(f"{quote(name)} twice in frame {self.frame}", "each bone once")
        self.waiting.remove(name)
        for column, value in zip(columns, line.numbers(1, len(columns)), strict=True):
            self.row[column] = value

    def finish_frame(self, place: int) -> None:
        if self.waiting:
            lost = ", ".join(sorted(self.waiting)[:4])
            raise self.source.error(place, f"frame {self.frame} has no values of {lost}", "all bones in every frame")
        self.numbers.extend(self.row)
        self.frames += 1

    def values(self) -> FloatArray:
        if self.frame is None:
            raise self.source.error(len(self.source.text), "the file ends before the first frame", "a frame number")
        self.finish_frame(len(self.source.text))
        hierarchy = self.skeleton.hierarchy
        values = np.frombuffer(self.numbers, dtype=np.float64).reshape(self.frames, hierarchy.num_channels)
        turns = [channel.endswith("rotation") for channels in hierarchy.channels for channel in channels]
        if self.degrees != 1.0:
            values[:, turns] *= self.degrees
        return values


def find_asf(path: Path, limits: ReadLimits) -> Path:
    """Return the skeleton file of a motion file.

    Args:
        path: The `.amc` file; its skeleton is the `.asf` with the same name, or with the same name up to an underscore
            (`02_01.amc`: `02_01.asf`, then `02.asf`), or the only one in the folder.
        limits: Bounds for the number of files in the folder.

    Raises:
        MissingFileError: If there is none, or several and none is named like the motion.
    """
    names = [name for name in guard.list_folder(path.parent, limits) if name.casefold().endswith(".asf")]
    by_stem = {name[:-4].casefold(): name for name in names}
    stem = path.stem.casefold()
    while stem:
        if stem in by_stem:
            return path.parent / by_stem[stem]
        stem = stem.rpartition("_")[0]
    if len(names) == 1:
        return path.parent / names[0]
    raise MissingFileError(
        f"{len(names)} .asf files are in the folder, none of them named like the motion"
        if names
        else "no .asf beside it",
        where=guard.shown(path),
        expected=f"the skeleton as {path.stem}.asf",
        remedy="copy the subject's .asf there",
    )


def _recognise(probe: Probe) -> bool:
    return _SIGN.search(probe.head) is not None


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    text = guard.read_text(path, options.limits)
    if _SKELETON.search(text):
        raise FileFormatError(
            "this is the skeleton of a recording, without motion", where=where, remedy="read the .amc file beside it"
        )
    skeleton_path = find_asf(path, options.limits)
    skeleton = parse_asf(
        guard.read_text(skeleton_path, options.limits, root=path.parent, follow_symlinks=options.follow_symlinks),
        guard.shown(skeleton_path),
        maximum_joints=min(options.limits.maximum_joints, MAXIMUM_JOINTS),
    )
    values = parse_amc(text, skeleton, where, options.limits)
    return to_sequence(
        skeleton.hierarchy, values, options, fps=FPS, where=where, bytes_read=len(text), metres=skeleton.metres
    )


FORMAT = Format(
    name="asf_amc",
    title="Acclaim motion .amc with its skeleton .asf",
    suffixes=(".amc",),
    recognise=_recognise,
    read=_read,
    description="CMU and HDM05 recordings; positions are bone ends, in metres where the skeleton has its unit.",
)
