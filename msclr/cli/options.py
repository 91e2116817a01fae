"""What several commands have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from msclr.io.reading import Reading

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
