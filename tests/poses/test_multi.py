"""One recording in several joint conventions: what counts as aligned, and what the views share."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import standing_person

from msclr import MultiPose, SkeletonSpec, convert
from msclr.errors import ConversionError, MsclrError, PoseError, PoseTypeError, UnknownViewError
from msclr.poses.convert import convertible
from msclr.poses.sequence import PoseSequence

KINECT = standing_person("kinect_v2_25", persons=2, frames=24)
COCO = standing_person("coco_17", persons=2, frames=24, dims=2)
"""Both of 24 frames at 30 fps, with the persons 0 and 1."""


def same(one: PoseSequence, other: PoseSequence) -> None:
    for name in ("positions", "valid", "confidence"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("skeleton", "fps", "person_ids", "unit", "up"):
        assert getattr(one, name) == getattr(other, name)


def ramp(skeleton: str, frames: int, fps: float, joints: int) -> PoseSequence:
    """Every coordinate is the time in seconds."""
    values = np.broadcast_to((np.arange(frames) / fps)[:, None, None], (frames, joints, 2)) + 1.0
    return PoseSequence.from_array(values, skeleton, fps=fps)


def test_a_mapping_of_names_to_views():
    views = MultiPose([KINECT, COCO])
    assert (len(views), list(views), list(views.values())) == (2, ["kinect_v2_25", "coco_17"], [KINECT, COCO])
    assert views["ntu-rgb+d"] is KINECT
    assert "coco_17" in views
    assert "h36m_17" not in views
    assert views.get("nothing") is None
    assert [spec.id for spec in views.skeletons] == ["kinect_v2_25", "coco_17"]
    assert (views.num_frames, views.num_persons, views.person_ids, views.fps) == (24, 2, ("0", "1"), 30.0)
    assert repr(views) == "MultiPose(kinect_v2_25, coco_17: 2 persons, 24 frames at 30 fps)"
    again = pickle.loads(pickle.dumps(views))  # noqa: S301
    same(again["coco_17"], COCO)


def test_names_of_ones_own_come_before_conventions():
    views = MultiPose({"coco_17": KINECT, "camera": COCO, "other camera": COCO})
    assert views["coco_17"] is KINECT
    assert views["camera"] is views["other camera"] is COCO
    with pytest.raises(
        UnknownViewError, match=r"2 views are in 'coco-17'; expected one of coco_17, camera, other camera"
    ):
        _ = views["coco-17"]
    with pytest.raises(KeyError, match="no view 3"):
        _ = views[3]


def test_different_numbers_of_frames_are_refused_with_the_way_to_align_them():
    with pytest.raises(PoseError, match=r"24 frames \(kinect_v2_25\), 20 frames \(coco_17\).*MultiPose.align"):
        MultiPose([KINECT, COCO.frames(0, 20)])


def test_the_same_frames_at_another_rate_are_another_stretch_of_time():
    with pytest.raises(PoseError, match=r"'coco_17' lasts 0.960 s, view 'kinect_v2_25' 0.800 s"):
        MultiPose([KINECT, COCO.replace(fps=25.0)])
    assert MultiPose([KINECT, COCO.replace(fps=29.97)]).fps == 30.0
    assert MultiPose([KINECT.replace(fps=None), COCO]).fps == 30.0


def test_persons_are_matched_by_id_and_not_by_place():
    swapped = COCO.persons([1, 0])
    views = MultiPose([KINECT, swapped])
    same(views["coco_17"], COCO)
    with pytest.raises(PoseError, match=r"persons '0', '1' in 'kinect_v2_25', '0' in 'coco_17'"):
        MultiPose([KINECT, COCO.persons([0])])
    with pytest.raises(PoseError, match="the same ids"):
        MultiPose([KINECT.persons([0]), COCO.persons([1])])


def test_views_of_two_recordings_are_refused():
    with pytest.raises(PoseError, match="is of the recording 'a', view 'coco_17' of 'b'"):
        MultiPose([KINECT.replace(meta={"recording": "a"}), COCO.replace(meta={"recording": "b"})])
    views = MultiPose([KINECT.replace(source="kinect.npz"), COCO.replace(meta={"recording": "a"})])
    assert views.source == "a"
    assert MultiPose([KINECT.replace(source="kinect.npz"), COCO]).source == "kinect.npz"


@pytest.mark.parametrize(
    ("views", "text"),
    [
        ([], "no views"),
        (KINECT, "a PoseSequence; expected several sequences"),
        (7, "a int"),
        ([KINECT, "walk.npz"], "of type str"),
        ({1: KINECT}, "a view 1 of type PoseSequence"),
        ([KINECT, KINECT], "two views called 'kinect_v2_25'"),
    ],
)
def test_what_is_no_set_of_views_says_so(views, text):
    with pytest.raises(MsclrError, match=text) as caught:
        MultiPose(views)
    assert isinstance(caught.value, PoseError | PoseTypeError)


def test_alignment_puts_different_rates_onto_the_slowest_clock():
    fast, slow = ramp("coco_17", 120, 120, 17), ramp("jhmdb_15", 30, 30, 15)
    views = MultiPose.align([fast, slow])
    assert (views.num_frames, views.fps) == (30, 30.0)
    for view in views.values():
        np.testing.assert_allclose(view.positions[0, :, 0, 0], 1 + np.arange(30) / 30, rtol=1e-6)
    same(views["jhmdb_15"], slow)
    np.testing.assert_array_equal(views["coco_17"].positions, fast.positions[:, ::4])


def test_alignment_to_a_clock_of_ones_own_shows_the_same_moments_in_each_view():
    views = MultiPose.align([ramp("coco_17", 60, 60, 17), ramp("jhmdb_15", 25, 25, 15)], fps=40)
    assert {view.fps for view in views.values()} == {40.0}
    assert views.num_frames == 39  # the slower view ends at 0.96 s
    for view in views.values():
        np.testing.assert_allclose(view.positions[0, :, 0, 0], 1 + np.arange(39) / 40, rtol=1e-6)


def test_alignment_needs_frame_rates_and_the_same_stretch_of_time():
    with pytest.raises(PoseError, match=r"the frame rate of view 'coco_17' is unknown.*replace\(fps"):
        MultiPose.align([ramp("jhmdb_15", 30, 30, 15), ramp("coco_17", 60, 60, 17).replace(fps=None)])
    with pytest.raises(PoseError, match=r"'coco_17' lasts 1.167 s, view 'jhmdb_15' 1.000 s"):
        MultiPose.align([ramp("jhmdb_15", 30, 30, 15), ramp("coco_17", 70, 60, 17)])
    with pytest.raises(PoseError, match="0 frames"):
        MultiPose.align([ramp("jhmdb_15", 30, 30, 15), ramp("coco_17", 70, 60, 17).frames(0, 0)])
    with pytest.raises(PoseError, match="a frame rate of -1"):
        MultiPose.align([KINECT, COCO], fps=-1)


def test_views_of_the_same_frames_are_aligned_as_they_are():
    views = MultiPose.align([KINECT.replace(fps=None), COCO])
    assert list(views.values())[1] is COCO


def test_a_joint_that_is_missing_is_not_blended_into_the_aligned_view():
    fast, slow = ramp("coco_17", 60, 60, 17), ramp("jhmdb_15", 30, 30, 15)
    hidden = fast.valid.copy()
    hidden[:, 10] = False
    holed = fast.replace(valid=hidden, positions=np.where(hidden[..., None], fast.positions, 1e6).astype(np.float32))
    view = MultiPose.align([holed, slow])["coco_17"]
    assert not view.valid[:, 5].any()
    assert view.positions.max() < 3


def test_derived_views_are_what_convert_gives():
    views = MultiPose.derived(KINECT, ["coco_17", "h36m_17"])
    assert list(views) == ["kinect_v2_25", "coco_17", "h36m_17"]
    assert views["kinect_v2_25"] is KINECT
    for name in ("coco_17", "h36m_17"):
        same(views[name], convert(KINECT, name))
    assert views.reports == (convertible("kinect_v2_25", "coco_17"), convertible("kinect_v2_25", "h36m_17"))


def test_derived_views_of_a_2d_recording_report_what_2d_can_tell():
    views = MultiPose.derived(COCO, ["smpl_24"])
    assert views.reports == (convertible("coco_17", "smpl_24"),)
    missing = [views["smpl_24"].skeleton.index(name) for name in views.reports[0].impossible]
    assert not views["smpl_24"].valid[..., missing].any()


def test_impossible_conversions_are_listed_together():
    rope = SkeletonSpec("rope", ("a", "b", "c"), (-1, 0, 1))
    strange = PoseSequence.from_array(np.arange(45.0).reshape(5, 3, 3), rope)
    with pytest.raises(ConversionError, match=r"no joint of 'h36m_17', 'smpl_24' follows from 'rope'"):
        MultiPose.derived(strange, ["h36m_17", "smpl_24"])


@settings(max_examples=20)
@given(st.integers(0, 24), st.integers(0, 24), st.permutations([0, 1]))
def test_slicing_commutes_with_derivation_and_with_the_choice_of_persons(one, other, order):
    start, stop = sorted((one, other))
    views = MultiPose.derived(KINECT, ["coco_17"])
    cut = views.frames(start, stop).persons(order)
    swapped = views.persons(order).frames(start, stop)
    again = MultiPose.derived(KINECT.persons(order).frames(start, stop), ["coco_17"])
    for name in views:
        same(cut[name], swapped[name])
        np.testing.assert_allclose(cut[name].positions, again[name].positions, atol=1e-6)  # sums of another order
        np.testing.assert_array_equal(cut[name].valid, again[name].valid)
    assert cut.reports == views.reports


def test_slices_out_of_range_are_refused_as_those_of_a_sequence():
    views = MultiPose([KINECT, COCO])
    with pytest.raises(PoseError, match="frames 3 to 99"):
        views.frames(3, 99)
    with pytest.raises(PoseError, match="persons"):
        views.persons([5])


def test_replacing_changes_every_view():
    views = MultiPose([KINECT, COCO]).replace(fps=15.0)
    assert [view.fps for view in views.values()] == [15.0, 15.0]
    assert MultiPose({**views, "coco_17": KINECT.replace(fps=15.0)})["coco_17"].num_joints == 25
