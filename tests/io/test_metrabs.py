"""Saved predictions of MeTRAbs in each layout, equal to the same predictions taken from memory."""

from __future__ import annotations

import json

import numpy as np
import pytest

from msclr import get_skeleton, read
from msclr.errors import FileFormatError, PoseError, PoseTypeError, UnknownJointError, UnknownSkeletonError
from msclr.io.live import from_metrabs, from_metrabs_formats
from msclr.io.metrabs import read_metrabs_formats
from msclr.poses.multi import MultiPose

SMPL = get_skeleton("smpl_24")
COUNTS = (1, 2, 0, 2, 1)


def bodies(frame: int, count: int, joints: int = 24) -> np.ndarray:
    """Persons [n, j, 3] four metres apart, in the order of a list that swaps them in every other frame."""
    pose = np.random.default_rng(0).normal(size=(joints, 3)) * 300 + frame
    places = np.arange(count)[:, None, None] * np.array([4000.0, 0, 0]) + [0, 0, 5000]
    return (pose + places)[:: -1 if frame % 2 else 1]


FRAMES = [bodies(frame, count) for frame, count in enumerate(COUNTS)]
PREDICTIONS = [{"boxes": np.ones((len(poses), 5)), "poses3d": poses, "poses2d": poses[..., :2]} for poses in FRAMES]


def expected():
    return from_metrabs(PREDICTIONS, skeleton="smpl_24", fps=25)


def assert_same(clip, other):
    assert (clip.skeleton.id, clip.fps, clip.unit, clip.up) == (other.skeleton.id, other.fps, other.unit, other.up)
    np.testing.assert_array_equal(clip.valid, other.valid)
    np.testing.assert_allclose(clip.positions, other.positions, rtol=1e-5)
    assert clip.confidence is None


def npz(tmp_path, **arrays):
    path = tmp_path / "walk.npz"
    np.savez(path, **arrays)
    return path


def dumped(tmp_path, content):
    path = tmp_path / "walk.json"
    path.write_text(json.dumps(content))
    return path


def plain(prediction):
    return {name: array.tolist() for name, array in prediction.items()}


def padded() -> np.ndarray:
    result = np.full((len(FRAMES), max(COUNTS), 24, 3), np.nan)
    for frame, poses in enumerate(FRAMES):
        result[frame, : len(poses)] = poses
    return result


def archive_layouts() -> dict[str, dict[str, np.ndarray]]:
    every = np.concatenate(FRAMES)
    boxes = np.ones((len(every), 5))
    numbers = np.repeat(np.arange(len(FRAMES)), COUNTS)
    return {
        "counts": {"boxes": boxes, "poses3d": every, "num_people": np.array(COUNTS)},
        "frame numbers": {"poses3d": every, "frame": numbers, "boxes": boxes},
        "any order": {"poses3d": every[::-1], "frame_idx": numbers[::-1].astype(float)},
        "padded": {"poses3d": padded()},
        "padded with counts": {"poses3d": np.nan_to_num(padded()), "num_persons": np.array(COUNTS)},
    }


@pytest.mark.parametrize("layout", archive_layouts())
def test_archives_equal_predictions_in_memory(tmp_path, layout):
    path = npz(tmp_path, **archive_layouts()[layout])
    assert_same(read(path, skeleton="smpl_24", fps=25), expected())


def json_layouts() -> dict[str, object]:
    entries = [plain(prediction) for prediction in PREDICTIONS]
    together = {name: [entry[name] for entry in entries] for name in ("boxes", "poses3d", "poses2d")}
    return {
        "a list": entries,
        "numbered": [{"frame": frame, **entry} for frame, entry in enumerate(entries)][::-1],
        "a video": together | {"options": {"skeleton": "smpl_24"}, "timestamps": [0.0] * 5, "joints": None},
        "a video without boxes": {"poses3d": together["poses3d"], "skeleton": "smpl_24", "fps": 25},
    }


@pytest.mark.parametrize("layout", json_layouts())
def test_json_equals_predictions_in_memory(tmp_path, layout):
    path = dumped(tmp_path, json_layouts()[layout])
    assert_same(read(path, fps=25, skeleton=None if "video" in layout else "smpl_24"), expected())


def test_one_image(tmp_path):
    path = dumped(tmp_path, plain(PREDICTIONS[1]))
    clip = read(path, skeleton="smpl_24")
    assert (clip.num_persons, clip.num_frames) == (2, 1)
    np.testing.assert_allclose(np.sort(clip.positions[:, 0], axis=0), np.sort(FRAMES[1], axis=0), rtol=1e-5)


def test_frame_numbers_leave_gaps(tmp_path):
    entries = [{"frame": frame, "poses3d": FRAMES[0].tolist()} for frame in (10, 12)]
    clip = read(dumped(tmp_path, entries), skeleton="smpl_24")
    assert clip.valid.any(axis=2).tolist() == [[True, False, True]]
    assert clip.meta["first_frame"] == "10"


def test_joints_go_by_name(tmp_path):
    order = np.random.default_rng(1).permutation(24)
    names = np.array([SMPL.source_names[joint] for joint in order])
    everything = {"poses3d": np.concatenate(FRAMES)[:, order], "num_people": np.array(COUNTS), "joint_names": names}
    assert_same(read(npz(tmp_path, **everything), fps=25), expected())
    everything["joint_names"] = names.astype("S")
    assert_same(read(npz(tmp_path, **everything), fps=25, skeleton="smpl_24"), expected())
    assert_same(read(npz(tmp_path, **everything, skeleton=np.array("smpl_24")), fps=25), expected())
    with pytest.raises(UnknownJointError, match="no joint name means"):
        read(npz(tmp_path, **everything), skeleton="coco_17")
    unknown = read(npz(tmp_path, **everything | {"joint_names": np.array([f"p{n}" for n in range(24)])}))
    assert unknown.skeleton.joints[:2] == ("p0", "p1")


def test_poses_alone_ask_what_they_are(tmp_path):
    path = npz(tmp_path, poses3d=np.stack([FRAMES[0][0] + step for step in range(6)]))
    with pytest.raises(FileFormatError, match=r"6 poses without frame numbers.*variant='frames'"):
        read(path, skeleton="smpl_24")
    walk = read(path, skeleton="smpl_24", variant="frames")
    assert (walk.num_persons, walk.num_frames) == (1, 6)
    assert read(path, skeleton="smpl_24", variant="image").num_persons == 6
    with pytest.raises(PoseError, match="variant='both'"):
        read(path, skeleton="smpl_24", variant="both")
    assert read(npz(tmp_path, poses3d=FRAMES[0]), skeleton="smpl_24").num_frames == 1


def test_joints_without_names_need_the_convention(tmp_path):
    path = dumped(tmp_path, json_layouts()["a list"])
    with pytest.raises(FileFormatError, match=r"24 joints without names.*skeleton='smpl_24'"):
        read(path)
    with pytest.raises(PoseError, match="24 joints; expected the 17 joints"):
        read(path, skeleton="h36m_17")


def test_nobody_is_no_error(tmp_path):
    clip = read(dumped(tmp_path, {"poses3d": [[], []], "boxes": [[], []]}), skeleton="smpl_24")
    assert (clip.num_persons, clip.num_frames, clip.num_joints) == (0, 2, 24)


WANTED = {"smpl_24": list(range(24)), "coco_19": list(range(24, 43))}


def test_counts_of_no_frame_are_no_recording(tmp_path):
    np.savez(tmp_path / "a.npz", poses3d=np.zeros((0, 24, 3)), num_people=np.zeros(0, dtype=int))
    with pytest.raises(FileFormatError, match="no frames"):
        read(tmp_path / "a.npz", skeleton="smpl_24")


def test_several_conventions_are_one_recording(tmp_path):
    frames = [bodies(frame, 2, joints=43) for frame in range(4)]
    predictions = [{"boxes": np.ones((2, 5)), "poses3d": poses} for poses in frames]
    live = from_metrabs_formats(predictions, WANTED, fps=30)
    assert isinstance(live, MultiPose)
    saved = read_metrabs_formats(npz(tmp_path, poses3d=np.stack(frames)), WANTED, fps=30)
    content = {"poses3d": [poses.tolist() for poses in frames], "per_skeleton_indices": WANTED, "fps": 30}
    from_json = read_metrabs_formats(dumped(tmp_path, content))
    for views in (live, saved, from_json):
        assert (views.names, views.num_persons, views.num_frames, views.fps) == (tuple(WANTED), 2, 4, 30.0)
        for name, indices in WANTED.items():
            assert_same(views[name], live[name])
            np.testing.assert_allclose(views[name].positions[0, 0], frames[0][0][indices], rtol=1e-5)


def test_conventions_that_do_not_fit_are_refused(tmp_path):
    path = npz(tmp_path, poses3d=np.ones((3, 1, 30, 3)))
    with pytest.raises(PoseError, match="joint index 42 of 'coco_19'; expected 0 to 29"):
        read_metrabs_formats(path, WANTED)
    with pytest.raises(PoseError, match="joint index -1"):
        read_metrabs_formats(path, {"smpl_24": range(-1, 23)})
    with pytest.raises(FileFormatError, match="no per_skeleton_indices"):
        read_metrabs_formats(path)


@pytest.mark.parametrize("indices", [[0.5, *range(1, 24)], ["0"], 7])
def test_indices_that_are_no_whole_numbers_are_refused(tmp_path, indices):
    np.savez(tmp_path / "a.npz", poses3d=np.ones((2, 1, 43, 3)))
    with pytest.raises(PoseTypeError, match=r"joint indices .* of 'smpl_24'; expected a list of whole numbers"):
        read_metrabs_formats(tmp_path / "a.npz", {"smpl_24": indices})
    with pytest.raises(PoseTypeError, match=r"joint indices .* of 'smpl_24'"):
        from_metrabs_formats([{"poses3d": np.ones((1, 43, 3))}], {"smpl_24": indices})


def test_a_convention_nobody_knows_is_named_with_the_file(tmp_path):
    content = {"poses3d": [FRAMES[0].tolist()], "skeleton": "smpl_25"}
    with pytest.raises(UnknownSkeletonError, match=r"walk\.json: no skeleton is called 'smpl_25'.*skeleton="):
        read(dumped(tmp_path, content))
    named = content | {"joint_names": list(SMPL.source_names)}
    assert read(dumped(tmp_path, named)).skeleton.id == "smpl_24"
