"""The reader of MediaPipe landmark dumps."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.estimator_files import image_pose, landmarks, world_pose, write_json

from msclr.errors import FileFormatError, FileLimitError, PoseError
from msclr.io.limits import ReadLimits
from msclr.io.registry import read

WORLD = [world_pose(seed) for seed in range(3)]
IMAGE = [image_pose(seed) for seed in range(3)]


def lists(points):
    return [[float(value) for value in (*point, 0.9)] for point in points]


LAYOUTS = {
    "legacy, one person": [{"pose_world_landmarks": landmarks(p)} for p in WORLD],
    "legacy, as protobuf": [{"pose_world_landmarks": {"landmark": landmarks(p)}} for p in WORLD],
    "tasks, persons in a list": [{"pose_landmarks": [], "pose_world_landmarks": [landmarks(p)]} for p in WORLD],
    "javascript": [{"worldLandmarks": [landmarks(p)]} for p in WORLD],
    "legacy javascript": [{"poseWorldLandmarks": landmarks(p)} for p in WORLD],
    "an object with frames": {"frames": [{"frame": n, "pose_world_landmarks": lists(p)} for n, p in enumerate(WORLD)]},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_world_landmarks_of_every_layout(tmp_path, layout):
    sequence = read(write_json(tmp_path / "a.json", LAYOUTS[layout]), fps=30)
    assert (sequence.skeleton.id, sequence.unit, sequence.up, sequence.dims) == ("mediapipe_pose_33", "m", "-y", 3)
    assert (sequence.fps, sequence.person_ids, sequence.meta["landmarks"]) == (30.0, ("track 0",), "world")
    np.testing.assert_allclose(sequence.positions[0], np.stack(WORLD), rtol=1e-6)
    np.testing.assert_allclose(sequence.confidence, 0.9, rtol=1e-6)


@pytest.mark.parametrize(
    "content", [[lists(p) for p in WORLD], [landmarks(p) for p in WORLD], [[landmarks(p)] for p in WORLD]]
)
def test_landmarks_alone_need_a_choice(tmp_path, content):
    path = write_json(tmp_path / "a.json", content)
    with pytest.raises(FileFormatError, match=r"without saying which ones.*variant='world'.*variant='image'"):
        read(path, format="mediapipe")
    np.testing.assert_allclose(read(path, format="mediapipe", variant="world").positions[0], np.stack(WORLD), rtol=1e-6)


def test_a_single_frame(tmp_path):
    for content in ({"pose_world_landmarks": landmarks(WORLD[0])}, landmarks(WORLD[0])):
        sequence = read(write_json(tmp_path / "a.json", content), variant="world")
        assert sequence.num_frames == 1
        np.testing.assert_allclose(sequence.positions[0, 0], WORLD[0], rtol=1e-6)


def test_image_landmarks_are_flat_and_normalised(tmp_path):
    sequence = read(write_json(tmp_path / "a.json", [{"pose_landmarks": landmarks(p)} for p in IMAGE]))
    assert (sequence.dims, sequence.skeleton.dims, sequence.unit, sequence.up) == (2, 2, "normalized", "-y")
    np.testing.assert_allclose(sequence.positions[0], np.stack(IMAGE)[..., :2], rtol=1e-6)


def test_image_landmarks_become_pixels_where_the_size_is_known(tmp_path):
    frames = [{"pose_landmarks": landmarks(p)} for p in IMAGE]
    content = {"width": 1280, "height": 720, "fps": 25, "frames": frames}
    sequence = read(write_json(tmp_path / "a.json", content))
    assert (sequence.unit, sequence.fps) == ("px", 25.0)
    np.testing.assert_allclose(sequence.positions[0], np.stack(IMAGE)[..., :2] * [1280, 720], rtol=1e-5)
    content["frames"] = [{"pose_world_landmarks": landmarks(p)} for p in WORLD]
    np.testing.assert_allclose(read(write_json(tmp_path / "a.json", content)).positions[0], np.stack(WORLD), rtol=1e-6)


def test_frame_numbers_with_gaps_stay_gaps(tmp_path):
    frames = [{"frame_id": n, "pose_world_landmarks": landmarks(p)} for n, p in zip((4, 5, 9), WORLD, strict=True)]
    sequence = read(write_json(tmp_path / "a.json", frames))
    assert sequence.meta["first_frame"] == "4"
    assert sequence.valid[0, :, 0].tolist() == [True, True, False, False, False, True]
    with pytest.raises(FileFormatError, match=r"frame 2: frame 5 after frame 9"):
        read(write_json(tmp_path / "a.json", [frames[0], frames[2], frames[1]]))
    with pytest.raises(FileFormatError, match=r"frame 1: no frame number"):
        read(write_json(tmp_path / "a.json", [frames[0], {"pose_world_landmarks": []}]))


def test_several_persons_are_followed_in_the_image_although_their_world_landmarks_are_alike(tmp_path):
    rng = np.random.default_rng(0)
    frames, expected = [], np.zeros((2, 6, 33, 3))
    for frame in range(6):
        people = [
            (landmarks(image_pose(1, 0.2)), world_pose(10 + frame)),
            (landmarks(image_pose(2, 0.8)), world_pose(frame)),
        ]
        expected[:, frame] = [person[1] for person in people]
        order = [0, 1] if frame == 0 else rng.permutation(2)
        frames.append(
            {
                "frame": 99 + frame,
                "pose_landmarks": [people[i][0] for i in order],
                "pose_world_landmarks": [landmarks(people[i][1]) for i in order],
            }
        )
    sequence = read(write_json(tmp_path / "a.json", frames), variant="world")
    np.testing.assert_allclose(sequence.positions, expected, rtol=1e-5)


def test_somebody_who_is_away_for_long_comes_back_as_somebody_else(tmp_path):
    people = {
        "pose_landmarks": [landmarks(image_pose(1, 0.2)), landmarks(image_pose(2, 0.8))],
        "pose_world_landmarks": [landmarks(world_pose(1)), landmarks(world_pose(2))],
    }
    for gap, persons in ((30, 2), (31, 2), (32, 4), (1000, 4)):
        path = write_json(tmp_path / "a.json", [{"frame": 0, **people}, {"frame": gap, **people}])
        assert read(path, variant="world").num_persons == persons


def test_several_persons_in_space_alone_cannot_be_followed(tmp_path):
    frames = [{"pose_world_landmarks": [landmarks(world_pose(1)), landmarks(world_pose(2))]}]
    with pytest.raises(
        FileFormatError, match=r"2 persons with world landmarks, 0 with image landmarks.*keep pose_land"
    ):
        read(write_json(tmp_path / "a.json", frames))


MALFORMED = {
    "no frames": ([], "no frames"),
    "32 landmarks": (
        [{"pose_landmarks": landmarks(IMAGE[0])[:32]}],
        "frame 0.pose_landmarks: 32 landmarks; expected 33",
    ),
    "a word": ([{"pose_landmarks": [{"x": "a"}] * 33}], r"pose_landmarks\[0\]: x is 'a'; expected a number"),
    "no y": ([{"pose_landmarks": [{"x": 1}] * 33}], "y is None"),
    "two values": ([{"pose_landmarks": [[1.0, 2.0]] * 33}], "2 values; expected x, y, z, visibility"),
    "true": ([{"pose_landmarks": [[1.0, True, 2.0]] * 33}], "y is True"),
    "huge": ([{"pose_landmarks": [[1.0, 1e31, 2.0]] * 33}], r"y is 1e\+31"),
    "visibility 3": ([{"pose_landmarks": landmarks(IMAGE[0], 3.0)}], "visibilities from 3 to 3"),
    "two names": ([{"pose_landmarks": [], "landmarks": []}], "both 'pose_landmarks' and 'landmarks'"),
    "another object": ([{"hand_landmarks": []}], "an object with 'hand_landmarks'"),
    "a number": ({"frames": 3}, "a JSON number; expected a list of frames"),
    "no width": ({"frames": [None], "height": 3}, "width: None; expected a number over 0"),
    "fps 0": ({"frames": [None], "fps": 0}, "fps: 0; expected a number over 0"),
    "frame -1": ([{"frame": -1, "pose_landmarks": []}], "frame number -1"),
    "flat world": ([{"pose_world_landmarks": [{"x": 1, "y": 2, "z": None}] * 33}], "z is None"),
    "a scalar": (3, "a JSON number; expected a list of persons"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_dumps_are_refused_with_the_place(tmp_path, name):
    content, message = MALFORMED[name]
    with pytest.raises(FileFormatError, match=message):
        read(write_json(tmp_path / "a.json", content), format="mediapipe")


def test_a_variant_that_is_none(tmp_path):
    path = write_json(tmp_path / "a.json", LAYOUTS["javascript"])
    with pytest.raises(
        PoseError,
        match="variant='3d'; expected at most one word of each of: 'pose', 'left_hand', 'right_hand'; 'world', 'image'",
    ):
        read(path, variant="3d")
    with pytest.raises(FileFormatError, match="no pose_landmarks"):
        read(path, variant="image")


def test_limits(tmp_path):
    path = write_json(tmp_path / "a.json", LAYOUTS["javascript"])
    with pytest.raises(FileLimitError, match="3 frames; expected at most 2"):
        read(path, limits=ReadLimits(maximum_frames=2))
    frames = [{"frame": n, "pose_world_landmarks": lists(WORLD[0])} for n in (0, 9_000_000)]
    with pytest.raises(FileLimitError, match=r"need .* bytes"):
        read(write_json(tmp_path / "a.json", frames))
