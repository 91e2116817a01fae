from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from labelled_sets import swing

import msclr
from msclr.errors import LabelError, MissingFileError
from msclr.evaluate.data import DataOptions, Reading, open_labelled, table_clips


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, seed in (("slow", 0), ("slow", 1), ("quick", 0), ("quick", 1)):
        (tmp_path / label).mkdir(exist_ok=True)
        msclr.write(swing(label, seed), tmp_path / label / f"{seed}.npz")
    return tmp_path


def table(folder: Path, *rows: str, heading: str = "file,label,split,group") -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8-sig")
    return path


ROWS = (
    "slow/0.npz,slow,train,ann",
    "slow/1.npz,slow,test,bob",
    "quick/0.npz,quick,train,ann",
    "quick/1.npz,quick,test,bob",
)


def test_files_get_their_labels_split_and_group_by_name(folder):
    table(folder, *ROWS)
    data = open_labelled(folder)
    assert data.labels == ("slow", "slow", "quick", "quick")
    assert data.sides().test == ("slow/1.npz", "quick/1.npz")
    assert data.groups(data.sides().test) == ("bob", "bob")
    assert data.sides("group=ann").test == ("slow/0.npz", "quick/0.npz")
    assert data.clips["quick/1.npz"].positions == pytest.approx(swing("quick", 1).positions)


def test_the_order_of_rows_changes_neither_clips_nor_hash(folder):
    table(folder, *ROWS)
    data = open_labelled(folder)
    again = table_clips(folder, table(folder, *ROWS[::-1]))
    assert again.label_of == data.label_of
    assert set(again.sides().test) == set(data.sides().test)


def test_the_hash_is_that_of_the_usual_tools_and_changes_with_every_file(folder):
    sheet = table(folder, *ROWS)
    data = open_labelled(folder)
    files = {**{name: folder / name for name in data.ids}, "table labels.csv": sheet}
    lines = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n" for name, path in sorted(files.items())
    )
    assert data.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    msclr.write(swing("quick", 9), folder / "quick" / "1.npz")
    assert open_labelled(folder).sha256 != data.sha256


def test_a_row_without_a_file_is_refused_and_named(folder):
    table(folder, *ROWS, "slow/7.npz,slow,test,bob")
    with pytest.raises(LabelError, match=r"1 of 5 rows name a file that does not exist: 'slow/7.npz'.*Try: take these"):
        open_labelled(folder)


def test_a_file_without_a_row_is_refused_and_named_and_the_split_none_leaves_it_out(folder):
    table(folder, *ROWS[:3])
    with pytest.raises(LabelError, match=r"1 files have no row: 'quick/1.npz'.*the split 'none' leaves a file out"):
        open_labelled(folder)
    table(folder, *ROWS[:3], "quick/1.npz,,none,")
    assert len(open_labelled(folder)) == 3


def test_a_file_of_another_kind_needs_no_row(folder):
    table(folder, *ROWS)
    (folder / "slow" / "notes.txt").write_text("a fine day")
    (folder / ".hidden.npz").write_bytes(b"")
    assert len(open_labelled(folder)) == 4


def test_a_file_with_two_rows_is_refused_with_both_lines(folder):
    table(folder, *ROWS, "slow/0.npz,quick,test,bob")
    with pytest.raises(LabelError, match=r"line 6: 'slow/0.npz' for the second time, first in line 2"):
        open_labelled(folder)


def test_a_row_without_a_label_is_refused(folder):
    table(folder, *ROWS[:3], "quick/1.npz,,test,bob")
    with pytest.raises(LabelError, match=r"no label of 'quick/1.npz'"):
        open_labelled(folder)


@pytest.mark.parametrize(
    ("heading", "message"),
    [("file,class", "no column 'label' among 'file', 'class'"), ("file,label,label", "'label' twice")],
)
def test_headings_that_miss_a_column_are_refused(folder, heading, message):
    table(folder, heading=heading)
    with pytest.raises(LabelError, match=f"line 1: {message}"):
        open_labelled(folder)


def test_rows_with_more_or_fewer_values_and_open_quotes_are_refused_by_line(folder):
    table(folder, ROWS[0], "slow/1.npz,slow")
    with pytest.raises(LabelError, match="line 3: more or fewer values than the heading has; expected 4"):
        open_labelled(folder)
    table(folder, 'slow/0.npz,"slow,train,ann')
    with pytest.raises(LabelError, match=r"line [23]: .*expected CSV with commas"):
        open_labelled(folder)


def test_files_outside_the_folder_are_refused(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    msclr.write(swing("slow", 3), other / "a.npz")
    (folder / "slow" / "link.npz").symlink_to(other / "a.npz")
    table(folder, *ROWS, "slow/link.npz,slow,test,bob")
    with pytest.raises(OSError, match="a symbolic link out of the folder"):
        open_labelled(folder).clips["slow/link.npz"]


def test_the_table_may_be_elsewhere_and_another_column_may_be_the_class(folder, tmp_path_factory):
    sheet = tmp_path_factory.mktemp("sheets") / "mine.csv"
    sheet.write_text("file,label,mood\n" + "\n".join(f"{row.split(',')[0]},x,calm" for row in ROWS))
    data = open_labelled(folder, DataOptions(labels=sheet, label="mood"))
    assert data.classes == ("calm",)
    with pytest.raises(MissingFileError, match="no such file"):
        open_labelled(folder, DataOptions(labels=folder / "none.csv"))


def test_how_files_are_read_is_part_of_what_decides_the_features(folder):
    table(folder, *ROWS)
    data = open_labelled(folder, DataOptions(reading=Reading(fps=10.0)))
    assert data.clips["slow/0.npz"].fps == 10
    assert data.reading == "fps=10.0"
