"""PYSKL pickles, as PYSKL writes them, and back."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from msclr.errors import FileFormatError, FileLimitError, PoseError, UnknownFormatError
from msclr.io.limits import ReadLimits
from msclr.io.pyskl import from_annotation, read_pyskl, write_pyskl
from msclr.io.pyskl_export import to_annotation
from msclr.io.registry import read, write
from msclr.io.restricted_pickle import load_plain
from msclr.poses.sequence import PoseSequence

RNG = np.random.default_rng(0)


def annotation(name: str, label: object, keypoint: np.ndarray, score: np.ndarray | None = None) -> dict[str, object]:
    found = {"frame_dir": name, "label": label, "total_frames": keypoint.shape[1], "keypoint": keypoint}
    if score is not None:
        found |= {"keypoint_score": score, "img_shape": (1080, 1920), "original_shape": (1080, 1920)}
    return found


def ntu_hrnet(clips: int = 3) -> dict[str, object]:
    points = RNG.uniform(1, 900, size=(clips, 2, 4, 17, 2)).astype(np.float16)
    scores = RNG.uniform(0.1, 1.05, size=(clips, 2, 4, 17)).astype(np.float16)
    annotations = [annotation(f"S{i:03d}", np.int64(i), points[i], scores[i]) for i in range(clips)]
    return {"split": {"xsub_train": ["S000", "S002"], "xsub_val": ["S001"]}, "annotations": annotations}


def dump(path, content: object, protocol: int = 4):
    path.write_bytes(pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_clips_labels_and_splits(tmp_path, protocol):
    content = ntu_hrnet()
    found = read_pyskl(dump(tmp_path / "ntu60_hrnet.pkl", content, protocol))
    assert (len(found), found.names, found.labels) == (3, ("S000", "S001", "S002"), (0, 1, 2))
    assert [clip.meta["name"] for clip in found.split("xsub_train")] == ["S000", "S002"]
    for given, clip in zip(content["annotations"], found, strict=True):
        assert (clip.skeleton.id, clip.unit, clip.up) == ("coco_17", "px", "-y")
        np.testing.assert_array_equal(clip.positions, given["keypoint"].astype(np.float32))
        np.testing.assert_array_equal(clip.confidence, np.minimum(given["keypoint_score"].astype(np.float32), 1))
        clipped = int((given["keypoint_score"] > 1).sum())
        assert clip.meta["image_size"] == "1920x1080"
        assert clip.meta.get("scores_clipped_to_1", "0") == str(clipped)
    with pytest.raises(FileFormatError, match="no split 'train'; expected one of xsub_train, xsub_val"):
        found.split("train")


def test_kinect_clip_with_an_absent_second_person(tmp_path):
    points = RNG.normal(size=(2, 5, 25, 3)).astype(np.float32)
    points[1, 2:] = 0
    path = dump(tmp_path / "one.pkl", {"split": {}, "annotations": [annotation("a", 7, points)]})
    clip = read(path, format="pyskl", fps=30)
    assert (clip.skeleton.id, clip.unit, clip.fps, clip.meta["label"]) == ("kinect_v2_25", "m", 30.0, "7")
    assert clip.valid[0].all()
    assert clip.valid[1, :2].all()
    assert not clip.valid[1, 2:].any()


def test_read_asks_for_read_pyskl_when_there_are_several_clips(tmp_path):
    with pytest.raises(FileFormatError, match=r"3 clips; expected one clip\. Try: msclr\.io\.pyskl\.read_pyskl"):
        read(dump(tmp_path / "a.pkl", ntu_hrnet()), format="pyskl")


def test_a_pickle_is_never_chosen_by_itself(tmp_path):
    with pytest.raises(UnknownFormatError):
        read(dump(tmp_path / "a.pkl", ntu_hrnet(1)))


def test_the_convention_must_be_named_where_several_fit(tmp_path):
    points = RNG.uniform(1, 9, size=(1, 4, 25, 2))
    path = dump(tmp_path / "a.pkl", {"annotations": [annotation("a", 0, points, np.ones((1, 4, 25)))]})
    with pytest.raises(PoseError, match="25 joints in 2D, which several conventions have"):
        read(path, format="pyskl")
    assert read(path, format="pyskl", skeleton="openpose_body25_25").skeleton.id == "openpose_body25_25"
    assert read_pyskl(path, skeleton="openpose_body25_25")[0].num_joints == 25


def test_scores_as_third_channel(tmp_path):
    points = RNG.uniform(0.1, 0.9, size=(1, 4, 17, 3))
    points[0, 1, 3, 2] = 0
    clip = read(
        dump(tmp_path / "a.pkl", {"annotations": [annotation("a", 0, points)]}), format="pyskl", skeleton="coco_17"
    )
    assert clip.dims == 2
    assert not clip.valid[0, 1, 3]
    assert int(clip.valid.sum()) == 4 * 17 - 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"split": {}}, "a dict without a list 'annotations'"),
        ({"annotations": [3]}, r"annotations\[0\]: a int"),
        ({"annotations": [{"frame_dir": "a", "label": 0, "raw_file": "x.pkl"}]}, "key points are in another file"),
        ({"annotations": [{"frame_dir": 3, "keypoint": np.ones((1, 2, 17, 2))}]}, "frame_dir or label"),
        ({"annotations": [], "split": {"train": 3}}, "split 'train'"),
        ({"annotations": [annotation("a", 0, np.ones((2, 17, 2)))]}, r"shape \(2, 17, 2\)"),
        ({"annotations": [annotation("a", 0, np.ones((1, 2, 17, 2)), np.ones((1, 2, 16)))]}, "keypoint_score of shape"),
        ({"annotations": [annotation("a", 0, np.ones((1, 2, 17, 2)), np.full((1, 2, 17), -1.0))]}, "-1 to -1"),
    ],
)
def test_other_layouts_are_refused(tmp_path, content, message):
    with pytest.raises(FileFormatError, match=message):
        read(dump(tmp_path / "a.pkl", content), format="pyskl")


def test_the_limits_hold(tmp_path):
    path = dump(tmp_path / "a.pkl", {"annotations": [annotation("a", 0, np.ones((0, 10**9, 17, 2), np.float32))]})
    with pytest.raises(FileLimitError, match="1,000,000,000 frames"):
        read(path, format="pyskl")
    with pytest.raises(FileLimitError, match="bytes"):
        read_pyskl(dump(tmp_path / "b.pkl", ntu_hrnet()), limits=ReadLimits(maximum_bytes=100))


def test_written_clips_are_what_pyskl_expects_and_come_back(tmp_path):
    values = RNG.uniform(1, 900, size=(2, 6, 17, 2)).astype(np.float32)
    values[1, 3:] = np.nan
    clip = PoseSequence.from_array(
        values,
        "coco_17",
        confidence=RNG.uniform(0.1, 1, size=(2, 6, 17)),
        meta={"label": "4", "image_size": "1920x1080"},
    )
    path = tmp_path / "a.pkl"
    write_pyskl([clip, clip], path, names=["a", "b"], labels=[4, 5], splits={"train": ["a"], "val": ["b"]})
    content = pickle.loads(path.read_bytes())  # noqa: S301 - as PYSKL does
    first = content["annotations"][0]
    assert content["split"] == {"train": ["a"], "val": ["b"]}
    assert (first["frame_dir"], first["label"], first["total_frames"]) == ("a", 4, 6)
    assert first["img_shape"] == first["original_shape"] == (1080, 1920)
    assert (first["keypoint"].shape, first["keypoint_score"].shape) == ((2, 6, 17, 2), (2, 6, 17))
    assert not first["keypoint"][1, 3:].any()
    back = read_pyskl(path)[1]
    np.testing.assert_array_equal(back.positions, clip.positions)
    np.testing.assert_array_equal(back.valid, clip.valid)
    np.testing.assert_array_equal(back.confidence, clip.confidence)
    write(clip, tmp_path / "one.pkl", format="pyskl")
    assert read(tmp_path / "one.pkl", format="pyskl").meta["label"] == "4"


def test_bad_labels_names_and_splits_are_not_written(tmp_path):
    clip = PoseSequence.from_array(np.ones((5, 17, 2)), "coco_17", meta={"label": "waving"})
    with pytest.raises(PoseError, match="the label 'waving'"):
        write_pyskl([clip], tmp_path / "a.pkl")
    with pytest.raises(PoseError, match="2 clips with 1 different names"):
        write_pyskl([clip, clip], tmp_path / "a.pkl", names=["a", "a"], labels=[1, 1])
    with pytest.raises(PoseError, match="a split with 'c'"):
        write_pyskl([clip], tmp_path / "a.pkl", labels=[1], splits={"train": ["c"]})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_and_arrays_equal_those_of_the_general_reader(protocol):
    shared = RNG.normal(size=(2, 3, 4)).transpose(1, 0, 2)
    values = {
        "arrays": [shared, np.asfortranarray(np.ones((2, 3), np.float32)), np.zeros((0, 3)), np.array(True), shared],
        "more": [np.arange(3, dtype=dtype) for dtype in (">f4", "<f2", "u1", "i8", ">u2")],
        "plain": (1, 300, -5, 10**12, -(2**63), True, False, None, 1.5, "é\n", b"", b"xyz", [], {}, (), (1,), (1, 2)),
        7: {"nested": [[[1]], {"a": (1, 2, 3, 4)}]},
        "scalar": [np.int64(3), np.float32(2), np.float16(0.5)],
    }
    found = load_plain(pickle.dumps(values, protocol), "x.pkl")
    assert isinstance(found, dict)
    assert found["plain"] == values["plain"]
    assert found[7] == values[7]
    assert found["scalar"] == [3, 2.0, 0.5]
    assert found["arrays"][0] is found["arrays"][4]
    for name in ("arrays", "more"):
        for given, array in zip(values[name], found[name], strict=True):
            assert array.dtype == given.dtype
            np.testing.assert_array_equal(array, given)


def test_annotations_become_the_clips_of_their_file_and_are_annotations_again(tmp_path):
    content = ntu_hrnet()
    collection = read_pyskl(dump(tmp_path / "ntu60_hrnet.pkl", content))
    for given, clip in zip(content["annotations"], collection, strict=True):
        found = from_annotation(given)
        np.testing.assert_array_equal(found.positions, clip.positions)
        np.testing.assert_array_equal(found.confidence, clip.confidence)
        assert {key: found.meta[key] for key in clip.meta} == clip.meta
        back = to_annotation(found, found.meta["name"], int(found.meta["label"]))
        assert (back["frame_dir"], back["label"], back["total_frames"]) == (given["frame_dir"], given["label"], 4)
        np.testing.assert_array_equal(back["keypoint"], given["keypoint"].astype(np.float32))
        assert back["img_shape"] == given["img_shape"]


def test_an_annotation_of_other_joints_needs_their_convention():
    points = np.ones((1, 5, 18, 2))
    with pytest.raises(PoseError, match=r"annotation 'a': 18 joints in 2D.*expected skeleton="):
        from_annotation(annotation("a", 1, points))
    found = from_annotation(annotation("a", 1, points), skeleton="openpose_coco_18", fps=25, unit="mm", up="+y")
    assert (found.num_joints, found.fps, found.unit, found.up) == (18, 25, "mm", "+y")
    for wrong in ({"frame_dir": "a"}, {"frame_dir": "a", "keypoint": [[0.0]]}):
        with pytest.raises(FileFormatError, match="annotation 'a': no keypoint"):
            from_annotation(wrong)
