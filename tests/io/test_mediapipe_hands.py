"""Hands of MediaPipe: JSON dumps and results in memory, left and right never exchanged."""

from __future__ import annotations

from types import SimpleNamespace as Result

import numpy as np
import pytest
from oracles.estimator_files import image_pose, landmark_objects, landmarks, world_pose, write_json

from msclr.errors import FileFormatError, PoseError, PoseTypeError
from msclr.io.live import from_mediapipe_hands
from msclr.io.registry import read

LEFT = [image_pose(n, 0.3, joints=21) for n in range(3)]
RIGHT = [image_pose(n + 9, 0.7, joints=21) for n in range(3)]
WORLD = {"Left": [world_pose(n, 21) / 9 for n in range(3)], "Right": [world_pose(n + 9, 21) / 9 for n in range(3)]}


def points(hand):
    return landmarks(hand, None)


def legacy(label):
    return {"classification": [{"index": int(label == "Right"), "score": 0.97, "label": label}]}


def category(label):
    return [{"index": 0, "score": 0.97, "display_name": label, "category_name": label}]


# In each frame the right hand comes first where the frame's number is odd.
ORDERS = [[("Left", LEFT[n]), ("Right", RIGHT[n])][:: 1 - 2 * (n % 2)] for n in range(3)]
DUMPS = {
    "legacy, as protobuf": [
        {
            "multi_hand_landmarks": [{"landmark": points(hand)} for _, hand in order],
            "multi_handedness": [legacy(label) for label, _ in order],
        }
        for order in ORDERS
    ],
    "legacy javascript": [
        {
            "multiHandLandmarks": [points(hand) for _, hand in order],
            "multiHandedness": [{"index": 0, "score": 0.9, "label": label} for label, _ in order],
        }
        for order in ORDERS
    ],
    "tasks": [
        {"hand_landmarks": [points(h) for _, h in order], "handedness": [category(label) for label, _ in order]}
        for order in ORDERS
    ],
    "tasks, javascript": [
        {
            "landmarks": [points(hand) for _, hand in order],
            "handedness": [
                [{"score": 0.9, "index": 0, "categoryName": label, "displayName": label}] for label, _ in order
            ],
        }
        for order in ORDERS
    ],
    "words": [
        {"hand_landmarks": [points(hand) for _, hand in order], "handedness": [label for label, _ in order]}
        for order in ORDERS
    ],
    "holistic": [
        {
            "pose_landmarks": landmarks(image_pose(n)),
            "left_hand_landmarks": points(LEFT[n]),
            "right_hand_landmarks": points(RIGHT[n]),
        }
        for n in range(3)
    ],
    "holistic, javascript": [
        {"leftHandLandmarks": points(LEFT[n]), "rightHandLandmarks": points(RIGHT[n])} for n in range(3)
    ],
}


@pytest.mark.parametrize("dump", DUMPS)
def test_each_hand_is_read_by_its_label(tmp_path, dump):
    path = write_json(tmp_path / "a.json", DUMPS[dump])
    for side, expected in (("left", LEFT), ("right", RIGHT)):
        clip = read(path, variant=f"{side}_hand", format="auto" if dump != "tasks, javascript" else "mediapipe")
        assert (clip.skeleton.id, clip.dims, clip.unit, clip.up) == (f"{side}_hand_21", 2, "normalized", "-y")
        assert clip.skeleton.joints[0] == f"{side}_wrist"
        assert clip.num_persons == 1
        np.testing.assert_allclose(clip.positions[0], np.stack(expected)[..., :2], rtol=1e-6)


def test_labels_of_images_that_are_not_mirrored_can_be_exchanged(tmp_path):
    path = write_json(tmp_path / "a.json", DUMPS["legacy, as protobuf"])
    clip = read(path, variant="left_hand swapped")
    assert clip.skeleton.id == "left_hand_21"
    np.testing.assert_allclose(clip.positions[0], np.stack(RIGHT)[..., :2], rtol=1e-6)
    with pytest.raises(PoseError, match="'swapped' without a hand"):
        read(path, variant="swapped")


def test_hands_are_not_read_without_a_choice(tmp_path):
    path = write_json(tmp_path / "a.json", DUMPS["tasks"])
    with pytest.raises(FileFormatError, match="variant='left_hand' or 'right_hand'"):
        read(path)
    holistic = write_json(tmp_path / "b.json", DUMPS["holistic"])
    assert read(holistic).skeleton.id == "mediapipe_pose_33"


def test_world_and_image_need_a_choice(tmp_path):
    frames = [
        {
            "hand_landmarks": [points(LEFT[n])],
            "hand_world_landmarks": [points(WORLD["Left"][n])],
            "handedness": [category("Left")],
        }
        for n in range(3)
    ]
    path = write_json(tmp_path / "a.json", frames)
    with pytest.raises(FileFormatError, match=r"variant='left_hand world' \(left_hand_world_landmarks: metres\)"):
        read(path, variant="left_hand")
    clip = read(path, variant="world left_hand")
    assert (clip.unit, clip.dims, clip.meta["landmarks"]) == ("m", 3, "world")
    np.testing.assert_allclose(clip.positions[0], np.stack(WORLD["Left"]), rtol=1e-6)
    assert read(path, variant="right_hand world").num_persons == 0


def test_visibility_of_hands_means_nothing(tmp_path):
    """Protocol buffers fill the field with 0, which is no sign that the hand was not seen."""
    frames = [{"hand_landmarks": [landmarks(hand, 0.0)], "handedness": ["Left"]} for hand in LEFT]
    clip = read(write_json(tmp_path / "a.json", frames), variant="left_hand")
    assert clip.valid.all()
    assert clip.confidence is None


def test_hands_of_two_people_are_followed_in_the_image(tmp_path):
    random, frames = np.random.default_rng(1), []
    for n in range(8):
        order = [0, 1] if n == 0 else random.permutation(2)
        hands = [points(image_pose(4, (0.2, 0.8)[who], joints=21)) for who in order]
        frames.append({"hand_landmarks": hands, "handedness": ["Left", "Left"]})
    clip = read(write_json(tmp_path / "a.json", frames), variant="left_hand")
    assert clip.num_persons == 2
    assert np.ptp(clip.positions, axis=1).max() == 0


MALFORMED = {
    "no handedness": ({"hand_landmarks": [points(LEFT[0])]}, "hands without 'handedness'"),
    "one for two": (
        {"hand_landmarks": [points(LEFT[0])] * 2, "handedness": ["Left"]},
        "2 hands, but 'handedness' of 1",
    ),
    "another word": (
        {"hand_landmarks": [points(LEFT[0])], "handedness": ["Links"]},
        r"handedness\[0\]: a hand that is",
    ),
    "an empty category": ({"hand_landmarks": [points(LEFT[0])], "handedness": [[]]}, "a hand that is a JSON list"),
    "20 landmarks": ({"hand_landmarks": [points(LEFT[0])[:20]], "handedness": ["Left"]}, "20 landmarks; expected 21"),
    "a pose": ({"hand_landmarks": [points(image_pose(0))], "handedness": ["Left"]}, "33 landmarks; expected 21"),
    "two names": (
        {"hand_landmarks": [], "left_hand_landmarks": None, "handedness": []},
        "both 'left_hand_landmarks' and 'hand_landmarks'",
    ),
    "only a pose": ({"pose_landmarks": landmarks(image_pose(0))}, "no hands"),
    "a list": ([points(LEFT[0])], "landmarks without saying which hand"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_hands_are_refused(tmp_path, name):
    content, message = MALFORMED[name]
    with pytest.raises(FileFormatError, match=message):
        read(write_json(tmp_path / "a.json", [content]), format="mediapipe", variant="left_hand")


def live_tasks(order):
    return Result(
        hand_landmarks=[landmark_objects(hand, 0.0) for _, hand in order],
        hand_world_landmarks=[landmark_objects(WORLD[label][0], 0.0) for label, _ in order],
        handedness=[[Result(index=0, score=0.9, display_name=label, category_name=label)] for label, _ in order],
    )


def live_legacy(order):
    return Result(
        multi_hand_landmarks=[Result(landmark=landmark_objects(hand, 0.0)) for _, hand in order],
        multi_hand_world_landmarks=None,
        multi_handedness=[Result(classification=[Result(index=0, score=0.9, label=label)]) for label, _ in order],
    )


@pytest.mark.parametrize("make", [live_tasks, live_legacy])
def test_results_in_memory(make):
    nothing = Result(multi_hand_landmarks=None, multi_hand_world_landmarks=None, multi_handedness=None)
    results = [make(order) for order in ORDERS] + [None, nothing]
    for side, expected in (("left", LEFT), ("right", RIGHT)):
        clip = from_mediapipe_hands(results, hand=side, landmarks="image", fps=30, image_size=(640, 480))
        assert (clip.skeleton.id, clip.unit, clip.fps) == (f"{side}_hand_21", "px", 30.0)
        np.testing.assert_allclose(clip.positions[0, :3], np.stack(expected)[..., :2] * [640, 480], rtol=1e-5)
        assert not clip.valid[0, 3:].any()
    swapped = from_mediapipe_hands(results, hand="left", landmarks="image", swapped=True)
    np.testing.assert_allclose(swapped.positions[0, :3], np.stack(RIGHT)[..., :2], rtol=1e-6)


def test_a_single_result_and_holistic_ones():
    world = from_mediapipe_hands(live_tasks(ORDERS[0]), hand="right", landmarks="world")
    np.testing.assert_allclose(world.positions[0, 0], WORLD["Right"][0], rtol=1e-6)
    holistic = Result(left_hand_landmarks=Result(landmark=landmark_objects(LEFT[0])), right_hand_landmarks=None)
    left = from_mediapipe_hands(holistic, hand="left", landmarks="image")
    np.testing.assert_allclose(left.positions[0, 0], LEFT[0][:, :2], rtol=1e-6)


def test_results_that_are_none():
    with pytest.raises(PoseTypeError, match="a int; expected a result"):
        from_mediapipe_hands(3, hand="left", landmarks="image")
    with pytest.raises(PoseTypeError, match="frame 0: a str"):
        from_mediapipe_hands(["a"], hand="left", landmarks="image")
    with pytest.raises(PoseError, match="hand='both'"):
        from_mediapipe_hands([], hand="both", landmarks="image")
    with pytest.raises(PoseTypeError, match="a handedness of type int"):
        from_mediapipe_hands(Result(hand_landmarks=[], handedness=[3]), hand="left", landmarks="image")
    with pytest.raises(PoseError, match="hands without 'handedness'"):
        from_mediapipe_hands(Result(hand_landmarks=[landmark_objects(LEFT[0])]), hand="left", landmarks="image")
