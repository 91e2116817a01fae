"""What commands over many files have in common: options, a bar, and what has become of each file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from msclr.cli.options import printable

if TYPE_CHECKING:
    from msclr.embed.dataset import EmbeddedCorpus
    from msclr.store.build import Prepared

F = TypeVar("F", bound=Callable[..., object])


def corpus_options(function: F) -> F:
    """Add what is said of many files: which, by how many workers, in which precision, and what may be replaced."""
    for add in (
        click.option("--overwrite", is_flag=True, help="Replace what is there, of other files or options."),
        click.option("--precision", type=click.Choice(["float32", "float16"]), default="float32", show_default=True),
        click.option(
            "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="How many work at once."
        ),
        click.argument("files", nargs=-1, required=True),
    ):
        function = add(function)
    return function


@contextmanager
def bar_of(unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal; yields what is to be told how many are done, and of how many."""
    from tqdm import tqdm

    with tqdm(unit=f" {unit}", disable=None, file=sys.stderr, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def say_what_became(done: Prepared | EmbeddedCorpus, made: str, inputs: str, *, most: int | None = None) -> None:
    """Say what has become of the inputs: counts, then those that failed or were left out, with the reason.

    Args:
        done: The outcomes.
        made: What was made of them, with its count.
        inputs: What they are.
        most: How many to name of each kind; None for all.
    """
    finished = sum(entry.outcome == "done" for entry in done.inputs)
    click.echo(
        f"{printable(str(done.path))}: {made} of {finished:,} {inputs}; "
        f"{len(done.failures):,} failed, {len(done.left_out):,} left out"
    )
    for kind, entries in (("failed", done.failures), ("left out", done.left_out)):
        for entry in entries[:most]:
            click.echo(f"{kind}: {printable(entry.path)}: {printable(entry.reason)}", err=True)
        if most is not None and len(entries) > most:
            click.echo(f"{kind}: {len(entries) - most:,} more, see inputs.jsonl", err=True)
