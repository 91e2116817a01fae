"""Parquet tables keep everything, and damaged ones end in plain errors."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import standing_person

from msclr import SkeletonSpec
from msclr.errors import FileFormatError, FileLimitError, MissingExtraError, MsclrError, PoseError
from msclr.io.limits import ReadLimits
from msclr.io.parquet import write_parquet
from msclr.io.registry import read, write
from msclr.io.tables import COLUMNS
from msclr.poses.sequence import PoseSequence
from msclr.samples import sample_paths

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def clip(dims: int = 2, scored: bool = True, frames: int = 7) -> PoseSequence:
    random = np.random.default_rng(dims)
    values = random.normal(size=(3, frames, 17, dims)) * 100
    values[1, 2:] = np.nan
    values[2] = np.nan
    values[:, -1] = np.nan
    return PoseSequence.from_array(
        values,
        "coco_17" if dims == 2 else "h36m_17",
        confidence=random.uniform(0.1, 1, size=values.shape[:3]) if scored else None,
        fps=29.97,
        unit="cm",
        up="-z",
        person_ids=["a", "\udc80", "nobody, \U0001f57a"],
        meta={"label": "wave", "recording": "r1"},
    )


def same(back: PoseSequence, there: PoseSequence) -> None:
    for name in ("positions", "valid", "confidence"):
        np.testing.assert_array_equal(getattr(back, name), getattr(there, name))
    for name in ("skeleton", "fps", "person_ids", "unit", "up", "meta"):
        assert getattr(back, name) == getattr(there, name)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("scored", [False, True])
def test_everything_comes_back(tmp_path, dims, scored):
    write(clip(dims, scored), tmp_path / "a.parquet")
    same(read(tmp_path / "a.parquet"), clip(dims, scored))


@pytest.mark.parametrize("frames", [0, 1])
def test_recordings_of_nothing_come_back(tmp_path, frames):
    empty = PoseSequence.from_array(np.full((2, frames, 17, 2), np.nan), "coco_17")
    write(empty, tmp_path / "a.parquet")
    same(read(tmp_path / "a.parquet"), empty)


@pytest.mark.parametrize("name", sorted(sample_paths()))
def test_real_recordings_come_back(tmp_path, name):
    there = read(sample_paths()[name])
    write(there, tmp_path / "a.parquet")
    same(read(tmp_path / "a.parquet"), there)


def test_other_programs_see_one_row_for_each_known_joint(tmp_path):
    there = clip(2)
    write(there, tmp_path / "a.parquet")
    rows = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == int(there.valid.sum())
    for row in rows:
        place = (["a", r"\udc80"].index(row["person"]), row["frame"], there.skeleton.index(row["joint"]))
        assert (row["x"], row["y"], row["z"]) == (*there.positions[place].tolist(), None)
        assert row["confidence"] == float(there.confidence[place])


def test_the_caller_may_state_rate_unit_and_axis(tmp_path):
    write(clip(3), tmp_path / "a.parquet")
    back = read(tmp_path / "a.parquet", fps=10, unit="mm", up="+y", person=0)
    assert (back.fps, back.unit, back.up, back.person_ids) == (10.0, "mm", "+y", ("a",))


def test_a_skeleton_nobody_knows_travels_in_the_file(tmp_path):
    rope = SkeletonSpec("rope", ("a", "b", "c"), (-1, 0, 1))
    there = PoseSequence.from_array(np.arange(18.0).reshape(2, 3, 3) + 1, rope)
    write(there, tmp_path / "a.parquet")
    same(read(tmp_path / "a.parquet"), there)


def changed(tmp_path, change, facts=None):
    """A table of ours with one thing changed."""
    write(clip(2), tmp_path / "a.parquet")
    whole = parquet.read_table(tmp_path / "a.parquet")
    metadata = json.loads(whole.schema.metadata[b"msclr"]) | (facts or {})
    columns = {name: whole[name].to_pylist() for name in COLUMNS}
    change(columns)
    made = pyarrow.table(columns, schema=whole.schema.with_metadata({b"msclr": json.dumps(metadata)}))
    parquet.write_table(made, tmp_path / "b.parquet")
    return tmp_path / "b.parquet"


def set_first(column: str, value: object):
    def change(columns):
        columns[column][0] = value

    return change


def double(columns):
    for values in columns.values():
        values.append(values[0])


@pytest.mark.parametrize(
    ("change", "facts", "text"),
    [
        (set_first("frame", 7), {}, "frame 7; expected 0 to 6"),
        (set_first("frame", -1), {}, "frame -1"),
        (set_first("frame", None), {}, "a null in 'frame'"),
        (set_first("person", "x"), {}, "the person 'x'"),
        (set_first("person", None), {}, "a null in 'person'"),
        (set_first("joint", "tail"), {}, "the joint 'tail'"),
        (set_first("x", float("nan")), {}, "NaN"),
        (set_first("y", None), {}, "a null in 'y'"),
        (set_first("x", 1e30), {}, "coordinate x is"),
        (set_first("confidence", 1.5), {}, r"not in \[0, 1\]"),
        (set_first("confidence", None), {}, "a null in 'confidence'"),
        (double, {}, "two rows"),
        (double, {"frames": 1, "person_ids": ["a"]}, "rows in 1 groups; expected at most 17"),
        (double, {"frames": -1}, "frames=-1"),
        (double, {"frames": True}, "frames=True"),
        (double, {"dims": 4}, "dims=4"),
        (double, {"dims": 3}, "a null in 'z'"),
        (double, {"format_version": 99}, "upgrade msclr"),
        (double, {"person_ids": 5}, "wrong type"),
        (double, {"meta": 5}, "two rows|wrong type"),
        (double, {"skeleton": 5}, "a JSON int"),
        (double, {"unit": "feet"}, "two rows|unit"),
    ],
)
def test_tables_that_contradict_themselves_are_refused(tmp_path, change, facts, text):
    with pytest.raises(MsclrError, match=text):
        read(changed(tmp_path, change, facts))


def test_tables_of_others_are_refused_with_the_way_to_take_them(tmp_path):
    parquet.write_table(pyarrow.table({"nose_x": [1.0]}), tmp_path / "a.parquet")
    with pytest.raises(FileFormatError, match=r"the columns nose_x; .*pandas.read_parquet"):
        read(tmp_path / "a.parquet")
    write(clip(2), tmp_path / "b.parquet")
    bare = parquet.read_table(tmp_path / "b.parquet").replace_schema_metadata({})
    parquet.write_table(bare, tmp_path / "b.parquet")
    with pytest.raises(FileFormatError, match="without the facts of msclr"):
        read(tmp_path / "b.parquet")


def test_a_small_table_cannot_ask_for_much(tmp_path):
    for facts in ({"frames": 10**7}, {"frames": 10**12}, {"person_ids": [str(i) for i in range(5000)]}):
        with pytest.raises(FileLimitError):
            read(changed(tmp_path, lambda columns: None, facts))
    write(clip(2), tmp_path / "a.parquet")
    with pytest.raises(FileLimitError, match="bytes"):
        read(tmp_path / "a.parquet", limits=ReadLimits(maximum_bytes=100))


def test_a_long_name_that_many_rows_share_is_not_unfolded(tmp_path):
    there = standing_person("h36m_17", frames=300).replace(person_ids=("x" * 2**13,))
    write(there, tmp_path / "a.parquet")
    before = pyarrow.default_memory_pool().max_memory()
    same(read(tmp_path / "a.parquet"), there)
    assert pyarrow.default_memory_pool().max_memory() < before + 2**24  # unfolded it would be 42 MB


def test_tables_that_unpack_to_much_are_refused(tmp_path):
    whole = PoseSequence.from_array(np.ones((1, 4000, 17, 3)), "h36m_17")
    write(whole, tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    parquet.write_table(table, tmp_path / "b.parquet", use_dictionary=False, compression="zstd")
    with pytest.raises(FileLimitError, match="once unpacked"):
        read(tmp_path / "b.parquet", limits=ReadLimits(free_bytes=2 * 2**20))
    same(read(tmp_path / "b.parquet"), whole)


def test_persons_that_look_the_same_cannot_be_written(tmp_path):
    there = PoseSequence.from_array(np.ones((2, 1, 17, 2)), "coco_17", person_ids=["\udc80", r"\udc80"])
    with pytest.raises(PoseError, match="look the same"):
        write(there, tmp_path / "a.parquet")
    assert not list(tmp_path.iterdir())


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    write(clip(), tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r'pip install "msclr\[table\]"'):
        write_parquet(clip(), tmp_path / "b.parquet")
    with pytest.raises(MissingExtraError, match=r"msclr\[table\]"):
        read(tmp_path / "a.parquet")


def test_a_file_cut_at_any_place_is_refused(tmp_path):
    write(standing_person("h36m_17", frames=3), tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    for end in range(0, len(data), 61):
        (tmp_path / "b.parquet").write_bytes(data[:end])
        with pytest.raises(MsclrError):
            read(tmp_path / "b.parquet", format="parquet")


def test_a_changed_byte_in_the_values_is_noticed(tmp_path):
    write(standing_person("h36m_17", frames=3), tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    column = parquet.ParquetFile(tmp_path / "a.parquet").metadata.row_group(0).column(3)
    dictionary_ends = column.data_page_offset
    ends = column.dictionary_page_offset + column.total_compressed_size
    for place in (dictionary_ends - 60, dictionary_ends - 1, ends - 40, ends - 20, ends - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        (tmp_path / "b.parquet").write_bytes(changed)
        with pytest.raises(FileFormatError, match="a damaged table"):
            read(tmp_path / "b.parquet")


def test_numbers_of_names_that_lead_nowhere_are_refused(tmp_path):
    write(standing_person("h36m_17", frames=3), tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    parquet.write_table(table, tmp_path / "b.parquet", compression="none")  # without the sums that would notice first
    data = (tmp_path / "b.parquet").read_bytes()
    joints = parquet.ParquetFile(tmp_path / "b.parquet").metadata.row_group(0).column(2)
    found = set()
    for place in range(joints.data_page_offset, joints.dictionary_page_offset + joints.total_compressed_size):
        (tmp_path / "b.parquet").write_bytes(data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :])
        try:
            read(tmp_path / "b.parquet")
        except MsclrError as error:
            found.add(str(error).split(":", 1)[1])
    assert any("out of bounds" in text or "out-of-bounds" in text for text in found), found


@settings(max_examples=80)
@given(st.data())
def test_changed_bytes_end_in_poses_or_plain_errors(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("parquet")
    write(standing_person("h36m_17", frames=3), folder / "a.parquet")
    content = bytearray((folder / "a.parquet").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, len(content) - 5))] = data.draw(st.integers(0, 255))
    (folder / "a.parquet").write_bytes(content)
    try:
        read(folder / "a.parquet")
    except MsclrError as error:
        assert str(error).isprintable()  # noqa: PT017
