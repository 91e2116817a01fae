"""The options that say which labelled data is meant, and how to read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import click

from msclr.cli.options import reading_options
from msclr.io.reading import Reading

if TYPE_CHECKING:
    from msclr.evaluate.data import LabelledClips

R = TypeVar("R")

Kind: TypeAlias = Literal["auto", "npz", "store", "ntu", "pku", "nwucla", "pyskl", "table"]
Line: TypeAlias = Literal["cros", "isc"]


@dataclass(frozen=True)
class LabelledData:
    """What the command line says about labelled data; see `msclr.evaluate.data.DataOptions`."""

    kind: Kind
    labels: str | None
    label: str
    split_file: str | None
    line: Line | None
    frames: int | None
    missing: str | None
    reading: Reading

    def open(self, path: str) -> LabelledClips:
        """Take the labelled clips of a file or folder."""
        from msclr.evaluate.data import DataOptions, open_labelled

        return open_labelled(path, DataOptions(**vars(self)))


def data_options(function: Callable[..., R]) -> Callable[..., R]:
    """Add the options to a command; it gets them as one argument `about`."""

    @click.option(
        "--kind",
        type=click.Choice(["auto", "npz", "store", "ntu", "pku", "nwucla", "pyskl", "table"]),
        default="auto",
        show_default=True,
        help="Kind of data; pyskl must be said.",
    )
    @click.option("--labels", metavar="PATH", help="CSV with file,label[,split][,group]; for pku the folder of labels.")
    @click.option(
        "--label-column", default="label", show_default=True, metavar="NAME", help="Which column is the class."
    )
    @click.option("--split-file", metavar="FILE", help="Split file of PKU-MMD.")
    @click.option("--line", type=click.Choice(["cros", "isc"]), help="Prepare ntu or pku as the papers did.")
    @click.option("--frames", type=click.IntRange(min=1), help="Length of the clips of line cros.")
    @click.option("--missing", metavar="FILE", help="Names of NTU clips to leave out.")
    @reading_options
    @wraps(function)
    def wrapped(
        reading: Reading,
        kind: Kind,
        labels: str | None,
        label_column: str,
        split_file: str | None,
        line: Line | None,
        frames: int | None,
        missing: str | None,
        **options: object,
    ) -> R:
        about = LabelledData(kind, labels, label_column, split_file, line, frames, missing, reading)
        return function(about=about, **options)

    return wrapped
