from __future__ import annotations

import pytest

from msclr.errors import FileFormatError, MissingFileError
from msclr.io.ntu import ClipName
from msclr.protocols.missing import read_missing_list


def test_names_are_read_with_and_without_ending_below_a_heading(tmp_path):
    path = tmp_path / "missing.txt"
    path.write_text(
        "Skeletons of these are missing, see S001 for more\n\n"
        "S001C002P005R002A008\r\n  S001C003P002R001A014.skeleton \n# and\n\ns001c002p005r002a008\n"
    )
    assert read_missing_list(path) == {ClipName(1, 2, 5, 2, 8), ClipName(1, 3, 2, 1, 14)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "S001C002P005R002A008\nS001C002P005R02A008\n",
            r"missing\.txt, line 2: 'S001C002P005R02A008'; expected a name",
        ),
        ("S001C002P005R002A008\n\nS001C002P005R002A009 S001C002P005R002A010", "line 3"),
        ("nothing of that kind\n", "no name of a clip"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    path = tmp_path / "missing.txt"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message):
        read_missing_list(path)


def test_a_list_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(MissingFileError):
        read_missing_list(tmp_path / "missing.txt")
