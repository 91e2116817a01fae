"""Pose datasets of movement: stand-ins of the same shape, and the packages where installed."""

from __future__ import annotations

import warnings
from types import SimpleNamespace as Fake

import numpy as np
import pytest

from msclr import get_skeleton
from msclr.errors import PoseError, PoseTypeError, SkeletonError, UnknownJointError
from msclr.io.live import from_movement

COCO = get_skeleton("coco_17")
FACE = ["nose", "left_eye", "right_eye"]


def points(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(10, 600, size=shape)


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


def test_movement_scores_of_other_key_points_are_refused():
    dataset = movement_dataset(points(4, 2, 3, 1))
    names = axis_names([*FACE, "tail"], 4, ["a"], "xy")
    del names["space"]
    dataset["confidence"] = data_array(np.ones((4, 4, 1)), names)
    with pytest.raises(PoseError, match=r"confidence of shape \(1, 4, 4\)"):
        from_movement(dataset)


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
