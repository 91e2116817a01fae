"""One door to all kinds of labelled data: recognise what a path is, and take its clips."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from msclr.errors import ConfigError, LabelError
from msclr.evaluate.data.labelled import LabelledClips
from msclr.evaluate.data.ntu import ntu_clips
from msclr.evaluate.data.nwucla import FILE_NAME, nwucla_clips
from msclr.evaluate.data.pku import pku_clips
from msclr.evaluate.data.prepared import collection_clips, pyskl_clips, store_clips
from msclr.evaluate.data.table import TABLE, table_clips
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.reading import Reading
from msclr.io.registry import PathLike
from msclr.protocols.prepare import Line

Kind: TypeAlias = Literal["auto", "npz", "store", "ntu", "pku", "nwucla", "pyskl", "table"]
KINDS: tuple[Kind, ...] = get_args(Kind)

TITLES = {
    "npz": "an .npz of clips, as msclr protocol writes it",
    "store": "a clip store",
    "ntu": "a folder of NTU RGB+D .skeleton files",
    "pku": "a folder of PKU-MMD skeletons",
    "nwucla": "a folder of NW-UCLA .json files",
    "pyskl": "a PYSKL pickle",
    "table": f"pose files and {TABLE}",
}


@dataclass(frozen=True)
class DataOptions:
    """What may be said about labelled data; each kind of data takes some of it.

    Args:
        kind: "auto" recognises all but PYSKL pickles, which are opened by name only.
        labels: The CSV of labels, or the label folder of PKU-MMD.
        split_file: The split file of PKU-MMD.
        line, frames: Prepare NTU RGB+D and PKU-MMD as the papers did, see `ntu_clips`.
        missing: A list of clips of NTU RGB+D to leave out.
        label: Column, or fact, that is the class.
        reading: How to read pose files.
        limits: How much a file may ask for.
    """

    kind: Kind = "auto"
    labels: PathLike | None = None
    split_file: PathLike | None = None
    line: Line | None = None
    frames: int | None = None
    missing: PathLike | None = None
    label: str = "label"
    reading: Reading = field(default_factory=Reading)
    limits: ReadLimits = field(default_factory=ReadLimits)


def open_labelled(path: PathLike, options: DataOptions | None = None) -> LabelledClips:
    """Take the labelled clips of a file or folder; poses are read when they are used.

    Args:
        path: A `.npz`, a clip store, a folder of NTU RGB+D, PKU-MMD or NW-UCLA, a PYSKL pickle, or a folder of pose
            files with a CSV of labels in it (or that CSV).
        options: What its kind needs to know.

    Raises:
        LabelError: If it is none of these, or labels and clips do not fit.
        ConfigError: If an option is missing, or is none of this kind.
        MsclrError: Whatever its reader has to say.

    Example:
        >>> open_labelled(".", DataOptions(kind="pku"))
        Traceback (most recent call last):
        ...
        msclr.errors.ConfigError: PKU-MMD without its labels and split; expected labels= and split_file=
    """
    chosen = options or DataOptions()
    place = guard.to_path(path)
    if chosen.kind not in KINDS:
        raise ConfigError(f"kind={chosen.kind!r:.40}", expected="one of " + ", ".join(KINDS))
    is_folder = guard.is_folder(place)
    kind = recognise(place, is_folder, chosen) if chosen.kind == "auto" else chosen.kind
    _check(kind, chosen)
    if kind == "npz":
        return collection_clips(place, label=chosen.label)
    if kind == "store":
        return store_clips(place, label=chosen.label)
    if kind == "pyskl":
        return pyskl_clips(place, skeleton=chosen.reading.skeleton, limits=chosen.limits)
    if kind == "nwucla":
        return nwucla_clips(place, limits=chosen.limits)
    if kind == "ntu":
        return ntu_clips(place, line=chosen.line, frames=chosen.frames, missing=chosen.missing, limits=chosen.limits)
    if kind == "pku":
        if chosen.labels is None or chosen.split_file is None:
            raise ConfigError("PKU-MMD without its labels and split", expected="labels= and split_file=")
        return pku_clips(
            place, chosen.labels, chosen.split_file, line=chosen.line, frames=chosen.frames, limits=chosen.limits
        )
    folder, table = (place, chosen.labels) if is_folder else (place.parent, place)
    return table_clips(folder, table, reading=chosen.reading, label=chosen.label, limits=chosen.limits)


def recognise(path: Path, is_folder: bool, options: DataOptions) -> Kind:
    """Tell what kind of data a path is.

    Raises:
        LabelError: If it is none.
    """
    if not is_folder:
        endings: dict[str, Kind] = {".npz": "npz", ".csv": "table"}
        if path.suffix.lower() in endings:
            return endings[path.suffix.lower()]
        remedy = "--kind pyskl, if it is one of PYSKL" if path.suffix.lower() in (".pkl", ".pickle") else None
        raise LabelError(
            f"a file with the ending {path.suffix!r}", where=guard.shown(path), expected=_expected(), remedy=remedy
        )
    names = guard.list_folder(path, options.limits)
    if options.split_file is not None:
        return "pku"
    if options.labels is not None or TABLE in names:
        return "table"
    if "store.json" in names:
        return "store"
    if any(name.lower().endswith(".skeleton") for name in names):
        return "ntu"
    if any(FILE_NAME.fullmatch(name) for name in names):
        return "nwucla"
    raise LabelError(
        "no labelled data that msclr knows",
        where=guard.shown(path),
        expected=_expected(),
        remedy=f"a {TABLE} with the columns file,label,split",
    )


def _expected() -> str:
    return "one of: " + "; ".join(TITLES.values())


def _check(kind: Kind, options: DataOptions) -> None:
    """Refuse options that this kind of data would ignore."""
    takes = {
        "labels": ("table", "pku"),
        "split_file": ("pku",),
        "line": ("ntu", "pku"),
        "frames": ("ntu", "pku"),
        "missing": ("ntu",),
    }
    for name, kinds in takes.items():
        if getattr(options, name) is not None and kind not in kinds:
            raise ConfigError(f"{name}= for {TITLES[kind]}", expected=f"{name}= for {' or '.join(kinds)} only")
    given = str(options.reading)
    if given and kind != "table" and not (kind == "pyskl" and given == f"skeleton={options.reading.skeleton}"):
        raise ConfigError(f"{given} for {TITLES[kind]}", expected="options of reading for pose files only")
