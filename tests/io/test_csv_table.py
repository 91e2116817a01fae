"""Our own CSV tables, read back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import standing_person

from msclr.errors import FileFormatError, FileLimitError, MsclrError, PoseError, UnknownFormatError
from msclr.io.limits import ReadLimits
from msclr.io.registry import read, write
from msclr.poses.sequence import PoseSequence

HEADER = "frame,person,joint,x,y,z,confidence"


def clip(dims: int = 2, scored: bool = True) -> PoseSequence:
    random = np.random.default_rng(dims)
    values = random.uniform(-900, 900, size=(2, 6, 17, dims)) * 10.0 ** random.integers(-7, 3, size=(2, 6, 17, 1))
    values[1, 2] = np.nan
    values[0, :, 3] = np.nan
    return PoseSequence.from_array(
        values,
        "coco_17" if dims == 2 else "h36m_17",
        confidence=random.uniform(0.1, 1, size=(2, 6, 17)) if scored else None,
        person_ids=["a", 'b, "the\nother\u2028one"'],
    )


def table(tmp_path, *rows: str, header: str = HEADER):
    path = tmp_path / "t.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("scored", [False, True])
def test_a_table_comes_back_to_the_last_digit(tmp_path, dims, scored):
    there = clip(dims, scored)
    write(there, tmp_path / "a.csv")
    back = read(tmp_path / "a.csv", skeleton=there.skeleton, fps=25)
    for name in ("positions", "valid", "confidence"):
        np.testing.assert_array_equal(getattr(back, name), getattr(there, name))
    assert (back.person_ids, back.unit, back.up, back.fps) == (there.person_ids, there.unit, there.up, 25.0)
    assert read(tmp_path / "a.csv", skeleton=there.skeleton, unit="cm", up="+z").unit == "cm"


def test_what_the_table_cannot_say_must_be_said(tmp_path):
    write(standing_person("kinect_v2_25"), tmp_path / "a.csv")
    with pytest.raises(PoseError, match=r"expected skeleton=. Try: one that has these joints: .*kinect_v2_25"):
        read(tmp_path / "a.csv")
    with pytest.raises(FileFormatError, match=r"row 2: the joint 'pelvis'; expected a joint of 'coco_17'"):
        read(tmp_path / "a.csv", skeleton="coco_17")


def test_tables_of_others_are_refused_with_the_way_to_take_them(tmp_path):
    path = table(tmp_path, "0,1,2", header="nose_x,nose_y,score")
    with pytest.raises(UnknownFormatError, match="format='csv' for a plain reason"):
        read(path)
    with pytest.raises(FileFormatError, match=r"the header 'nose_x,nose_y,score'.*pandas.read_csv and PoseSequence"):
        read(path, format="csv")


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([], "without rows"),
        (["0,a,nose,1,2,"], "row 2: 6 columns"),
        (["0,a,nose,1,2,,,9"], "row 2: 8 columns"),
        (["-1,a,nose,1,2,,"], "row 2: the frame '-1'"),
        (["1.5,a,nose,1,2,,"], "row 2: the frame '1.5'"),
        (["0,a,nose,1,2,,", "0,a,ear,1,2,,"], "row 3: the joint 'ear'"),
        (["0,a,nose,nan,2,,"], "row 2: x='nan'"),
        (["0,a,nose,1,inf,,"], "row 2: y='inf'"),
        (["0,a,nose,1,1_000,,"], "row 2: y='1_000'"),
        (["0,a,nose,1,2,,", "1,a,nose,1,2,3,"], "row 3: numbers for x, y, z; expected x, y, as in the first row"),
        (["0,a,nose,1,2,,0.5", "1,a,nose,1,2,,"], "row 3: numbers for x, y; expected x, y, confidence"),
        (["0,a,nose,1,2,,", "0,a,nose,3,4,,"], "row 3: joint 'nose' of a person in frame 0 a second time"),
        (["0,a,nose,,,,"], "row 2: numbers for nothing; expected x and y"),
        (["0,a,nose,1,,3,"], "row 2: numbers for x, z"),
        (['0,a,"nose,1,2,,'], "no CSV"),
        (["0,a,nose,1e99,2,,"], "coordinate x is inf"),
        (["0,a,nose,1,2,,7"], "row 2: confidence='7'"),
    ],
)
def test_every_damaged_row_is_named(tmp_path, rows, text):
    with pytest.raises(MsclrError, match=text) as caught:
        read(table(tmp_path, *rows), skeleton="coco_17")
    assert str(caught.value).isprintable()


def test_a_short_table_cannot_ask_for_a_long_recording(tmp_path):
    with pytest.raises(FileLimitError):
        read(table(tmp_path, "9999999,a,nose,1,2,,"), skeleton="coco_17")
    with pytest.raises(FileLimitError, match="frames"):
        read(table(tmp_path, "10,a,nose,1,2,,"), skeleton="coco_17", limits=ReadLimits(maximum_frames=5))


def test_a_table_cut_at_any_place_is_a_shorter_one_or_an_error(tmp_path):
    write(clip(), tmp_path / "a.csv")
    data = (tmp_path / "a.csv").read_bytes()
    for end in range(0, len(data), 97):
        (tmp_path / "b.csv").write_bytes(data[:end])
        try:
            back = read(tmp_path / "b.csv", skeleton="coco_17", format="csv")
        except MsclrError:
            continue
        assert back.num_frames <= 6


@settings(max_examples=80)
@given(st.data())
def test_changed_bytes_end_in_poses_or_plain_errors(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("csv")
    write(clip().frames(0, 2), folder / "a.csv")
    content = bytearray((folder / "a.csv").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "a.csv").write_bytes(content)
    try:
        read(folder / "a.csv", skeleton="coco_17", format="csv")
    except MsclrError as error:
        assert str(error).isprintable()  # noqa: PT017
