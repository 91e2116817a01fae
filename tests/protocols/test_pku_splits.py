from __future__ import annotations

import pytest

from msclr.errors import FileFormatError
from msclr.protocols.pku_splits import read_pku_split


def write(path, train, test):
    path.write_text(f"Training videos:\n{train}\nValidation videos:\n{test}\n")
    return path


def test_both_parts_are_read(tmp_path):
    first = read_pku_split(write(tmp_path / "cross-subject.txt", "0002-L, 0002-M ,0364-R,", "0003-L"))
    assert (first.part, first.train, first.test) == (1, {"0002-L", "0002-M", "0364-R"}, {"0003-L"})
    second = read_pku_split(write(tmp_path / "cross_view_v2.txt", "A01N01-M.txt,A26N13-R.txt", "A01N01-L.txt"))
    assert (second.part, second.train, second.test) == (2, {"A01N01-M", "A26N13-R"}, {"A01N01-L"})
    sides = [second.side_of(name) for name in ("A01N01-M", "A01N01-L", "A01N02-L")]
    assert sides == ["train", "test", None]


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ("0002-L, 365", "0003-L", r"split\.txt, line 2: '365' is no recording; expected names as 0002-M"),
        ("0365-L", "0003-L", "'0365-L' is no recording"),
        ("0001-L", "0003-L", "'0001-L' is no recording"),
        ("0002-X", "0003-L", "'0002-X' is no recording"),
        ("0002-L", "0003-L,0002-L", "line 4: '0002-L' stands there twice"),
        ("0002-L, 0002-L", "0003-L", "line 2: '0002-L' stands there twice"),
        ("0002-L", "A01N01-L", "recordings of both parts"),
        ("0002-L", " , ", "line 4: no test recordings"),
        ("", "0002-L", "line 2: no training recordings"),
    ],
)
def test_wrong_splits_are_refused(tmp_path, train, test, message):
    with pytest.raises(FileFormatError, match=message):
        read_pku_split(write(tmp_path / "split.txt", train, test))


def test_a_split_cut_short_is_refused(tmp_path):
    lines = write(tmp_path / "split.txt", "0002-L", "0003-L").read_text().splitlines(keepends=True)
    for count in range(1, 4):
        (tmp_path / "split.txt").write_text("".join(lines[:count]))
        with pytest.raises(FileFormatError, match=r"no (training|test) recordings"):
            read_pku_split(tmp_path / "split.txt")
