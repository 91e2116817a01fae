"""Fault cases C01 to C21 for saved predictions of MeTRAbs."""

from __future__ import annotations

import io
import json
import os
import pickle
import time

import numpy as np
import pytest

from msclr.errors import FileFormatError, FileLimitError, MissingFileError, MsclrError, NotAFileError
from msclr.io.limits import ReadLimits
from msclr.io.registry import Probe, formats, read

POSES = np.random.default_rng(0).normal(size=(4, 2, 24, 3)) * 300
LIST = [
    {"frame": frame, "poses3d": poses.tolist(), "boxes": [[0, 0, 9, 9, 1]] * 2} for frame, poses in enumerate(POSES)
]


def archive(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def text(content: object) -> bytes:
    return json.dumps(content).encode()


def saved(tmp_path, data: bytes):
    path = tmp_path / "walk.predictions"
    path.write_bytes(data)
    return path


def test_c01_missing_folder_and_empty(tmp_path):
    with pytest.raises(MissingFileError):
        read(tmp_path / "none.npz", format="metrabs")
    with pytest.raises(NotAFileError, match="folder"):
        read(tmp_path, format="metrabs")
    with pytest.raises(FileFormatError, match="an empty file"):
        read(saved(tmp_path, b""), format="metrabs")


def test_c06_json_cut_off_anywhere_is_refused(tmp_path):
    data = text(LIST[:1])
    for end in range(1, len(data) - 1, 97):
        with pytest.raises(FileFormatError, match="walk"):
            read(saved(tmp_path, data[:end]), format="metrabs", skeleton="smpl_24")


FIRST = LIST[0]["poses3d"]
MALFORMED = {
    "a number": (text(3), "a JSON number; expected an object"),
    "no poses": (text({"boxes": []}), "null; expected a list of poses"),
    "no poses in a frame": (text([{"boxes": []}]), r"\[0\], poses3d: null"),
    "a frame that is a list": (text([[1]]), r"\[0\]: a JSON list; expected an object"),
    "a frame number of text": (text([{"frame": "7", "poses3d": []}]), "frame '7'"),
    "a frame number twice": (text([LIST[0], LIST[0]]), "frame 0; expected a whole number that no other"),
    "a negative frame": (text([{"frame": -1, "poses3d": []}]), "frame -1"),
    "no frames": (text([]), "no frames"),
    "boxes for others": (text([{"poses3d": FIRST, "boxes": []}]), "2 poses, 0 boxes"),
    "boxes of other frames": (text({"poses3d": [FIRST], "boxes": []}), "poses of 1 frames, boxes of others"),
    "poses of augmented images": (text({"poses3d": [[FIRST[0]] * 5], "boxes": [[0] * 5]}), "average_aug=True"),
    "two coordinates": (text([{"poses3d": [[[1, 2]]]}]), "joints that are not x, y, z"),
    "no joints": (text([{"poses3d": [[]]}]), "joints that are not x, y, z"),
    "text for a number": (text([{"poses3d": [[[1, 2, "3"]]]}]), "'3'"),
    "nan": (b'[{"poses3d": [[[1, 2, NaN]]]}]', "NaN"),
    "other persons": (text([{"poses3d": [FIRST[0], FIRST[0][:5]]}]), "persons with different numbers of joints"),
    "other frames": (text([LIST[0], {"poses3d": [FIRST[0][:5]]}]), r"frames with \[5, 24\] joints"),
    "names of numbers": (text({"poses3d": [FIRST], "joint_names": [1]}), "a name that is no text"),
    "too few names": (text({"poses3d": [FIRST], "joints": ["a"]}), "1 joint names for 24 joints"),
    "indices of text": (text({"poses3d": [FIRST], "per_skeleton_indices": {"a": ["1"]}}), "an index that is no whole"),
    "an archive without poses": (archive(boxes=np.ones((3, 5))), "no array poses3d"),
    "poses of two axes": (archive(poses3d=np.ones((3, 3))), r"poses3d of shape \(3, 3\)"),
    "poses in 2D": (archive(poses3d=np.ones((3, 24, 2))), r"poses3d of shape \(3, 24, 2\)"),
    "objects": (archive(poses3d=np.array([None, {}])), r"values of type '\|?O'"),
    "text": (archive(poses3d=np.array(["a"])), "values of type '<U1'"),
    "names of objects": (archive(poses3d=POSES, joint_names=np.array(["a", None])), "values of type"),
    "names that are numbers": (archive(poses3d=POSES, joint_names=np.ones(24)), "joint names of type float64"),
    "names that are no utf-8": (archive(poses3d=POSES, joint_names=np.array([b"\xff"] * 24)), "no text"),
    "skeletons": (archive(poses3d=POSES, skeleton=np.array(["a", "b"])), "2 texts in skeleton"),
    "boxes of others": (archive(poses3d=POSES, boxes=np.ones((4, 3, 5))), r"boxes \(4, 3, 5\) for poses"),
    "frames of others": (archive(poses3d=POSES[0], frame=np.arange(3)), "2 whole numbers"),
    "half frames": (archive(poses3d=POSES[0], frame=np.array([0, 0.5])), "2 whole numbers"),
    "negative frames": (archive(poses3d=POSES[0], frame=np.array([0, -1])), "2 whole numbers"),
    "a frame of nan": (archive(poses3d=POSES[0], frame=np.array([0, np.nan])), "2 whole numbers"),
    "a row of the same frame": (archive(poses3d=POSES, frame=np.zeros(4)), "a frame number twice"),
    "counts of others": (archive(poses3d=POSES[0], num_people=np.array([1, 2])), "2 poses for 3 persons"),
    "counts over the row": (archive(poses3d=POSES, num_people=np.array([1, 2, 3, 1])), "3 persons in poses3d"),
    "two rates": (archive(poses3d=POSES, fps=np.ones(2)), r"fps: an array of shape \(2,\)"),
    "a cut archive": (archive(poses3d=POSES)[:-30], "an archive without its end|damaged"),
    "a pickle": (pickle.dumps([{"poses3d": POSES}]), "binary|UTF-8"),
}


@pytest.mark.parametrize("case", MALFORMED, ids=lambda name: name.replace(" ", "_"))
def test_c10_malformed_predictions_are_refused_with_what_was_found(tmp_path, case):
    data, message = MALFORMED[case]
    with pytest.raises(FileFormatError, match=f"walk.predictions.*({message})"):
        read(saved(tmp_path, data), format="metrabs", skeleton="smpl_24")


def test_c07_frame_numbers_far_apart_meet_the_limit(tmp_path):
    for data in (text([LIST[0], LIST[1] | {"frame": 10**9}]), archive(poses3d=POSES[0], frame=np.array([0, 10**12]))):
        with pytest.raises(FileLimitError, match="frames"):
            read(saved(tmp_path, data), format="metrabs", skeleton="smpl_24")
    with pytest.raises(FileLimitError, match="4 frames"):
        read(saved(tmp_path, text(LIST)), skeleton="smpl_24", limits=ReadLimits(maximum_frames=3))


def test_c15_an_archive_that_unpacks_to_far_more_is_refused(tmp_path):
    file = io.BytesIO()
    np.savez_compressed(file, poses3d=np.zeros((20_000, 2, 24, 3)))
    with pytest.raises(FileLimitError, match="bytes once unpacked"):
        read(saved(tmp_path, file.getvalue()), skeleton="smpl_24")


@pytest.mark.parametrize(
    "data",
    [text(LIST), text({"poses3d": [FIRST]}), archive(poses3d=POSES), archive(boxes=np.ones((4, 2, 5)), poses3d=POSES)],
    ids=["list", "object", "archive", "boxes first"],
)
def test_c16_found_by_content_by_one_format(tmp_path, data):
    probe = Probe(tmp_path / "a", head=data[:65536])
    assert [known.name for known in formats() if known.recognise(probe)] == ["metrabs"]


def test_c17_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotAFileError, match="a named pipe"):
        read(tmp_path / "pipe", format="metrabs")


@pytest.mark.parametrize("name", ["a walk.npz", "wälk \N{FOOTPRINTS}.npz", "new\nline.npz"])
def test_c19_unusual_names(tmp_path, name):
    (tmp_path / name).write_bytes(archive(poses3d=POSES))
    assert read(tmp_path / name, skeleton="smpl_24").num_frames == 4


@pytest.mark.parametrize("value", [np.inf, 1e300, -1e12])
def test_c10_infinite_and_absurd_coordinates_are_refused(tmp_path, value):
    poses = POSES.copy()
    poses[2, 1, 5, 0] = value
    with pytest.raises(MsclrError, match="coordinate x is"):
        read(saved(tmp_path, archive(poses3d=poses)), skeleton="smpl_24")


@pytest.mark.parametrize(
    "original", [text(LIST[:2]), archive(poses3d=POSES[0], frame=np.arange(2))], ids=["json", "npz"]
)
def test_c21_mutated_files_are_read_or_refused(tmp_path, original):
    random = np.random.default_rng(0)
    refused = 0
    start = time.process_time()
    for _ in range(200):
        data = bytearray(original)
        for place in random.integers(0, random.choice([200, len(data)]), size=random.integers(1, 4)):
            data[place] = random.choice(list(b'0123456789eE.-[]{}",: \x00\xff'))
        if random.random() < 0.1:
            data = data[: random.integers(1, len(data))]
        try:
            clip = read(saved(tmp_path, bytes(data)), format="metrabs", skeleton="smpl_24")
        except MsclrError:
            refused += 1
        else:
            assert np.isfinite(clip.positions).all()
    assert 20 < refused <= 200
    assert time.process_time() - start < 30
