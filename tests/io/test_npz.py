"""msclr's own format, and foreign archives of one array."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msclr.errors import FileFormatError, PoseError
from msclr.io.header import FORMAT_VERSION
from msclr.io.registry import read, write
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec


def assert_same(first: PoseSequence, second: PoseSequence) -> None:
    np.testing.assert_array_equal(first.positions, second.positions)
    np.testing.assert_array_equal(first.valid, second.valid)
    assert (first.confidence is None) == (second.confidence is None)
    if first.confidence is not None and second.confidence is not None:
        np.testing.assert_array_equal(first.confidence, second.confidence)
    for name in ("skeleton", "fps", "person_ids", "unit", "up"):
        assert getattr(first, name) == getattr(second, name)
    assert dict(first.meta) == dict(second.meta)


@given(
    persons=st.integers(0, 3),
    frames=st.integers(1, 6),
    skeleton=st.sampled_from(["coco_17", "kinect_v2_25", "mediapipe_hand_21"]),
    scored=st.booleans(),
    fps=st.none() | st.floats(0.1, 1000),
    meta=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=30)
def test_what_is_written_is_read_back_bit_for_bit(tmp_path_factory, persons, frames, skeleton, scored, fps, meta, seed):
    rng = np.random.default_rng(seed)
    spec = get_skeleton(skeleton)
    shape = (persons, frames, spec.num_joints)
    original = PoseSequence.from_array(
        rng.normal(size=(*shape, spec.dims)),
        spec,
        valid=rng.random(shape) > 0.3,
        confidence=rng.random(shape) if scored else None,
        fps=fps,
        person_ids=[f"Zoë {person}" for person in range(persons)],
        up="+z",
        unit="unknown",
        meta=meta,
    )
    path = tmp_path_factory.mktemp("npz") / "clip.npz"
    write(original, path)
    assert_same(read(path), original)


def test_a_recording_in_which_nothing_is_known_can_be_read_back(tmp_path):
    blank = PoseSequence.from_array(np.full((2, 30_000, 25, 3), np.nan), "kinect_v2_25")
    write(blank, tmp_path / "blank.npz")
    assert_same(read(tmp_path / "blank.npz"), blank)


def test_your_own_skeleton_travels_with_the_file(tmp_path):
    spec = SkeletonSpec("arm", ("left_shoulder", "left_elbow", "left_wrist"), (-1, 0, 1), unit="cm", up="+z")
    write(PoseSequence.from_array(np.ones((4, 3, 3)), spec), tmp_path / "arm.npz")
    assert read(tmp_path / "arm.npz").skeleton == spec


def test_facts_that_mention_other_formats_change_nothing(tmp_path):
    facts = {"made of": "poses3d.npy", "beside": "joints.npy"}
    clip = PoseSequence.from_array(np.ones((4, 17, 2)), "coco_17", meta=facts)
    write(clip, tmp_path / "clip.npz")
    assert_same(read(tmp_path / "clip.npz"), clip)


def test_the_same_clip_gives_the_same_bytes(tmp_path):
    clip = PoseSequence.from_array(np.ones((4, 17, 2)), "coco_17")
    write(clip, tmp_path / "a.npz")
    write(clip, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_the_caller_may_override_what_the_file_says(tmp_path):
    write(PoseSequence.from_array(np.ones((4, 25, 3)), "kinect_v2_25", fps=30), tmp_path / "a.npz")
    clip = read(tmp_path / "a.npz", fps=15, unit="cm", up="+z")
    assert (clip.fps, clip.unit, clip.up) == (15.0, "cm", "+z")


def save(path, header: dict[str, object], **changes: object) -> None:
    arrays = {"positions": np.ones((1, 2, 17, 2), np.float32), "valid": np.ones((1, 2, 17), bool)}
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **(arrays | {"msclr": text} | changes))


def good_header() -> dict[str, object]:
    skeleton = json.loads(get_skeleton("coco_17").to_json())
    return {
        "format_version": FORMAT_VERSION,
        "skeleton": skeleton,
        "fps": 30.0,
        "person_ids": ["a"],
        "unit": "px",
        "up": "-y",
        "meta": {},
    }


def test_the_hand_made_file_is_good(tmp_path):
    save(tmp_path / "a.npz", good_header())
    assert read(tmp_path / "a.npz").person_ids == ("a",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "upgrade msclr"),
        ({"format_version": "1"}, "version '1'"),
        ({"skeleton": "coco_17"}, "fields of a SkeletonSpec"),
        ({"skeleton": {"id": "x"}}, "missing fields"),
        ({"fps": "fast"}, "fps of the wrong type"),
        ({"fps": -1}, "frame rate"),
        ({"unit": "furlong"}, "furlong"),
        ({"up": 7}, "up="),
        ({"person_ids": ["a", "b"]}, "person ids"),
        ({"meta": []}, "meta"),
    ],
)
def test_a_header_that_is_wrong_is_refused(tmp_path, change, message):
    save(tmp_path / "a.npz", good_header() | change)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"positions": np.ones((1, 2, 17, 2))}, "float32"),
        ({"positions": np.ones((1, 2, 17, 4), np.float32)}, "shapes p t j c"),
        ({"positions": np.full((1, 2, 17, 2), np.nan, np.float32)}, "NaN in the positions"),
        ({"positions": np.full((1, 2, 17, 2), np.inf, np.float32)}, "coordinate x is inf"),
        ({"valid": np.ones((1, 2, 16), bool)}, "shapes p t j c"),
        ({"confidence": np.full((1, 2, 17), 2, np.float32)}, "confidence"),
        ({"confidence": np.full((1, 2, 17), np.nan, np.float32)}, "confidence"),
    ],
)
def test_arrays_that_are_wrong_are_refused(tmp_path, arrays, message):
    save(tmp_path / "a.npz", good_header(), **arrays)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "a.npz")


def test_one_foreign_array_needs_a_skeleton(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", poses=np.random.default_rng(0).normal(size=(5, 17, 2)))
    with pytest.raises(PoseError, match="skeleton="):
        read(tmp_path / "a.npz")
    assert read(tmp_path / "a.npz", skeleton="coco_17", fps=30).num_frames == 5


def test_several_foreign_arrays_are_not_guessed_at(tmp_path):
    np.savez(tmp_path / "a.npz", joints=np.ones((5, 17, 2)), offsets=np.array([0, 3, 5]))
    with pytest.raises(FileFormatError, match=r"2 arrays: joints \(5, 17, 2\), offsets \(3,\)"):
        read(tmp_path / "a.npz", skeleton="coco_17")
