"""What several commands have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from msclr.poses.sequence import PoseSequence

P = ParamSpec("P")
R = TypeVar("R")

# Accepted before and after every command. msclr.cli.main looks for the word itself: usage errors come before options.
debug_option = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")


class Command(click.Command):
    """A command that also takes --debug."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # click's own signature
        self.params.append(click.Option(["--debug"], is_flag=True, expose_value=False, help="Show tracebacks."))


def printable(text: str) -> str:
    """Return text as one line without control characters: names in files are not ours to trust with the terminal."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)


@dataclass(frozen=True)
class Reading:
    """How to read a pose file: the options of `msclr.read`, as given on the command line."""

    format: str = "auto"
    skeleton: str | None = None
    unit: str | None = None
    up: str | None = None
    fps: float | None = None
    person: int | str | None = None

    def read(self, path: str) -> PoseSequence:
        """Read one file or folder."""
        from msclr.io.registry import read

        return read(
            path,
            format=self.format,
            skeleton=self.skeleton,
            unit=self.unit,
            up=self.up,
            fps=self.fps,
            person=self.person,
        )


def reading_options(function: Callable[..., R]) -> Callable[..., R]:
    """Add the options of reading to a command; it gets them as one argument `reading`."""

    @click.option("--format", default="auto", metavar="NAME", help="File format; by default told by the content.")
    @click.option("--skeleton", metavar="NAME", help="Joint convention, where the file does not say it.")
    @click.option("--unit", metavar="UNIT", help="Length unit: m, cm, mm, in, px, normalized.")
    @click.option("--up", metavar="AXIS", help="Axis that points up: +y, -y, +z, ...")
    @click.option("--fps", type=float, metavar="RATE", help="Frames per second.")
    @click.option("--person", callback=_parse_person, metavar="WHO", help="all (default), longest, or a number from 0.")
    @wraps(function)
    def wrapped(
        format: str,
        skeleton: str | None,
        unit: str | None,
        up: str | None,
        fps: float | None,
        person: int | str | None,
        **options: object,
    ) -> R:
        return function(reading=Reading(format, skeleton, unit, up, fps, person), **options)

    return wrapped


def _parse_person(_: click.Context, __: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == "all":
        return None
    if value == "longest":
        return value
    if value.isdecimal() and value.isascii():
        return int(value)
    raise click.BadParameter(f"{value!r} is none of: all, longest, a number from 0")
