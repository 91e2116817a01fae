"""What goes into a store comes out of it, by our reader and by one written from the description of the format."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.store_reader import read_store

from msclr import PoseSequence, SkeletonSpec, get_skeleton
from msclr.errors import NotAFileError, PoseError, PoseTypeError, StoreError
from msclr.store import ClipStore, write_store

OWN = SkeletonSpec("nine", tuple(f"joint {n}" for n in range(9)), (-1, *range(8)), notes="not registered", unit="in")
texts = st.text(max_size=8)


@st.composite
def sequences(draw: st.DrawFn) -> PoseSequence:
    skeleton = draw(st.sampled_from([get_skeleton("coco_17"), get_skeleton("kinect_v2_25"), OWN]))
    dims = draw(st.sampled_from([2, 3]))
    persons, frames = draw(st.integers(0, 3)), draw(st.integers(0, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    valid = random.random((persons, frames, skeleton.num_joints)) < draw(st.sampled_from([0.0, 0.6, 1.0]))
    scale = np.float32(draw(st.sampled_from([1e-30, 1.0, 1e30])))
    positions = random.normal(size=(*valid.shape, dims)).astype(np.float32) * scale
    confidence = random.random(valid.shape).astype(np.float32) if draw(st.booleans()) else None
    return PoseSequence(
        positions=np.where(valid[..., None], positions, np.float32(0)),
        valid=valid,
        skeleton=skeleton,
        confidence=confidence,
        fps=draw(st.none() | st.floats(0.01, 1000)),
        person_ids=tuple(draw(st.lists(texts, min_size=persons, max_size=persons, unique=True))),
        unit=draw(st.sampled_from(["m", "px", "unknown"])),
        up=draw(st.sampled_from(["+y", "-y", "unknown"])),
        source=draw(st.none() | texts),
        meta=draw(st.dictionaries(texts, texts, max_size=3)),
    )


@settings(max_examples=25)
@given(clips=st.lists(sequences(), max_size=4))
def test_every_recording_comes_back_as_it_was(clips):
    with tempfile.TemporaryDirectory() as folder:
        write_store([(f"clip {n % 2}", clip) for n, clip in enumerate(clips)], Path(folder) / "store")
        store = ClipStore(Path(folder) / "store")
        store.verify()
        naive = read_store(Path(folder) / "store")
        assert len(store) == len(clips) == len(naive)
        assert len(set(store.names)) == len(clips)
        for clip, back, other in zip(clips, store, naive, strict=True):
            np.testing.assert_array_equal(back.positions, clip.positions)
            np.testing.assert_array_equal(back.valid, clip.valid)
            np.testing.assert_array_equal(other["positions"], clip.positions)
            np.testing.assert_array_equal(other["valid"], clip.valid)
            for each in (back.confidence, other["confidence"]):
                assert (each is None) == (clip.confidence is None)
                if clip.confidence is not None:
                    np.testing.assert_array_equal(each, clip.confidence)
            assert (back.skeleton, back.fps, back.person_ids) == (clip.skeleton, clip.fps, clip.person_ids)
            assert (back.unit, back.up, back.source, back.meta) == (clip.unit, clip.up, clip.source, clip.meta)
            assert (other["unit"], other["up"], other["fps"]) == (clip.unit, clip.up, clip.fps)
            assert other.get("meta", {}) == clip.meta
            assert SkeletonSpec.from_json(json.dumps(other["skeleton"])) == clip.skeleton


def test_float16_keeps_three_digits_and_refuses_what_it_cannot_hold(tmp_path):
    walk = PoseSequence.from_array(np.random.default_rng(0).normal(size=(2, 9, 17, 2)), "coco_17", fps=25)
    write_store([("walk", walk)], tmp_path / "half", precision="float16")
    back = ClipStore(tmp_path / "half")["walk"]
    assert back.positions.dtype == np.float32
    np.testing.assert_allclose(back.positions, walk.positions, rtol=2**-11)
    np.testing.assert_array_equal(read_store(tmp_path / "half")[0]["positions"], back.positions)
    far = walk.replace(positions=walk.positions * np.float32(1e6))
    with pytest.raises(PoseError, match="65504"):
        write_store([("walk", walk), ("far", far)], tmp_path / "far", precision="float16")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["half"]


def test_a_coordinate_that_is_no_number_is_an_unknown_joint(tmp_path):
    positions = np.ones((1, 4, 17, 2), np.float32)
    positions[0, 2, 5] = np.nan
    write_store([("a", PoseSequence(positions, np.ones((1, 4, 17)), get_skeleton("coco_17")))], tmp_path / "store")
    back = ClipStore(tmp_path / "store")[0]
    assert back.valid.sum() == back.valid.size - 1
    assert not back.valid[0, 2, 5]
    assert (back.positions[0, 2, 5] == 0).all()


def test_the_positions_of_a_recording_are_views_of_the_file(tmp_path):
    walk = PoseSequence.from_array(np.ones((9, 17, 2)), "coco_17")
    write_store([("a", walk), ("b", walk)], tmp_path / "store")
    store = ClipStore(tmp_path / "store")
    assert np.shares_memory(store["b"].positions, store._files.sections[0].positions)
    assert not store["b"].positions.flags.writeable


def test_what_is_no_recording_and_a_place_that_is_taken_are_refused(tmp_path):
    with pytest.raises(PoseTypeError, match="'a': a list; expected a PoseSequence"):
        write_store([("a", [1, 2])], tmp_path / "store")
    with pytest.raises(NotAFileError, match="no such folder"):
        write_store([], tmp_path / "nowhere" / "store")
    (tmp_path / "store").mkdir()
    with pytest.raises(StoreError, match="already"):
        write_store([], tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
