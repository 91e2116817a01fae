"""Labelled clips of any folder of pose files with a CSV of labels: file, label, and if you like split and group."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from msclr.errors import LabelError
from msclr.evaluate.data.digest import sha256_of_file, sha256_of_files
from msclr.evaluate.data.labelled import TEST, TRAIN, LabelledClips, LazyClips
from msclr.evaluate.data.prepared import split_columns
from msclr.evaluate.scores import listed
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.reading import Reading
from msclr.io.registry import PathLike
from msclr.poses.sequence import PoseSequence

TABLE = "labels.csv"
FILE, LABEL = "file", "label"


def table_clips(
    folder: PathLike,
    table: PathLike | None = None,
    *,
    reading: Reading | None = None,
    label: str = LABEL,
    limits: ReadLimits | None = None,
) -> LabelledClips:
    r"""Take the pose files of a folder that a table has labels for; each is read when it is used.

    Args:
        folder: The folder.
        table: A CSV with a heading: columns "file" (relative to the folder, with "/" between folders) and "label".
            Further columns are kept; "split" (train, test; anything else is left out) and "group" (whose clips stay
            together, for example a subject) are used. None: `labels.csv` in the folder.
        reading: How to read the files.
        label: Name of the column with the classes.
        limits: How much a file may ask for.

    Raises:
        MissingFileError: If the folder or the table is not there.
        LabelError: If a column is missing, a file is named twice or does not exist, a row has no label, or a file of
            the folder has no row.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("walk_1.txt", "run_1.txt"):
        ...     _ = (folder / name).write_text(" ".join(["0.5"] * 96))
        >>> rows = "file,label,split\nwalk_1.txt,walk,train\nrun_1.txt,run,test\n"
        >>> _ = (folder / "labels.csv").write_text(rows)
        >>> table_clips(folder, reading=Reading(format="h36m")).labels
        ('walk', 'run')
    """
    place, limits, how = guard.to_path(folder), limits or ReadLimits(), reading or Reading()
    sheet = place / TABLE if table is None else guard.to_path(table)
    where = guard.shown(sheet)
    rows = read_rows(sheet, label, limits)
    _check_files(place, rows, sheet, limits, where)
    used = _used_rows(rows, label, where)
    ids = tuple(row[FILE] for row in used)
    columns = {
        name: tuple(row[name] for row in used) for name in (used[0] if used else {}) if name not in (FILE, label)
    }

    def load(index: int) -> PoseSequence:
        return how.read(guard.inside(place / ids[index], place), limits=limits)

    return LabelledClips(
        name=place.resolve().name,
        ids=ids,
        labels=tuple(row[label] for row in used),
        clips=LazyClips(ids, load),
        columns=columns,
        splits=split_columns(columns),
        digest=partial(_digest, place, ids, sheet),
        reading=str(how),
        where=where,
    )


def _used_rows(rows: Mapping[str, dict[str, str]], label: str, where: str) -> list[dict[str, str]]:
    """Return the rows that have a label; refuse others, unless their split is neither train nor test."""
    used = [row for row in rows.values() if row[label] or row.get("split", TRAIN) in (TRAIN, TEST)]
    if without := [row[FILE] for row in used if not row[label]]:
        raise LabelError(
            f"no label of {listed(without)}", where=where, expected="a label in each row", remedy="the split 'none'"
        )
    return used


def _digest(folder: Path, names: Sequence[str], sheet: Path) -> str:
    """Hash the files, those in a folder that is one recording too, and the table."""
    paths = {f"table {sheet.name}": sheet}
    for name in names:
        path = folder / name
        inner = sorted(path.rglob("*")) if path.is_dir() else [path]
        paths |= {each.relative_to(folder).as_posix(): each for each in inner if each.is_file()}
    return sha256_of_file(sheet) if not names else sha256_of_files(paths)


def read_rows(sheet: Path, label: str, limits: ReadLimits) -> dict[str, dict[str, str]]:
    """Return the rows of a table by file.

    Args:
        sheet: A CSV with a heading, the columns "file" and `label` among others.
        label: Name of the column with the classes.
        limits: How much the file may ask for.

    Raises:
        LabelError: If a column is missing, a file is named twice, or a row has too many or too few values.
    """
    where = guard.shown(sheet)
    reader = csv.DictReader(io.StringIO(guard.read_text(sheet, limits), newline=""), strict=True)
    rows: dict[str, dict[str, str]] = {}
    lines: dict[str, int] = {}
    try:
        heading = [str(name).strip() for name in reader.fieldnames or ()]
        reader.fieldnames = heading
        for name in (FILE, label):
            if heading.count(name) != 1:
                raise LabelError(
                    f"no column {name!r:.40} among {listed(heading)}" if name not in heading else f"{name!r} twice",
                    where=f"{where}, line 1",
                    expected="a heading such as file,label,split,group",
                )
        for row in reader:
            place = f"{where}, line {reader.line_num}"
            if None in row or None in row.values():
                raise LabelError("more or fewer values than the heading has", where=place, expected=f"{len(heading)}")
            values = {name: value.strip() for name, value in row.items()}
            file = values[FILE] = values[FILE].replace("\\", "/")
            if file in rows:
                raise LabelError(
                    f"{file!r:.80} for the second time, first in line {lines[file]}", where=place, expected="each once"
                )
            rows[file], lines[file] = values, reader.line_num
    except csv.Error as error:
        place = f"{where}, line {reader.reader.line_num}"
        raise LabelError(f"{error}", where=place, expected="CSV with commas") from None
    return rows


def _check_files(
    folder: Path, rows: Mapping[str, Mapping[str, str]], sheet: Path, limits: ReadLimits, where: str
) -> None:
    """Refuse rows without a file, and files like those of the rows without a row."""
    if missing := [name for name in rows if not (folder / name).exists() or not name]:
        raise LabelError(
            f"{len(missing)} of {len(rows)} rows name a file that does not exist: {listed(missing)}",
            where=where,
            expected=f"paths relative to {guard.shown(folder)}",
            remedy="take these rows out, or give the right folder",
        )
    inner = {(folder / name).parent for name in rows}
    kinds = {_kind(folder / name) for name in rows}
    parents = {parent for each in inner for parent in (each, *each.parents)}
    strangers = []
    for place in sorted(inner):
        for name in guard.list_folder(place, limits):
            path = place / name
            relative = path.relative_to(folder).as_posix()
            known = name.startswith(".") or relative in rows or path in parents or path == sheet
            if not known and _kind(path) in kinds:
                strangers.append(relative)
    if strangers:
        raise LabelError(
            f"{len(strangers)} files have no row: {listed(strangers)}",
            where=where,
            expected="a row for each file of these kinds",
            remedy="rows for them; one with the split 'none' leaves a file out",
        )


def _kind(path: Path) -> str:
    return "folder" if path.is_dir() else path.suffix.lower()
