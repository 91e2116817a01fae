"""What the commands that evaluate have in common: the cache, a bar, what a report says of the command."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click
from click.core import ParameterSource

from msclr.cli.options import printable

if TYPE_CHECKING:
    from msclr.evaluate.cache import FeatureCache
    from msclr.evaluate.reports.writing import Written

P = ParamSpec("P")
R = TypeVar("R")


def cache_options(function: Callable[P, R]) -> Callable[P, R]:
    """Add the options `cache` and `no_cache` to a command."""
    folder = "Where features are kept; by default MSCLR_CACHE, or msclr in the user's cache folder."
    function = click.option("--no-cache", is_flag=True, help="Keep no features.")(function)
    return click.option("--cache", metavar="FOLDER", help=folder)(function)


def feature_cache(folder: str | None, no_cache: bool) -> FeatureCache | None:
    """Return the cache that was asked for."""
    from msclr.evaluate.cache import FeatureCache

    if no_cache and folder is not None:
        raise click.UsageError("--cache or --no-cache, not both.")
    return None if no_cache else FeatureCache(folder)


@contextmanager
def clip_bar(total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show how many clips have been embedded, on a terminal only."""
    from tqdm import tqdm

    with tqdm(total=total, unit=" clips", desc="embed", disable=None, file=sys.stderr, leave=False) as bar:

        def advance(clips: int) -> None:
            bar.update(clips)

        yield advance


def repeatable(context: click.Context) -> str:
    """Return the command with its arguments as given, for a report."""
    words = ["msclr", str(context.info_name)]
    for parameter in context.command.params:
        name = str(parameter.name)
        if name not in context.params or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = context.params[name]
        if isinstance(parameter, click.Option):
            flag = max(parameter.opts, key=len)
            words += [flag] if parameter.is_flag else [flag, str(value)]
        else:
            words.append(str(value))
    return shlex.join(words)


def say_what_is_written(written: Written) -> None:
    """Name the files of a report."""
    click.echo(f"{printable(str(written.folder))}: {', '.join(written.names)}")
    if written.without_pictures:
        click.echo(f"msclr: no pictures: {written.without_pictures}", err=True)
