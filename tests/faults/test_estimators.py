"""Fault list C09 and C11, and what B13 and B22 ask of the same producers: MediaPipe and Ultralytics."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from oracles.estimator_files import (
    image_pose,
    label_line,
    landmark_objects,
    landmarks,
    world_pose,
    write_json,
    write_labels,
    yolo_result,
)

from msclr.errors import FileFormatError, MissingFileError, MsclrError, NotAFileError
from msclr.io.live import from_ultralytics
from msclr.io.registry import read

BOTH = [
    {"pose_landmarks": landmarks(image_pose(n)), "pose_world_landmarks": landmarks(world_pose(n))} for n in range(3)
]


def points(seed: int, left: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 0.2, size=(17, 2)).round(4) + np.array([left, 0.3])


def test_c01_mediapipe_and_ultralytics_files(tmp_path):
    for format in ("mediapipe", "ultralytics"):
        with pytest.raises(MissingFileError):
            read(tmp_path / "no.such", format=format)
        for content in (b"", b" \n"):
            (tmp_path / "a").write_bytes(content)
            with pytest.raises(FileFormatError):
                read(tmp_path / "a", format=format)
    with pytest.raises(NotAFileError, match="a folder"):
        read(tmp_path, format="mediapipe")
    with pytest.raises(FileFormatError, match=r"no file NAME_1\.txt"):
        read(tmp_path, format="ultralytics")


@pytest.mark.parametrize("nobody", [None, [], {}, {"pose_world_landmarks": None}, {"pose_world_landmarks": [[]]}])
def test_c09_no_landmarks_in_a_frame(tmp_path, nobody):
    frames = [
        {"pose_world_landmarks": landmarks(world_pose(0))},
        nobody,
        {"pose_world_landmarks": landmarks(world_pose(1))},
    ]
    if nobody == {"pose_world_landmarks": [[]]}:
        with pytest.raises(FileFormatError, match="0 landmarks; expected 33"):
            read(write_json(tmp_path / "a.json", frames))
        return
    sequence = read(write_json(tmp_path / "a.json", frames))
    assert sequence.valid.any(axis=2).tolist() == [[True, False, True]]
    assert (sequence.positions[0, 1] == 0).all()


def test_c09_nobody_in_any_frame(tmp_path):
    sequence = read(write_json(tmp_path / "a.json", [{"pose_landmarks": []}, None]))
    assert (sequence.num_persons, sequence.num_frames, sequence.num_joints) == (0, 2, 33)


def test_c09_visibility_absent(tmp_path):
    frames = [{"pose_world_landmarks": landmarks(world_pose(n), None)} for n in range(2)]
    sequence = read(write_json(tmp_path / "a.json", frames))
    assert sequence.valid.all()
    assert sequence.confidence is None
    frames[1]["pose_world_landmarks"][4]["visibility"] = 0.5
    with pytest.raises(FileFormatError, match="frame 1: visibility of some landmarks only"):
        read(write_json(tmp_path / "a.json", frames))


def test_c09_world_and_image_both_present(tmp_path):
    path = write_json(tmp_path / "a.json", BOTH)
    with pytest.raises(
        FileFormatError, match="both pose_landmarks and pose_world_landmarks; expected a choice"
    ) as caught:
        read(path)
    assert "variant='world'" in str(caught.value)
    assert "variant='image'" in str(caught.value)
    assert read(path, variant="world").unit == "m"
    assert read(path, variant="image").unit == "normalized"


@pytest.mark.parametrize("scores", [None, 0.9])
def test_c11_key_points_omitted_stay_at_their_index(tmp_path, scores):
    expected = points(0)
    omitted = [0, 3, 4, 16]
    expected[omitted] = 0
    table = None if scores is None else np.where(np.isin(np.arange(17), omitted), 0, scores)
    sequence = read(write_labels(tmp_path / "labels", {1: [label_line(expected, table)]}))
    assert np.flatnonzero(~sequence.valid[0, 0]).tolist() == omitted
    np.testing.assert_allclose(sequence.positions[0, 0], expected, rtol=1e-5)
    live = from_ultralytics([yolo_result(expected[None] * 640, None if table is None else table[None])])
    assert np.flatnonzero(~live.valid[0, 0]).tolist() == omitted
    np.testing.assert_allclose(live.positions[0, 0], expected * 640, rtol=1e-5)


def test_c11_without_confidence(tmp_path):
    """What a model of kpt_shape [K, 2] gives."""
    sequence = read(write_labels(tmp_path / "labels", {1: [label_line(points(0))]}))
    live = from_ultralytics([yolo_result(points(0)[None] * 640, conf=None)])
    for clip in (sequence, live):
        assert clip.confidence is None
        assert clip.valid.all()


def test_c11_zero_detections(tmp_path):
    folder = write_labels(
        tmp_path / "labels", {4: [label_line(points(0), 0.9)], 5: [], 8: [label_line(points(1), 0.9)]}
    )
    (folder / "walk_5.txt").unlink()  # no detection, no file
    assert read(folder).valid.any(axis=2).tolist() == [[True, False, False, False, True]]
    person = yolo_result(points(0)[None] * 640)
    empties = [yolo_result(np.zeros(shape), np.zeros(shape[:2])) for shape in ((0, 17, 2), (1, 0, 2), (0, 0, 2))]
    live = from_ultralytics([*empties, person])
    assert live.valid.any(axis=2).tolist() == [[False, False, False, True]]
    nobody = from_ultralytics(empties)
    assert (nobody.num_persons, nobody.num_frames, nobody.num_joints) == (0, 3, 17)


@pytest.mark.parametrize("shape", [2, 3])
def test_c11_both_shapes_of_key_points(tmp_path, shape):
    poses = [points(n) for n in range(3)]
    folder = write_labels(
        tmp_path / "labels", {n: [label_line(p, 0.5 if shape == 3 else None)] for n, p in enumerate(poses)}
    )
    np.testing.assert_allclose(read(folder).positions[0], np.stack(poses), rtol=1e-5)


def test_b13_zeros_are_not_positions(tmp_path):
    pose = points(0)
    pose[5] = 0
    sequence = read(write_labels(tmp_path / "labels", {1: [label_line(pose, 0.9)]}))
    assert not sequence.valid[0, 0, 5]
    assert sequence.confidence[0, 0, 5] == 0


def test_b22_ids_repeated_in_one_frame(tmp_path):
    lines = [label_line(points(n, 0.4 * n), 0.9, 0.8, 7) for n in range(2)]
    with pytest.raises(FileFormatError, match="person '7' 2 times in frame 3"):
        read(write_labels(tmp_path / "labels", {3: lines}))


def test_c17_and_c18_links_in_a_label_folder(tmp_path):
    outside = write_labels(tmp_path / "outside", {1: [label_line(points(0), 0.9)]})
    folder = write_labels(tmp_path / "labels", {2: [label_line(points(1), 0.9)]})
    (folder / "walk_1.txt").symlink_to(outside / "walk_1.txt")
    with pytest.raises(NotAFileError, match="a symbolic link out of the folder"):
        read(folder)
    assert read(folder, follow_symlinks=True).num_frames == 2


@pytest.mark.parametrize("format", ["mediapipe", "ultralytics"])
def test_c21_mutated_files_are_read_or_refused(tmp_path, format):
    if format == "mediapipe":
        original = json.dumps(BOTH[:1]).encode()
    else:
        original = (label_line(points(0), 0.9, 0.8, 1) + "\n" + label_line(points(1), 0.9, 0.8, 2)).encode()
    rng = random.Random(0)
    refused = 0
    for _ in range(400):
        data = bytearray(original)
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(data))
            choice = rng.random()
            if choice < 0.5:
                data[place] = rng.choice(b'0123456789eE.-+[]{}",: \n\x00\xffnaif_')
            elif choice < 0.75:
                del data[place : place + rng.randint(1, 40)]
            else:
                data[place:place] = data[place : place + rng.randint(1, 40)]
        (tmp_path / "a_1").write_bytes(data)
        try:
            sequence = read(tmp_path / "a_1", format=format, variant="world" if format == "mediapipe" else None)
        except MsclrError:
            refused += 1
        else:
            assert np.isfinite(sequence.positions).all()
    assert 100 < refused < 400


def test_c09_live_and_dumped_landmarks_agree(tmp_path):
    from types import SimpleNamespace

    from msclr.io.live import from_mediapipe

    frames = [
        SimpleNamespace(
            pose_landmarks=[landmark_objects(image_pose(n))], pose_world_landmarks=[landmark_objects(world_pose(n))]
        )
        for n in range(3)
    ]
    dumped = write_json(tmp_path / "a.json", BOTH)
    for kind in ("world", "image"):
        np.testing.assert_allclose(
            from_mediapipe(frames, landmarks=kind).positions, read(dumped, variant=kind).positions, rtol=1e-6
        )
