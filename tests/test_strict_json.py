from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msclr import strict_json
from msclr.errors import FileFormatError, FileLimitError, MsclrError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=80)
@given(VALUES, st.booleans())
def test_what_json_writes_comes_back(value, escaped):
    text = json.dumps(value, ensure_ascii=escaped)
    assert strict_json.loads(text) == value
    assert strict_json.loads(b"\xef\xbb\xbf" + text.encode("utf-8", "surrogatepass")) == value


@settings(max_examples=150)
@given(st.text(alphabet='[]{}",:\\0123456789.eE+-NaInfinitytruefalsnul \n', max_size=60))
def test_any_text_ends_in_a_value_or_an_msclr_error(text):
    try:
        value = strict_json.loads(text)
    except MsclrError:
        return
    assert json.loads(text) == value


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_any_bytes_end_in_a_value_or_an_msclr_error(data):
    try:
        strict_json.loads(data)
    except MsclrError:
        pass
    else:
        json.loads(data.decode("utf-8-sig"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 1}', "key 'a' occurs twice"),
        ('{"x": {"a": 1, "b": 2, "a": 3}}', "key 'a' occurs twice"),
        ("[NaN]", "NaN"),
        ("[-Infinity]", "-Infinity"),
        ("[1e999]", "1e999"),
        ("[-1e999]", "-1e999"),
        ('{\n "a": 1,\n}', "line"),
        ("", "line 1, column 1"),
        ("   ", "valid JSON"),
        ("1 2", "Extra data"),
        ("{'a': 1}", "line 1"),
        ('"abc', "line 1"),
        ('"a\tb"', "line 1"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'["\xff"]', "byte 2 is not UTF-8"),
    ],
)
def test_loose_json_is_refused_with_the_place(text, message):
    with pytest.raises(FileFormatError, match=message) as caught:
        strict_json.loads(text, where="spec.json")
    assert str(caught.value).startswith("spec.json: ")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 65 + "]" * 65,
        "[" * 100_000,
        '{"a":' * 100_000,
        "1" * 400,
        "0." + "1" * 10**6,
        "-1e" + "9" * 400,
        '"' + "a" * 200 + '"',
    ],
)
def test_endless_json_is_refused(text):
    with pytest.raises(FileLimitError):
        strict_json.loads(text, maximum_bytes=200 if text.startswith('"') else 2**21)


def test_brackets_and_digits_inside_strings_do_not_count():
    text = json.dumps({"[" * 100: "1" * 1000, 'quote " and \\': "]" * 100})
    assert strict_json.loads(text) == json.loads(text)


def test_64_levels_are_accepted():
    assert strict_json.loads("[" * 64 + "]" * 64) == json.loads("[" * 64 + "]" * 64)


@pytest.mark.parametrize(
    "text",
    ['"' + '\\"' * 200_000, '"\\', "\\" * 400_000, '"a' * 200_000, "[" + '"\\\\" ' * 100_000],
    ids=["escaped quotes", "end", "backslashes", "quotes", "strings"],
)
def test_unterminated_strings_take_linear_time(text):
    start = time.perf_counter()
    with pytest.raises(FileFormatError):
        strict_json.loads(text)
    assert time.perf_counter() - start < 4
