from __future__ import annotations

import click
import pytest
from child import python

import msclr
from msclr import cli


def test_version_and_help_come_without_torch():
    for words in (["--help"], ["--version"], ["embed", "--help"], ["skeletons", "coco_17"]):
        code = f"import sys; from msclr.cli import main; main({words!r}); sys.exit('torch' in sys.modules)"
        outcome = python("-c", code)
        assert outcome.returncode == 0, outcome.stderr
        assert outcome.stdout


def test_every_command_is_listed_and_explains_itself(run):
    listed = run("--help").out
    for command in cli.COMMANDS:
        assert f"  {command.name} " in listed
        explained = run(command.name, "--help")
        assert explained.code == 0
        assert "--debug" in explained.out


def test_version_is_the_packages(run):
    assert run("--version") == (0, f"msclr {msclr.__version__}\n", "")


def test_python_m_msclr_is_the_same_command():
    outcome = python("-m", "msclr", "--version")
    assert (outcome.returncode, outcome.stdout) == (0, f"msclr {msclr.__version__}\n")


@pytest.mark.parametrize(
    "words", [["--nonsense"], ["nonsense"], ["read"], ["skeletons", "a", "b"], ["search", "x", "--in", "y", "-k", "0"]]
)
def test_wrong_usage_exits_with_2_on_one_line(run, words):
    outcome = run(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("msclr: error: ")
    assert outcome.err.count("\n") == 1
    assert "--help" in outcome.err


def test_failure_exits_with_1_on_one_line(run):
    outcome = run("skeletons", "no\nsuch")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)


def test_debug_shows_the_traceback_before_and_after_the_command(run):
    for words in (["--debug", "skeletons", "nope"], ["skeletons", "nope", "--debug"]):
        outcome = run(*words)
        assert outcome.code == 1
        assert "Traceback" in outcome.err
        assert outcome.err.splitlines()[-1].startswith("msclr: error: ")


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ZeroDivisionError("oops"), 1, "ZeroDivisionError: oops. This is a bug"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(28, "No space left on device"), 1, "No space left"),
        (MemoryError(), 1, "MemoryError"),
        (click.ClickException("plain"), 1, "plain"),
    ],
)
def test_whatever_happens_is_said_on_one_line(run, monkeypatch, error, code, text):
    @click.command("fails")
    def fails() -> None:
        raise error

    monkeypatch.setitem(cli.group.commands, "fails", fails)
    outcome = run("fails")
    assert outcome.code == code
    assert text in outcome.err
    assert outcome.err.strip().count("\n") == 0  # click ends the line of ^C first


def test_warnings_are_one_line_without_source_code(run, monkeypatch):
    import warnings

    @click.command("warns")
    def warns() -> None:
        warnings.simplefilter("always")
        warnings.warn("look out", stacklevel=1)

    monkeypatch.setitem(cli.group.commands, "warns", warns)
    assert run("warns") == (0, "", "msclr: warning: look out\n")
