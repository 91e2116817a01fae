"""Fault cases C01 to C21 for C3D files: cut off, contradictory, absurd, hostile."""

from __future__ import annotations

import os
import struct
import time

import numpy as np
import pytest
from oracles.c3d_files import BLOCK, DEC, INTEL, MIPS, c3d_bytes, texts, word

from msclr.errors import (
    FileFormatError,
    FileLimitError,
    MissingFileError,
    MsclrError,
    NotAFileError,
    UnknownFormatError,
)
from msclr.io.registry import Probe, formats, read

pytest.importorskip("c3d")

LABELS = ["LSHO", "RSHO", "LASI", "RASI"]
POINTS = np.random.default_rng(0).integers(1, 1800, size=(60, 4, 3)).astype(float)
GOOD = c3d_bytes(POINTS, LABELS)


def patched(place: int, content: bytes, data: bytes = GOOD) -> bytes:
    return data[:place] + content + data[place + len(content) :]


def renamed(old: bytes, new: bytes, data: bytes = GOOD) -> bytes:
    assert data.count(old) == 1
    assert len(old) == len(new)
    return data.replace(old, new)


def saved(tmp_path, data: bytes):
    path = tmp_path / "walk.c3d"
    path.write_bytes(data)
    return path


def test_c01_missing_folder_and_empty(tmp_path):
    with pytest.raises(MissingFileError):
        read(tmp_path / "none.c3d", format="c3d")
    with pytest.raises(NotAFileError, match="folder"):
        read(tmp_path, format="c3d")
    with pytest.raises(FileFormatError, match="an empty file"):
        read(saved(tmp_path, b""), format="c3d")
    with pytest.raises(FileFormatError, match="white space"):
        read(saved(tmp_path, b" \n\n"), format="c3d")


def test_c02_truncation_at_every_block_and_inside_each(tmp_path):
    last = 512 * 2 + POINTS.size // 3 * 16
    assert last < len(GOOD)
    for end in [*range(1, len(GOOD), BLOCK), *range(BLOCK, len(GOOD), BLOCK), last - 1]:
        with pytest.raises(FileFormatError, match=r"walk\.c3d: .*expected"):
            read(saved(tmp_path, GOOD[:end]), format="c3d")
    assert read(saved(tmp_path, GOOD[:last])).num_frames == 60  # only the padding is missing


MALFORMED = {
    "no magic": (patched(1, b"\x51"), "second byte 51; expected 50"),
    "parameters in block 0": (patched(0, b"\0"), "parameters in block 0"),
    "parameters in the header": (patched(0, b"\1"), "parameters in block 1"),
    "parameters behind the end": (patched(0, b"\xff"), "parameters in block 255"),
    "parameters among the frames": (patched(0, b"\4"), "processor"),
    "no blocks of parameters": (patched(BLOCK + 2, b"\0"), "0 blocks of parameters"),
    "too many blocks of parameters": (patched(BLOCK + 2, b"\xff"), "255 blocks of parameters"),
    "unknown processor": (patched(BLOCK + 3, b"\x57"), r"processor 87; expected 84 \(Intel\)"),
    "another processor": (patched(BLOCK + 3, b"\x56"), "expected"),
    "no points": (patched(2, word(0, INTEL)), "no points"),
    "65,535 points": (patched(2, word(65535, INTEL)), "60 frames of 65,535 points need"),
    "one point more": (patched(2, word(5, INTEL)), "60 frames of 5 points need|cannot read"),
    "65,535 analog values": (patched(4, word(65535, INTEL)), "need 15,732,240 bytes"),
    "50,000 frames": (patched(8, word(50000, INTEL)), "50,000 frames of 4 points"),
    "frames in block 0": (patched(16, word(0, INTEL)), "frames in block 0"),
    "frames in the parameters": (patched(16, word(2, INTEL)), "frames in block 2"),
    "frames behind the end": (patched(16, word(9999, INTEL)), "frames in block 9999"),
    "scale 0": (patched(12, struct.pack("<f", 0)), "a scale of 0.0"),
    "scale nan": (patched(12, struct.pack("<f", np.nan)), "a scale of nan"),
    "rate of the header": (patched(20, struct.pack("<f", 50)), "POINT:RATE is 100, the header says 50"),
    "rate nan": (c3d_bytes(POINTS, LABELS, rate=np.nan), "POINT:RATE is nan"),
    "no labels": (c3d_bytes(POINTS, None), "no point with a label among 4"),
    "blank labels": (c3d_bytes(POINTS, ["", " ", "*1", "*2"]), "no point with a label among 4"),
    "a label twice": (c3d_bytes(POINTS, ["LASI", "RASI", "T10", "lasi"]), "points 0 and 3 both have the label 'lasi'"),
    "labels of numbers": (
        c3d_bytes(POINTS, None, parameters={"LABELS": (2, (4,), bytes(8))}),
        "POINT:LABELS of 4, 2 bytes each, in 8 bytes; expected texts",
    ),
    "labels of three axes": (
        c3d_bytes(POINTS, None, parameters={"LABELS": (-1, (1, 2, 2), b"abcd")}),
        "POINT:LABELS of 1 x 2 x 2",
    ),
    "labels longer than the file": (
        c3d_bytes(POINTS, None, parameters={"LABELS": (-1, (255, 255), b"LASI")}),
        "expected",
    ),
    "labels of 10^16 characters": (
        c3d_bytes(POINTS, None, parameters={"LABELS": (-1, (255,) * 7, b"LASI")}),
        "expected",
    ),
    "labels of no width": (
        c3d_bytes(POINTS, None, parameters={"LABELS": (-1, (0, 255, 255, 255), b"")}),
        "no point with a label",
    ),
    "a rate of text": (
        c3d_bytes(POINTS, LABELS, parameters={"RATE": texts(["fast"])}),
        "POINT:RATE of 4 x 1, -1 bytes each",
    ),
    "another scale": (
        c3d_bytes(POINTS, LABELS, parameters={"SCALE": (4, (), struct.pack("<f", 0.1))}),
        "POINT:SCALE is 0.1, the header says -1",
    ),
    "an actual frame of one word": (
        c3d_bytes(POINTS, LABELS, trial={"ACTUAL_END_FIELD": (2, (1,), word(60, INTEL))}),
        "TRIAL:ACTUAL_END_FIELD of 1, 2 bytes each",
    ),
    "no group POINT": (renamed(b"\x05\xffPOINT", b"\x05\xffPAINT"), "no point with a label"),
}


@pytest.mark.parametrize("case", MALFORMED, ids=lambda name: name.replace(" ", "_"))
def test_c04_malformed_files_are_refused_with_what_was_found(tmp_path, case):
    data, message = MALFORMED[case]
    start = time.process_time()
    with pytest.raises(FileFormatError, match=f"walk.c3d.*({message})"):
        read(saved(tmp_path, data), format="c3d")
    assert time.process_time() - start < 1


@pytest.mark.parametrize("stated", [{}, {"LONG_FRAMES": (4, (), struct.pack("<f", 0))}], ids=["frames", "long frames"])
def test_c04_a_header_that_counts_backwards_leaves_it_to_the_parameters(tmp_path, stated):
    data = c3d_bytes(POINTS, LABELS, parameters=stated)
    assert read(saved(tmp_path, patched(8, word(0, INTEL), data))).num_frames == 60
    nothing = {"FRAMES": (2, (), word(0, INTEL))}
    data = c3d_bytes(POINTS, LABELS, parameters=nothing)
    with pytest.raises(FileFormatError, match="no frames, from 1 to 0"):
        read(saved(tmp_path, patched(8, word(0, INTEL), data)))


@pytest.mark.parametrize("frames", [1e9, 3e38, np.inf, np.nan, -5.0])
def test_c03_announced_frames_meet_the_size_of_the_file(tmp_path, frames):
    parameters = {"LONG_FRAMES": (4, (), struct.pack("<f", frames)), "FRAMES": (2, (), word(0, INTEL))}
    data = patched(
        8, word(65535, INTEL), patched(6, word(65535, INTEL), c3d_bytes(POINTS, LABELS, parameters=parameters))
    )
    with pytest.raises(FileFormatError, match=r"need|no frames"):
        read(saved(tmp_path, data))


def test_c05_persons_are_their_names_not_their_places(tmp_path):
    labels = ["Ann:LASI", "Bo:LASI", "Bo:RASI", "Ann:RASI"]
    there, back = c3d_bytes(POINTS, labels), c3d_bytes(POINTS[:, ::-1], labels[::-1])
    first, second = read(saved(tmp_path, there)), read(saved(tmp_path, back))
    assert (first.person_ids, second.person_ids) == (("Ann", "Bo"), ("Ann", "Bo"))
    order = [second.skeleton.joints.index(joint) for joint in first.skeleton.joints]
    np.testing.assert_array_equal(first.positions, second.positions[:, :, order])


def test_c16_found_by_content_whatever_the_name(tmp_path):
    path = tmp_path / "WALK.BVH.C3D"
    path.write_bytes(GOOD)
    assert read(path).num_joints == 4
    for processor in (INTEL, DEC, MIPS):
        probe = Probe(path, head=c3d_bytes(POINTS, LABELS, processor=processor)[:65536])
        assert [known.name for known in formats() if known.recognise(probe)] == ["c3d"]
    with pytest.raises(UnknownFormatError):
        read(saved(tmp_path, GOOD[:400]))
    path.write_bytes(b"\x1f\x8b" + GOOD)
    with pytest.raises(FileFormatError, match="compressed with gzip"):
        read(path, format="c3d")


def test_c17_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotAFileError, match="a named pipe"):
        read(tmp_path / "pipe", format="c3d")
    with pytest.raises(NotAFileError, match="a character device"):
        read("/dev/zero", format="c3d")


def test_c18_a_circle_of_links_is_refused(tmp_path):
    (tmp_path / "a.c3d").symlink_to(tmp_path / "b.c3d")
    (tmp_path / "b.c3d").symlink_to(tmp_path / "a.c3d")
    with pytest.raises(NotAFileError, match="circle"):
        read(tmp_path / "a.c3d", format="c3d")


@pytest.mark.parametrize("name", ["a walk.c3d", "wälk \N{FOOTPRINTS}.c3d", "new\nline.c3d", "x" * 240 + ".c3d"])
def test_c19_unusual_names(tmp_path, name):
    (tmp_path / name).write_bytes(GOOD)
    assert read(tmp_path / name).num_frames == 60
    assert read(os.fsencode(tmp_path / name)).num_frames == 60


def test_c07_persons_by_the_thousand_meet_the_limit(tmp_path):
    labels = [f"P{number}:M" for number in range(1001)]
    more = {f"LABELS{place // 255 + 1}": texts(labels[place : place + 255]) for place in range(255, 1001, 255)}
    data = c3d_bytes(np.ones((2, 1001, 3)), labels[:255], parameters=more, scale=1.0)
    with pytest.raises(FileLimitError, match="1,001 persons"):
        read(saved(tmp_path, data))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e30])
def test_c04_infinite_and_absurd_coordinates_have_a_place(tmp_path, value):
    points = POINTS.copy()
    points[7, 2, 1] = value
    with pytest.raises(MsclrError, match=r"frame 7, person 0, joint 'LASI': coordinate y"):
        read(saved(tmp_path, c3d_bytes(points, LABELS)))


@pytest.mark.parametrize("processor", [INTEL, DEC, MIPS])
def test_c21_mutated_files_are_read_or_refused(tmp_path, processor):
    random = np.random.default_rng(processor)
    original = np.frombuffer(c3d_bytes(POINTS[:5], LABELS, processor=processor), dtype=np.uint8)
    refused = 0
    start = time.process_time()
    for _ in range(300):
        data = original.copy()
        limit = random.choice([24, len(data)])  # half of them in the header
        for place in random.integers(0, limit, size=random.integers(1, 5)):
            data[place] = random.choice([0, 1, 2, 127, 128, 255, random.integers(256)])
        if random.random() < 0.2:
            data = data[: random.integers(1, len(data))]
        try:
            clip = read(saved(tmp_path, data.tobytes()), format="c3d")
        except MsclrError:
            refused += 1
        else:
            assert np.isfinite(clip.positions).all()
    assert 50 < refused < 300
    assert time.process_time() - start < 30
