"""Objects of movement, sleap-io and pose-format: stand-ins of the same shape, and the packages where installed."""

from __future__ import annotations

import warnings
from types import SimpleNamespace as Fake

import numpy as np
import pytest
import torch

from msclr import get_skeleton
from msclr.errors import PoseError, PoseTypeError, SkeletonError, UnknownJointError
from msclr.io.live import from_movement, from_pose_format, from_sleap

COCO = get_skeleton("coco_17")
FACE = ["nose", "left_eye", "right_eye"]


def points(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(10, 600, size=shape)


# movement


def axis_names(joints: list[str], frames: int, people: list[str], space: str) -> dict[str, list[object]]:
    return {"time": list(range(frames)), "space": list(space), "keypoints": joints, "individuals": people}


def data_array(values: np.ndarray, names: dict[str, list[object]]) -> Fake:
    coords = {name: Fake(values=np.array(entries)) for name, entries in names.items()}
    return Fake(dims=tuple(names), coords=coords, values=values)


class FakeDataset(dict):
    def __init__(self, **arrays: object) -> None:
        super().__init__(arrays)
        self.attrs: dict[str, object] = {}


def movement_dataset(values, scores=None, joints=None, people=("a",), space="xy", fps=30.0):
    """values [t, c, j, p] and scores [t, j, p], as movement lays them out."""
    names = axis_names(joints or FACE, len(values), list(people), space)
    dataset = FakeDataset(position=data_array(values, names))
    if scores is not None:
        dataset["confidence"] = data_array(scores, {name: names[name] for name in ("time", "keypoints", "individuals")})
    dataset.attrs = {"fps": fps} if fps else {}
    return dataset


def test_movement_axes_go_to_their_places():
    values, scores = points(5, 2, 3, 2), np.full((5, 3, 2), 0.7)
    values[2, 0, 1, 1] = np.nan
    scores[0, 0, 0], scores[1, 0, 0], scores[2, 1, 1] = 1.3, np.nan, np.nan
    clip = from_movement(movement_dataset(values, scores, people=("a", "b")))
    assert (clip.person_ids, clip.fps, clip.unit, clip.up) == (("a", "b"), 30.0, "px", "-y")
    assert clip.skeleton.joints == tuple(FACE)
    assert np.argwhere(~clip.valid).tolist() == [[1, 2, 1]]
    np.testing.assert_allclose(clip.positions[clip.valid], values.transpose(3, 0, 2, 1)[clip.valid], rtol=1e-6)
    assert clip.confidence[0, :3, 0].tolist() == pytest.approx([1, 1, 0.7])
    assert clip.meta == {"scores_clipped_to_1": "1"}


def test_movement_joints_in_another_order_are_those_of_the_convention():
    order = np.random.default_rng(3).permutation(17)
    values = points(4, 2, 17, 1)
    names = [COCO.joints[joint].replace("_", " ").title() for joint in order]
    clip = from_movement(movement_dataset(values, joints=names))
    assert clip.skeleton == COCO
    np.testing.assert_allclose(clip.positions[0][:, order], values[..., 0].transpose(0, 2, 1), rtol=1e-6)
    assert from_movement(movement_dataset(values, joints=names), skeleton="coco_17").skeleton == COCO
    with pytest.raises(UnknownJointError, match="no joint name means"):
        from_movement(movement_dataset(values, joints=names), skeleton="h36m_17")


def test_movement_space_by_name_and_one_individual_without_axis():
    values = points(4, 3, 3, 1)
    swapped = from_movement(movement_dataset(values, space="zxy"))
    assert (swapped.dims, swapped.unit, swapped.up) == (3, "unknown", "unknown")
    np.testing.assert_allclose(swapped.positions[0, :, :, 0], values[:, 1, :, 0], rtol=1e-6)
    np.testing.assert_allclose(swapped.positions[0, :, :, 2], values[:, 0, :, 0], rtol=1e-6)
    names = axis_names(FACE, 4, [], "xyz")
    del names["individuals"]
    clip = from_movement(FakeDataset(position=data_array(values[..., 0], names)), fps=10)
    assert (clip.num_persons, clip.fps) == (1, 10.0)
    np.testing.assert_allclose(clip.positions[0, ..., 0], values[:, 0, :, 0], rtol=1e-6)


def test_movement_without_any_score_has_no_confidence():
    assert from_movement(movement_dataset(points(4, 2, 3, 1), np.full((4, 3, 1), np.nan), fps=None)).confidence is None


def test_movement_refuses():
    values = points(4, 2, 3, 1)
    with pytest.raises(PoseTypeError, match="a list without position"):
        from_movement([values])
    with pytest.raises(PoseTypeError, match="a ndarray as position"):
        from_movement({"position": values})
    with pytest.raises(PoseError, match="the axes rho, phi of space"):
        from_movement({"position": data_array(values, axis_names(FACE, 4, ["a"], "") | {"space": ["rho", "phi"]})})
    names = axis_names(FACE, 4, ["a"], "xy")
    names = {"bodyparts" if key == "keypoints" else key: value for key, value in names.items()}
    with pytest.raises(PoseError, match="position with axes time, space, bodyparts, individuals"):
        from_movement({"position": data_array(values, names)})
    with pytest.raises(PoseError, match=r"confidence of shape \(1, 2, 3\)"):
        from_movement(movement_dataset(values, np.ones((2, 3, 1))))
    with pytest.raises(SkeletonError, match="nose"):
        from_movement(movement_dataset(values, joints=["nose", "nose", "left_eye"]))


def test_movement_itself():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load_poses = pytest.importorskip("movement.io.load_poses", exc_type=ImportError)
        values, scores = points(6, 2, 17, 2), np.full((6, 17, 2), 0.5)
        dataset = load_poses.from_numpy(
            values, scores, individual_names=["a", "b"], keypoint_names=list(COCO.joints), fps=25
        )
        clip = from_movement(dataset)
    assert (clip.skeleton, clip.fps, clip.person_ids) == (COCO, 25.0, ("a", "b"))
    np.testing.assert_allclose(clip.positions, values.transpose(3, 0, 2, 1), rtol=1e-6)


def test_xarray_itself():
    xarray = pytest.importorskip("xarray")
    values = points(6, 2, 3, 1)
    dims = ("time", "space", "keypoint", "individual")
    coords = {"space": ["x", "y"], "keypoint": FACE, "individual": ["a"]}
    dataset = xarray.Dataset({"position": xarray.DataArray(values, dims=dims, coords=coords)}, attrs={"fps": 5})
    turned = dataset.transpose("individual", "keypoint", "space", "time")
    for given in (dataset, turned):
        np.testing.assert_allclose(from_movement(given).positions[0], values[..., 0].transpose(0, 2, 1), rtol=1e-6)
    assert from_movement(dataset.sel(individual="a")).num_persons == 1


# sleap-io

NODES = Fake(node_names=FACE, edge_inds=[(1, 0), (0, 2)])


def user(pose: np.ndarray, track: object = None, source: object = None, nodes: Fake = NODES) -> Fake:
    return Fake(numpy=lambda: pose.copy(), skeleton=nodes, track=track, from_predicted=source)


def predicted(pose: np.ndarray, score: float, track: object = None, nodes: Fake = NODES) -> Fake:
    def to_numpy(scores: bool = False) -> np.ndarray:
        return np.column_stack([pose, np.full(len(pose), score)]) if scores else pose.copy()

    return Fake(numpy=to_numpy, skeleton=nodes, track=track, score=score, from_predicted=None)


def labelled(frames: dict[int, list[Fake]], video: object = "a.mp4") -> Fake:
    entries = [Fake(frame_idx=number, video=video, instances=instances) for number, instances in frames.items()]
    return Fake(labeled_frames=entries, videos=[video])


def test_sleap_frames_gaps_tracks_and_scores():
    first, second = points(3, 2), points(3, 2) + 2000
    hidden = first.copy()
    hidden[1] = np.nan
    mine, other = Fake(name="mouse"), Fake(name="mouse")
    frames = {
        9: [predicted(second, 1.4, other), user(first, mine)],
        5: [predicted(first, 0.5, mine), predicted(second, 0.6, other)],
        6: [predicted(hidden, 0.5, mine)],
    }
    clip = from_sleap(labelled(frames), fps=20)
    assert (clip.num_frames, clip.fps, clip.unit, clip.up) == (5, 20.0, "px", "-y")
    assert clip.person_ids == ("mouse", "mouse (sleap 1)")
    assert clip.valid.any(axis=2).tolist() == [[True, True, False, False, True], [True, False, False, False, True]]
    assert clip.valid[0, 1].tolist() == [True, False, True]
    np.testing.assert_allclose(clip.positions[0, [0, 4]], [first, first], rtol=1e-6)
    assert clip.confidence[0, :, 0].tolist() == pytest.approx([0.5, 0.5, 0, 0, 1])
    assert clip.meta == {"first_frame": "5", "scores_clipped_to_1": "3"}
    assert clip.skeleton.parents == (-1, 0, 0)


def test_sleap_corrections_replace_predictions():
    pose = points(3, 2)
    track = Fake(name="t")
    guess = predicted(pose + 5, 0.4)
    frames = {0: [predicted(pose + 5, 0.4, track), user(pose, track)], 1: [guess, user(pose, track, source=guess)]}
    clip = from_sleap(labelled(frames))
    assert clip.person_ids == ("t",)
    assert clip.confidence is None
    np.testing.assert_allclose(clip.positions[0], [pose, pose], rtol=1e-6)


def test_sleap_persons_without_track_are_followed_not_listed():
    first, second = points(3, 2), points(3, 2) + 2000
    called = Fake(name="track 0")
    frames = {0: [user(first), user(second)], 1: [user(second), user(first)], 2: [user(first - 5000, called)]}
    clip = from_sleap(labelled(frames))
    assert clip.person_ids == ("track 0", "track 1", "track 0 (sleap 0)")
    np.testing.assert_allclose(clip.positions[0, :2], [first, first], rtol=1e-6)


def test_sleap_videos_are_chosen_not_mixed():
    pose = points(3, 2)
    labels = labelled({0: [user(pose)]}, Fake(filename="a.mp4"))
    more = labelled({0: [user(pose + 1)]}, Fake(filename="b.mp4"))
    both = Fake(labeled_frames=labels.labeled_frames + more.labeled_frames, videos=labels.videos + more.videos)
    with pytest.raises(PoseError, match=r"poses of 2 videos: a\.mp4, b\.mp4"):
        from_sleap(both)
    np.testing.assert_allclose(from_sleap(both, video=1).positions[0, 0], pose + 1, rtol=1e-6)
    np.testing.assert_allclose(from_sleap(both, video=both.videos[0]).positions[0, 0], pose, rtol=1e-6)
    with pytest.raises(PoseError, match="video=2"):
        from_sleap(both, video=2)
    with pytest.raises(PoseError, match="no labelled frames of this video"):
        from_sleap(both, video="c.mp4")


def test_sleap_refuses():
    pose = points(3, 2)
    with pytest.raises(PoseTypeError, match=r"a list; expected sleap_io\.Labels"):
        from_sleap([])
    with pytest.raises(PoseError, match="no labelled frames"):
        from_sleap(labelled({}))
    with pytest.raises(PoseError, match="nobody in 1 labelled frames"):
        from_sleap(labelled({3: []}))
    with pytest.raises(PoseTypeError, match="expected instances of sleap-io"):
        from_sleap(labelled({3: [Fake(track=None)]}))
    with pytest.raises(PoseError, match=r"frame 3: points of shape \(2, 2\)"):
        from_sleap(labelled({3: [user(pose[:2])]}))
    with pytest.raises(PoseError, match="2 skeletons: nose, left_eye, right_eye; tail"):
        from_sleap(labelled({3: [user(pose), user(pose[:1], nodes=Fake(node_names=["tail"]))]}))
    with pytest.raises(PoseError, match="a frame twice"):
        from_sleap(labelled({-3: [user(pose)]}))
    with pytest.raises(PoseError, match="infinite"):
        from_sleap(labelled({3: [user(pose * np.inf)]}))


def test_sleap_io_itself():
    sio = pytest.importorskip("sleap_io")
    nodes = sio.Skeleton(nodes=list(COCO.joints), edges=[("nose", "left_eye"), ("nose", "right_eye")])
    video, track = sio.Video(filename="a.mp4", open_backend=False), sio.Track("anna")
    pose = points(17, 2)
    partly = pose.copy()
    partly[4] = np.nan
    guess = sio.PredictedInstance.from_numpy(
        partly, skeleton=nodes, point_scores=np.full(17, 0.5), score=0.9, track=track
    )
    corrected = sio.Instance.from_numpy(pose, skeleton=nodes, track=track)
    labels = sio.Labels(
        [
            sio.LabeledFrame(video=video, frame_idx=7, instances=[guess]),
            sio.LabeledFrame(video=video, frame_idx=9, instances=[guess, corrected]),
        ]
    )
    clip = from_sleap(labels, video=video, fps=15)
    assert (clip.skeleton, clip.person_ids, clip.num_frames, clip.fps) == (COCO, ("anna",), 3, 15.0)
    assert clip.valid[0].sum(axis=1).tolist() == [16, 0, 17]
    np.testing.assert_allclose(clip.positions[0, 2], pose, rtol=1e-6)
    np.testing.assert_allclose(clip.confidence[0, [0, 2], 0], [0.5, 1])


# pose-format


def header(**components: list[str]) -> Fake:
    entries = [Fake(name=name, points=names, limbs=[(0, 1)], format="XYZC") for name, names in components.items()]
    return Fake(components=entries)


def body(values: np.ndarray, scores: np.ndarray, fps: float = 25.0) -> Fake:
    mask = np.repeat((scores == 0)[..., None], values.shape[-1], axis=3)
    return Fake(fps=fps, data=np.ma.masked_array(values, mask), confidence=scores)


MEDIAPIPE = list(get_skeleton("mediapipe_pose_33").source_names)
HAND = list(get_skeleton("mediapipe_hand_21").source_names)


def holistic(frames: int = 4) -> tuple[Fake, np.ndarray]:
    values = points(frames, 1, 87, 3)
    scores = np.full((frames, 1, 87), 0.8)
    scores[1, 0, 33:54] = 0
    names = {"POSE_LANDMARKS": MEDIAPIPE, "LEFT_HAND_LANDMARKS": HAND, "POSE_WORLD_LANDMARKS": MEDIAPIPE}
    return Fake(header=header(**names), body=body(values, scores)), values


def test_pose_format_components_are_the_registered_conventions():
    pose, values = holistic()
    image = from_pose_format(pose, "POSE_LANDMARKS")
    world = from_pose_format(pose, component="POSE_WORLD_LANDMARKS")
    hand = from_pose_format(pose, "LEFT_HAND_LANDMARKS", fps=50)
    assert [clip.skeleton.id for clip in (image, world, hand)] == [
        "mediapipe_pose_33",
        "mediapipe_pose_33",
        "mediapipe_hand_21",
    ]
    assert [(clip.dims, clip.unit, clip.up) for clip in (image, world)] == [(2, "px", "-y"), (3, "m", "-y")]
    np.testing.assert_allclose(image.positions[0], values[:, 0, :33, :2], rtol=1e-6)
    np.testing.assert_allclose(world.positions[0], values[:, 0, 54:], rtol=1e-6)
    assert (image.fps, hand.fps) == (25.0, 50.0)
    assert hand.valid[0].any(axis=1).tolist() == [True, False, True, True]
    np.testing.assert_allclose(image.confidence, 0.8, rtol=1e-6)


def test_pose_format_people_are_followed_not_taken_by_place():
    first, second = points(3, 2), points(3, 2) + 3000
    values = np.stack([np.stack([first, second]), np.stack([second, first])])
    clip = from_pose_format(Fake(header=header(face=FACE), body=body(values, np.ones((2, 2, 3)))))
    np.testing.assert_allclose(clip.positions[0], [first, first], rtol=1e-6)
    assert clip.skeleton.joints == tuple(FACE)


def test_pose_format_masks_of_tensors_are_the_other_way_round():
    values, known = torch.tensor(points(2, 1, 3, 2)), torch.ones(2, 1, 3, 2, dtype=torch.bool)
    known[1, 0, 2] = False
    data = Fake(tensor=values, mask=known)
    pose = Fake(header=header(face=FACE), body=Fake(fps=0, data=data, confidence=torch.ones(2, 1, 3)))
    clip = from_pose_format(pose)
    assert np.argwhere(~clip.valid).tolist() == [[0, 1, 2]]
    assert clip.fps is None


def test_pose_format_refuses():
    pose, _ = holistic()
    with pytest.raises(PoseError, match=r"3 components; expected component= one of POSE_LANDMARKS, LEFT_"):
        from_pose_format(pose)
    with pytest.raises(PoseError, match="component='FACE'"):
        from_pose_format(pose, "FACE")
    with pytest.raises(PoseTypeError, match=r"a ndarray; expected a pose_format\.Pose"):
        from_pose_format(points(3, 2))
    with pytest.raises(PoseError, match=r"data of shape \(2, 1, 4, 2\)"):
        from_pose_format(Fake(header=header(face=FACE), body=body(points(2, 1, 4, 2), np.ones((2, 1, 4)))))
    bad = Fake(fps=1, data=points(2, 1, 3, 2), confidence=np.ones((2, 3)))
    with pytest.raises(PoseError, match=r"confidence of shape \(2, 3\)"):
        from_pose_format(Fake(header=header(face=FACE), body=bad))
    with pytest.raises(UnknownJointError, match="no joint name means 'nose'"):
        from_pose_format(pose, "LEFT_HAND_LANDMARKS", skeleton="coco_17")


def test_pose_format_itself():
    numpy_body = pytest.importorskip("pose_format.numpy").NumPyPoseBody
    module = pytest.importorskip("pose_format.pose_header")
    openpose = pytest.importorskip("pose_format.utils.openpose")
    from pose_format import Pose

    components = openpose.OpenPose_Components
    size = sum(len(component.points) for component in components)
    values = points(3, 1, size, 2)
    scores = np.full((3, 1, size), 0.9)
    scores[2, 0, 5] = 0
    dimensions = module.PoseHeaderDimensions(width=640, height=480, depth=0)
    pose = Pose(module.PoseHeader(0.1, dimensions, components), numpy_body(24.0, values, scores))
    clip = from_pose_format(pose, "pose_keypoints_2d")
    assert (clip.skeleton, clip.fps, clip.unit) == (get_skeleton("openpose_body25_25"), 24.0, "px")
    assert np.argwhere(~clip.valid).tolist() == [[0, 2, 5]]
    np.testing.assert_allclose(
        clip.positions[clip.valid], values[:, :, :25].transpose(1, 0, 2, 3)[clip.valid], rtol=1e-6
    )
    as_torch = from_pose_format(pose.torch(), "pose_keypoints_2d")
    np.testing.assert_array_equal(as_torch.valid, clip.valid)
    hand = from_pose_format(pose, "hand_left_keypoints_2d")
    assert hand.num_joints == 21
