"""A table of a store as the collection that training takes."""

from __future__ import annotations

import numpy as np
import pytest
from strategies import standing_person

from msclr.errors import PoseError, StoreError
from msclr.io.collection import read_collection
from msclr.store import ClipStore, prepare, to_collection, write_store


def test_a_data_set_comes_back_as_it_went_in(tmp_path):
    random = np.random.default_rng(0)
    np.savez(
        tmp_path / "set.npz",
        joints=random.normal(size=(7, 1, 3, 3)).astype(np.float32),
        score=random.random((7, 1, 3)) > 0.3,
        offsets=[0, 3, 7],
        joint_names=["left_wrist", "left_elbow", "left_shoulder"],
        label=np.array(["wave", "sit"]),
        up="y",
        fps=25.0,
    )
    given = read_collection(tmp_path / "set.npz")
    store = ClipStore(prepare([tmp_path / "set.npz"], tmp_path / "store").path)
    back = to_collection(store, 0)
    np.testing.assert_array_equal(back.positions, given.positions)
    np.testing.assert_array_equal(back.valid, given.valid)
    np.testing.assert_array_equal(back.offsets, given.offsets)
    assert (back.skeleton, back.unit, back.up, back.fps) == (given.skeleton, given.unit, given.up, given.fps)
    assert back.columns == given.columns == {"label": ("wave", "sit")}
    assert np.shares_memory(back.positions, store._files.sections[0].positions)
    np.testing.assert_array_equal(back[1].positions, given[1].positions)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_recordings_of_several_persons_come_in_slots(tmp_path, precision):
    one = standing_person("coco_17", frames=4, dims=2)
    two = standing_person("coco_17", frames=6, dims=2, persons=2)
    other = standing_person("kinect_v2_25", frames=6)
    clips = [("one", one), ("none", one.frames(0, 0)), ("other", other), ("two", two)]
    write_store(clips, tmp_path / "store", precision=precision)
    store = ClipStore(tmp_path / "store")
    back = to_collection(store, 0)
    assert back.names == ("one", "two")
    assert back.positions.shape == (10, 2, 17, 2)
    assert not back.valid[:4, 1].any()
    for number, name in enumerate(back.names):
        persons = store[name].num_persons
        np.testing.assert_array_equal(back[number].positions[:persons], store[name].positions)
    assert to_collection(store, 1).names == ("other",)


def test_one_frame_rate_is_needed(tmp_path):
    clips = [("a", standing_person("coco_17", fps=25.0)), ("b", standing_person("coco_17", fps=None))]
    write_store(clips, tmp_path / "store")
    store = ClipStore(tmp_path / "store")
    with pytest.raises(PoseError, match="unknown, 25"):
        to_collection(store, 0)
    assert to_collection(store, 0, fps=30.0).fps == 30.0
    with pytest.raises(StoreError, match="table 1"):
        to_collection(store, 1)
