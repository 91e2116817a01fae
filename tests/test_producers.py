"""Every block of docs/producers.md leads from what a producer makes to a vector."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from child import ROOT
from oracles import array_layouts, capture_layouts, estimator_layouts
from oracles.estimator_files import image_pose, landmark_objects, world_pose, yolo_result
from oracles.keypoint_files import dump, flat, walks
from strategies import standing_person

import msclr
from msclr.samples import sample_paths

FRAMES = 12
PAGE = (ROOT / "docs" / "producers.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))

Setup = Callable[[Path], dict[str, object] | None]


def built(builder: Callable, name: str | None = None) -> Setup:
    """The files of a builder, perhaps under another name."""

    def setup(folder: Path) -> None:
        path = builder(folder, FRAMES).path
        if name is not None:
            path.rename(folder / name)

    return setup


def sample(*names: str) -> Setup:
    def setup(folder: Path) -> None:
        for name in names:
            shutil.copy(sample_paths()["cmu_walk_bvh"].parent / name, folder)

    return setup


def pku_mmd(folder: Path) -> None:
    both = standing_person("kinect_v2_25", frames=FRAMES, persons=2).positions.swapaxes(0, 1).reshape(FRAMES, 150)
    np.savetxt(folder / "0002-M.txt", both, fmt="%.6f")
    (folder / "0002-M-label.txt").write_text("7,1,5,2\n12,6,12,2\n")


def mediapipe(folder: Path) -> dict[str, object]:
    frames = [
        SimpleNamespace(
            pose_landmarks=[landmark_objects(image_pose(frame))],
            pose_world_landmarks=[landmark_objects(world_pose(frame))],
        )
        for frame in range(FRAMES)
    ]
    return {"results": frames}


def mediapipe_hands(folder: Path) -> dict[str, object]:
    def frame(number: int) -> SimpleNamespace:
        label = SimpleNamespace(category_name="Left", score=0.9)
        return SimpleNamespace(
            hand_landmarks=[landmark_objects(image_pose(number, 0.3, 21))],
            hand_world_landmarks=[landmark_objects(world_pose(number, 21) / 9)],
            handedness=[[label]],
        )

    return {"results": [frame(number) for number in range(FRAMES)]}


def openpose_parts(folder: Path) -> None:
    """All that OpenPose writes with --hand and --face."""
    sizes = {"pose_keypoints_2d": 25, "face_keypoints_2d": 70, "hand_left_keypoints_2d": 21}
    sizes["hand_right_keypoints_2d"] = 21
    parts = {name: walks(1, FRAMES, size, seed=size)[0] for name, size in sizes.items()}
    empty = {name: [] for name in ("pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d")}
    (folder / "output_json").mkdir()
    for frame in range(FRAMES):
        person = {name: flat(points[frame]) for name, points in parts.items()}
        people = [{"person_id": [-1], **person, **empty, "hand_right_keypoints_3d": []}]
        dump(folder / "output_json" / f"walk_{frame:012d}_keypoints.json", {"version": 1.3, "people": people})


def rtmlib(folder: Path) -> dict[str, object]:
    people = walks(1, FRAMES, 26)
    return {"keypoints": list(people.swapaxes(0, 1)), "scores": [np.full((1, 26), 3.5)] * FRAMES}


def ultralytics(folder: Path) -> dict[str, object]:
    return {"results": [yolo_result(people, ids=[1, 2]) for people in walks(2, FRAMES).swapaxes(0, 1)]}


def metrabs(folder: Path) -> dict[str, object]:
    names = list(msclr.get_skeleton("smpl_24").source_names or msclr.get_skeleton("smpl_24").joints)
    poses = standing_person("smpl_24", frames=FRAMES).positions.swapaxes(0, 1) * 1000
    predictions = [{"boxes": np.ones((1, 5)), "poses3d": pose} for pose in poses]
    return {"predictions": predictions, "names": names}


def metrabs_formats(folder: Path) -> dict[str, object]:
    poses = standing_person("smpl_24", frames=FRAMES).positions.swapaxes(0, 1) * 1000
    predictions = [{"boxes": np.ones((1, 5)), "poses3d": pose} for pose in poses]
    indices = {"smpl_24": np.arange(24), "lsp_14": np.array([8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20, 12, 15])}
    return {"predictions": predictions, "model": SimpleNamespace(per_skeleton_indices=indices)}


def metrabs_saved(folder: Path) -> None:
    poses = standing_person("smpl_24", frames=FRAMES).positions.swapaxes(0, 1) * 1000
    np.savez(folder / "metrabs.npz", poses3d=poses)


def ntu_folder(folder: Path) -> None:
    home = folder / "nturgb+d_skeletons"
    home.mkdir()
    capture_layouts.ntu(home, FRAMES).path.rename(home / "S002C001P001R001A001.skeleton")
    capture_layouts.ntu(home, FRAMES)


def movement(folder: Path) -> dict[str, object]:
    axes = {
        "time": np.arange(FRAMES) / 30,
        "space": np.array(["x", "y"]),
        "keypoints": np.array(msclr.get_skeleton("coco_17").joints),
        "individuals": np.array(["anna", "ben"]),
    }
    coordinates = {name: SimpleNamespace(values=values) for name, values in axes.items()}
    values = walks(2, FRAMES).transpose(1, 3, 2, 0)
    return {"dataset": _Dataset({"position": SimpleNamespace(dims=tuple(axes), coords=coordinates, values=values)})}


class _Dataset(dict):
    """As an xarray.Dataset: a mapping to arrays, with attributes."""

    attrs = {"fps": 30.0, "source_software": "DeepLabCut"}  # noqa: RUF012


def sleap(folder: Path) -> dict[str, object]:
    nodes = SimpleNamespace(node_names=list(msclr.get_skeleton("coco_17").joints), edge_inds=[(0, 1)])
    track = SimpleNamespace(name="anna")

    def person(points: np.ndarray) -> SimpleNamespace:
        return SimpleNamespace(numpy=lambda: points, skeleton=nodes, track=track)

    frames = [
        SimpleNamespace(frame_idx=number, video="walk.mp4", instances=[person(points)])
        for number, points in enumerate(walks(1, FRAMES)[0])
    ]
    return {"labels": SimpleNamespace(labeled_frames=frames, videos=["walk.mp4"], tracks=[track])}


def pose_format(folder: Path) -> dict[str, object]:
    body = SimpleNamespace(
        name="POSE_LANDMARKS",
        points=[name.upper() for name in msclr.get_skeleton("mediapipe_pose_33").joints],
        limbs=[(0, 1)],
        format="XYZC",
    )
    data = walks(1, FRAMES, 33, 3).swapaxes(0, 1)
    arrays = SimpleNamespace(fps=25.0, data=data, confidence=np.full(data.shape[:3], 0.9))
    return {"pose": SimpleNamespace(header=SimpleNamespace(components=[body]), body=arrays)}


def array(joints: int, unit: float) -> Setup:
    poses = standing_person("h36m_17", frames=FRAMES).positions[0, :, :joints]
    return lambda folder: {"array": poses / unit}


PRODUCERS: dict[str, tuple[Setup, str]] = {
    "OpenPose": (built(estimator_layouts.openpose, "output_json"), "openpose_body25_25"),
    "OpenPose, hands, face and whole body": (openpose_parts, "coco_wholebody_133"),
    "MediaPipe, hands": (mediapipe_hands, "left_hand_21"),
    "MediaPipe, live": (mediapipe, "mediapipe_pose_33"),
    "MediaPipe, JSON": (built(estimator_layouts.mediapipe), "mediapipe_pose_33"),
    "MMPose and RTMPose": (built(estimator_layouts.mmpose, "results_walk.json"), "coco_17"),
    "rtmlib": (rtmlib, "halpe_26"),
    "COCO results": (built(estimator_layouts.coco), "coco_17"),
    "Ultralytics, live": (ultralytics, "coco_17"),
    "Ultralytics, text labels": (built(estimator_layouts.ultralytics), "coco_17"),
    "AlphaPose": (built(estimator_layouts.alphapose), "coco_17"),
    "CMU Panoptic": (built(estimator_layouts.panoptic), "panoptic_19"),
    "MeTRAbs": (metrabs, "smpl_24"),
    "MeTRAbs, all its conventions at once": (metrabs_formats, "smpl_24"),
    "MeTRAbs, saved": (metrabs_saved, "smpl_24"),
    "A folder of recordings": (ntu_folder, "kinect_v2_25"),
    "NTU RGB+D": (built(capture_layouts.ntu), "kinect_v2_25"),
    "PKU-MMD": (pku_mmd, "kinect_v2_25"),
    "PYSKL and MMAction2": (built(array_layouts.pyskl), "coco_17"),
    "Human3.6M": (built(capture_layouts.h36m), "h36m_32"),
    "Human3.6M, joint angles": (built(capture_layouts.h36m_angles), "h36m_32"),
    "AMASS and SMPL": (built(array_layouts.amass), "humanml3d_22"),
    "BVH": (sample("cmu_walk.bvh"), "hierarchy_43_909c9bbb"),
    "ASF and AMC": (sample("cmu_walk.asf", "cmu_walk.amc"), "cmu_asf_31"),
    "C3D": (built(capture_layouts.c3d), ""),
    "movement": (movement, "coco_17"),
    "sleap-io": (sleap, "coco_17"),
    "pose-format": (pose_format, "mediapipe_pose_33"),
    "A NumPy array": (array(17, 0.001), "h36m_17"),
    "A table": (built(array_layouts.csv), "coco_17"),
    "A skeleton of your own": (array(9, 0.01), "my rig"),
    "Several conventions at once": (
        sample("uiprmd_deep_squat_vicon.npz", "uiprmd_deep_squat_kinect.npz"),
        "plug_in_gait_39",
    ),
}


def blocks(section: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", SECTIONS[section], flags=re.DOTALL)


def test_every_section_of_the_page_is_run_and_has_three_lines():
    assert sorted(SECTIONS) == sorted(PRODUCERS)
    for section in SECTIONS:
        assert [len(block.splitlines()) for block in blocks(section)] == [3], section
    assert PAGE.count("```python") == len(SECTIONS)


@pytest.mark.parametrize("section", PRODUCERS)
def test_three_lines_lead_to_a_vector(section, tmp_path, monkeypatch):
    setup, skeleton = PRODUCERS[section]
    names: dict[str, object] = {"msclr": msclr, **(setup(tmp_path) or {})}
    monkeypatch.chdir(tmp_path)
    exec(blocks(section)[0], names)  # noqa: S102  # the page is ours
    clips = [names["clip"]] if "clip" in names else names.get("clips", names.get("views"))
    if isinstance(clips, dict | msclr.MultiPose):
        clips = list(clips.values())
    if isinstance(clips, list | tuple):
        assert clips[0].skeleton.id == skeleton or not skeleton
        assert all(clip.num_frames > 0 for clip in clips)
    vectors = np.atleast_2d(names["vector"] if "vector" in names else names["vectors"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-4)
