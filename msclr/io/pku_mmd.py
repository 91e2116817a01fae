"""PKU-MMD skeleton text: 150 numbers in each line, two Kinect v2 bodies, and the label rows that cut it into clips."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

from einops import rearrange

from msclr.errors import FileFormatError, MissingFileError
from msclr.io import guard
from msclr.io.folder import OnError, PoseFolder, list_recordings
from msclr.io.frame_rows import has_columns, parse_rows
from msclr.io.limits import ReadLimits
from msclr.io.registry import Format, PathLike, Probe, ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton

SKELETON = "kinect_v2_25"
COLUMNS = 150
FPS = 30.0

_VIEWS = {"L": "left", "M": "middle", "R": "right"}
_FILE_NAME = re.compile(r"(\d+|A\d+N\d+)-([LMR])\b", re.IGNORECASE)
_ROW = re.compile(r"\s*(\d{1,6})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*(,\s*[\d.eE+-]*\s*)?")


def read_pku_mmd(path: PathLike, labels: PathLike, *, limits: ReadLimits | None = None) -> tuple[PoseSequence, ...]:
    r"""Read the labelled actions of one PKU-MMD recording, each as a clip of its own.

    Args:
        path: The skeleton file.
        labels: Its label file: class, first and last frame in each line, counted from 1, the last one included.
        limits: How much the files may ask for.

    Returns:
        One sequence for each label row, in its order; `meta["label"]` is the class number of the file.

    Raises:
        FileFormatError: If a line has another layout, or a label lies outside the recording.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "0002-M.txt").write_text("\n".join([" ".join(["0.5"] * 75 + ["0"] * 75)] * 9))
        >>> _ = (folder / "labels.txt").write_text("26,2,5,1\n")
        >>> read_pku_mmd(folder / "0002-M.txt", folder / "labels.txt")[0].num_frames
        4
    """
    options = ReadOptions(limits=limits or ReadLimits())
    recording = _read(guard.to_path(path), options)
    place = guard.to_path(labels)
    clips = []
    for number, (label, first, last) in enumerate(read_pku_labels(place, limits=options.limits), start=1):
        if not 1 <= first <= last <= recording.num_frames:
            where = f"{guard.shown(place)}, line {number}"
            raise FileFormatError(
                f"frames {first:,} to {last:,}", where=where, expected=f"a range in 1 to {recording.num_frames:,}"
            )
        clip = recording.frames(first - 1, last)
        present = [person for person in range(clip.num_persons) if person == 0 or clip.valid[person].any()]
        meta = {"label": str(label), "first_frame": str(first - 1)}
        clips.append(clip.persons(present).replace(meta=meta, source=f"{clip.source}, frames {first} to {last}"))
    return tuple(clips)


def read_pku_labels(path: PathLike, *, limits: ReadLimits | None = None) -> tuple[tuple[int, int, int], ...]:
    r"""Read the label file of one PKU-MMD recording.

    Args:
        path: The label file.
        limits: How much it may ask for.

    Returns:
        Class, first and last frame of each action, as they stand there: counted from 1, the last frame included.

    Raises:
        FileFormatError: If a line has another layout.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "0002-M.txt"
        >>> _ = path.write_text("26,2,5,1\n")
        >>> read_pku_labels(path)
        ((26, 2, 5),)
    """
    place = guard.to_path(path)
    rows = []
    for number, line in enumerate(guard.read_text(place, limits or ReadLimits()).rstrip().splitlines(), start=1):
        row = _ROW.fullmatch(line)
        if row is None:
            where = f"{guard.shown(place)}, line {number}"
            raise FileFormatError(f"{line[:60]!r}", where=where, expected="class, first frame, last frame")
        rows.append((int(row[1]), int(row[2]), int(row[3])))
    return tuple(rows)


def read_pku_mmd_folder(
    skeletons: PathLike,
    labels: PathLike,
    *,
    pattern: str = "*.txt",
    on_error: OnError = "raise",
    follow_symlinks: bool = False,
    limits: ReadLimits | None = None,
) -> PoseFolder:
    r"""Go through all labelled actions of PKU-MMD, each a clip of its own.

    Args:
        skeletons: The folder of skeleton files, for example `PKU_Skeleton_Renew`.
        labels: The folder of label files of the same names, for example `Label_PKU_final_v2`.
        pattern: Which files, as in `"*-M.txt"` for the middle view.
        on_error: "raise" stops at the first file that cannot be read; "skip" goes on, and puts it into `failures`.
        follow_symlinks: Let links lead out of the folders.
        limits: How much a file may ask for.

    Returns:
        The folder; going through it gives (name of the file and number of the action, clip). `meta` of a clip has the
        `label`, `first_frame`, `recording` and `view` (left, middle, right). A file without its partner in the other
        folder is a failure.

    Raises:
        MissingFileError: If there is no such folder.
        FileFormatError: If no file in either folder fits the pattern.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("skeletons", "labels"):
        ...     (folder / name).mkdir()
        >>> frames = "\n".join([" ".join(["0.5"] * 75 + ["0"] * 75)] * 9)
        >>> _ = (folder / "skeletons" / "0002-M.txt").write_text(frames)
        >>> _ = (folder / "labels" / "0002-M.txt").write_text("26,2,5,1\n")
        >>> [(name, clip.meta["view"]) for name, clip in read_pku_mmd_folder(folder / "skeletons", folder / "labels")]
        [('0002-M.txt, action 1', 'middle')]
    """
    limits = limits or ReadLimits()
    folders = guard.to_path(skeletons), guard.to_path(labels)
    listed = [list_recordings(folder, limits) for folder in folders]
    names = sorted({name for there in listed for name in there if fnmatchcase(name, pattern)})
    if not names:
        raise FileFormatError(f"no file {pattern!r:.80}", where=guard.shown(folders[0]), expected="skeleton files")

    def load(name: str) -> list[tuple[str, PoseSequence]]:
        for folder in folders:
            path = folder / name
            if not (path if follow_symlinks else guard.inside(path, folder)).exists():
                raise MissingFileError("no such file, though its partner is there", where=guard.shown(path))
        clips = read_pku_mmd(folders[0] / name, folders[1] / name, limits=limits)
        match = _FILE_NAME.match(name)
        facts = {"recording": match[1], "view": _VIEWS[match[2].upper()]} if match else {}
        return [
            (f"{name}, action {number}", clip.replace(meta={**clip.meta, **facts}))
            for number, clip in enumerate(clips, start=1)
        ]

    return PoseFolder(folders[0], names, sorted(set(listed[0]) - set(names)), load, on_error)


def _recognise(probe: Probe) -> bool:
    return has_columns(probe.head, COLUMNS)


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    text = guard.read_text(path, options.limits)
    values = parse_rows(text, COLUMNS, options.limits, where)
    guard.check_size(2, len(values), 25, 3, bytes_read=len(text), limits=options.limits, where=where)
    positions = rearrange(values, "t (p j c) -> p t j c", p=2, c=3)
    return PoseSequence.from_array(
        positions if positions[1].any() else positions[:1],
        options.skeleton or get_skeleton(SKELETON),
        fps=FPS if options.fps is None else options.fps,
        unit=options.unit,
        up=options.up,
        zeros_are_missing=True,
        source=where,
    )


FORMAT = Format(
    name="pku_mmd",
    title="PKU-MMD skeleton text",
    suffixes=(),
    recognise=_recognise,
    read=_read,
    description="Text with 150 numbers in each line, two Kinect v2 bodies; read_pku_mmd cuts it by its labels, "
    "read_pku_mmd_folder a folder of them.",
)
