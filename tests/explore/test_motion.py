from __future__ import annotations

import numpy as np
import pytest
from oracles.motion_of import decode
from strategies import standing_person

import msclr
from msclr.errors import PoseError
from msclr.explore.motion import MOST_JOINTS, STEP, encode, figure_of
from msclr.poses.canonical import unify
from msclr.poses.resample import resample
from msclr.samples import sample_paths


def stored(clip):
    motion = encode(clip, figure_of(clip.skeleton))
    return motion, *decode(motion.shape, motion.step, motion.data)


def test_what_is_stored_is_the_clip_facing_the_viewer_to_half_a_step():
    walk = msclr.read(sample_paths()["cmu_walk_bvh"])
    motion, places, way = stored(walk)
    assert (motion.persons, motion.timed, motion.start) == (1, True, 0.0)
    assert motion.seconds == motion.whole == round(154 / 60, 2)
    expected = resample(unify(walk), frames=motion.shape[1])
    back = places + way[None, :, None]
    assert np.abs(back - expected.positions).max() <= STEP + 1e-5  # half a step of the place, half of the way
    assert motion.fps == pytest.approx((motion.shape[1] - 1) / motion.seconds, rel=0.01)
    hips = places[0, :, walk.skeleton.index("Hips")] if "Hips" in walk.skeleton.joints else places[0, :, 0]
    assert np.abs(hips[:, [0, 2]]).max() < 0.6 < np.ptp(way, axis=0).max()  # the camera goes along


@pytest.mark.parametrize("dims", [2, 3])
def test_unknown_joints_stay_unknown_and_touch_no_other(dims):
    clip = standing_person("kinect_v2_25", frames=30, dims=dims)
    whole = stored(clip)[1]
    valid = clip.valid.copy()
    valid[0, :, 7] = False
    valid[0, 20:, 11] = False
    motion, places, _ = stored(clip.replace(valid=valid))
    assert motion.shape[3] == dims
    missing = np.isnan(places).any(axis=-1)[0]
    assert missing[:, 7].all()
    assert not missing[:5, 11].any()
    assert missing[-2:, 11].all()
    assert not np.delete(missing, [7, 11], axis=1).any()
    assert np.nanmax(np.abs(places - whole)) <= 2 * STEP + 1e-6


def test_of_a_long_clip_six_seconds_around_the_middle_of_what_is_known():
    clip = standing_person("coco_17", frames=3000, fps=30, dims=2)
    valid = clip.valid.copy()
    valid[:, :2000] = False
    motion, places, _ = stored(clip.replace(valid=valid))
    assert motion.seconds == 6.0
    assert motion.whole == round(2999 / 30, 2)
    assert 2000 / 30 < motion.start < 3000 / 30 - 6
    assert motion.shape[1] == 60
    assert not np.isnan(places).any()


def test_the_two_persons_seen_most_are_kept_and_how_many_there_were_is_said():
    clip = standing_person("coco_17", frames=20, persons=3, dims=2)
    valid = clip.valid.copy()
    valid[1, 3:] = False
    motion, places, _ = stored(clip.replace(valid=valid))
    assert (motion.persons, motion.shape[0]) == (3, 2)
    assert not np.isnan(places).any()


def test_a_single_frame_and_a_clip_without_frame_rate():
    motion, places, _ = stored(standing_person("coco_17", frames=1, dims=2))
    assert (motion.shape[1], motion.seconds) == (1, 0.0)
    assert np.isfinite(places).all()
    motion, _, _ = stored(standing_person("coco_17", frames=21, dims=2, fps=None))
    assert (motion.timed, motion.seconds) == (False, 1.0)


def test_far_outliers_widen_the_step_instead_of_wrapping_around():
    clip = standing_person("kinect_v2_25", frames=10)
    positions = clip.positions.copy()
    positions[0, :, 7] = 500.0
    motion, places, _ = stored(clip.replace(positions=positions))
    assert motion.step > STEP
    assert np.abs(places[0, :, 7]).min() > 500


def test_nothing_known_is_an_error_with_the_place():
    clip = standing_person("coco_17", frames=5, dims=2).replace(source="empty.npz")
    with pytest.raises(PoseError, match=r"empty\.npz: no joint is known"):
        encode(clip.replace(valid=np.zeros_like(clip.valid)), figure_of(clip.skeleton))


@pytest.mark.parametrize("name", msclr.list_skeletons())
def test_every_convention_has_a_figure_of_joints_that_hang_together(name):
    spec = msclr.get_skeleton(name)
    figure = figure_of(spec)
    assert len(figure.joints) == min(spec.num_joints, MOST_JOINTS)
    assert len(figure.bones) >= len(figure.joints) - len(spec.roots)
    reached = {place for bone in figure.bones for place in bone[:2]}
    assert reached == set(range(len(figure.joints)))
    mirror = spec.flip_index
    for one, other, side in figure.bones:
        joints = figure.joints[one], figure.joints[other]
        if side:  # a bone of one side has its twin on the other
            twin = [figure.joints.index(mirror[joint]) for joint in joints if mirror[joint] in figure.joints]
            assert len(twin) < 2 or (*twin, 3 - side) in figure.bones
