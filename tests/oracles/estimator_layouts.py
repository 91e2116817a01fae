"""Recordings of any length as pose estimators write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from oracles.estimator_files import image_pose, label_line, landmarks, world_pose, write_labels
from oracles.keypoint_files import coco_entry, dump, flat, mmpose_meta, mmpose_video, panoptic_frame, walks
from oracles.pose_files import openpose_person, write_openpose
from oracles.recording import Recording

from msclr import get_skeleton


def openpose(folder: Path, frames: int) -> Recording:
    people = walks(2, frames, 25)
    table = {t: [openpose_person(person[t]) for person in people] for t in range(frames)}
    return Recording(write_openpose(folder / "clip", table))


def openpose_file(folder: Path, frames: int) -> Recording:
    people = [openpose_person(person[0], person_id=n) for n, person in enumerate(walks(max(frames // 4, 2), 1, 25))]
    return Recording(dump(folder / "clip_000000000000_keypoints.json", {"version": 1.3, "people": people}))


def _numbers(joints: int, dims: int, seed: int) -> list[float]:
    return flat(np.random.default_rng([joints, dims, seed]).uniform(1, 60, (joints, dims)).round(3), 0.5)


def openpose_parts(folder: Path, frames: int) -> Recording:
    people = {
        frame: [
            {
                "person_id": [-1],
                "pose_keypoints_2d": _numbers(25, 2, frame),
                "face_keypoints_2d": _numbers(70, 2, frame),
                "hand_left_keypoints_2d": _numbers(21, 2, frame),
                "hand_right_keypoints_2d": [],
                "pose_keypoints_3d": _numbers(25, 3, frame),
            }
        ]
        for frame in range(frames)
    }
    return Recording(write_openpose(folder / "clip", people), {"variant": "whole_body 2d"})


def openpose_hand(folder: Path, frames: int) -> Recording:
    people = [
        {"person_id": [n], "pose_keypoints_2d": _numbers(135, 2, n), "hand_left_keypoints_3d": _numbers(21, 3, n)}
        for n in range(max(frames // 4, 2))
    ]
    path = dump(folder / "clip_000000000000_keypoints.json", {"version": 1.3, "people": people})
    return Recording(path, {"variant": "left_hand 3d"})


def mediapipe(folder: Path, frames: int) -> Recording:
    content = [
        {"pose_landmarks": [landmarks(image_pose(t))], "pose_world_landmarks": [landmarks(world_pose(t))]}
        for t in range(frames)
    ]
    path = dump(folder / "landmarks.json", {"fps": 30, "width": 1280, "height": 720, "frames": content})
    return Recording(path, {"variant": "world"})


def mediapipe_legacy(folder: Path, frames: int) -> Recording:
    content = [{"frame": t, "pose_landmarks": {"landmark": landmarks(image_pose(t))}} for t in range(frames)]
    return Recording(dump(folder / "landmarks.json", content))


def mediapipe_hands(folder: Path, frames: int) -> Recording:
    content = [
        {
            "hand_landmarks": [landmarks(image_pose(t, left, 21), None) for left in (0.3, 0.7)],
            "hand_world_landmarks": [landmarks(world_pose(t + side, 21), None) for side in (0, 1)],
            "handedness": [
                [{"index": side, "score": 0.9, "category_name": ("Left", "Right")[side]}] for side in (0, 1)
            ],
        }
        for t in range(frames)
    ]
    return Recording(dump(folder / "landmarks.json", content), {"variant": "left_hand world"})


def ultralytics(folder: Path, frames: int) -> Recording:
    lines = [
        [label_line(image_pose(t, 0.3, 17)[:, :2], 0.9, 0.8, 1), label_line(image_pose(t, 0.7, 17)[:, :2], 0.9, 0.8, 2)]
        for t in range(frames)
    ]
    return Recording(write_labels(folder / "labels", dict(enumerate(lines, start=1))))


def mmpose(folder: Path, frames: int) -> Recording:
    return Recording(dump(folder / "walk.json", mmpose_video(walks(2, frames))), {"skeleton": "coco_17"})


def mmpose_demo(folder: Path, frames: int) -> Recording:
    meta = mmpose_meta("coco", get_skeleton("coco_17").joints, [[15, 13], [13, 11]])
    return Recording(dump(folder / "walk.json", {"meta_info": meta, "instance_info": mmpose_video(walks(2, frames))}))


def coco(folder: Path, frames: int) -> Recording:
    people = walks(2, frames)
    return Recording(
        dump(folder / "results.json", [coco_entry(t, person[t]) for t in range(frames) for person in people])
    )


def alphapose(folder: Path, frames: int) -> Recording:
    people = walks(2, frames)
    entries = [
        coco_entry(f"{t}.jpg", person[t], idx=n + 1, box=[1.0, 2.0, 3.0, 4.0])
        for t in range(frames)
        for n, person in enumerate(people)
    ]
    return Recording(dump(folder / "alphapose-results.json", entries))


def alphapose_open(folder: Path, frames: int) -> Recording:
    people = walks(2, frames, 18)
    images = {
        f"{t}.jpg": {"version": "AlphaPose v0.3", "people": [{"pose_keypoints_2d": flat(p[t])} for p in people]}
        for t in range(frames)
    }
    return Recording(dump(folder / "alphapose-results.json", images))


def alphapose_cmu(folder: Path, frames: int) -> Recording:
    people = walks(2, frames, 18)
    images = {
        f"{t}.jpg": {"version": "AlphaPose v0.3", "bodies": [{"joints": flat(p[t])} for p in people]}
        for t in range(frames)
    }
    return Recording(dump(folder / "alphapose-results.json", images))


def panoptic(folder: Path, frames: int) -> Recording:
    people = walks(2, frames, 19, 3)
    target = folder / "hdPose3d_stage1_coco19"
    target.mkdir()
    for t in range(frames):
        dump(target / f"body3DScene_{t:08d}.json", panoptic_frame({4: people[0, t], 7: people[1, t]}))
    return Recording(target)
