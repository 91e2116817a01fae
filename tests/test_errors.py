from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from msclr import errors
from msclr.errors import MsclrError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, MsclrError)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301
def test_every_error_survives_a_copy(kind, copied):
    error = kind("a 'bad' é", where="file, line 3", expected="good", remedy="better")
    again = copied(error)
    assert type(again) is kind
    assert str(again) == str(error) == "file, line 3: a 'bad' é; expected good. Try: better"
    assert (again.found, again.where, again.expected, again.remedy) == ("a 'bad' é", "file, line 3", "good", "better")


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_one_that_python_programs_expect(kind):
    if kind is not MsclrError:
        builtin = next(base for base in kind.__mro__ if base.__module__ == "builtins" and base is not Exception)
        assert builtin in (
            ValueError,
            LookupError,
            KeyError,
            TypeError,
            FileNotFoundError,
            OSError,
            RuntimeError,
            ImportError,
            KeyboardInterrupt,
        )
    assert inspect.getdoc(kind)


def test_parts_that_are_not_given_leave_no_trace():
    assert str(MsclrError("nothing works")) == "nothing works"
    assert str(MsclrError("it broke", expected="whole")) == "it broke; expected whole"
    assert str(MsclrError("it broke", remedy="glue")) == "it broke. Try: glue"
    assert MsclrError("it broke", where="here").args == ("it broke",)


def test_the_cause_stays_with_the_error():
    def read():
        try:
            int("x")
        except ValueError as cause:
            raise errors.FileFormatError("no number") from cause

    with pytest.raises(ValueError, match="no number") as caught:
        read()
    assert isinstance(caught.value.__cause__, ValueError)


def test_c21_a_quoted_file_can_neither_steer_the_terminal_nor_flood_it():
    error = MsclrError("the name \x1b[31mred\n\ud800é", where="a\tb" + "9" * 10_000, expected="x" * 10_000)
    assert str(error).isprintable()
    assert r"the name \x1b[31mred\n\ud800é" in str(error)
    assert len(str(error)) < 2200
    assert len(error.where) == 10_003
