"""The command `msclr`: one file per command, one line per error, no traceback unless asked for."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

import click

from msclr import __version__
from msclr.cli.benchmark import benchmark
from msclr.cli.demo import demo
from msclr.cli.doctor import doctor
from msclr.cli.embed import embed
from msclr.cli.embed_corpus import embed_corpus
from msclr.cli.evaluate import evaluate
from msclr.cli.explore import explore
from msclr.cli.export import export
from msclr.cli.import_checkpoint import import_checkpoint
from msclr.cli.index import index
from msclr.cli.models import models
from msclr.cli.options import debug_option, printable
from msclr.cli.prepare import prepare
from msclr.cli.pretrain import pretrain
from msclr.cli.protocol import protocol
from msclr.cli.push import push
from msclr.cli.read import read
from msclr.cli.search import search
from msclr.cli.show import show
from msclr.cli.skeletons import skeletons
from msclr.errors import MsclrError

COMMANDS: tuple[click.Command, ...] = (
    demo,
    embed,
    embed_corpus,
    evaluate,
    benchmark,
    index,
    search,
    explore,
    read,
    skeletons,
    models,
    push,
    prepare,
    pretrain,
    protocol,
    import_checkpoint,
    export,
    doctor,
    show,
)

SUCCESS, FAILURE, USAGE, INTERRUPTED = 0, 1, 2, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="msclr %(version)s")
@debug_option
def group() -> None:
    """Human pose sequences, in any joint convention, as vectors that mean the same thing in all of them."""


for _command in COMMANDS:
    group.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Words after `msclr`; by default those of the process.

    Returns:
        Exit code: 0 success, 1 failure, 2 wrong usage, 130 interrupted.

    Example:
        >>> main(["--version"])
        msclr 0.1.0
        0
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    _make_streams_lenient()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            outcome = group.main(args=words, prog_name="msclr", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        _close_quietly()
        return FAILURE
    except (Exception, KeyboardInterrupt) as error:
        return _report(error, debug="--debug" in words)
    return outcome if isinstance(outcome, int) else SUCCESS


def _report(error: BaseException, *, debug: bool) -> int:
    """Say on one line of stderr what went wrong; return the exit code."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return USAGE
    if isinstance(error, click.Abort | KeyboardInterrupt):
        code, message = INTERRUPTED, "interrupted"
    elif isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "msclr"
        code, message = USAGE, f"{error.format_message()} See: {command} --help"
    elif isinstance(error, click.ClickException):
        code, message = error.exit_code, error.format_message()
    elif isinstance(error, MsclrError | OSError | MemoryError):
        code, message = FAILURE, str(error) or type(error).__name__
    else:
        code, message = FAILURE, f"{type(error).__name__}: {error}. This is a bug in msclr; --debug shows where"
    with suppress(OSError):  # a closed stderr is no reason for a second error
        click.echo(f"msclr: error: {printable(message)}", err=True)
    return code


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    click.echo(f"msclr: warning: {printable(str(message))}", err=True)


def _make_streams_lenient() -> None:
    """Let a terminal that cannot show a character show its code instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _close_quietly() -> None:
    """Send what is still buffered nowhere: the reader of our output has left."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError, ValueError):
        os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
