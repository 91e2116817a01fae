"""Fault list C15, C16 and C21: archives, wrappers, random damage."""

from __future__ import annotations

import gzip
import io
import os
import struct
import time
import zipfile

import numpy as np
import pytest
from oracles.pose_files import ntu_lines, openpose_person, write_lines, write_openpose

from msclr.errors import FileFormatError, FileLimitError, MsclrError
from msclr.io.registry import read, write
from msclr.poses.sequence import PoseSequence


def clip(seed: int = 0, frames: int = 4) -> PoseSequence:
    return PoseSequence.from_array(np.random.default_rng(seed).normal(size=(frames, 17, 2)), "coco_17", fps=30)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def archive(path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_c15_zip_bomb_is_refused_before_inflating(tmp_path, monkeypatch):
    path = archive(tmp_path / "bomb.npz", {"poses.npy": npy(np.zeros((2_000_000, 25, 2), np.uint8))})
    assert path.stat().st_size < 200_000

    def refuse(*args: object, **kwargs: object) -> None:
        pytest.fail("the archive was inflated")

    monkeypatch.setattr(zipfile.ZipFile, "open", refuse)
    with pytest.raises(FileLimitError, match=r"100,000,128 bytes once unpacked"):
        read(path, skeleton="openpose_body25_25")


def test_c15_size_in_the_directory_is_a_lie(tmp_path):
    path = archive(tmp_path / "a.npz", {"poses.npy": npy(np.zeros((200_000, 25, 2), np.uint8))})
    data = bytearray(path.read_bytes())
    directory = data.rindex(b"PK\x01\x02")
    struct.pack_into("<L", data, directory + 24, 1000)
    path.write_bytes(data)
    with pytest.raises(FileFormatError):
        read(path, skeleton="openpose_body25_25")


def test_c15_a_million_members(tmp_path):
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, 65535 * 50, 50, 0)
    path = archive(tmp_path / "a.npz", {"a.npy": npy(np.ones(1))})
    path.write_bytes(path.read_bytes()[:50] + b"\0" * 65535 * 50 + end)
    start = time.process_time()
    with pytest.raises(FileLimitError, match="65,535 members"):
        read(path)
    assert time.process_time() - start < 1.0
    many = archive(tmp_path / "b.npz", {f"{number}.npy": b"" for number in range(1500)}, zipfile.ZIP_STORED)
    with pytest.raises(FileLimitError, match="1,500 members"):
        read(many)


def test_c15_zip64_directory_cannot_hide_members(tmp_path):
    path = archive(tmp_path / "a.npz", {"a.npy": npy(np.ones(1))})
    data = path.read_bytes()
    end = data.rindex(b"PK\x05\x06")
    path.write_bytes(data[:end] + b"PK\x06\x07" + b"\0" * 16 + data[end:])
    with pytest.raises(FileLimitError, match="zip64"):
        read(path)


@pytest.mark.parametrize("name", ["../x.npy", "/x.npy", "a/b.npy", "C:x.npy", "..\\x.npy", "x.exe", "x.npy\nz.npy/"])
def test_c15_member_names_that_lead_elsewhere(tmp_path, name):
    content = npy(np.ones((4, 17, 2)))
    path = archive(tmp_path / "a.npz", {"a.npy": content, name: content})
    with pytest.raises(FileFormatError, match="not an array"):
        read(path, skeleton="coco_17")


def test_c15_encrypted(tmp_path):
    path = archive(tmp_path / "a.npz", {"a.npy": npy(np.ones((4, 17, 2)))})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="encrypted"):
        read(path)


def test_c15_truncated_at_every_length(tmp_path):
    write(clip(), tmp_path / "a.npz")
    data = (tmp_path / "a.npz").read_bytes()
    for length in [*range(1, 200), *range(200, len(data), 97), len(data) - 1]:
        (tmp_path / "b.npz").write_bytes(data[:length])
        with pytest.raises(FileFormatError):
            read(tmp_path / "b.npz", format="npz")


def test_c15_object_arrays_are_never_unpickled(tmp_path):
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.mkdir, (str(tmp_path / "executed"),))

    content = npy(np.array([Payload()], dtype=object))
    path = archive(tmp_path / "a.npz", {"poses.npy": content})
    with pytest.raises(FileFormatError, match="real numbers"):
        read(path, skeleton="coco_17")
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(FileFormatError, match="real numbers"):
        read(tmp_path / "a.npy", skeleton="coco_17")
    assert not (tmp_path / "executed").exists()


def test_c15_one_member_twice(tmp_path):
    content = npy(np.ones((4, 17, 2)))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("a.npy", content)
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("a.npy", content)
    with pytest.raises(FileFormatError, match="occurs twice"):
        read(tmp_path / "a.npz", skeleton="coco_17")


@pytest.mark.parametrize("format", ["auto", "ntu", "openpose", "npz", "npy"])
def test_c16_gzip_is_named(tmp_path, format):
    plain = write_lines(tmp_path / "a.skeleton", ntu_lines([{1: np.ones((25, 3))}]))
    (tmp_path / "a.skeleton.gz").write_bytes(gzip.compress(plain.read_bytes()))
    with pytest.raises(FileFormatError, match=r"compressed with gzip.*unpack it first"):
        read(tmp_path / "a.skeleton.gz", format=format)


@pytest.mark.parametrize("format", ["auto", "ntu", "openpose"])
def test_c16_zip_where_text_is_expected(tmp_path, format):
    path = archive(tmp_path / "a.skeleton", {"a.txt": b"1"})
    with pytest.raises(MsclrError, match=r"zip archive|no format recognises"):
        read(path, format=format)


@pytest.mark.parametrize("name", ["a.NPZ", "a.npz.skeleton", "a.json", "a", ".npz"])
def test_c16_content_decides_not_the_suffix(tmp_path, name):
    write(clip(), tmp_path / name, format="npz")
    assert read(tmp_path / name).skeleton.id == "coco_17"


def test_c16_upper_case_suffix_is_written(tmp_path):
    write(clip(), tmp_path / "a.NPZ")
    assert read(tmp_path / "a.NPZ").num_frames == 4


def seed_files(folder) -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    body = {1: rng.normal(size=(25, 3)), 2: rng.normal(size=(25, 3))}
    people = [openpose_person(rng.uniform(1, 99, size=(25, 2)), person_id=n) for n in range(2)]
    write(clip(), folder / "npz", format="npz")
    return {
        "ntu": write_lines(folder / "ntu", ntu_lines([body, {}, body])).read_bytes(),
        "openpose": next(write_openpose(folder / "clip", {0: people}).iterdir()).read_bytes(),
        "npz": (folder / "npz").read_bytes(),
        "npy": npy(rng.normal(size=(4, 17, 2)).astype(np.float32)),
    }


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Flip, drop, repeat, overwrite or cut a few bytes; half the time near the front, where the headers are."""
    content = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        reach = len(content) if rng.random() < 0.5 else min(len(content), 256)
        place, length = int(rng.integers(0, max(reach, 1))), int(rng.integers(1, 17))
        kind = rng.integers(0, 6)
        if kind == 0:
            content[place : place + 1] = bytes([int(rng.integers(0, 256))])
        elif kind == 1:
            del content[place : place + length]
        elif kind == 2:
            content[place:place] = content[place : place + length] * int(rng.integers(1, 9))
        elif kind == 3:
            content[place : place + 1] = rng.choice([b"9999999999", b"-1", b"nan", b"1e400", b"\xff\xfe", b"[", b"\n"])
        elif kind == 4:
            content[place : place + length] = rng.bytes(length)
        else:
            del content[max(place, 1) :]
    return bytes(content)


@pytest.mark.filterwarnings("ignore::UserWarning")  # damaged poses may be zeros, which from_array warns of
@pytest.mark.parametrize("format", ["ntu", "openpose", "npz", "npy"])
def test_c21_damaged_files_end_in_msclr_errors(tmp_path, format):
    data = seed_files(tmp_path)[format]
    skeleton = "coco_17" if format == "npy" else None
    path = tmp_path / "damaged"
    rng = np.random.default_rng(21)
    refused = 0
    for _ in range(300):
        path.write_bytes(mutate(data, rng))
        try:
            sequence = read(path, format=str(rng.choice(["auto", format])), skeleton=skeleton)
        except MsclrError:
            refused += 1
        else:
            assert np.isfinite(sequence.positions).all()
            assert (sequence.positions[~sequence.valid] == 0).all()
    assert refused > 100
