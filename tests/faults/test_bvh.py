"""Fault cases C12 and C13: malformed and unusual BVH files."""

from __future__ import annotations

import time

import numpy as np
import pytest
from oracles.motion_capture import bvh_positions

from msclr import read
from msclr.errors import FileFormatError, FileLimitError, MsclrError
from msclr.io.bvh import parse_bvh
from msclr.io.limits import ReadLimits
from msclr.skeletons.hierarchy import positions

GOOD = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 4 Xposition Yposition Zposition Zrotation
  JOINT Chest
  {
    OFFSET 0 10 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 5 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
1 2 3 4 5 6 7
1 2 3 4 5 6 8
"""


def replaced(old: str, new: str) -> str:
    assert GOOD.count(old) >= 1
    return GOOD.replace(old, new, 1)


MALFORMED = {
    "a brace too few": (
        replaced("  }\n}\nMOTION", "  }\nMOTION"),
        "line 15, column 1",
        "'MOTION' while the block of 'Hips'",
    ),
    "a brace too many": (replaced("}\nMOTION", "}\n}\nMOTION"), "line 16, column 1", "without an opening one"),
    "no opening brace": (replaced("Chest\n  {", "Chest\n"), "line 8, column 5", "expected {"),
    "unknown channel": (replaced("3 Zrotation Xro", "3 Zrotation Wro"), "line 9, column 26", "'Wrotation'.*Xposition"),
    "channel count too small": (replaced("CHANNELS 3", "CHANNELS 2"), "line 9, column 36", "'Yrotation'"),
    "channel count too large": (replaced("CHANNELS 3", "CHANNELS 4"), "line 10, column 5", "the channel 'End'"),
    "channel count of text": (replaced("CHANNELS 3", "CHANNELS x"), "line 9, column 14", "number of channels"),
    "a position twice": (replaced("Xposition Ypos", "Yposition Ypos"), "line 5, column 24", "Yposition twice"),
    "no hierarchy": (replaced("HIERARCHY\n", ""), "line 1, column 1", "expected HIERARCHY"),
    "missing MOTION": (replaced("MOTION\n", ""), "line 16, column 1", "expected MOTION"),
    "ends after the hierarchy": (GOOD[: GOOD.index("MOTION")], "line 16", "expected MOTION"),
    "ends in a joint": (GOOD[: GOOD.index("CHANNELS 3")], "line 9", "the file ends while the block of 'Chest' and 1"),
    "missing OFFSET": (replaced("    OFFSET 0 10 0\n", ""), "line 13", "'Chest' ends without OFFSET"),
    "missing CHANNELS": (
        replaced("    CHANNELS 3 Zrotation Xrotation Yrotation\n", ""),
        "line 13",
        "'Chest' ends without CHANNELS",
    ),
    "a second OFFSET": (replaced("OFFSET 0 10 0", "OFFSET 0 10 0\nOFFSET 1 1 1"), "line 9, column 1", "second OFFSET"),
    "second CHANNELS": (
        replaced("    End", "    CHANNELS 1 Xrotation\n    End"),
        "line 10, column 5",
        "second CHANNELS",
    ),
    "OFFSET of text": (replaced("OFFSET 0 10 0", "OFFSET 0 ten 0"), "line 8, column 14", "'ten' is not a number"),
    "OFFSET of two": (replaced("OFFSET 0 10 0", "OFFSET 0 10"), "line 9, column 5", "'CHANNELS' is not a number"),
    "OFFSET without end": (replaced("OFFSET 0 10 0", "OFFSET 0 1e999 0"), "line 8, column 14", "too large"),
    "Frames larger": (replaced("Frames: 2", "Frames: 3"), "line 20", "2 lines of motion; expected 3"),
    "Frames far larger": (replaced("Frames: 2", "Frames: 9999999"), "line 20", "2 lines of motion"),
    "Frames smaller": (replaced("Frames: 2", "Frames: 1"), "line 20, column 1", "more lines of motion than the 1"),
    "Frames zero": (replaced("Frames: 2", "Frames: 0"), "line 17, column 9", "'0' frames"),
    "Frames negative": (replaced("Frames: 2", "Frames: -2"), "line 17, column 9", "'-2' frames"),
    "Frames a float": (replaced("Frames: 2", "Frames: 2.0"), "line 17, column 9", "'2.0' frames"),
    "Frames missing": (replaced("Frames: 2\n", ""), "line 17, column 1", "expected Frames:"),
    "Frame Time missing": (replaced("Frame Time: 0.0333333\n", ""), "line 18, column 1", "expected Frame Time:"),
    "Frame Time 0": (replaced("0.0333333", "0"), "line 18, column 13", "a frame time of '0'"),
    "Frame Time negative": (replaced("0.0333333", "-1"), "line 18, column 13", "a frame time of '-1'"),
    "Frame Time nan": (replaced("0.0333333", "nan"), "line 18, column 13", "'nan' is not a number"),
    "Frame Time with a comma": (replaced("0.0333333", "0,0333"), "line 18, column 13", "'0,0333'.*with a point"),
    "a value too few": (replaced("4 5 6 7\n", "4 5 6\n"), "line 19, column 12", "6 values; expected 7"),
    "a value too many": (replaced("4 5 6 7\n", "4 5 6 7 8\n"), "line 19, column 15", "over 7 values; expected 7"),
    "nan": (replaced("4 5 6 8", "4 nan 6 8"), "line 20, column 9", "'nan' is not a number"),
    "inf": (replaced("4 5 6 8", "4 -inf 6 8"), "line 20, column 9", "'-inf' is not a number"),
    "too large a number": (replaced("4 5 6 8", "4 5 1e999 8"), "line 20, column 11", "'1e999' is too large"),
    "decimal commas": (replaced("4 5 6 8", "4 5 6,5 8"), "line 20, column 11", "'6,5' is not a number.*with a point"),
    "two points": (replaced("4 5 6 8", "4 5 6.5.1 8"), "line 20, column 11", "'6.5.1' is not a number"),
    "two signs": (replaced("4 5 6 8", "4 5 6-1 8"), "line 20, column 11", "'6-1' is not a number"),
    "an underscore": (replaced("4 5 6 8", "4 5 1_0 8"), "line 20, column 11", "'1_0' is not a number"),
    "another script": (replaced("4 5 6 8", "4 5 ٦ 8"), "line 20, column 11", "is not a number"),
    "a second ROOT": (replaced("}\nMOTION", "}\nROOT Second\n{\n}\nMOTION"), "line 16, column 1", "a second ROOT"),
    "duplicate names": (
        replaced("JOINT Chest", "JOINT hips"),
        "line 6, column 9",
        "second joint 'hips', the first is in line 2, column 6",
    ),
    "no name": (replaced("JOINT Chest", "JOINT"), "line 6, column 8", "empty name"),
    "a joint in an end site": (replaced("OFFSET 0 5 0", "OFFSET 0 5 0 JOINT x { }"), "line 12, column 20", "'JOINT'"),
}


@pytest.fixture(params=MALFORMED, ids=lambda name: name.replace(" ", "_"))
def malformed(request, tmp_path):
    text, place, message = MALFORMED[request.param]
    path = tmp_path / "broken.bvh"
    path.write_text(text, encoding="utf-8")
    return path, place, message


def test_c12_malformed_files_are_refused_with_line_and_column(malformed):
    path, place, message = malformed
    with pytest.raises(FileFormatError, match=message) as caught:
        read(path, format="bvh")
    assert f"broken.bvh, {place}" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.replace(" ", "\t").replace("End\tSite", "End Site").replace("Frame\tTime", "Frame Time"),
        "\ufeff" + GOOD,
        GOOD.replace("\n", "  \n") + "\n\n  \n",
        GOOD.replace("Hips\n{", "Hips {").replace("rotation", "ROTATION").replace("End Site", "END SITE"),
        GOOD.rstrip("\n"),
        GOOD.replace("1 2 3 4", "+1.0 2. .3e1 4e0"),
    ],
    ids=["crlf", "cr", "tabs", "byte order mark", "blanks", "other case", "no last newline", "other numbers"],
)
def test_c12_harmless_differences_are_read(text, tmp_path):
    path, plain = tmp_path / "other.bvh", tmp_path / "plain.bvh"
    path.write_bytes(text.encode())
    plain.write_text(GOOD)
    clip = read(path)
    np.testing.assert_array_equal(clip.positions, read(plain).positions)
    assert (clip.num_frames, clip.num_joints, clip.fps) == (2, 2, 30.0)


def test_c12_truncation_anywhere_is_an_error_with_a_place():
    for end in range(len(GOOD.rstrip()) - 2):
        with pytest.raises(FileFormatError, match=r"line \d+, column \d+"):
            parse_bvh(GOOD[:end], "cut.bvh")


def test_c12_a_hierarchy_100000_deep_meets_the_limit(tmp_path):
    joint = "JOINT j{}\n{{\nOFFSET 0 1 0\nCHANNELS 0\n"
    text = "HIERARCHY\nROOT r\n{\nOFFSET 0 0 0\nCHANNELS 0\n" + "".join(map(joint.format, range(100_000)))
    path = tmp_path / "deep.bvh"
    path.write_text(text)
    start = time.process_time()
    with pytest.raises(FileLimitError, match=r"line 4098, column 7: over 1,024 joints"):
        read(path)
    assert time.process_time() - start < 1


def test_c12_100000_open_braces_are_no_recursion(tmp_path):
    path = tmp_path / "braces.bvh"
    path.write_text("HIERARCHY\nROOT r\n" + "{" * 100_000)
    with pytest.raises(FileFormatError, match="line 3, column 2"):
        read(path)


def test_c12_frames_over_the_limit_are_refused_before_reading():
    with pytest.raises(FileLimitError, match=r"line 17.*1,000,000,000,000 frames"):
        parse_bvh(replaced("Frames: 2", "Frames: 1000000000000"))
    with pytest.raises(FileLimitError, match="at most 1"):
        parse_bvh(GOOD, limits=ReadLimits(maximum_frames=1))
    with pytest.raises(FileLimitError, match="over 2 joints"):
        parse_bvh(GOOD, limits=ReadLimits(maximum_joints=2))


def test_c12_joints_without_channels_cannot_ask_for_endless_arrays(tmp_path):
    joints = "".join(f"JOINT j{index} {{ OFFSET 0 1 0 CHANNELS 0 }}\n" for index in range(1000))
    head = "HIERARCHY\nROOT r {\nOFFSET 0 0 0 CHANNELS 1 Xrotation\n" + joints + "}\n"
    path = tmp_path / "wide.bvh"
    path.write_text(head + "MOTION\nFrames: 50000\nFrame Time: 0.1\n" + "1\n" * 50_000)
    with pytest.raises(FileLimitError, match="1,001 joints need"):
        read(path)


def test_c12_lengths_that_overflow_are_refused(tmp_path):
    path = tmp_path / "far.bvh"
    path.write_text(replaced("1 2 3 4", "1e300 2 3 4"))
    with pytest.raises(MsclrError, match="frame 0"):
        read(path)


def test_c12_mutated_files_raise_nothing_else():
    random = np.random.default_rng(0)
    data = np.frombuffer(GOOD.encode(), dtype=np.uint8)
    pieces = [b"{", b"}", b"\n", b" ", b"0", b"-", b"1e9", b"JOINT", b"\xc3\xa9", b"nan", b":"]
    read_well = 0
    for _ in range(3000):
        place = int(random.integers(0, len(data)))
        cut = int(random.integers(0, 4))
        text = data[:place].tobytes() + pieces[random.integers(len(pieces))] + data[place + cut :].tobytes()
        try:
            hierarchy, values, fps = parse_bvh(text.decode("utf-8", "replace"))
        except MsclrError:
            continue
        read_well += 1
        assert values.shape == (len(values), hierarchy.num_channels)
        assert np.isfinite(values).all()
        assert fps > 0
    assert 0 < read_well < 3000


ORDERS = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "ZXZ", "YY", "X", "XYZX")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("placed", [False, True], ids=["root position", "positions everywhere"])
def test_c13_channel_orders_and_gimbal_equal_the_oracle(order, placed):
    turns = " ".join(f"{axis}rotation" for axis in order)
    everywhere = f"CHANNELS {3 + len(order)} Zposition Xposition Yposition {turns}"
    inner = everywhere if placed else f"CHANNELS {len(order)} {turns}"
    columns = 3 + len(order) + (2 * (3 * placed + len(order)))
    random = np.random.default_rng(len(order))
    rows = np.stack(
        [
            random.uniform(-180, 180, columns),
            np.full(columns, 90.0),  # the middle turn by 90 degrees: gimbal lock
            np.where(np.arange(columns) % 2, -90.0, 0.0),
            random.choice([0.0, 90.0, -90.0, 180.0, 1e-9, 720.0], columns),
        ]
    )
    text = (
        f"HIERARCHY ROOT a\n{{ OFFSET 1 2 3 {everywhere}\nJOINT b\n{{ OFFSET 4 -5 6 {inner}\n"
        f"JOINT c\n{{ OFFSET 0 7 8 {inner}\nEnd Site {{ OFFSET 1 1 1 }} }} }} }}\n"
        f"MOTION\nFrames: {len(rows)}\nFrame Time: 0.01\n"
        + "\n".join(" ".join(map(repr, map(float, row))) for row in rows)
    )
    hierarchy, values, _ = parse_bvh(text)
    np.testing.assert_array_equal(values, rows)
    expected = [bvh_positions(hierarchy.parents, hierarchy.offsets, hierarchy.channels, row) for row in rows]
    np.testing.assert_allclose(positions(hierarchy, values), expected, atol=1e-9)


def test_c13_a_single_position_channel_replaces_one_coordinate():
    text = "HIERARCHY ROOT a\n{ OFFSET 1 2 3 CHANNELS 1 Yposition }\nMOTION\nFrames: 1\nFrame Time: 1\n-20\n"
    hierarchy, values, _ = parse_bvh(text)
    assert positions(hierarchy, values)[0, 0].tolist() == [1, -20, 3]
