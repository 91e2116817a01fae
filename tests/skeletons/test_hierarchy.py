"""Hierarchies: forward kinematics against a frame-by-frame oracle, and conventions made of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.motion_capture import bvh_positions

from msclr import SkeletonSpec
from msclr.errors import FileFormatError, MissingFileError, NotAFileError, PoseError, SkeletonError
from msclr.skeletons.hierarchy import CHANNELS, Hierarchy, positions, spec_from_bvh, spec_from_hierarchy
from msclr.skeletons.rotations import from_euler

BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT LeftUpLeg
  {
    OFFSET 1 0 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -4 0
    }
  }
}
"""


def chain(length: int) -> Hierarchy:
    offsets = np.tile([0.0, 1.0, 0.0], (length, 1))
    names = tuple(f"joint{index}" for index in range(length))
    return Hierarchy(names, tuple(range(-1, length - 1)), offsets, (("Zrotation",),) + ((),) * (length - 1))


@settings(max_examples=25)
@given(st.integers(1, 12), st.integers(0, 2**31))
def test_positions_equal_the_oracle_for_any_tree_and_channels(joints, seed):
    random = np.random.default_rng(seed)
    parents = (-1, *(int(random.integers(0, joint)) for joint in range(1, joints)))
    channels = tuple(tuple(random.choice(CHANNELS[3:], size=random.integers(0, 5)).tolist()) for _ in range(joints))
    offsets = random.normal(size=(joints, 3))
    tree = Hierarchy(tuple(f"j{index}" for index in range(joints)), parents, offsets, channels)
    values = random.uniform(-400, 400, size=(4, tree.num_channels))
    expected = [bvh_positions(parents, offsets, channels, row) for row in values]
    np.testing.assert_allclose(positions(tree, values), expected, atol=1e-9)


def test_long_recordings_are_placed_in_chunks_with_the_same_result(monkeypatch):
    tree = chain(5)
    values = np.linspace(-180, 180, 50)[:, None]
    whole = positions(tree, values)
    monkeypatch.setattr("msclr.skeletons.hierarchy._CHUNK_NUMBERS", 9 * 5 * 7)
    np.testing.assert_array_equal(positions(tree, values), whole)


def test_a_chain_of_20000_joints_needs_no_recursion():
    placed = positions(chain(20_000), np.array([[90.0]]))
    np.testing.assert_allclose(placed[0, -1], [-19_999, 1, 0], atol=1e-6)


def test_bone_ends_turn_with_their_own_bone():
    turned = from_euler("z", [90.0])
    tree = Hierarchy(
        ("root", "arm"),
        (-1, 0),
        np.zeros((2, 3)),
        ((), ("Xrotation",)),
        axes=np.stack([np.eye(3), turned]),
        tails=np.array([[0.0, 0, 0], [0, 0, 1]]),
    )
    # x of the bone is y of the world: a turn by 90 degrees about it brings +z to +x
    np.testing.assert_allclose(positions(tree, np.array([[90.0]]))[0, 1], [1, 0, 0], atol=1e-12)


def test_values_that_do_not_fit_the_channels_are_refused():
    with pytest.raises(PoseError, match=r"\(2, 3\).*expected \(frames, 1\)"):
        positions(chain(3), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parents": (-1, 1)}, "parents before their children"),
        ({"parents": (-1, -1)}, "-1 for the first joint only"),
        ({"parents": (0, 0)}, "has parent 0"),
        ({"channels": (("Wrotation",), ())}, "Wrotation"),
        ({"offsets": np.zeros((3, 3))}, "one of each"),
        ({"axes": np.zeros((1, 3, 3))}, "axes of shape"),
    ],
)
def test_contradicting_parts_are_refused(change, message):
    parts = {"names": ("a", "b"), "parents": (-1, 0), "offsets": np.zeros((2, 3)), "channels": ((), ())}
    with pytest.raises(SkeletonError, match=message):
        Hierarchy(**{**parts, **change})


def test_a_convention_is_made_of_a_bvh_file_or_its_text(tmp_path):
    path = tmp_path / "rig.bvh"
    path.write_text(BVH)
    spec = spec_from_bvh(path)
    assert spec == spec_from_bvh(str(path)) == spec_from_bvh(BVH)
    assert spec.joints == spec.source_names == ("Hips", "LeftUpLeg")
    assert (spec.parents, spec.anatomy, spec.unit, spec.up) == ((-1, 0), ("pelvis", "left_hip"), "unknown", "+y")
    assert spec_from_bvh(BVH, "rig", end_sites=True).parents == (-1, 0, 1)
    assert isinstance(spec, SkeletonSpec)


def test_equal_rigs_get_equal_ids_and_different_ones_do_not():
    assert spec_from_bvh(BVH).id == spec_from_bvh(BVH.replace("OFFSET 1", "OFFSET 2")).id
    assert spec_from_bvh(BVH).id != spec_from_bvh(BVH.replace("LeftUpLeg", "RightUpLeg")).id


def test_bvh_paths_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"nothing\.bvh"):
        spec_from_bvh(tmp_path / "nothing.bvh")
    with pytest.raises(NotAFileError, match="regular file"):
        spec_from_bvh(tmp_path)
    with pytest.raises(FileFormatError, match="line 2, column 1"):
        spec_from_bvh("HIERARCHY\nJOINT x")


def test_duplicate_names_in_a_hierarchy_are_refused():
    tree = Hierarchy(("a", "A"), (-1, 0), np.zeros((2, 3)), ((), ()))
    with pytest.raises(SkeletonError, match="bear the same name"):
        spec_from_hierarchy(tree, "twins")
