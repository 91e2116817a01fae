"""Made-up conventions are real conventions; their maps respect the body."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from msclr.augment.conventions import DerivedConvention, builtin_views, random_convention, restrict
from msclr.augment.sensors import random_cameras, random_projection, sensor_noise
from msclr.errors import ConfigError, PoseError
from msclr.poses.convert import conversion_map
from msclr.skeletons.anatomy import point
from msclr.skeletons.registry import get_skeleton, list_skeletons, register_skeleton
from msclr.skeletons.spec import SkeletonSpec


def template(spec: SkeletonSpec) -> np.ndarray:
    return np.array([point(name).position for name in spec.anatomy if name is not None], np.float32)


def derive(name: str, seed: int, **options: float) -> DerivedConvention:
    return random_convention(get_skeleton(name), np.random.default_rng(seed), **options)  # type: ignore[arg-type]


@given(name=st.sampled_from(list_skeletons()), seed=st.integers(0, 10_000))
@settings(max_examples=40)
def test_derived_conventions_are_whole_and_near_the_joints_they_name(name: str, seed: int) -> None:
    original = get_skeleton(name)
    derived = derive(name, seed)
    spec, joint_map = derived.spec, derived.joint_map
    assert SkeletonSpec.from_json(spec.to_json()) == spec
    assert set(spec.joints) <= set(original.joints)
    assert min(5, original.num_joints) <= spec.num_joints == joint_map.num_targets
    np.testing.assert_allclose(joint_map.weights.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(joint_map.axis_weights.sum(axis=1), 0, atol=1e-5)
    found, valid = joint_map.apply(template(original)[None], np.ones((1, original.num_joints), bool))
    assert valid.all()
    bones = [np.linalg.norm(template(original)[a] - template(original)[b]) for a, b in original.edges]
    assert np.linalg.norm(found[0] - template(spec), axis=-1).max() < 0.25 + 0.5 * max(bones)
    kept = {joint for pair in spec.pairs for joint in pair}
    for left, right in original.pairs:
        assert (left in spec.joints) == (right in spec.joints)
        assert (left in kept) == (left in spec.joints)


def test_same_seed_same_convention_and_other_seed_another() -> None:
    first, again, other = derive("smplx_55", 3), derive("smplx_55", 3), derive("smplx_55", 4)
    assert first.spec == again.spec
    np.testing.assert_array_equal(first.joint_map.weights, again.joint_map.weights)
    np.testing.assert_array_equal(first.joint_map.offsets, again.joint_map.offsets)
    assert first.spec != other.spec


@pytest.mark.parametrize("name", ["kinect_v2_25", "cmu_asf_31", "smpl_24"])
def test_both_sides_are_treated_alike(name: str) -> None:
    original = get_skeleton(name)
    for seed in range(5):
        derived = derive(name, seed)
        found, _ = derived.joint_map.apply(template(original)[None], np.ones((1, original.num_joints), bool))
        mirrored = found[0][list(derived.spec.flip_index)] * np.array([-1, 1, 1], np.float32)
        np.testing.assert_allclose(found[0], mirrored, atol=1e-4)


def test_shifts_have_the_size_asked_for() -> None:
    original = get_skeleton("kinect_v2_25")
    valid = np.ones((1, 25), bool)

    def shift(**options: float) -> float:
        distances = []
        for seed in range(30):
            derived = derive("kinect_v2_25", seed, **options)
            found, _ = derived.joint_map.apply(template(original)[None], valid)
            distances.append(np.linalg.norm(found[0] - template(derived.spec), axis=-1))
        return float(np.sqrt(np.mean(np.concatenate(distances) ** 2)))

    assert shift(slide=0.0, offset=0.0) == pytest.approx(0, abs=1e-6)
    assert shift(slide=0.0, offset=0.02) == pytest.approx(0.02 * 3**0.5, rel=0.15)
    assert shift(slide=0.15, offset=0.0) > 0.01


def test_common_joints_mostly_stay_and_others_mostly_go() -> None:
    derived = [derive("smplx_55", seed, keep=(0.2, 0.2)).spec for seed in range(40)]  # type: ignore[arg-type]
    assert np.mean([spec.anatomical_index("left_wrist") is not None for spec in derived]) > 0.8
    assert np.mean([spec.anatomical_index("left_index_dip") is not None for spec in derived]) < 0.5


def test_children_of_dropped_joints_hang_from_the_nearest_ancestor_left() -> None:
    h36m = get_skeleton("h36m_17")
    kept = [h36m.index(name) for name in ("pelvis", "left_hip", "left_ankle", "left_wrist", "head")]
    spec = restrict(h36m, kept, id="few")
    assert [spec.joints[parent] if parent >= 0 else None for parent in spec.parents] == [
        None, "pelvis", "left_hip", "pelvis", "pelvis",
    ]  # fmt: skip


def test_2d_conventions_derive_affinely() -> None:
    assert (derive("coco_17", 0).joint_map.offsets == 0).all()


def test_builtin_views_are_convertible() -> None:
    kinect = get_skeleton("kinect_v2_25")
    views = builtin_views(kinect, minimum=1.0)
    assert {get_skeleton(id) for id in ("h36m_17", "coco_17", "smpl_24")} <= set(views)
    assert kinect not in views
    assert get_skeleton("mediapipe_hand_21") not in views
    assert set(views) <= set(builtin_views(kinect))
    assert all("impossible" not in conversion_map(kinect, view).status for view in views)


def test_views_of_a_program_with_conventions_of_its_own_are_the_same() -> None:
    kinect = get_skeleton("kinect_v2_25")
    before = builtin_views(kinect)
    coco = get_skeleton("coco_17")
    register_skeleton(coco.replace(id="my_17", aliases=()))
    register_skeleton(coco.replace(joints=coco.joints[::-1]), replace=True)
    builtin_views.cache_clear()
    assert builtin_views(kinect) == before
    assert coco in before


@pytest.mark.parametrize("options", [{"keep": (0.9, 0.1)}, {"slide": 0.9}, {"offset": -1.0}])
def test_amounts_out_of_bounds_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="random_convention"):
        derive("coco_17", 0, **options)


def clips(count: int = 8, frames: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, frames, 17, 3, generator=generator), torch.rand(
        count, frames, 17, generator=generator
    ) < 0.9


def test_cameras_look_from_where_they_stand() -> None:
    generator = torch.Generator().manual_seed(0)
    cameras = random_cameras(200, generator, yaw=(90, 90), pitch=(0, 0))
    torch.testing.assert_close(cameras[0], torch.tensor([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]]))
    anywhere = random_cameras(200, generator)
    torch.testing.assert_close(torch.linalg.det(anywhere), torch.ones(200))
    pitch = torch.rad2deg(torch.asin(anywhere[:, 2, 1]))
    assert -10.01 < pitch.min() < -5
    assert 15 < pitch.max() < 20.01


def test_projection_is_deterministic_masks_and_keeps_heights_when_level() -> None:
    positions, valid = clips()
    first, known = random_projection(positions, valid, torch.Generator().manual_seed(5), pitch=(0, 0), perspective=0)
    again, _ = random_projection(positions, valid, torch.Generator().manual_seed(5), pitch=(0, 0), perspective=0)
    assert torch.equal(first, again)
    assert torch.equal(known, valid)
    assert (first[~valid] == 0).all()
    torch.testing.assert_close(first[..., 1][valid], positions[..., 1][valid])
    near, _ = random_projection(positions, valid, torch.Generator().manual_seed(5), pitch=(0, 0))
    assert not torch.allclose(first, near)
    with pytest.raises(PoseError):
        random_projection(positions[..., :2], valid, torch.Generator())


def test_noise_has_the_size_and_drop_outs_the_share_asked_for() -> None:
    positions, _ = clips(200)
    valid = torch.ones(positions.shape[:-1], dtype=torch.bool)
    noisy, kept = sensor_noise(
        positions, valid, torch.Generator().manual_seed(1), jitter=0.1, wander=0.0, dropout=0.4, burst=10
    )
    # Uniform amounts up to s: mean square s² / 3, mean share half of the largest.
    assert float((noisy - positions)[kept].square().mean().sqrt()) == pytest.approx(0.1 / 3**0.5, rel=0.15)
    assert float(1 - kept.float().mean()) == pytest.approx(0.2, abs=0.04)
    changes = (kept[:, 1:] != kept[:, :-1]).float().mean()
    assert float(changes) < 0.06
    assert (noisy[~kept] == 0).all()


def test_noise_off_changes_nothing_and_never_loses_a_whole_clip() -> None:
    positions, valid = clips()
    same, kept = sensor_noise(positions, valid, torch.Generator(), jitter=0, wander=0, dropout=0)
    assert torch.equal(kept, valid)
    assert torch.equal(same[valid], positions[valid])
    single = torch.ones(300, 1, 1, dtype=torch.bool)
    _, seen = sensor_noise(torch.ones(300, 1, 1, 2), single, torch.Generator().manual_seed(0), dropout=0.99)
    assert seen.all()


def test_noise_is_the_same_for_the_same_generator() -> None:
    positions, valid = clips()
    first, kept = sensor_noise(positions, valid, torch.Generator().manual_seed(2), dropout=0.3)
    again, kept_again = sensor_noise(positions, valid, torch.Generator().manual_seed(2), dropout=0.3)
    assert torch.equal(first, again)
    assert torch.equal(kept, kept_again)
    with pytest.raises(ConfigError):
        sensor_noise(positions, valid, torch.Generator(), burst=0)
